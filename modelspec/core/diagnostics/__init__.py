"""Diagnostics of files: places, faults, and their output formats."""

from .collector import MOST, Collector, TooManyFaults
from .diagnostic import Checked, Diagnostic, Edit, Fault, Note, Path, Severity
from .ordering import in_file_order
from .span import Source, Span
from .suggest import bounded_searches, did_you_mean, listed, nearest, nearest_unused

__all__ = [
    "MOST",
    "Checked",
    "Collector",
    "Diagnostic",
    "Edit",
    "Fault",
    "Note",
    "Path",
    "Severity",
    "Source",
    "Span",
    "TooManyFaults",
    "bounded_searches",
    "did_you_mean",
    "in_file_order",
    "listed",
    "nearest",
    "nearest_unused",
]
