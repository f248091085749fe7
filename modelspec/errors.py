"""The errors that the Python API raises for a spec."""

from __future__ import annotations

from .core.diagnostics import Diagnostic


class SpecError(ValueError):
    """A spec has errors. `diagnostics` lists every one, in file order, with its place."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        errors = [one for one in diagnostics if one.severity == "error"]
        rest = f" (and {len(errors) - 1} more: see .diagnostics)" if len(errors) > 1 else ""
        super().__init__(f"{errors[0]}{rest}")
