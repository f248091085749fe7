"""Types: the shape, dtype, weights and cost of every call, without a framework.

`infer` walks a `Graph` in order and applies the rules of each layer. A call whose inputs have
errors is skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from modelspec.catalog.layers.calls import output_of
from modelspec.catalog.layers.layer import Inputs, Layer
from modelspec.core.diagnostics import MOST, Checked, Collector, Fault, Note, Span
from modelspec.core.diagnostics.derived import causes_of
from modelspec.core.records import dataclass
from modelspec.core.sections import located
from modelspec.core.shapes import Tensor, show, total

from ..graph import ANY_INPUT, Call, Graph, Ref, symbol_faults
from ..graph.symbols import output_index
from ..spec.initial_weights import IMAGENET
from ..spec.model_inputs import InputSpec
from .running_dtypes import RunningDtypes
from .shared import Built, agrees, nested
from .time_steps import Steps
from .typed_graph import TypedCall, TypedGraph

MAX_LAYERS = 10_000
"""Layers that run in one pass through the model."""
CHANNELS = 3
"""Channels of the images that the Keras weights were trained on."""
MAX_PARAMETERS = 10**11
"""More than any machine can store; a typo (`units: 200000000`) is reported before memory is
allocated.
"""


def infer(graph: Graph, *, preparing: bool = False) -> Checked[TypedGraph]:
    """The types of a model, or of layers that are `preparing` data. Violated rules are reported at
    the setting or the entry that causes them.
    """
    report = Collector(MOST)
    types = {one.name: one.type for one in graph.inputs or () if one.type is not None}
    try:
        typed = _Inference(report, {}, _Runs(), preparing=preparing).graph(graph, types)
    except _TooManyLayers as found:
        report.error(
            "MS108",
            f"the model runs more than {MAX_LAYERS:,} layers, counting every call of a shared"
            " model",
            found.call.use.kind_span,
            help="a shared model is inferred again for every input shape",
        )
        return Checked(TypedGraph(graph, types, ()), report.diagnostics)
    if typed.depth_first_calls > MAX_LAYERS:
        largest = max(
            typed.layers, key=lambda layer: layer.inside.depth_first_calls if layer.inside else 0
        )
        report.error(
            "MS108",
            f"the model runs {typed.depth_first_calls:,} layers, counting every call of a shared"
            " model; "
            f"the maximum is {MAX_LAYERS:,}",
            largest.call.use.kind_span,
            help=f"`{largest.kind}` runs most of them: its models call other models",
        )
    count = typed.parameters
    if count is not None and count > MAX_PARAMETERS:
        _over_budget(typed, count, report)
    return Checked(typed, report.diagnostics)


def _over_budget(typed: TypedGraph, count: int, report: Collector) -> None:
    largest = max(typed.layers, key=lambda layer: layer.parameters or 0)
    report.error(
        "MS410",
        f"the model has {count:,} parameters, more than the maximum of {MAX_PARAMETERS:,}",
        largest.call.use.kind_span,
        help=f"`{largest.name}` alone has {largest.parameters:,}",
    )


class _TooManyLayers(Exception):
    """The model runs more layers of sub-models than allowed."""

    def __init__(self, call: Call) -> None:
        super().__init__(call.name)
        self.call = call


_Run: TypeAlias = tuple[int, tuple[tuple[str, Tensor], ...]]


class _Runs(dict[_Run, TypedGraph]):
    """The inferred sub-models, and their total number of layers."""

    layers = 0

    def keep(self, run: _Run, graph: TypedGraph) -> TypedGraph:
        self[run] = graph
        self.layers += len(graph.layers)
        return graph


class _Inference:
    """Infers one graph. `built` are the weights that shared layers got at their first call, by
    name; `runs` are the sub-models that were already inferred, by model and types.
    """

    def __init__(
        self,
        report: Collector,
        outer: Mapping[str, Built],
        runs: _Runs,
        notes: tuple[Note, ...] = (),
        *,
        preparing: bool = False,
    ) -> None:
        self.report = report
        self.preparing = preparing
        self.built: dict[str, Built] = dict(outer)
        self.runs = runs
        self.notes = notes
        self.running = RunningDtypes()
        self.partial: list[TypedCall] = []
        """The calls of sub-models with errors."""

    def graph(self, graph: Graph, inputs: Mapping[str, Tensor]) -> TypedGraph:
        spans = {one.name: one.span for one in graph.inputs or ()}
        tensors: dict[str, _Produced] = {
            name: _Produced((tensor,), (), spans.get(name)) for name, tensor in inputs.items()
        }
        layers: list[TypedCall] = []
        for call in graph.calls:
            typed = self._call(call, tensors)
            if typed is not None:
                layers.append(typed)
                tensors[call.name] = _Produced(
                    typed.outputs, typed.output_names, call.use.kind_span
                )
        outputs = {
            public: tensor
            for public, ref in graph.outputs.items()
            if (tensor := self._tensor(ref, tensors, "an output of a model")) is not None
        }
        return TypedGraph(graph, inputs, tuple(layers), outputs, tuple(self.partial))

    def _call(self, call: Call, tensors: Mapping[str, _Produced]) -> TypedCall | None:
        inputs = self._inputs(call, tensors)
        if inputs is None or call.callee is None:
            return None
        if isinstance(call.callee, Graph) and call.use.around:
            return self._every_step(call, call.callee, inputs, tensors)
        if isinstance(call.callee, Graph):
            return self._model_call(call, call.callee, inputs)
        return self._layer_call(call, call.callee, inputs, tensors)

    # Tensors --------------------------------------------------------------------------------------

    def _inputs(self, call: Call, tensors: Mapping[str, _Produced]) -> Inputs | None:
        if call.inputs is None:
            return None
        found: dict[str, Tensor | tuple[Tensor, ...]] = {}
        taker = f"`{call.use.kind}`"
        for argument, item in call.inputs.items():
            if isinstance(item, Ref):
                tensor = self._tensor(item, tensors, taker)
                if tensor is None:
                    return None
                found[argument] = tensor
                continue
            types = [self._tensor(ref, tensors, taker) for ref in item]
            present = tuple(one for one in types if one is not None)
            if len(present) < len(types):
                return None
            found[argument] = present
        return Inputs(found, call.use.options)

    def _tensor(self, ref: Ref, tensors: Mapping[str, _Produced], taker: str) -> Tensor | None:
        """The type of the tensor that a reference selects; None if it has an error, now or
        before.
        """
        produced = tensors.get(ref.producer)
        if produced is None:
            return None
        if ref.output is None:
            if len(produced.outputs) == 1:
                return produced.outputs[0]
            fault = produced.several(ref, taker)
            self.report.report(fault, ref.span, *produced.made_here())
            return None
        index = produced.index(ref.output)
        if index is not None:
            return produced.outputs[index]
        self.report.report(produced.lacks(_as_written(ref), ref.output), ref.span)
        return None

    # Layers ---------------------------------------------------------------------------------------

    def _layer_call(
        self, call: Call, layer: Layer, inputs: Inputs, tensors: Mapping[str, _Produced]
    ) -> TypedCall | None:
        try:
            output = output_of(layer, inputs)
            dtype = self.running.first(call, inputs)
            self.running.check(layer, inputs, dtype)
            weights = layer.weights(inputs)
            cost = layer.multiply_adds(inputs)
            settled = layer.settled(inputs)
        except Fault as fault:
            self._fault(call, fault, tensors)
            return None
        self.running.add(call, layer, dtype)
        outputs = (output,) if isinstance(output, Tensor) else output
        follows = None if settled is layer else settled
        if not self._can_stand(call, layer):
            return None
        if call.shared:
            built = Built(call, weights, inputs, (follows,) if follows else ())
            if not self._agrees(built):
                return None
        return TypedCall(call, outputs, layer.output_names(inputs), weights, cost, settled=follows)

    def _can_stand(self, call: Call, layer: Layer) -> bool:
        """Whether Keras supports the layer, and its nested layer, in a model."""
        for one in () if self.preparing else nested(layer):
            if one.not_in_models is not None:
                self.report.error(
                    "MS209",
                    f"`{one.kind()}` is not supported in a model: {one.not_in_models}",
                    call.use.kind_span,
                    help="move it to a `transform` of the data",
                )
                return False
        return True

    def _fault(self, call: Call, fault: Fault, tensors: Mapping[str, _Produced]) -> None:
        notes = [
            Note(f"`{ref.producer}` gives {show(tensor.shape)}", produced.span)
            for ref in dict.fromkeys(call.refs())
            if (produced := tensors.get(ref.producer)) is not None
            if (tensor := produced.select(ref.output)) is not None
        ]
        blamed = fault.argument and call.inputs and call.inputs.get(fault.argument)
        span = blamed.span if isinstance(blamed, Ref) else call.use.kind_span
        self.report.add(
            located(fault, call.use.body, span, whole=True, notes=(*notes, *self.notes))
        )

    def _agrees(self, built: Built) -> bool:
        """Whether this call of a shared layer or model is compatible with its first call."""
        assert built.call.shared is not None
        first = self.built.setdefault(built.call.shared, built)
        return agrees(first, built, self.report, self.notes)

    def _model_call(self, call: Call, model: Graph, inputs: Inputs) -> TypedCall | None:
        types = self._model_inputs(call, model, inputs)
        if types is None:
            return None
        if not self._has_channels(call, model, types):
            return None
        inside = self._inside(call, model, types)
        if len(inside.outputs) != len(model.outputs) or not inside.outputs:
            self.partial.append(TypedCall(call, (), inside=inside))
            return None
        weights = (
            inside.weights
            if model.trainable
            else tuple(w._replace(trainable=False) for w in inside.weights)
        )
        if not self._agrees(Built(call, weights, inputs, inside.settled)):
            return None
        cost = total(layer.multiply_adds for layer in inside.alive)
        return TypedCall(
            call, tuple(inside.outputs.values()), tuple(inside.outputs), weights, cost, inside
        )

    def _every_step(
        self, call: Call, model: Graph, inputs: Inputs, tensors: Mapping[str, _Produced]
    ) -> TypedCall | None:
        """The call of a sub-model through wrappers."""
        steps = Steps(call.use.around, inputs.one)
        try:
            typed = self._model_call(call, model, steps.one(inputs))
            if typed is None:
                return None
            outputs = tuple(steps.together(one, call.use.kind) for one in typed.outputs)
        except Fault as fault:
            self._fault(call, fault, tensors)
            return None
        return replace(typed, outputs=outputs, multiply_adds=steps.cost(typed.multiply_adds))

    def _has_channels(self, call: Call, model: Graph, types: Mapping[str, Tensor]) -> bool:
        """Whether a model with pretrained Keras weights gets images with three channels, as in
        their training.
        """
        first = next(iter(types.values()))
        weights = model.weights
        if weights is None or weights.value != IMAGENET or first.rank != 4:
            return True
        sizes = (first.shape[1], first.shape[3])
        if CHANNELS in sizes or not all(isinstance(size, int) for size in sizes):
            return True
        self.report.error(
            "MS403",
            f"the `imagenet` weights of `{weights.kind}` require images with {CHANNELS} "
            f"channels, found {show(first.shape)}",
            weights.span or call.use.kind_span,
            notes=self.notes,
            help="convert the images to three channels first, or leave `weights` out",
        )
        return False

    def _inside(self, call: Call, model: Graph, types: Mapping[str, Tensor]) -> TypedGraph:
        """The sub-model for tensors of these types: inferred once, even if it is called several
        times.
        """
        key = (id(model), tuple(types.items()))
        if (known_already := self.runs.get(key)) is not None:
            return known_already
        if self.runs.layers > MAX_LAYERS:
            raise _TooManyLayers(call)
        notes = (*self.notes, Note(f"in shared `{call.shared}`, called here", call.use.kind_span))
        inner = _Inference(self.report, {}, self.runs, notes)
        if not model.shared:  # none of its own names hides one of these: no copy is needed
            inner.built = self.built
            return self.runs.keep(key, inner.graph(model, types))
        inner.built |= {name: one for name, one in self.built.items() if name not in model.shared}
        inside = self.runs.keep(key, inner.graph(model, types))
        self.built.update(
            {name: built for name, built in inner.built.items() if name not in model.shared}
        )
        return inside

    def _model_inputs(self, call: Call, model: Graph, inputs: Inputs) -> dict[str, Tensor] | None:
        """The input types of the sub-model: its declared types, merged with those of the call."""
        if model.inputs is None:
            return {ANY_INPUT: inputs.one}
        found: dict[str, Tensor] = {}
        for one in model.inputs:
            given = inputs.tensors.get(one.name)
            declared = one.type
            if declared is None:
                return None
            if given is None:
                found[one.name] = declared
                continue
            assert isinstance(given, Tensor)
            if not _fits(declared, given):
                self.report.error(
                    "MS403",
                    f"input `{one.name}` of `{call.shared}` is declared {show(declared.shape)}, "
                    f"but called with {show(given.shape)}",
                    call.use.sources_span or call.use.kind_span,
                    notes=[Note("the input is declared here", one.span), *self.notes],
                    help=_declare(one, given),
                )
                return None
            found[one.name] = given
        return found


@dataclass(frozen=True)
class _Produced:
    """The tensors of an input, or the outputs of a call."""

    outputs: tuple[Tensor, ...]
    names: tuple[str, ...]
    span: Span | None

    def selectors(self) -> tuple[str, ...]:
        """The valid selectors after the dot, names before numbers."""
        return (*self.names, *(str(index) for index in range(len(self.outputs))))

    def index(self, output: str) -> int | None:
        return output_index(output, self.names, len(self.outputs))

    def several(self, ref: Ref, taker: str) -> Fault:
        """MS312: a reference that does not select one of the outputs."""
        choices = [f"{ref.producer}.{name}" for name in self.selectors()]
        return symbol_faults.several_outputs(
            f"`{ref.producer}`", len(self.outputs), taker, choices, suggestion=choices[0]
        )

    def lacks(self, producer: str, output: str) -> Fault:
        """MS305: a reference that selects an output that does not exist."""
        choices = self.selectors()
        if len(self.outputs) > 1:
            return symbol_faults.no_output(producer, output, choices, choices)
        return symbol_faults.no_output(producer, output, choices, (), producer)

    def made_here(self) -> tuple[Note, ...]:
        return (Note("it is defined here", self.span),) if self.span else ()

    def select(self, output: str | None) -> Tensor | None:
        index = 0 if output is None else self.index(output)
        return None if index is None else self.outputs[index]


def _as_written(ref: Ref) -> str:
    """The producer by its name in the reference: `head` inside a block, which is `stem_head`
    outside.
    """
    written = ref.span.text.strip("'\"").partition(".")[0]
    inside = bool(causes_of(ref.span)) and ref.producer.endswith(f"_{written}")
    return written if inside else ref.producer


def _fits(declared: Tensor, given: Tensor) -> bool:
    """Whether an input accepts a tensor: all known sizes are equal."""
    return given.rank == declared.rank and all(
        a == b or not isinstance(a, int) or not isinstance(b, int)
        for a, b in zip(declared.shape, given.shape, strict=True)
    )


def _declare(one: InputSpec, given: Tensor) -> str:
    """The fix for an input whose declared shape differs from that of the call."""
    sizes = ", ".join("null" if size is None else str(size) for size in given.shape[1:])
    setting = "`input_shape: " if one.span.source.shipped else f"`{one.name}: "
    return (
        f"declare it with the shape of the call, {setting}[{sizes}]`, or convert the tensor to its"
        " shape"
    )
