"""Which columns feed which input and target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_section import Chain, DataSection, Feature, Pad, transform_of
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
    """Several columns side by side, as one vector."""
    span: Span | None
    spans: Mapping[str, Span] = {}
    """Where the spec names each column."""
    written: Feature | None = None
    """As the spec has it; None where it names no columns."""

    @property
    def chain(self) -> Chain | None:
        """The layers that prepare the values."""
        return transform_of(self.written) if self.written is not None else None

    @property
    def pad(self) -> Pad | None:
        return self.written.pad if self.written is not None else None

    @property
    def missing(self) -> Any:
        return self.written.missing if self.written is not None else "error"

    @property
    def dtype(self) -> str | None:
        """What the spec says that the values are."""
        return self.written.dtype if self.written is not None else None

    @property
    def lowercase(self) -> str | None:
        """Whether texts are lowered, and by what."""
        return self.written.lowercase if self.written is not None else None

    @property
    def positive(self) -> Any:
        """The label that is to be the second of two; None: it follows from the order."""
        return self.written.positive if self.written is not None else None

    def at(self, name: str) -> Span | None:
        """Where the spec names a column, or the feature where it names none."""
        return self.spans.get(name, self.span)

    def place(self, table: Table, index: tuple[int, ...]) -> str:
        """The place of an entry of the gathered values in the source; what is prepared has lost its
        column.
        """
        if self.chain is not None or self.pad is not None:
            return table.place(self.names[0], index[:1])
        if self.stacked:
            return table.place(self.names[index[-1]], index[:-1])
        return table.place(self.names[0], index)

    def feature(self) -> dict[str, Any]:
        """As a spec writes it."""
        found: dict[str, Any] = (
            {"columns": list(self.names)} if self.stacked else {"column": self.names[0]}
        )
        if self.dtype is not None:
            found["dtype"] = self.dtype
        if self.lowercase is not None:
            found["lowercase"] = self.lowercase
        if self.missing != "error":
            found["missing"] = self.missing
        if self.pad is not None:
            found["pad"] = self.pad.model_dump()
        if self.chain is not None:
            found["transform"] = self.chain.written()
        if self.positive is not None:
            found["positive"] = self.positive
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
        """The columns that feed anything, each once."""
        return tuple(
            dict.fromkeys(name for bound in self.features.values() for name in bound.names)
        )


def binding_of(compiled: Compiled) -> Binding:
    """The columns that the spec itself names, before any source is open."""
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
    """The columns of every model input and of every `trained` output, those left out in the spec
    included.

    Raises `DataError` (MS623) where an output is trained and nothing says on what.
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
    """The features that the spec has; None where it names none."""
    if features is None:
        return None
    return {name: bound_of(one, data, (key, name)) for name, one in features.items()}


def _default_target(trained: Sequence[str], table: Table) -> dict[str, Bound]:
    """The table's own target, for a single output."""
    if table.default_target is None or len(trained) != 1:
        return {}
    return {trained[0]: Bound((table.default_target,), False, table.span)}


def _all_targets(trained: Iterable[str], targets: Mapping[str, Bound], data: DataSection) -> None:
    findings = Findings()
    for name in trained:
        if name not in targets:
            findings.error(
                "MS623",
                f"output `{name}` has a loss, but `data.targets` has nothing for it",
                data.span,
                help=f"add `targets: {{{name}: {{column: ...}}}}` to `data`",
            )
    findings.stop_if_wrong()


def bound_of(feature: Feature, data: DataSection, path: Path) -> Bound:
    """A feature as the spec has it."""
    spans = {
        name: data.spans[(*path, name)] for name in feature.names if (*path, name) in data.spans
    }
    return Bound(feature.names, feature.column is None, data.spans.get(path), spans, feature)


def _about_examples(data: DataSection) -> set[str]:
    """Columns that say something about an example and nothing of it: its weight, its group, its
    time.
    """
    split = data.split
    named = (data.weights, *((split.group, split.order) if split is not None else ()))
    return {name for name in named if name is not None}


def _everything_but(taken: set[str], table: Table) -> Bound:
    """What feeds an input that names no columns: the table's own choice, or every column that is
    not taken.
    """
    if table.default_features is not None:
        names = table.default_features
    else:
        names = tuple(name for name in table.names if name not in taken)
    if not names:
        raise DataError.of("MS607", f"{table.name} has no column beside the targets")
    return Bound(names, len(names) > 1, table.span)
