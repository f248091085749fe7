"""Small tables of text: metrics by part, rows of predictions."""

from __future__ import annotations

from modelspec.runtime.history.tables import metrics_table, table

__all__ = ["metrics_table", "table"]
