"""Data sources. Each module declares the source of the same name: its settings, its manual page,
and how it is inferred from the path of a file.

`modelspec.runtime.data.sources` has a module of the same name, which opens it. These two files are
all that a new source requires; a list of sources does not exist. Shared code is in `common`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import chain
from pathlib import PurePath
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Final, cast

from modelspec.core.registry import Registry
from modelspec.core.settings import Context, read_form
from modelspec.core.source import Value

if TYPE_CHECKING:
    from .common.source import Source


def _modules() -> list[str]:
    """The names of the modules of this package, without importing them."""
    return sorted(found.name for found in iter_modules(__path__) if not found.ispkg)


class _Aliases(Mapping[str, str]):
    """Alternative names of sources, read from the declarations if no module has a name."""

    @cached_property
    def _kinds(self) -> dict[str, str]:
        return {alias: source.kind() for source in sources() for alias in source.aliases}

    def __getitem__(self, alias: str) -> str:
        return self._kinds[alias]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


SOURCES: Final = Registry("source", __name__, {name: (name,) for name in _modules()}, _Aliases())


def sources() -> Iterator[type[Source]]:
    """The declaration of every source."""
    return (cast("type[Source]", SOURCES.find(name)) for name in SOURCES.kinds())


def read_source(value: Value, context: Context) -> Source:
    """Reads a source as written in a spec. Raises `Faults`."""
    return cast("Source", read_form(SOURCES, value, context))


def kind_of(path: str) -> str | None:
    """The source inferred from the name of a file, compressed (`.gz`) or not."""
    name = PurePath(path.removesuffix(".gz"))
    every = tuple(sources())
    by_name = (one for one in every if one.file_name and one.file_name.search(name.name))
    by_extension = (one for one in every if name.suffix.lower() in one.endings)
    found = next(chain(by_name, by_extension), None)
    return found.kind() if found is not None else None


def endings() -> tuple[str, ...]:
    """All extensions from which a source is inferred."""
    return tuple(ending for one in sources() for ending in one.endings)
