"""What a model is made of, for people (`table`) and programs (`record`): layers, shapes, parameters
and cost.

Sizes that are not numbers keep their names (`time`, `time // 2`); `?` is not known until the data
is read.
"""

from .layer_table import table
from .record import as_json, record

__all__ = ["as_json", "record", "table"]
