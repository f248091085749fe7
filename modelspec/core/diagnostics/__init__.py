"""What modelspec says about a file: places, faults, and the ways to show them."""

from .diagnostic import Checked, Diagnostic, Edit, Fault, Note, Path, Severity, in_file_order
from .span import Source, Span
from .suggest import listed, nearest

__all__ = [
    "Checked",
    "Diagnostic",
    "Edit",
    "Fault",
    "Note",
    "Path",
    "Severity",
    "Source",
    "Span",
    "in_file_order",
    "listed",
    "nearest",
]
