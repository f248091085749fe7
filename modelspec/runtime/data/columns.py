"""Which columns feed which input and target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from modelspec.compiler.spec.data_section import Chain, DataSection, Feature, Pad, transform_of
from modelspec.core.diagnostics import Path, Span

from .errors import DataError, Findings
from .table import Table


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

    def at(self, name: str) -> Span | None:
        """Where the spec names a column, or the feature where it names none."""
        return self.spans.get(name, self.span)

    def place(self, table: Table, index: tuple[int, ...]) -> str:
        """Where an entry of the gathered values stands in the source; what is prepared has lost its
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
        if self.missing != "error":
            found["missing"] = self.missing
        if self.pad is not None:
            found["pad"] = self.pad.model_dump()
        if self.chain is not None:
            found["transform"] = self.chain.written()
        return found


@dataclass(frozen=True)
class Binding:
    """The columns of every input and target, by name."""

    inputs: Mapping[str, Bound]
    targets: Mapping[str, Bound]


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
    targets = {
        name: bound_of(one, data, ("targets", name)) for name, one in (data.targets or {}).items()
    }
    if data.targets is None and table.default_target is not None and len(trained) == 1:
        targets = {trained[0]: Bound((table.default_target,), False, table.span)}
    if with_targets:
        _all_targets(trained, targets, data)
    if data.inputs is not None:
        found = {name: bound_of(one, data, ("inputs", name)) for name, one in data.inputs.items()}
    else:
        taken = {column for bound in targets.values() for column in bound.names}
        found = {inputs[0]: _everything_but(taken, table)}
    return Binding(
        found, {name: targets[name] for name in trained if name in targets} if with_targets else {}
    )


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


def _everything_but(taken: set[str], table: Table) -> Bound:
    """What feeds an input that names no columns: the table's own choice, or every column that is no
    target.
    """
    if table.default_features is not None:
        names = table.default_features
    else:
        names = tuple(name for name in table.names if name not in taken)
    if not names:
        raise DataError.of("MS607", f"{table.name} has no column beside the targets")
    return Bound(names, len(names) > 1, table.span)
