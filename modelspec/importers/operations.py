"""Operations on tensors in a functional model (`x + 1` on its symbolic tensors) as formulas: Keras
3's, and those of tf.keras 2 (`TFOpLambda`, `SlicingOpLambda`).

Only those of the language's `Expression` can be said; each is written as its function or its sign.
An operation whose one use is another one goes into that one's formula.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from keyword import iskeyword
from typing import Any, NamedTuple

from modelspec.catalog.formula import TENSORS, parse
from modelspec.catalog.formula.function_table import FUNCTIONS
from modelspec.core.diagnostics import Fault
from modelspec.core.registry import snake_case

from .architecture import Architecture, CallDef, LayerDef, Source, Unreadable
from .tensorflow_functions import arguments_of, is_tensorflow
from .value_forms import plain

_SIGNS = {
    "Add": "+",
    "Subtract": "-",
    "Multiply": "*",
    "Divide": "/",
    "TrueDivide": "/",
    "FloorDivide": "//",
    "Mod": "%",
    "Power": "**",
    "Matmul": "@",
    "Greater": ">",
    "GreaterEqual": ">=",
    "Less": "<",
    "LessEqual": "<=",
    "Equal": "==",
    "NotEqual": "!=",
}
_NAMES = {
    "Absolute": "abs",
    "Amax": "max",
    "Amin": "min",
    "Silu": "silu",
    "Relu6": "relu6",
    "Gelu": "gelu",
}
_LAYERS = ("Add", "Subtract", "Multiply", "Maximum", "Minimum")
"""Operations on two tensors that are layers too."""
_OWN = ("name", "dtype", "trainable")
_WITH_DTYPE = ("Cast", "OneHot")
_IN_KERAS_2 = ("InputLayer", "Permute", "Repeat")
_KNOWN = frozenset(one.name for function in FUNCTIONS.values() for one in function.parameters)
_LONGEST = 160
"""Characters of a formula that others are put into."""
_LEVELS = {
    **dict.fromkeys((">", ">=", "<", "<=", "==", "!="), 1),
    **dict.fromkeys("+-", 2),
    **dict.fromkeys(("*", "/", "//", "%", "@"), 3),
    "**": 5,
}
_MINUS, _ATOM = 4, 6
"""How strongly a sign binds what stands beside it, as in Python."""
_SETTINGS = {
    "newshape": ("newshape", "shape"),
    "x_min": ("x_min", "min"),
    "x_max": ("x_max", "max"),
}


class Chains:
    """The operations of a model. `inner` are the calls that stand in the formula of the one that
    takes them.

    `whole`: an operation is one even where it could be a layer.
    """

    def __init__(self, model: Architecture, *, whole: bool = False) -> None:
        self.model = model
        self.whole = whole
        told = {call.layer for call in model.calls if call.ranks}  # calls as Keras 3 writes them
        self.operations = {
            name
            for name, layer in model.layers.items()
            if is_operation(layer) and (name in told or layer.module or is_tensorflow(layer))
        }
        self.masks = any(
            "mask_zero" in str(layer.config) or layer.kind == "Masking"
            for layer in model.layers.values()
        )
        self.calls = {(call.layer, call.number): call for call in model.calls}
        ends = set(model.outputs.values() if isinstance(model.outputs, Mapping) else model.outputs)
        uses = Counter(source for call in model.calls for source in call.sources())
        users = {source: call for call in model.calls for source in call.sources()}
        self.inner: set[tuple[str, int]] = set()
        for call in model.calls:
            if call.layer not in self.operations or self.as_layer(call) is not None:
                continue
            source = Source(call.layer, call.number, 0)
            user = users.get(source)
            if (
                uses[source] == 1
                and source not in ends
                and user is not None
                and user.layer in self.operations
                and self.as_layer(user) is None
                and self._is_sayable(call)
                and self._is_sayable(user)
            ):
                self.inner.add((call.layer, call.number))

    def as_layer(self, call: CallDef) -> str | None:
        """The layer that an operation on two whole tensors is, so that a residual is one however it
        was written.
        """
        layer = self.model.layers[call.layer]
        first, second = call.tensors.get(""), call.tensors.get("1")
        alone = (
            isinstance(first, Source)
            and isinstance(second, Source)
            and set(call.tensors) == {"", "1"}
        )
        if self.whole or self.masks or call.options or not alone or layer.kind not in _LAYERS:
            return None
        return layer.kind if len(call.ranks) == 2 and call.ranks[0] == call.ranks[1] > 1 else None

    def _is_sayable(self, call: CallDef) -> bool:
        try:
            text, _ = formula(self, call, alone=True)
        except Unreadable:
            return False
        return len(text) <= _LONGEST


def is_operation(layer: LayerDef) -> bool:
    """Whether a layer of a file is an operation, and no layer."""
    if layer.module or "trainable" in layer.config or layer.inside is not None:
        return layer.module.startswith(("keras.src.ops", "keras.ops")) or is_tensorflow(layer)
    # Keras 3 leaves the module out of HDF5 files; a layer says whether it is trainable, an
    # operation does not.
    return is_tensorflow(layer) or (
        layer.kind not in _IN_KERAS_2
        and (
            layer.kind in _SIGNS
            or layer.kind == "GetItem"
            or _NAMES.get(layer.kind, snake_case(layer.kind)) in FUNCTIONS
        )
        and set(layer.config) <= {*_OWN, *_KNOWN}
    )


def formula_of_model(model: Architecture) -> tuple[str, tuple[int, ...]] | None:
    """The formula of a model that is nothing but operations with one result, and the input that
    each name in it is.

    The names are those of the inputs, in the order of the text. None for every other model.
    """
    chains = Chains(model, whole=True)
    if (
        isinstance(model.outputs, Mapping)
        or not model.calls
        or len(model.calls) != len(chains.inner) + 1
    ):
        return None
    last = model.calls[-1]
    if chains.operations != set(model.layers) or model.outputs != (
        Source(last.layer, last.number, 0),
    ):
        return None
    writer = _Writer(chains, alone=False)
    writer.sources = {
        x.name: Source(x.name, 0, 0)
        for x in model.inputs
        if x.name.isidentifier() and x.name not in FUNCTIONS and not iskeyword(x.name)
    }
    names = [one.name for one in model.inputs]
    try:
        text = writer.text(last).text
        order = tuple(names.index(name) for name in parse(text, TENSORS).arguments)
    except (Unreadable, Fault, ValueError):
        return None
    return (text, order) if len(order) == len(names) else None


def formula(chains: Chains, call: CallDef, *, alone: bool = False) -> tuple[str, dict[str, Source]]:
    """The formula of a call, and which tensor each of its names is. Raises `Unreadable`."""
    writer = _Writer(chains, alone)
    return writer.text(call).text, writer.sources


class _Text(NamedTuple):
    """A part of a formula, and how strongly its outermost sign binds."""

    text: str
    level: int = _ATOM

    def beside(self, level: int) -> str:
        """The part where it stands beside a sign that binds as strongly as this."""
        return self.text if self.level >= level else f"({self.text})"


class _Writer:
    def __init__(self, chains: Chains, alone: bool) -> None:
        self.chains = chains
        self.alone = alone
        self.sources: dict[str, Source] = {}

    def text(self, call: CallDef, depth: int = 0) -> _Text:
        layer = self.chains.model.layers[call.layer]
        if is_tensorflow(layer):
            kind, given = arguments_of(layer, call)
        else:
            kind, given = layer.kind, _given(layer, call)
        if kind == "GetItem" and isinstance(given.get(""), Source):
            return _Text(
                f"{self._tensor(given[''], depth).beside(_ATOM)}[{_index(given.get('1', given.get('key')))}]"
            )
        texts = {key: self._argument(value, depth) for key, value in given.items()}
        places = sorted(
            (key for key in texts if not key or key.isdigit()), key=lambda key: int(key or 0)
        )
        positional = [
            texts.pop(key) for key in (*(("subscripts",) if "subscripts" in texts else ()), *places)
        ]
        if kind in _SIGNS:
            pair = [
                *positional,
                *(texts.pop(key) for key in ("x1", "x2", "a", "b", "y") if key in texts),
            ]
            if len(pair) == 2:
                return _signed(_SIGNS[kind], *pair)
        if kind == "Negative" and positional:
            return _Text(f"-{positional[0].beside(_MINUS)}", _MINUS)
        return _Text(
            self._function(
                kind,
                [one.text for one in positional],
                {key: one.text for key, one in texts.items()},
            )
        )

    def _function(self, kind: str, positional: list[str], named: dict[str, str]) -> str:
        name = _NAMES.get(kind, snake_case(kind))
        function = FUNCTIONS.get(name)
        if function is None:
            raise Unreadable(
                f"the operation `{kind[:40]}` is none of those that a formula has",
                "`modelspec explain Expression` lists them",
            )
        parameters = [one.name for one in function.parameters]
        rest = {}
        for parameter in function.parameters:
            key = next(
                (key for key in _SETTINGS.get(parameter.name, (parameter.name,)) if key in named),
                None,
            )
            if key is None:
                continue
            value = named.pop(key)
            if value not in ("None", repr(parameter.default)):
                rest[parameter.name] = value
        odd = [key for key, value in named.items() if value not in ("None", "False")]
        if odd:
            raise Unreadable(
                f"a formula's `{name}` has no `{odd[0][:40]}`", "`modelspec explain Expression`"
            )
        head = [*positional]
        while (
            rest
            and len(head) < len(parameters)
            and next(iter(rest)) == parameters[len(head)]
            and (parameters[len(head)] not in ("axis", "keepdims"))
        ):
            head.append(rest.pop(next(iter(rest))))
        return f"{name}({', '.join([*head, *(f'{key}={text}' for key, text in rest.items())])})"

    def _argument(self, value: Any, depth: int) -> _Text:
        if isinstance(value, Source):
            return self._tensor(value, depth)
        if isinstance(value, list) and value and all(isinstance(one, Source) for one in value):
            return _Text(f"[{', '.join(self._tensor(one, depth).text for one in value)}]")
        text = _literal(value)
        return _Text(text, _MINUS if text.startswith("-") else _ATOM)

    def _tensor(self, source: Source, depth: int) -> _Text:
        key = source.layer, source.call
        if not self.alone and key in self.chains.inner and depth < 8:
            return self.text(self.chains.calls[key], depth + 1)
        name = next((known for known, one in self.sources.items() if one == source), "")
        if not name:
            letters = "xyzabcdefgh"
            name = (
                letters[len(self.sources)]
                if len(self.sources) < len(letters)
                else f"x{len(self.sources)}"
            )
            self.sources[name] = source
        return _Text(name)


def _signed(sign: str, left: _Text, right: _Text) -> _Text:
    """Two parts around a sign: one that binds the same goes without brackets on the left, for `**`
    on the right.
    """
    level = _LEVELS[sign]
    first, second = (level + 1, _MINUS) if sign == "**" else (level + (level == 1), level + 1)
    return _Text(f"{left.beside(first)} {sign} {right.beside(second)}", level)


def _given(layer: LayerDef, call: CallDef) -> dict[str, Any]:
    """Arguments and settings of an operation of Keras 3, tensors as sources."""
    own = [key for key in _OWN if key != "dtype" or layer.kind not in _WITH_DTYPE]
    found: dict[str, Any] = {key: value for key, value in layer.config.items() if key not in own}
    found.update(
        {
            key: item if isinstance(item, Source) else list(item)
            for key, item in call.tensors.items()
        }
    )
    return {**found, **call.options}


def _literal(value: Any) -> str:
    try:
        value = plain(value)
    except Unreadable:
        raise Unreadable("it takes a value that a formula cannot say") from None
    if isinstance(value, str):
        return json.dumps(value).replace('"', "'")
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    raise Unreadable("it takes a value that a formula cannot say")


def _index(value: Any) -> str:
    parts = value if isinstance(value, list) else [value]
    if isinstance(value, Mapping) and value.get("class_name") == "__tuple__":
        parts = value["items"]
    return ", ".join(_part(part) for part in parts)


def _part(part: Any) -> str:
    if isinstance(part, int) and not isinstance(part, bool):
        return str(part)
    if part is None:
        return "None"
    kind = part.get("class_name") if isinstance(part, Mapping) else None
    config = part.get("config", part) if isinstance(part, Mapping) else None
    if kind == "__ellipsis__":
        return "..."
    if isinstance(config, Mapping) and (
        kind in ("slice", "__slice__") or {"start", "stop", "step"} <= set(config)
    ):
        start, stop, step = (config.get(key) for key in ("start", "stop", "step"))
        if all(one is None or type(one) is int for one in (start, stop, step)):
            text = f"{'' if start is None else start}:{'' if stop is None else stop}"
            return text if step in (None, 1) else f"{text}:{step}"
    raise Unreadable("it takes a part of a tensor that a formula cannot say")
