"""Closed tables of names: what a spec may name, and the module that defines it, imported when it is
first named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .diagnostics import Fault
    from .settings import Settings


def snake_case(kind: str) -> str:
    """The name that Keras gives an unnamed object of a class: `mean_io_u` for `MeanIoU`, `conv2d`
    for `Conv2D`.
    """
    return re.sub(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", kind).lower()


@dataclass(frozen=True, eq=False)
class Registry:
    """One family of things that a spec makes from a name and settings (layers, initializers,
    losses, ...).

    `modules` is its table of contents: module below `package` -> the classes it defines. `aliases`
    are Keras's other names for them (`he_normal` for `HeNormal`). `refused` are names that Keras
    has and a spec may not use, each with its reason.
    """

    noun: str
    package: str
    modules: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    outdated: bool = False
    """Whether the aliases are older spellings, taken with a warning and never offered."""
    elsewhere: Callable[[str], Fault | None] = lambda name: None  # the default of a field
    """The fault of a name that belongs to another part of a spec, e.g. a library architecture
    inside a wrapper.
    """

    @cached_property
    def _module_of(self) -> dict[str, str]:
        return {kind: module for module, kinds in self.modules.items() for kind in kinds}

    @cached_property
    def _loaded(self) -> dict[str, type[Settings]]:
        """The classes whose modules are imported: a model of 10,000 layers looks each up often."""
        return {}

    @property
    def plural(self) -> str:
        return f"{self.noun}es" if self.noun.endswith("s") else f"{self.noun}s"

    def __contains__(self, name: str) -> bool:
        return name in self._module_of or name in self.aliases

    def kinds(self) -> Iterator[str]:
        """Every class name."""
        return iter(self._module_of)

    def names(self) -> Iterator[str]:
        """Every name that may stand in a spec: class names and aliases."""
        yield from self._module_of
        yield from self.aliases

    def today(self, name: str | None) -> str | None:
        """The name to offer for one that is near."""
        return self.aliases.get(name, name) if self.outdated and name is not None else name

    def find(self, name: str) -> type[Settings] | None:
        """The settings class of a name or alias, its module imported if it was not yet."""
        found = self._loaded.get(name)
        if found is None:
            kind = name if name in self._module_of else self.aliases.get(name, name)
            module = self._module_of.get(kind)
            if module is None:
                return None
            found = getattr(import_module(f"{self.package}.{module}"), kind)
            self._loaded[name] = found
        return found
