"""The differences between two specs, or between two runs: layers, shapes, parameters, training,
data, and results.

    sides     a spec or a run folder, opened
    rows      its layers, with settings in a canonical form
    match     the layers of both sides that correspond
    compare   all differences, as values
    values    plain values side by side
    report    the differences as text

Nothing is built, and no framework is loaded.
"""

from __future__ import annotations

from .compare import Difference, compare
from .report import as_text
from .sides import Side, open_side

__all__ = ["Difference", "Side", "as_text", "compare", "open_side"]
