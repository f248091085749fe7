"""Operations on tensors in a functional model (`x + 1` on symbolic tensors), which become formulas
in a spec: operations of Keras 3 and of tf.keras 2 (`TFOpLambda`, `SlicingOpLambda`).

Only the operations of the language's `Expression` can be imported. An operation that is used only
by one other operation is inlined into its formula.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from keyword import iskeyword

from modelspec.catalog.formula import TENSORS, parse
from modelspec.catalog.formula.function_table import FUNCTIONS
from modelspec.core.diagnostics import Fault

from .architecture import Architecture, CallDef, LayerDef, Source, Unreadable, sources_in
from .composed_operations import COMPOSED
from .formula_constants import Numbers
from .formula_text import (
    SIGNS,
    CallKey,
    FormulaWriter,
)
from .operation_calls import OWN, function_name, step_of_call
from .operation_layers import AsLayer, layer_of
from .single_results import with_single_results
from .tensorflow_functions import is_tensorflow

_LAYERS = ("Add", "Subtract", "Multiply", "Maximum", "Minimum")
"""Operations on two tensors that also exist as layers."""
_IN_KERAS_2 = ("InputLayer", "Permute", "Repeat")
"""Layers of Keras 2 that are called as operations of Keras 3."""
_PARAMETERS = frozenset(one.name for function in FUNCTIONS.values() for one in function.parameters)
_LONGEST = 160
"""Maximum length of a formula that is inlined, or into which others are inlined."""


class Chains:
    """The operations of a model. `inner` are the calls that are inlined into the formula of their
    consumer.

    `whole`: an operation is written as an operation even if it could be a layer.
    """

    def __init__(self, model: Architecture, *, whole: bool = False) -> None:
        self.model = model
        self.whole = whole
        self.operations = operations_of(model)
        self.masks = _has_masks(model)
        self.inner = self._inner()

    def as_layer(self, call: CallDef) -> AsLayer | None:
        """The layer that is equivalent to an operation, if it is one on two whole tensors, so that
        a residual has one form, or if no formula computes it.
        """
        layer = self.model.layers[call.layer]
        if self.whole:
            return None
        return self._joined(layer, call) or layer_of(step_of_call(layer, call), call.ranks)

    def _joined(self, layer: LayerDef, call: CallDef) -> AsLayer | None:
        if self.masks or call.options or layer.kind not in _LAYERS:
            return None
        has_two_tensors = set(call.tensors) == {"", "1"} and all(
            isinstance(one, Source) for one in call.tensors.values()
        )
        has_equal_ranks = len(call.ranks) == 2 and call.ranks[0] == call.ranks[1] > 1
        if not has_two_tensors or not has_equal_ranks:
            return None
        return AsLayer(layer.kind, {}, tuple(call.sources()))

    def formula(self, call: CallDef) -> tuple[str, dict[str, Source | Numbers]]:
        """The formula of a call, and the tensor of each of its names. Raises `Unreadable`."""
        writer = FormulaWriter(self.model, self.inner)
        text = writer.write(call)
        try:
            order = parse(text, TENSORS).arguments
        except Fault as fault:
            raise Unreadable(fault.message, fault.help) from None
        return text, {name: writer.sources[name] for name in order}

    def _inner(self) -> dict[CallKey, CallDef]:
        """The calls whose only use is another operation, where a formula supports both."""
        calls = self.model.calls
        uses = Counter(source for call in calls for source in self._uses(call))
        users = {source: call for call in calls for source in call.sources()}
        ends = _ends(self.model)
        found: dict[CallKey, CallDef] = {}
        for call in calls:
            source = Source(call.layer, call.number, 0)
            if uses[source] != 1 or source in ends:
                continue
            if self._is_formula(call) and self._is_formula(users[source]):
                found[call.layer, call.number] = call
        return found

    def _uses(self, call: CallDef) -> list[Source]:
        """The tensors of a call, as often as its formula names them."""
        if call.layer not in self.operations:
            return call.sources()
        try:
            return list(sources_in(step_of_call(self.model.layers[call.layer], call)))
        except Unreadable:
            return call.sources()

    def _is_formula(self, call: CallDef) -> bool:
        """Whether a call is written as a formula, short enough to be inlined."""
        if call.layer not in self.operations:
            return False
        try:
            if self.as_layer(call) is not None:
                return False
            return len(FormulaWriter(self.model, {}).write(call)) <= _LONGEST
        except Unreadable:
            return False


def operations_of(model: Architecture) -> set[str]:
    """The names of the layers that are operations."""
    in_keras_3 = {call.layer for call in model.calls if call.ranks}  # only Keras 3 writes ranks
    return {
        name
        for name, layer in model.layers.items()
        if is_operation(layer) and (name in in_keras_3 or layer.module or is_tensorflow(layer))
    }


def _has_masks(model: Architecture) -> bool:
    return any(
        "mask_zero" in str(layer.config) or layer.kind == "Masking"
        for layer in model.layers.values()
    )


def _ends(model: Architecture) -> set[Source]:
    """The tensors that the model returns."""
    return set(model.outputs.values() if isinstance(model.outputs, Mapping) else model.outputs)


def is_operation(layer: LayerDef) -> bool:
    """Whether a layer of a file is an operation, and not a layer."""
    if is_tensorflow(layer):
        return True
    if layer.module or "trainable" in layer.config or layer.inside is not None:
        return layer.module.startswith(("keras.src.ops", "keras.ops"))
    # Keras 3 leaves the module out of HDF5 files; a layer has `trainable`, an
    # operation does not.
    if layer.kind in _IN_KERAS_2 or not set(layer.config) <= {*OWN, *_PARAMETERS}:
        return False
    is_composed = layer.kind in COMPOSED
    return layer.kind in (*SIGNS, "GetItem") or is_composed or _is_function(layer.kind)


def _is_function(kind: str) -> bool:
    return function_name(kind) in FUNCTIONS


def formula_of_model(model: Architecture) -> tuple[str, tuple[int, ...]] | None:
    """The formula of a model that consists only of operations with one result, and the input of
    each of its names.

    The names are those of the inputs, in the order of the formula. None for every other model.
    """
    model = with_single_results(model, operations_of(model))
    chains = Chains(model, whole=True)
    if not _is_one_formula(model, chains):
        return None
    writer = FormulaWriter(model, chains.inner)
    names = [one.name for one in model.inputs]
    writer.sources = {name: Source(name, 0, 0) for name in names if _can_be_variable(name)}
    try:
        text = writer.write(model.calls[-1])
        if any(isinstance(one, Numbers) for one in writer.sources.values()):
            return None
        order = tuple(names.index(name) for name in parse(text, TENSORS).arguments)
    except (Unreadable, Fault, ValueError):
        return None
    return (text, order) if len(order) == len(names) else None


def _is_one_formula(model: Architecture, chains: Chains) -> bool:
    """Whether every layer is an operation, and all except the last are inlined into it."""
    if not model.calls or len(model.calls) != len(chains.inner) + 1:
        return False
    last = model.calls[-1]
    returns_last = model.outputs == (Source(last.layer, last.number, 0),)
    return returns_last and chains.operations == set(model.layers)


def _can_be_variable(name: str) -> bool:
    """Whether this is a valid name of a tensor in a formula."""
    return name.isidentifier() and not iskeyword(name) and name not in FUNCTIONS
