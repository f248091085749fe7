"""The export formats, one per module.

A module declares

    FORMAT    what the format is and requires: name, extensions, packages, tolerance
    write     Job, path -> Written    the file, and how it is opened

`write` imports its dependencies when it is called, so listing the formats loads no framework. The
name of a format is that of its module; formats are listed nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..job import Job
    from ..written import Written


@dataclass(frozen=True)
class Format:
    """A format and its requirements."""

    module: str
    """The module that declares it: its `__name__`."""
    title: str
    """A description in one line."""
    endings: tuple[str, ...] = ()
    """The extensions of its files; empty for a folder."""
    tolerance: float = 1e-5
    """The allowed difference from the run's own predictions: see `difference`."""
    quantizations: Mapping[str, float] = field(default_factory=dict)
    """Its quantizations, with the allowed difference of each."""
    packages: tuple[str, ...] = ()
    """Its requirements besides TensorFlow, by import name."""
    extra: str | None = None
    """The extra of modelspec that installs them."""
    order: int = 1000
    """Its position among the formats: smaller numbers come first."""

    @property
    def name(self) -> str:
        return self.module.rpartition(".")[2]

    @property
    def write(self) -> Callable[[Job, Path], Written]:
        """Its `write` function; importing it loads a framework."""
        write: Callable[[Job, Path], Written] = import_module(self.module).write
        return write

    def allowed(self, quantize: str | None) -> float:
        """The allowed difference."""
        return self.quantizations[quantize] if quantize else self.tolerance


@cache
def formats() -> dict[str, Format]:
    """Every format by name."""
    modules = [import_module(f"{__name__}.{one.name}") for one in iter_modules(__path__)]
    declared: list[Format] = [module.FORMAT for module in modules]
    return {one.name: one for one in sorted(declared, key=lambda one: (one.order, one.name))}


def quantizations() -> tuple[str, ...]:
    """The quantizations of all formats."""
    return tuple(dict.fromkeys(name for one in formats().values() for name in one.quantizations))
