"""A loaded plugin, and the plugins that a spec may use."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..diagnostics import Diagnostic
from ..records import dataclass
from ..registry import adding

if TYPE_CHECKING:
    from ..settings import Settings

Origin: TypeAlias = Literal["pyproject.toml", "entry point", "--plugin"]
"""What names a plugin."""


@dataclass(frozen=True)
class Plugin:
    """A module, with the classes that it adds."""

    module: str
    origin: Origin
    where: str
    """The file that names it, or the installed package."""
    file: str
    version: str
    digest: str
    """SHA-256 of its code."""
    members: Mapping[str, Mapping[str, type[Settings]]] = field(compare=False)
    """Classes by the noun of their family (`layer`) and their name in a spec."""
    remarks: tuple[Diagnostic, ...] = field(default=(), repr=False, compare=False)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names that it adds."""
        return tuple(kind for kinds in self.members.values() for kind in kinds)

    def as_json(self) -> dict[str, Any]:
        """For a manifest, and for `modelspec plugins --format json`."""
        return {
            "version": self.version,
            "sha256": self.digest,
            "origin": self.origin,
            "kinds": sorted(set(self.kinds)),
        }


@dataclass(frozen=True)
class Plugins:
    """The plugins that a spec may use."""

    all: tuple[Plugin, ...] = ()

    @cached_property
    def added(self) -> dict[str, dict[str, type[Settings]]]:
        """Every class by the noun of its family and its name."""
        found: dict[str, dict[str, type[Settings]]] = {}
        for plugin in self.all:
            for noun, kinds in plugin.members.items():
                found.setdefault(noun, {}).update(kinds)
        return found

    @contextmanager
    def active(self) -> Iterator[None]:
        """Inside, the registries contain the classes of these plugins, and of no others."""
        with adding(self.added):
            yield

    def of(self, module: str) -> Plugin | None:
        """The plugin with the name of a module."""
        return next((one for one in self.all if one.module == module), None)

    def used(self, words: Collection[str]) -> tuple[Plugin, ...]:
        """The plugins that add one of these names, sorted by module."""
        found = (one for one in self.all if not set(one.kinds).isdisjoint(words))
        return tuple(sorted(found, key=lambda one: one.module))


NO_PLUGINS = Plugins()
