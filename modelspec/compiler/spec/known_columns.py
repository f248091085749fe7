"""The names of the columns of a source, as far as they are known before the data are read; and the
features whose columns depend on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from modelspec.core.diagnostics import Collector, Span, did_you_mean, listed, nearest
from modelspec.core.diagnostics import Path as Place
from modelspec.core.paths import matches, reached
from modelspec.core.places import is_address
from modelspec.core.records import NamedTuple
from modelspec.core.settings import Context

from .column_names import Selection

if TYPE_CHECKING:
    from modelspec.catalog.sources.common.source import Source

    from .feature import Feature

_SHOWN = 8


class Columns(NamedTuple):
    """The columns of a source."""

    names: tuple[str, ...] | None
    """None if they are not known."""
    source: str
    """The source, for messages: a file, or its kind."""
    reason: str = ""
    """Why the names are not known."""


def columns_of_source(source: Source, context: Context) -> Columns:
    """The columns of a source, from its settings or from the beginning of its first file."""
    kind = f"the `{source.kind()}` source"
    if source.known_types:
        return Columns(tuple(source.known_types), kind)
    path = getattr(source, "path", None)
    if source.has_named_columns and source.value_columns is not None:
        return Columns(source.value_columns, kind)
    if path is None or not source.has_named_columns:
        return Columns(None, kind, f"the columns of {kind} are read with the data")
    first = path if isinstance(path, str) else path[0]
    if is_address(first):
        return Columns(None, f"`{first}`", f"`{first}` is read with the data")
    found = _file(path, context)
    if found is None:
        return Columns(None, f"`{first}`", f"`{first}` does not exist")
    names = source.columns_in(found)
    if names is None:
        return Columns(None, f"`{first}`", f"the beginning of `{first}` does not name its columns")
    return Columns(names, f"`{first}`")


def _file(path: str | tuple[str, ...], context: Context) -> Path | None:
    """The first file of a source; None if it does not exist, or may not be read."""
    try:
        first = next((one for _, found in matches(path, context) for one in found), None)
        file = None if first is None else reached(first, context)
        return file if file is not None and file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def is_open(feature: Feature) -> bool:
    """Whether the columns of a feature are not known yet."""
    return isinstance(feature.columns, Selection)


class Chooser:
    """Sets the columns of features for a source with these columns."""

    def __init__(
        self,
        columns: Columns,
        places: dict[Place, Span],
        report: Collector,
    ) -> None:
        assert columns.names is not None
        self.columns, self.names = columns, columns.names
        self.places = places
        self.report = report

    def chosen(self, features: Mapping[str, Feature], key: str) -> dict[str, Feature]:
        """The features with the columns that each selects; errors are reported."""
        return {
            name: self._one(one, (key, name)) if is_open(one) else one
            for name, one in features.items()
        }

    def _one(self, feature: Feature, path: Place) -> Feature:
        selection = feature.columns
        assert isinstance(selection, Selection)
        found = selection.among(self.names)
        place = self.places.get(("columns", *path))
        wrong = list(selection.without_columns(self.names))
        for entry in wrong:
            self._matches_nothing(entry, selection, self.places.get((*path, entry), place))
        if not found and not wrong:
            self.report.error(
                "MS673",
                f"`all_but` leaves none of the {len(self.names)} columns of {self.columns.source}",
                place,
                help="name fewer columns",
            )
        if wrong:
            return feature  # the number of its columns is not known
        for name, entry in found.items():
            span = self.places.get((*path, entry), place)
            if span is not None:
                self.places[(*path, name)] = span
        return feature.model_copy(update={"columns": tuple(found)}) if found else feature

    def _matches_nothing(self, entry: str, selection: Selection, span: Span | None) -> None:
        near = nearest(entry, self.names)
        verb = "`all_but` leaves out" if selection.all_but else "`columns` takes"
        shown = listed(self.names[:_SHOWN])
        self.report.error(
            "MS665",
            f"{verb} `{entry}`, but {self.columns.source} has no such column",
            span,
            suggestion=near,
            help=did_you_mean(
                near, f"{'among ' * (len(self.names) > _SHOWN)}its columns are {shown}"
            ),
        )
