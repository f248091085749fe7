"""Settings: turns "a name, or a name with its settings" into a checked value."""

from .faults import Faults, Unfit, refuse
from .forms import function_as_name, read_form, split_form, unknown_name
from .settings import Context, Section, Settings, context_of
from .values import describe, first_unfit, is_int

__all__ = [
    "Context",
    "Faults",
    "Section",
    "Settings",
    "Unfit",
    "context_of",
    "describe",
    "first_unfit",
    "function_as_name",
    "is_int",
    "read_form",
    "refuse",
    "split_form",
    "unknown_name",
]
