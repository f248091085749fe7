"""Closed tables of the names that a spec may use, with the modules that define them, imported on
first use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from functools import cached_property, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from .records import dataclass

if TYPE_CHECKING:
    from .diagnostics import Fault
    from .settings import Settings


Added: TypeAlias = "Mapping[str, Mapping[str, type[Settings]]]"
"""Classes of plugins, by the noun of their registry and their name."""
_added: ContextVar[Added | None] = ContextVar("added", default=None)


@contextmanager
def adding(classes: Added) -> Iterator[None]:
    """Inside, the registries contain these classes too, and no others of plugins."""
    token = _added.set(classes or None)
    try:
        yield
    finally:
        _added.reset(token)


@lru_cache(maxsize=4096)
def snake_case(kind: str) -> str:
    """The name that Keras gives an unnamed object of a class: `mean_io_u` for `MeanIoU`, `conv2d`
    for `Conv2D`.
    """
    return re.sub(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", kind).lower()


@dataclass(frozen=True, eq=False)
class Registry:
    """One family of classes that a spec configures by name and settings (layers, initializers,
    losses, ...).

    `modules` is the table of contents: module below `package` -> the classes it defines. `aliases`
    are other names in Keras (`he_normal` for `HeNormal`). `refused` are names of Keras that a spec
    may not use, each with its reason.
    """

    noun: str
    package: str
    modules: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    outdated: bool = False
    """Whether the aliases are older spellings, accepted with a warning and never suggested."""
    elsewhere: Callable[[str], Fault | None] = lambda name: None  # the default of a field
    """The fault of a name that belongs to another part of a spec, e.g. a library architecture
    inside a wrapper.
    """

    @cached_property
    def _module_of(self) -> dict[str, str]:
        return {kind: module for module, kinds in self.modules.items() for kind in kinds}

    @cached_property
    def _loaded(self) -> dict[str, type[Settings]]:
        """A cache of imported classes: a model of 10,000 layers looks each up often."""
        return {}

    @property
    def added(self) -> Mapping[str, type[Settings]]:
        """The classes of the plugins that are in use."""
        added = _added.get()
        return added.get(self.noun, {}) if added is not None else {}

    @property
    def one(self) -> str:
        """The noun with its article."""
        return f"an {self.noun}" if self.noun[0] in "aeiou" else f"a {self.noun}"

    @property
    def plural(self) -> str:
        return f"{self.noun}es" if self.noun.endswith("s") else f"{self.noun}s"

    def __contains__(self, name: str) -> bool:
        return name in self._module_of or name in self.aliases or name in self.added

    def has_own(self, name: str) -> bool:
        """Whether modelspec defines or refuses a name, so that a plugin cannot add it."""
        defined = name in self._module_of or name in self.aliases or name in self.refused
        return defined or self.elsewhere(name) is not None

    def kinds(self) -> Iterator[str]:
        """Every class name."""
        yield from self.own_kinds()
        yield from self.added

    def own_kinds(self) -> Iterator[str]:
        """The class names of modelspec, without those of plugins."""
        yield from self._module_of

    def names(self) -> Iterator[str]:
        """Every name that a spec may use: class names and aliases."""
        yield from self._module_of
        yield from self.aliases
        yield from self.added

    def today(self, name: str | None) -> str | None:
        """The name to suggest for a similar one."""
        return self.aliases.get(name, name) if self.outdated and name is not None else name

    def find(self, name: str) -> type[Settings] | None:
        """The settings class of a name or alias, its module imported if it was not yet."""
        found = self._loaded.get(name)
        if found is None:
            kind = name if name in self._module_of else self.aliases.get(name, name)
            module = self._module_of.get(kind)
            if module is None:
                return self.added.get(name)
            found = getattr(import_module(f"{self.package}.{module}"), kind)
            self._loaded[name] = found
        return found
