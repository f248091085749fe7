"""The formats that a run can be exported to, one a module.

A module declares

    FORMAT    what the format is and needs: name, endings, packages, how far it may be off
    write     Job, path -> Written    the file, and how it is opened

`write` imports what it needs when it is called: to list the formats loads no framework. A name is
the module's, and nothing else lists the formats.
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
    """What a format is, and what it needs."""

    module: str
    """The module that declares it: its `__name__`."""
    title: str
    """What it is, in one line."""
    endings: tuple[str, ...] = ()
    """Of its files; none for a folder."""
    tolerance: float = 1e-5
    """How far what it gives may be from the run's own predictions: see `difference`."""
    quantizations: Mapping[str, float] = field(default_factory=dict)
    """How it may keep numbers in fewer bits, with the difference that is let pass."""
    packages: tuple[str, ...] = ()
    """What it needs beside TensorFlow, by the names under which Python imports them."""
    extra: str | None = None
    """The extra of modelspec that installs them."""
    order: int = 1000
    """Its place among the formats: smaller numbers come first."""

    @property
    def name(self) -> str:
        return self.module.rpartition(".")[2]

    @property
    def write(self) -> Callable[[Job, Path], Written]:
        """What writes it; this loads a framework."""
        write: Callable[[Job, Path], Written] = import_module(self.module).write
        return write

    def allowed(self, quantize: str | None) -> float:
        """The difference that is let pass."""
        return self.quantizations[quantize] if quantize else self.tolerance


@cache
def formats() -> dict[str, Format]:
    """Every format by its name."""
    modules = [import_module(f"{__name__}.{one.name}") for one in iter_modules(__path__)]
    declared: list[Format] = [module.FORMAT for module in modules]
    return {one.name: one for one in sorted(declared, key=lambda one: (one.order, one.name))}


def quantizations() -> tuple[str, ...]:
    """Every way in which some format keeps numbers in fewer bits."""
    return tuple(dict.fromkeys(name for one in formats().values() for name in one.quantizations))
