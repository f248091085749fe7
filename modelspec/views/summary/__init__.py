"""The summary of a model for people (`table`) and programs (`record`): layers, shapes, parameters
and cost.

Symbolic sizes keep their names (`time`, `time // 2`); `?` is not known until the data is read.
"""

from .layer_table import (
    HEADER,
    NUMBERS,
    Summary,
    common_dtype,
    summary,
    table,
    type_text,
)
from .memory import MemoryView, memory_view
from .record import as_json, record

__all__ = [
    "HEADER",
    "NUMBERS",
    "MemoryView",
    "Summary",
    "as_json",
    "common_dtype",
    "memory_view",
    "record",
    "summary",
    "table",
    "type_text",
]
