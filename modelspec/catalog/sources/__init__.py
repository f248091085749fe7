"""Sources of data. Every module here declares one source and has its name: what a spec may say of
it, its manual page, and how the path of a file tells it.

`modelspec.runtime.data.sources` has a module of the same name, which opens it. There is no list of
sources: a source is added with these two files. What declarations share is in `common`.
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
    """The modules of this package, none of which is imported for it."""
    return sorted(found.name for found in iter_modules(__path__) if not found.ispkg)


class _Aliases(Mapping[str, str]):
    """Other names of sources, as their declarations have them: read where a name is none of a
    module.
    """

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
    """A source as a spec writes it. Raises `Faults`."""
    return cast("Source", read_form(SOURCES, value, context))


def kind_of(path: str) -> str | None:
    """The source that the name of a file tells, whether it is compressed (`.gz`) or not."""
    name = PurePath(path.removesuffix(".gz"))
    every = tuple(sources())
    by_name = (one for one in every if one.file_name and one.file_name.search(name.name))
    by_ending = (one for one in every if name.suffix.lower() in one.endings)
    found = next(chain(by_name, by_ending), None)
    return found.kind() if found is not None else None


def endings() -> tuple[str, ...]:
    """Every ending that tells a source."""
    return tuple(ending for one in sources() for ending in one.endings)
