"""The base class of the sources of plugins: `modelspec.Source`."""

from collections.abc import Iterator, Mapping, Sequence
from inspect import get_annotations
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import DTYPES
from modelspec.core.paths import outside, reached
from modelspec.core.plugins.declared import Declared
from modelspec.core.plugins.guard import CALL_SECONDS, shortened
from modelspec.core.plugins.methods import wrong
from modelspec.core.plugins.working import Working, worked
from modelspec.core.registry import Registry
from modelspec.core.settings import Context
from modelspec.core.shapes import MAX_AXES
from modelspec.core.source import Value

from .source import ColumnType
from .source import Source as AnySource

ColumnTypes: TypeAlias = Mapping[str, str | tuple[str, Sequence[int | None]]]
"""By column: its dtype, and the shape of an example if that is not a single value."""
_NO_COLUMNS: Final = ("complex64", "complex128", "bfloat16")
"""The dtypes that a column cannot have."""
_TYPES: Final = tuple(one for one in DTYPES if one not in _NO_COLUMNS)


class Source(Declared, Working, AnySource):
    """A source of your own: settings as annotations, its columns, the number of its rows, and a
    method that reads some of them.
    """

    @classmethod
    def registry(cls) -> Registry:
        """The table of all sources."""
        from .. import SOURCES

        return SOURCES

    @classmethod
    def is_abstract(cls) -> bool:
        """Whether it reads nothing."""
        return cls.read is Source.read

    @classmethod
    def problems(cls) -> Iterator[str]:
        """What is wrong with the declaration."""
        yield from super().problems()
        if cls.rows is Source.rows:
            yield "has no method `rows(self)`, which returns the number of its rows"
        if cls.read is Source.read:
            yield "has no method `read(self, start, stop)`, which returns the columns of some rows"
        if cls.aliases:
            yield "has `aliases`, but a plugin has one name: remove them"
        for name in settings_of(cls, Source):
            if hasattr(Source, name):
                yield f"has a setting `{name}`, a name that every source already uses: rename it"

    @classmethod
    def build(cls, values: Mapping[str, Any], context: Context) -> Self:
        """An instance from settings, which knows the folder of the spec."""
        made = super().build(values, context)
        made.__dict__["_context"] = context
        return made

    def columns(self) -> ColumnTypes | None:
        """By column: a dtype (`"float64"`, `"string"`), or a dtype and the shape of an example:
        `("uint8", (28, 28, 1))`. `check` calls it, so it reads no data. None: the columns are those
        of the first row.
        """
        return None

    def rows(self) -> int:
        """The number of rows."""
        raise NotImplementedError

    def read(self, start: int, stop: int) -> Mapping[str, Sequence[object]]:
        """The rows from `start` up to `stop`, as an array for each column."""
        raise NotImplementedError

    def version(self) -> str | None:
        """What changes whenever the data change, e.g. the time of the last change. None: the data
        change only with the settings, the code, and the number of rows.
        """
        return None

    def located(self, path: str) -> Path:
        """The file or folder that a setting names, relative to the spec. Raises `Fault` (MS210) if
        it is outside of the project and of the places that the user allowed.
        """
        context = self.__dict__.get("_context", Context())
        found = reached(path, context)
        if found is None:
            raise outside(path, context)
        return found

    # What modelspec asks --------------------------------------------------------------------------

    @property
    def column_types(self) -> Mapping[str, ColumnType] | None:
        """Those of `columns`, which is called once. Raises `Fault` (MS853)."""
        if "_types" not in self.__dict__:
            try:
                self.__dict__["_types"] = _read(
                    self, worked(self, "columns", self.columns, CALL_SECONDS)
                )
            except Fault as fault:
                self.__dict__["_types"] = fault
        found = self.__dict__["_types"]
        if isinstance(found, Fault):
            raise found
        types: Mapping[str, ColumnType] | None = found
        return types

    @property
    def known_types(self) -> Mapping[str, ColumnType]:
        """The same; empty if `columns` fails, which a rule reports."""
        try:
            return self.column_types or {}
        except Fault:
            return {}

    @property
    def one_value_cells(self) -> bool:  # type: ignore[override]  # depends on the settings here
        """Whether every column is known to have one number or string for each example."""
        types = self.known_types.values()
        return bool(types) and all(one.shape == () and one.dtype != "bool" for one in types)

    @property
    def value_columns(self) -> tuple[str, ...] | None:
        types = self.known_types
        return tuple(name for name, one in types.items() if one.shape == ()) if types else None

    def settings_like(self, path: str) -> dict[str, Any]:
        primary = self.primary()
        return {**self.written(), **({primary: path} if primary is not None else {})}

    @classmethod
    def settings_for(cls, path: str) -> Value:
        return path

    def beside_path(self) -> dict[str, Any]:
        """Nothing: all settings are part of its fingerprint."""
        return {}


def settings_of(cls: type[Any], base: type[Any]) -> Iterator[str]:
    """The settings that a class and its base classes below `base` declare."""
    for one in cls.__mro__[: cls.__mro__.index(base)]:
        for name, annotation in get_annotations(one).items():
            if "ClassVar" not in str(annotation) and not name.startswith("_"):
                yield name


def _read(source: Source, found: Any) -> Mapping[str, ColumnType] | None:
    """The checked result of `columns`. Raises `Fault` (MS853)."""
    if found is None:
        return None
    if not isinstance(found, Mapping) or not found:
        expected = "a mapping of column names to dtypes, or None"
        raise wrong(source, "columns", expected, shortened(repr(found)))
    types: dict[str, ColumnType] = {}
    for name, written in found.items():
        one = _column_type(written)
        if not isinstance(name, str) or not name or one is None:
            raise wrong(
                source,
                "columns",
                'names with a dtype ("float64", "string") or a dtype and a shape'
                ' ("uint8", (28, 28, 1))',
                shortened(f"{name!r}: {written!r}"),
            )
        types[name] = one
    return types


def _column_type(written: Any) -> ColumnType | None:
    """The type of a column; None if it is not one."""
    if isinstance(written, str):
        written = (written, ())
    if not isinstance(written, (tuple, list)) or len(written) != 2:
        return None
    dtype, shape = written
    if dtype not in _TYPES or not isinstance(shape, (tuple, list)) or len(shape) >= MAX_AXES:
        return None
    if not all(size is None or (type(size) is int and size > 0) for size in shape):
        return None
    return ColumnType(dtype, tuple(shape))
