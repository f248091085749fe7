"""All that differs between two sides, as values."""

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


class _Absent:
    """In place of a value that one side does not have."""

    def __repr__(self) -> str:
        return "(none)"


ABSENT: Final = _Absent()
_SECTIONS: Final = ("seed", "training", "data", "runtime", "expect", "sweep")


class Change(NamedTuple):
    """One value that differs: its path, and what it is on either side (`ABSENT`: nothing)."""

    path: str
    before: Any
    after: Any

    def record(self) -> dict[str, Any]:
        """As plain values; a side that has nothing is left out."""
        found: dict[str, Any] = {"path": self.path}
        found |= {} if self.before is ABSENT else {"before": self.before}
        return found | ({} if self.after is ABSENT else {"after": self.after})


@dataclass(frozen=True)
class LayerChange:
    """A layer that both have and that is not the same."""

    before: Row
    after: Row
    changes: tuple[Change, ...]
    """Settings, what it takes, what it gives, its parameters."""
    moved: bool

    @property
    def renamed(self) -> bool:
        return self.before.name != self.after.name


@dataclass(frozen=True)
class Difference:
    """What differs between A and B."""

    a: Side
    b: Side
    added: tuple[Row, ...]
    removed: tuple[Row, ...]
    changed: tuple[LayerChange, ...]
    ends: tuple[Change, ...]
    """Inputs and outputs."""
    totals: tuple[Change, ...]
    """Parameters, those that are trained, and cost; also where they are equal."""
    sections: tuple[Change, ...]
    """Training, data, runtime, by path."""
    loading: Loading
    """Whether A's weights load into B."""

    @property
    def differs(self) -> bool:
        """Whether the specs are not the same in all but their names; results of runs do not
        count.
        """
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
    """Compare two sides without errors."""
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
    """The layers that both models have, and that differ."""
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
    """What a tensor of the first model is called in the second."""
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
    """Everything but the model: with every default, so that only what means something else is
    told.
    """
    one, other = (plain(resolved_node(side.compiled, defaults=True)) for side in (a, b))
    assert isinstance(one, dict) and isinstance(other, dict)
    found: list[Change] = []
    for key in _SECTIONS:
        found += _values(key, one.get(key, ABSENT), other.get(key, ABSENT))
    return found


def _values(path: str, before: Any, after: Any) -> list[Change]:
    """Every value below two that differs."""
    found: list[Change] = []
    parts = _parts(path, before, after)
    if parts is not None:
        for below, one, other in parts:
            found += _values(below, one, other)
        return found
    same = before == after and type(before) is type(after)
    return [] if same or _numbers(before, after) else [Change(path, before, after)]


def _parts(path: str, before: Any, after: Any) -> list[tuple[str, Any, Any]] | None:
    """The parts of two values side by side: of mappings by key, of lists of components by name, of
    other lists by position; None where they are compared as a whole.
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        inside = f"{path}." if path else ""
        return [(f"{inside}{key}", one, another) for key, one, another in _both(before, after)]
    keyed, other = _keyed(before), _keyed(after)
    if keyed is None and _is_list_of_mappings(before, after):
        pairs = enumerate(zip(before, after, strict=True))
        return [(f"{path}[{at}]", one, another) for at, (one, another) in pairs]
    if keyed is None or other is None or not (any(keyed.values()) or any(other.values())):
        return None
    return [(f"{path}[{key}]", one, another) for key, one, another in _both(keyed, other)]


def _both(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Every key with its values."""
    for key in dict.fromkeys((*before, *after)):
        yield str(key), before.get(key, ABSENT), after.get(key, ABSENT)


def _is_list_of_mappings(before: Any, after: Any) -> bool:
    return (
        _is_list(before)
        and _is_list(after)
        and len(before) == len(after)
        and any(isinstance(item, Mapping) for item in before)
    )


def _keyed(value: Any) -> dict[str, Any] | None:
    """A list of names, and names with settings, by name; None where it is none, or one stands there
    twice.
    """
    if not _is_list(value):
        return None
    found: dict[str, Any] = {}
    for item in value:
        key, body = (
            next(iter(item.items())) if isinstance(item, Mapping) and len(item) == 1 else (item, {})
        )
        if not isinstance(key, str) or key in found:
            return None
        found[key] = body
    return found


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _numbers(before: Any, after: Any) -> bool:
    """Whether both are one number, written `1` and `1.0`, or one list."""
    plainly = (int, float)
    if isinstance(before, plainly) and isinstance(after, plainly):
        return not isinstance(before, bool) and not isinstance(after, bool) and before == after
    return _is_list(before) and _is_list(after) and list(before) == list(after)
