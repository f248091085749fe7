"""A spec as a person would write it: defaults left out, each value in its shortest form, no name
that nobody gave.

Whether two ways of writing are the same is not decided here but by reading both: the settings must
be equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from modelspec.catalog.components import INITIALIZERS, LOSSES, METRICS, OPTIMIZERS, REGULARIZERS
from modelspec.catalog.layers import LAYERS
from modelspec.core.registry import Registry, snake_case
from modelspec.core.settings import Context, Faults, Settings, read_form
from modelspec.core.shapes import Tensor

from .automatic_names import is_counted
from .fold import Folded, fold
from .layer_entries import write
from .statements import ByArgument, Named, Statement, Takes, atoms, leaves
from .structure import tree
from .unify import Different

Types: TypeAlias = Mapping[str, tuple[Tensor, ...]]

ENTRY = ("name", "from", "call")
"""What stands beside a layer's own settings in an entry."""

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
"""Kinds whose `axis` is one of the axes that they give."""

_SAME = {
    (1.0, "fan_avg", "uniform"): "GlorotUniform",
    (1.0, "fan_avg", "truncated_normal"): "GlorotNormal",
    (2.0, "fan_in", "uniform"): "HeUniform",
    (2.0, "fan_in", "truncated_normal"): "HeNormal",
    (1.0, "fan_in", "uniform"): "LecunUniform",
    (1.0, "fan_in", "truncated_normal"): "LecunNormal",
}
"""What Keras calls a `VarianceScaling` of this scale, mode and distribution."""


def as_lists(value: Any) -> Any:
    """The value with lists in place of tuples, as a file has them."""
    if isinstance(value, dict):
        return {key: as_lists(item) for key, item in value.items()}
    return [as_lists(item) for item in value] if isinstance(value, (list, tuple)) else value


def _tuples(value: Any) -> Any:
    """The value as the reader of files gives it: lists as tuples."""
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, (list, tuple)) else value


def tidy(
    spec: dict[str, Any],
    context: Context | None = None,
    *,
    folded: bool = True,
    types: Types | None = None,
) -> dict[str, Any]:
    """The spec, shorter and with the same meaning; `folded`: what repeats in blocks and loops.

    `types` are those of the outputs of layers by name, where they are known.
    """
    tidier = _Tidier(context or Context(), types or {}, folded=folded)
    model = tidier.model(as_lists(spec["model"]))
    rest = {key: value for key, value in spec.items() if key != "model"}
    return {**rest, **({"blocks": tidier.blocks} if tidier.blocks else {}), "model": model}


def short_training(section: dict[str, Any]) -> dict[str, Any]:
    """The section `training`, each component in its short form."""
    tidier = _Tidier(Context(), {}, folded=False)
    families = {
        "optimizer": OPTIMIZERS,
        "loss": LOSSES,
        "metrics": METRICS,
        "weighted_metrics": METRICS,
    }
    found = {
        key: tidier.components(families[key], value) if key in families else value
        for key, value in section.items()
    }
    order = ("loss", "optimizer", "metrics")
    return {**{key: found[key] for key in order if key in found}, **found}


class _Tidier:
    def __init__(self, context: Context, types: Types, *, folded: bool) -> None:
        self.context = context
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
        return self._layer(thing)

    def entries(self, entries: list[Any], ends: set[str], inputs: list[str]) -> list[Any]:
        """The entries of a model. `ends` are the names that its outputs have."""
        statements = self._statements(entries, inputs[0])
        cut = atoms(statements, ends, inputs)
        far = {
            leaf.text.partition(".")[0]
            for atom in cut
            for one in atom
            for leaf in leaves(one.takes)
            if isinstance(leaf, Named)
        }
        last = {
            one.counted for one in statements[-1:] if one.name is not None
        }  # what an output is called
        fixed = (ends | far | last) - set(inputs)
        if self.folded:
            names = {one.counted for one in statements}
            found = fold(cut, fixed, names, {*self.blocks, *(one.kind for one in statements)})
        else:
            found = Folded({}, tree(cut))
        try:
            blocks, layers = write(found, inputs[0], fixed, self._shortened)
        except Different:  # a reference needs the name of something that is in a loop now
            blocks, layers = write(Folded({}, tree(cut)), inputs[0], fixed, self._shortened)
        self.blocks.update(blocks)
        return layers

    def _statements(self, entries: list[Any], first: str) -> list[Statement]:
        """The entries with their settings as short as they can be, and every tensor by its name."""
        found: list[Statement] = []
        before = first
        for entry in entries:
            kind, body = (entry, {}) if isinstance(entry, str) else next(iter(entry.items()))
            body = body if isinstance(body, dict) else {(_primary(kind) or ""): body}
            name = str(body.get("name") or snake_case(kind))
            own = {key: value for key, value in body.items() if key not in ENTRY}
            own = self._by_rank(kind, name, own)
            own = self._settings(LAYERS, kind, own) if kind in LAYERS else own
            takes = _takes(body.get("from", before))
            given = None if is_counted(kind, name) else name
            found.append(Statement(kind, own, takes, body.get("call") or {}, given, name))
            before = name
        return found

    def _by_rank(self, kind: str, name: str, own: dict[str, Any]) -> dict[str, Any]:
        """Axes without what follows from how many there are: `axis: 3` of 4 axes is -1."""
        types = self.types.get(name, ())
        if not types:
            return own
        last = len(types[0].shape) - 1
        if kind == "MultiHeadAttention" and own.get("attention_axes") == list(range(1, last)):
            return {key: value for key, value in own.items() if key != "attention_axes"}
        axis = own.get("axis")
        one = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
        return (
            {**own, "axis": -1} if kind in _LAST_AXIS and type(one) is int and one == last else own
        )

    def _shortened(self, kind: str, body: dict[str, Any]) -> Any:
        if kind not in LAYERS or any(key in body for key in ENTRY):
            return {kind: body} if body else kind
        return self._short(LAYERS, kind, body)

    def _layer(self, thing: dict[str, Any]) -> Any:
        ((kind, body),) = thing.items()
        return self._short(LAYERS, kind, self._settings(LAYERS, kind, body))

    def components(self, family: Registry, value: Any) -> Any:
        """A component, a list of them, or either by output."""
        if isinstance(value, list):
            return [self.components(family, one) for one in value]
        if not isinstance(value, dict):
            return value
        if (
            len(value) == 1
            and (kind := next(iter(value))) in family
            and isinstance(value[kind], dict)
        ):
            return self._component(family, kind, value[kind])
        return {key: self.components(family, one) for key, one in value.items()}

    # Settings -------------------------------------------------------------------------------------

    def _settings(self, family: Registry, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Settings without those that say what holds anyway; those that are in error stay as they
        are.
        """
        found = {key: self._value(value) for key, value in given.items()}
        whole = self._read(family, kind, found)
        if whole is None:
            return found
        for key in list(found):
            without = {name: value for name, value in found.items() if name != key}
            less = self._read(family, kind, without)
            if less is not None and (
                less == whole or _says_nothing(key, found[key], getattr(less, key))
            ):
                found, whole = without, less
        for key, value in found.items():
            found[key] = self._shortest(family, kind, found, key, value, whole)
        return {key: found[key] for key in type(whole).model_fields if key in found}

    def _shortest(
        self,
        family: Registry,
        kind: str,
        given: Mapping[str, Any],
        key: str,
        value: Any,
        whole: Settings,
    ) -> Any:
        """`3` for `[3, 3]`, `1` for `1.0`, where it is the same."""
        shorter = []
        if isinstance(value, list) and value and all(one == value[0] for one in value):
            shorter.append(value[0])
        for one in shorter:
            if self._read(family, kind, {**given, key: one}) == whole:
                return one
        return value

    def _read(self, family: Registry, kind: str, given: Mapping[str, Any]) -> Settings | None:
        try:
            return read_form(family, {kind: _tuples(dict(given))}, self.context)
        except Faults:
            return None

    def _value(self, value: Any) -> Any:
        """A component in its short form, or a layer in a wrapper."""
        if isinstance(value, list):
            return [self._value(one) for one in value]
        if not isinstance(value, dict) or len(value) != 1:
            return value
        ((kind, body),) = value.items()
        if kind in LAYERS and isinstance(body, dict):
            return self._short(LAYERS, kind, self._settings(LAYERS, kind, body))
        for family in (INITIALIZERS, REGULARIZERS):
            if kind in family and isinstance(body, dict):
                return self._component(family, kind, body)
        return value

    def _component(self, family: Registry, kind: str, body: dict[str, Any]) -> Any:
        scaled = kind == "VarianceScaling" and set(body) <= {
            "scale",
            "mode",
            "distribution",
            "seed",
        }
        if scaled and not body.get("seed"):
            said = (
                body.get("scale", 1.0),
                body.get("mode", "fan_in"),
                body.get("distribution", "truncated_normal"),
            )
            kind = next((short for meaning, short in _SAME.items() if meaning == said), kind)
            body = {} if kind != "VarianceScaling" else body
        short = self._short(family, kind, self._settings(family, kind, body))
        if isinstance(short, str):
            alias = snake_case(short)
            return alias if family.aliases.get(alias) == short else short
        return short

    def _short(self, family: Registry, kind: str, own: dict[str, Any]) -> Any:
        """A name, a name and its primary setting, or a name and its settings."""
        if not own:
            return kind
        found = family.find(kind)
        primary = found.primary() if found is not None else None
        if set(own) == {primary}:
            value = own[primary or ""]
            if isinstance(value, str) and value.startswith("$"):
                return {kind: value}
            if isinstance(value, bool):
                return {kind: own}
            if self._read_form(family, {kind: value}) == self._read(family, kind, own) is not None:
                return {kind: value}
        return {kind: own}

    def _read_form(self, family: Registry, value: Any) -> Settings | None:
        try:
            return read_form(family, _tuples(value), self.context)
        except Faults:
            return None


def _says_nothing(key: str, value: Any, default: Any) -> bool:
    """Whether a component is the default under another of its names."""
    if key.endswith("activation"):
        return value == "linear" and default is None
    names = INITIALIZERS.aliases
    return (
        key.endswith("initializer")
        and isinstance(value, str)
        and isinstance(default, str)
        and names.get(value, value) == names.get(default, default)
    )


# Names --------------------------------------------------------------------------------------------


def _texts(value: Any) -> Iterator[str]:
    """Every tensor that a `from` or an `outputs` names, without what selects one of several."""
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


def _primary(kind: str) -> str | None:
    found = LAYERS.find(kind)
    return found.primary() if found is not None else None
