"""Whether the weights of one model can be loaded into another: layer by layer, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from modelspec.catalog.layers.layer import Weight
from modelspec.core.shapes import show

from .match import Pairs
from .rows import Row


class Unloaded(NamedTuple):
    """A layer of B that the weights of A cannot be loaded into, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Loading:
    """The layers of B that the weights of A can be loaded into."""

    loaded: tuple[str, ...]
    unloaded: tuple[Unloaded, ...]
    unused: tuple[str, ...]
    """Layers of A whose weights are not loaded into any layer of B."""

    @property
    def whole(self) -> bool:
        """Whether every weight of B is loaded."""
        return not self.unloaded

    def record(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "load": "all" if self.whole else "some" if self.loaded else "none",
            "loaded": list(self.loaded),
            "not_loaded": [{"layer": one.name, "why": one.why} for one in self.unloaded],
            "unused": list(self.unused),
        }


def loading(first: Sequence[Row], second: Sequence[Row], pairs: Pairs) -> Loading:
    """Layers are matched by name, and weights are loaded if their names and shapes are equal."""
    known = {row.name: row for row in first if row.weights}
    was = {second[after].name: first[before].name for after, before in pairs.items()}
    loaded: list[str] = []
    unloaded: list[Unloaded] = []
    for row in second:
        if not row.weights:
            continue
        source = known.get(row.name)
        why = (
            _unlike(source.weights, row.weights)
            if source
            else _missing(row, was.get(row.name), known)
        )
        if why is None:
            loaded.append(row.name)
        else:
            unloaded.append(Unloaded(row.name, why))
    return Loading(
        tuple(loaded), tuple(unloaded), tuple(name for name in known if name not in loaded)
    )


def _missing(row: Row, was: str | None, known: dict[str, Row]) -> str:
    if was is not None and was in known:
        unlike = _unlike(known[was].weights, row.weights)
        return f"its name is `{was}` there" + (f", and {unlike}" if unlike else "")
    return "no layer has this name"


def _unlike(before: Sequence[Weight], after: Sequence[Weight]) -> str | None:
    """Why weights cannot be loaded; None if they can."""
    there = {weight.name: weight for weight in before}
    for weight in after:
        found = there.pop(weight.name, None)
        if found is None:
            return f"it has no `{weight.name}` there"
        if found.shape != weight.shape:
            return f"`{weight.name}` is {show(found.shape)} there and {show(weight.shape)} here"
    if there:
        return f"it has `{next(iter(there))}` there, but not here"
    return None
