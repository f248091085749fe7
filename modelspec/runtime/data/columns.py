"""Which columns feed which input and target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.column_names import escaped
from modelspec.compiler.spec.data_section import Chain, DataSection, Feature, Pad, transform_of
from modelspec.compiler.spec.file_reading import name_of, written
from modelspec.compiler.spec.number_format import NumberFormat
from modelspec.compiler.spec.past_columns import past_columns, with_past_columns
from modelspec.core.diagnostics import Path, Span

from .errors import DataError, Findings
from .spec_facts import section
from .table import Table

Key = tuple[str, str]
"""A feature: `("inputs", "image")` or `("targets", "digit")`."""


class Bound(NamedTuple):
    """The columns that feed one input or target."""

    names: tuple[str, ...]
    stacked: bool
    """Whether several columns form one vector."""
    span: Span | None
    spans: Mapping[str, Span] = {}
    """Where the spec names each column."""
    written: Feature | None = None
    """The feature of the spec, without the layers that compute columns from earlier rows; None
    where the spec names no columns.
    """
    past: Feature | None = None
    """The feature of the spec with these layers, where it has any: the columns are then computed
    from earlier rows.
    """
    shares: Key | None = None
    """The feature whose vocabulary the transform shares, which may be this one."""

    @property
    def chain(self) -> Chain | None:
        """The layers that prepare the values."""
        return transform_of(self.written) if self.written is not None else None

    @property
    def text_steps(self) -> tuple[Layer, ...]:
        """The layers that change the strings of its columns as they are read."""
        steps = self.written.text_steps if self.written is not None else None
        return steps.layers if steps is not None else ()

    @property
    def pad(self) -> Pad | None:
        return self.written.pad if self.written is not None else None

    @property
    def missing(self) -> Any:
        return self.written.missing if self.written is not None else "error"

    @property
    def dtype(self) -> str | None:
        """The dtype that the spec sets for the values."""
        return self.written.dtype if self.written is not None else None

    @property
    def is_mask(self) -> bool:
        """Whether the values are class numbers, one for each pixel of an image."""
        return self.written is not None and self.written.read == "mask"

    @property
    def reading(self) -> dict[str, Any]:
        """The settings for reading the files that a column names, as in a spec."""
        return written(self.written) if self.written is not None else {}

    @property
    def coordinates(self) -> str | None:
        """The format of points or boxes."""
        return self.written.coordinates if self.written is not None else None

    @property
    def lowercase(self) -> str | None:
        """Whether and how strings are converted to lower case."""
        return self.written.lowercase if self.written is not None else None

    @property
    def separator(self) -> str | None:
        """The separator of several labels in a cell."""
        return self.written.separator if self.written is not None else None

    @property
    def number_format(self) -> NumberFormat | None:
        """The number format that the spec sets."""
        return self.written.number_format if self.written is not None else None

    @property
    def gathers(self) -> bool:
        """Whether the transform turns a list of any length, without `pad`, into one vector."""
        if self.pad is not None or self.chain is None or self.stacked:
            return False
        changing = (layer for layer in self.chain.layers if layer.keeps_values != "all")
        return next((layer.gathers for layer in changing), False)

    @property
    def positive(self) -> Any:
        """The label that becomes the second of two; None: depends on the order."""
        return self.written.positive if self.written is not None else None

    def at(self, name: str) -> Span | None:
        """Where the spec names a column, or the feature where it names none."""
        return self.spans.get(name, self.span)

    def place(self, table: Table, index: tuple[int, ...]) -> str:
        """The place in the source of an entry of the gathered values; prepared values have lost
        their column.
        """
        if self.chain is not None or self.pad is not None:
            return table.place(self.names[0], index[:1])
        if self.stacked:
            return table.place(self.names[index[-1]], index[:-1])
        return table.place(self.names[0], index)

    def feature(self) -> dict[str, Any]:
        """The feature as plain values, as in a spec."""
        if self.past is not None:
            own = self._replace(
                names=self.past.names,
                stacked=self.past.column is None,
                written=self.past,
                past=None,
            )
            return own.feature()
        found: dict[str, Any] = (
            {"columns": list(map(escaped, self.names))}
            if self.stacked
            else {"column": self.names[0]}
        )
        if self.written is not None and self.reading:
            settings = self.reading.items()
            found = {"column": self.written.column} | {
                key: list(one) if isinstance(one, tuple) else one for key, one in settings
            }
        if self.dtype is not None:
            found["dtype"] = self.dtype
        if self.lowercase is not None:
            found["lowercase"] = self.lowercase
        if self.separator is not None:
            found["separator"] = self.separator
        if self.number_format is not None:
            found["number"] = self.number_format.model_dump(mode="json")
        if self.missing != "error":
            found["missing"] = self.missing
        if self.pad is not None:
            found["pad"] = self.pad.model_dump()
        steps = self.written.text_steps if self.written is not None else None
        layers = [one for part in (steps, self.chain) if part is not None for one in part.written()]
        if layers:
            found["transform"] = layers
        if self.positive is not None:
            found["positive"] = self.positive
        if self.coordinates is not None:
            found["coordinates"] = self.coordinates
        return found


@dataclass(frozen=True)
class Binding:
    """The columns of every input and target, by name."""

    inputs: Mapping[str, Bound]
    targets: Mapping[str, Bound]

    @property
    def features(self) -> dict[Key, Bound]:
        return {
            **{("inputs", name): bound for name, bound in self.inputs.items()},
            **{("targets", name): bound for name, bound in self.targets.items()},
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that feed any feature, each once."""
        return tuple(
            dict.fromkeys(name for bound in self.features.values() for name in bound.names)
        )


def binding_of(compiled: Compiled) -> Binding:
    """The columns that the spec names, before any source is opened."""
    data = section(compiled)
    return Binding(
        _written(data.inputs, data, "inputs") or {}, _written(data.targets, data, "targets") or {}
    )


def bind(
    data: DataSection,
    inputs: Sequence[str],
    trained: Sequence[str],
    table: Table,
    *,
    with_targets: bool = True,
) -> Binding:
    """The columns of every model input and of every `trained` output, with defaults for those that
    the spec does not name.

    Raises `DataError` (MS623) where an output is trained but has no target.
    """
    targets = _written(data.targets, data, "targets")
    if targets is None:
        targets = _default_target(trained, table)
    if with_targets:
        _all_targets(trained, targets, data)
    found = _written(data.inputs, data, "inputs")
    if found is None:
        taken = {column for bound in targets.values() for column in bound.names}
        found = {inputs[0]: _everything_but(taken | _about_examples(data), table)}
    fed = [name for name in trained if with_targets and name in targets]
    return Binding(found, {name: targets[name] for name in fed})


def _written(
    features: Mapping[str, Feature] | None, data: DataSection, key: str
) -> dict[str, Bound] | None:
    """The features of the spec; None where it has none."""
    if features is None:
        return None
    return {
        name: bound_of(one, data, (key, name))
        for name, one in features.items()
        if one.random is None  # no column feeds it
    }


def _default_target(trained: Sequence[str], table: Table) -> dict[str, Bound]:
    """The default target of the table, for a single output."""
    if table.default_target is None or len(trained) != 1:
        return {}
    return {trained[0]: Bound((table.default_target,), False, table.span)}


def _all_targets(trained: Iterable[str], targets: Mapping[str, Bound], data: DataSection) -> None:
    findings = Findings()
    for name in trained:
        if name not in targets:
            findings.error(
                "MS623",
                f"output `{name}` has a loss, but `data.targets` has no entry for it",
                data.span,
                help=f"add `targets: {{{name}: {{column: ...}}}}` to `data`",
            )
    findings.stop_if_wrong()


def bound_of(feature: Feature, data: DataSection, path: Path) -> Bound:
    """The columns of a feature of the spec."""
    spans = {
        name: data.spans[(*path, name)] for name in feature.names if (*path, name) in data.spans
    }
    if feature.read is not None:
        found = {name_of(feature): span for span in spans.values()}
        return Bound((name_of(feature),), False, data.spans.get(path), found, feature)
    shares = data.shared_vocabularies.get((str(path[0]), str(path[1])))
    read = with_past_columns(feature)
    made = past_columns(feature)
    spans.update({name: spans[one.base] for name, one in made.items() if one.base in spans})
    past = feature if made else None
    return Bound(read.names, read.column is None, data.spans.get(path), spans, read, past, shares)


def _about_examples(data: DataSection) -> set[str]:
    """Columns with metadata of an example, such as its weight, its group or its time."""
    split = data.split
    named = (data.weights, *((split.group, split.order, split.column) if split is not None else ()))
    window = data.window
    in_series = (window.by, window.order) if window is not None else ()
    return {name for name in (*named, *in_series) if name is not None}


def _everything_but(taken: set[str], table: Table) -> Bound:
    """The columns of an input that names none: the default of the table, or every column that is
    not used otherwise.
    """
    if table.default_features is not None:
        names = table.default_features
    else:
        names = tuple(name for name in table.names if name not in taken)
    if not names:
        raise DataError.of("MS607", f"{table.name} has no columns other than the targets")
    return Bound(names, len(names) > 1, table.span)
