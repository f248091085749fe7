"""Runs side by side.

labels      short names of runs and settings
settings    resolved specs    -> the places where they differ
comparison  records           -> Comparison: settings, metrics, curves, data, versions
open_runs   folders, patterns -> records
tables      Comparison        -> tables of cells
text, markdown, page, as_json: what they are shown as
"""

from __future__ import annotations

from .comparison import Comparison, Curve, Measure, compare, too_few

__all__ = ["Comparison", "Curve", "Measure", "compare", "too_few"]
