"""A spec as a person would write it: short settings, repetitions as blocks and loops, and no
automatic names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from modelspec.catalog.layers import LAYERS
from modelspec.core.registry import snake_case
from modelspec.core.settings import Context
from modelspec.core.shapes import Tensor

from .anti_unification import Different
from .automatic_names import is_automatic
from .fold import Folded, fold
from .layer_entries import write
from .layer_tree import tree
from .short_settings import Shortener, primary_of
from .statements import Atom, ByArgument, Named, Statement, Takes, atoms, leaves

Types: TypeAlias = Mapping[str, tuple[Tensor, ...]]

ENTRY = ("name", "from", "call")
"""Keys of an entry besides the layer's own settings."""

_LAST_AXIS = (
    "BatchNormalization",
    "LayerNormalization",
    "GroupNormalization",
    "Concatenate",
    "Normalization",
    "Softmax",
    "UnitNormalization",
    "RMSNormalization",
)
"""Kinds whose `axis` refers to the output."""


def as_lists(value: Any) -> Any:
    """The value with lists instead of tuples, as in a file."""
    if isinstance(value, dict):
        return {key: as_lists(item) for key, item in value.items()}
    return [as_lists(item) for item in value] if isinstance(value, (list, tuple)) else value


def tidy(
    spec: dict[str, Any],
    context: Context | None = None,
    *,
    folded: bool = True,
    types: Types | None = None,
) -> dict[str, Any]:
    """The spec, shorter and with the same meaning; `folded`: repetitions become blocks and loops.

    `types` are the output types of layers by name, if known.
    """
    tidier = _Tidier(context or Context(), types or {}, folded=folded)
    model = tidier.model(as_lists(spec["model"]))
    found = {key: value for key, value in spec.items() if key != "model"}
    if tidier.blocks:
        found["blocks"] = tidier.blocks
    return {**found, "model": model}


class _Tidier:
    def __init__(self, context: Context, types: Types, *, folded: bool) -> None:
        self.shortener = Shortener(context)
        self.types = types
        self.folded = folded
        self.blocks: dict[str, Any] = {}

    def model(self, model: Any) -> Any:
        """A model, or a list of layers."""
        if isinstance(model, list):
            return self.entries(model, set(), ["input"])
        found = dict(model)
        if "shared" in found:
            found["shared"] = {name: self._shared(thing) for name, thing in found["shared"].items()}
        inputs = found.get("inputs")
        names = list(inputs) if isinstance(inputs, dict) else ["input"]
        found["layers"] = self.entries(found["layers"], set(_texts(found.get("outputs"))), names)
        return found

    def _shared(self, thing: Any) -> Any:
        if isinstance(thing, list) or "layers" in thing:
            return self.model(thing)
        ((kind, body),) = thing.items()
        return self.shortener.layer(kind, body)

    def entries(self, entries: list[Any], ends: set[str], inputs: list[str]) -> list[Any]:
        """The entries of a model. `ends` are the names of its outputs."""
        statements = self._statements(entries, inputs[0])
        cut = atoms(statements, ends, inputs)
        fixed = (ends | _referred(cut) | _named_output(statements)) - set(inputs)
        flat = Folded({}, tree(cut, fixed))
        found = self._fold(cut, statements, fixed) if self.folded else flat
        for one in (found, found.without_loops, flat):
            try:
                blocks, layers = write(one or flat, inputs[0], fixed, self._shortened)
                break
            except Different:  # a reference needs the name of a layer that is now in a loop
                continue
        self.blocks.update(blocks)
        return layers

    def _fold(self, cut: Sequence[Atom], statements: list[Statement], fixed: set[str]) -> Folded:
        names = {one.counted for one in statements}
        kinds = {one.kind for one in statements}
        return fold(cut, fixed, names, {*self.blocks, *kinds})

    def _statements(self, entries: list[Any], first: str) -> list[Statement]:
        """The entries with short settings, and every tensor by its name."""
        found: list[Statement] = []
        before = first
        for entry in entries:
            kind, body = _kind_and_body(entry)
            name = str(body.get("name") or snake_case(kind))
            own = self._settings(kind, name, body)
            takes = _takes(body.get("from", before))
            given = None if is_automatic(kind, name) else name
            found.append(Statement(kind, own, takes, body.get("call") or {}, given, name))
            before = name
        return found

    def _settings(self, kind: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        own = {key: value for key, value in body.items() if key not in ENTRY}
        own = self._by_rank(kind, name, own)
        return self.shortener.settings(LAYERS, kind, own) if kind in LAYERS else own

    def _by_rank(self, kind: str, name: str, own: dict[str, Any]) -> dict[str, Any]:
        """Axes independent of the rank: `axis: 3` of 4 axes is -1."""
        types = self.types.get(name, ())
        if not types:
            return own
        last = len(types[0].shape) - 1
        if kind == "MultiHeadAttention" and own.get("attention_axes") == list(range(1, last)):
            return {key: value for key, value in own.items() if key != "attention_axes"}
        if kind in _LAST_AXIS and _only(own.get("axis")) == last:
            return {**own, "axis": -1}
        return own

    def _shortened(self, kind: str, body: dict[str, Any]) -> Any:
        if kind not in LAYERS or any(key in body for key in ENTRY):
            return {kind: body} if body else kind
        return self.shortener.short(LAYERS, kind, body)


def _kind_and_body(entry: Any) -> tuple[str, dict[str, Any]]:
    """An entry's kind, and its settings by name."""
    if isinstance(entry, str):
        return entry, {}
    kind, body = next(iter(entry.items()))
    return kind, body if isinstance(body, dict) else {primary_of(LAYERS, kind) or "": body}


def _only(axis: Any) -> int | None:
    """An axis, or the only axis in a list."""
    one = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    return one if type(one) is int else None


# Names --------------------------------------------------------------------------------------------


def _referred(cut: Sequence[Atom]) -> set[str]:
    """The names of tensors of other atoms that statements use."""
    found = (leaf for atom in cut for one in atom for leaf in leaves(one.takes))
    return {leaf.text.partition(".")[0] for leaf in found if isinstance(leaf, Named)}


def _named_output(statements: list[Statement]) -> set[str]:
    """The name of the last statement, if given by the user: it is the name of an output."""
    return {one.counted for one in statements[-1:] if one.name is not None}


def _texts(value: Any) -> Iterator[str]:
    """Every tensor in a `from` or an `outputs`, without selectors."""
    if isinstance(value, str):
        yield value.partition(".")[0]
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)


def _takes(value: Any) -> Takes:
    """A `from` as tensors by their names."""
    if isinstance(value, str):
        return Named(value)
    if isinstance(value, list):
        return tuple(Named(str(item)) for item in value)
    return ByArgument(
        tuple(
            (name, tuple(Named(one) for one in item) if isinstance(item, list) else Named(item))
            for name, item in value.items()
        )
    )
