"""What differs between two specs, or between two runs: layers, shapes, parameters, training, data,
and results.

    sides     a spec or a run folder, opened
    rows      its layers, in terms that are equal where they mean the same
    match     which layer of one is which of the other
    compare   all differences, as values
    text      the differences for people

Nothing is built, and no framework is loaded.
"""

from __future__ import annotations

from .compare import Difference, compare
from .report import as_text
from .sides import Side, open_side

__all__ = ["Difference", "Side", "as_text", "compare", "open_side"]
