"""All differences between two sides, as values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from modelspec.compiler.infer import TypedGraph
from modelspec.core.shapes import Tensor, show
from modelspec.core.source import plain

from ..resolve import resolved_node
from .loadable import Loading, loading
from .match import Pairs, match, moved
from .rows import Row, rows
from .sides import Side
from .values import ABSENT, differing

_SECTIONS: Final = ("seed", "training", "data", "generate", "runtime", "expect", "sweep")


class Change(NamedTuple):
    """One different value: its path, and its value on each side (`ABSENT`: missing)."""

    path: str
    before: Any
    after: Any

    def record(self) -> dict[str, Any]:
        """As plain values, without a missing side."""
        found: dict[str, Any] = {"path": self.path}
        found |= {} if self.before is ABSENT else {"before": self.before}
        return found | ({} if self.after is ABSENT else {"after": self.after})


@dataclass(frozen=True)
class LayerChange:
    """A layer that is on both sides but differs."""

    before: Row
    after: Row
    changes: tuple[Change, ...]
    """Settings, inputs, outputs, parameters."""
    moved: bool

    @property
    def renamed(self) -> bool:
        return self.before.name != self.after.name


@dataclass(frozen=True)
class Difference:
    """The differences between A and B."""

    a: Side
    b: Side
    added: tuple[Row, ...]
    removed: tuple[Row, ...]
    changed: tuple[LayerChange, ...]
    ends: tuple[Change, ...]
    """Inputs and outputs."""
    totals: tuple[Change, ...]
    """Parameters, trainable parameters, and cost; also if they are equal."""
    sections: tuple[Change, ...]
    """Training, data, runtime, by path."""
    loading: Loading
    """Whether A's weights load into B."""

    @property
    def differs(self) -> bool:
        """Whether the specs differ in more than names; results of runs are ignored."""
        return bool(self.added or self.removed or self.changed or self.ends or self.sections)

    def record(self) -> dict[str, Any]:
        """As plain values, for `--format json`."""
        return {
            "a": self.a.name,
            "b": self.b.name,
            "differs": self.differs,
            "layers": {
                "added": [_layer(row) for row in self.added],
                "removed": [_layer(row) for row in self.removed],
                "changed": [
                    {
                        "before": one.before.name,
                        "after": one.after.name,
                        "kind": one.after.kind,
                        "moved": one.moved,
                        "renamed": one.renamed,
                        "changes": [change.record() for change in one.changes],
                    }
                    for one in self.changed
                ],
            },
            "inputs_and_outputs": [one.record() for one in self.ends],
            **{one.path: {"before": one.before, "after": one.after} for one in self.totals},
            "sections": [one.record() for one in self.sections],
            "weights": self.loading.record(),
            "metrics": {"a": self.a.metrics, "b": self.b.metrics},
            "history": {"a": self.a.history, "b": self.b.history},
        }


def _layer(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "kind": row.kind,
        "inputs": list(row.inputs),
        "output": row.output,
        "parameters": row.parameters,
    }


def compare(a: Side, b: Side) -> Difference:
    """Compare two sides that have no errors."""
    one, other = _graph(a), _graph(b)
    first, second = rows(one), rows(other)
    pairs = match(first, second)
    taken = set(pairs.values())
    return Difference(
        a,
        b,
        added=tuple(row for at, row in enumerate(second) if at not in pairs),
        removed=tuple(row for at, row in enumerate(first) if at not in taken),
        changed=tuple(_changed(first, second, pairs)),
        ends=(
            *_ends("inputs", one.inputs, other.inputs),
            *_ends("outputs", one.outputs, other.outputs),
        ),
        totals=tuple(
            Change(name, getattr(one, name), getattr(other, name))
            for name in ("parameters", "trainable_parameters", "flops")
        ),
        sections=tuple(_sections(a, b)),
        loading=loading(first, second, pairs),
    )


def _changed(first: Sequence[Row], second: Sequence[Row], pairs: Pairs) -> Iterator[LayerChange]:
    """The layers that are in both models but differ."""
    away = moved(pairs)
    names = {first[before].name: second[after].name for after, before in pairs.items()}
    for at in sorted(pairs):
        before, after = first[pairs[at]], second[at]
        changes = tuple(_changes(before, after, names))
        if changes or at in away or (before.name != after.name and (before.named or after.named)):
            yield LayerChange(before, after, changes, at in away)


def _graph(side: Side) -> TypedGraph:
    assert side.compiled.graph is not None
    return side.compiled.graph


def _changes(before: Row, after: Row, names: Mapping[str, str]) -> list[Change]:
    found = [] if before.kind == after.kind else [Change("kind", before.kind, after.kind)]
    if before.kind == after.kind:
        found += _values("", before.settings, after.settings)
    found += _values("call", before.options, after.options)
    place = before.name.rpartition("/")[0]
    sources = [_renamed(source, f"{place}/" if place else "", names) for source in before.inputs]
    if sources != list(after.inputs):
        found.append(Change("from", list(before.inputs), list(after.inputs)))
    if before.output != after.output:
        found.append(Change("output", before.output, after.output))
    if before.parameters != after.parameters:
        found.append(Change("parameters", before.parameters, after.parameters))
    return found


def _renamed(source: str, place: str, names: Mapping[str, str]) -> str:
    """The name in the second model of a tensor of the first model."""
    producer, dot, output = source.partition(".")
    name = names.get(place + producer)
    return (name.rpartition("/")[2] if name else producer) + dot + output


def _ends(title: str, before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> list[Change]:
    """Inputs or outputs by name."""
    shown = [
        {name: f"{show(one.shape)} {one.dtype}" for name, one in side.items()}
        for side in (before, after)
    ]
    return _values(title, *shown)


def _sections(a: Side, b: Side) -> list[Change]:
    """Everything except the model, with every default, so that only differences in meaning are
    reported.
    """
    one, other = _values_of(a), _values_of(b)
    found: list[Change] = []
    for key in _SECTIONS:
        found += _values(key, one.get(key, ABSENT), other.get(key, ABSENT))
    return found


def _values_of(side: Side) -> dict[str, Any]:
    """The resolved spec, with its sweep as written."""
    found = plain(resolved_node(side.compiled, defaults=True))
    assert isinstance(found, dict)
    written = side.compiled.file.root.entries
    if "sweep" in written:
        for key in ("sweep", "expect"):
            if key in written:
                found[key] = plain(written[key].value)
    return found


def _values(path: str, before: Any, after: Any) -> list[Change]:
    """Every different value below two values."""
    return [Change(one.path, *one.values) for one in differing(path, (before, after))]
