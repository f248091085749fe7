"""Layers that wrap others: Bidirectional, TimeDistributed."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import PlainValidator, ValidationInfo, model_validator

from modelspec.core.diagnostics import Fault, Path
from modelspec.core.registry import Registry
from modelspec.core.settings import Faults, Settings, refuse
from modelspec.core.shapes import Size, Tensor, may_equal, mul, product, show, total

from . import LAYERS
from .calls import output_of
from .common import inside, name_of, names_of, only, prefixed
from .layer import Argument, Example, Inputs, Layer, Outputs, Weight, need_rank
from .saved import Saved, in_dtype, together
from .setting_types import LayerSetting, read_layer


class Wrapper(Layer):
    """Base of layers that wrap one layer, as their primary setting."""

    layer: LayerSetting

    @classmethod
    def primary_family(cls) -> Registry | None:
        return LAYERS

    @property
    def inner(self) -> Layer:
        held: Layer = self.layer
        return held

    @property
    def inner_path(self) -> Path:
        """The setting that contains the inner layer."""
        return ("layer", self.inner.kind())


class TimeDistributed(Wrapper):
    """Applies a layer to every step of a sequence, with the same weights.

    ```yaml
    - TimeDistributed: {Dense: 10}
    - TimeDistributed: {layer: {Conv2D: {filters: 8, kernel_size: 3}}}
    - TimeDistributed: {MobileNetV2: {include_top: false, pooling: avg}}
    ```

    Takes (batch, time, ...), gives (batch, time, ...), where the remaining axes are the output of
    the layer for one step. Instead of a layer it also accepts a model of the library, the name of a
    shared model or layer, a block, or a list of layers. A model must have one input and one output.
    """

    supports_masking = True
    runs_uncast = True
    wraps_each_layer = True
    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("inputs"),
        Argument("mask", required=False),
    )

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"layer": {"Dense": 3}}, ((None, 4, 5),)),
        Example({"layer": {"Conv2D": {"filters": 2, "kernel_size": 3}}}, ((None, None, 8, 8, 3),)),
        Example({"layer": "Flatten"}, ((None, 4, 5, 2),)),
    )

    @model_validator(mode="after")
    def _takes_one_tensor(self) -> Self:
        first, *rest = self.inner.arguments
        several = first.many and not self.inner.one_alone
        if several or any(argument.required for argument in rest):
            refuse(
                f"`TimeDistributed` passes one tensor to its layer, but `{self.inner.kind()}` takes"
                " several",
                "MS205",
                "layer",
                help=(
                    f"call `{self.inner.kind()}` on the whole sequences, without `TimeDistributed`"
                ),
            )
        return self

    @model_validator(mode="after")
    def _knows_what_a_step_becomes(self) -> Self:
        if not self.inner.shape_known_to_keras:
            refuse(
                f"Keras cannot compute the output shape of `{self.inner.kind()}`, which"
                " `TimeDistributed` requires",
                "MS205",
                "layer",
                help=(
                    "write the list of its layers instead"
                    if hasattr(self.inner, "layers")
                    else f"call `{self.inner.kind()}` without `TimeDistributed`"
                ),
            )
        return self

    @property
    def gives_values_of(self) -> Layer:
        return self.inner

    @property
    def keeps_dtype(self) -> bool:  # type: ignore[override]  # the layer that it holds decides
        return self.inner.keeps_dtype

    @property
    def low_rank(self) -> str | None:  # type: ignore[override]  # the layer that it holds decides
        return self.inner.low_rank

    def mask_rank(self, rank: int) -> int | None:
        inside = self.inner.mask_rank(rank - 1)
        return None if inside is None else inside + 1

    def misused_mask(self, x: Tensor, given: bool) -> str | None:
        return self.inner.misused_mask(x._replace(shape=(x.shape[0], *x.shape[2:])), given)

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        need_rank(self, x, at_least=3)
        if mask := inputs.tensor("mask"):
            self._check_mask(x, mask)
        with inside(*self.inner_path):
            step = only(self.inner, output_of(self.inner, self._step(inputs)))
        if not step.rank:
            raise Fault(
                "MS401",
                f"`{self.inner.kind()}` gives a tensor without a batch axis, which cannot be put "
                "together",
                self.inner_path,
            )
        return self.result((step.shape[0], x.shape[1], *step.shape[1:]))

    def _check_mask(self, x: Tensor, mask: Tensor) -> None:
        if mask.rank < 2 or not all(map(may_equal, x.shape[:2], mask.shape[:2])):
            raise Fault(
                "MS403",
                f"a mask starts with the axes (batch, time) of its input, found {show(mask.shape)} "
                f"for {show(x.shape)}",
                argument="mask",
            )

    def _step(self, inputs: Inputs) -> Inputs:
        """The call of the inner layer for one step."""
        x = self.like(inputs.one)
        name = self.inner.arguments[0].name
        return Inputs({name: x._replace(shape=(x.shape[0], *x.shape[2:]))})

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        return prefixed(name_of(self.inner), self.inner.weights(self._step(inputs)), self.trainable)

    def multiply_adds(self, inputs: Inputs) -> Size:
        return product((inputs.one.shape[1], self.inner.multiply_adds(self._step(inputs))))

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        step = self._step(inputs)
        one = made[0]._replace(shape=(made[0].shape[0], *made[0].shape[2:]))
        saved = self.inner.saved(step, (one,)).apart((step.one,), one)
        if not saved.with_weights:
            weights = (Tensor(each.shape, each.dtype) for each in self.inner.weights(step))
            copies = in_dtype(weights, self.inner.compute_dtype)
            saved = saved.and_own(*copies)._replace(with_weights=True)
        return saved.at_each(inputs.one.shape[1])


def _recurrent(value: Any, info: ValidationInfo) -> Settings:
    """A layer with the settings that Keras requires of both directions."""
    layer = read_layer(value, info)
    if (
        not {"go_backwards", "return_sequences", "return_state", "stateful"}
        <= type(layer).model_fields.keys()
    ):
        raise Faults(
            [
                Fault(
                    "MS205",
                    f"`{layer.kind()}` does not process a sequence, which `Bidirectional` requires",
                    help="use a recurrent layer: `LSTM`, `GRU`, `SimpleRNN`, `RNN` or `ConvLSTM`",
                )
            ]
        )
    return layer


RecurrentSetting = Annotated[Any, PlainValidator(_recurrent, json_schema_input_type=Any)]


class Bidirectional(Wrapper):
    """Processes a sequence with two recurrent layers, one of them in reverse, and combines their
    outputs.

    ```yaml
    - Bidirectional: {LSTM: {units: 32, return_sequences: true}}
    - Bidirectional: {layer: {GRU: 32}, merge_mode: sum}
    ```

    Takes (batch, time, features), gives the output of the layer, with the last axis doubled
    (`concat`), unchanged (`sum`, `mul`, `ave`), or as two tensors (`null`). With `return_state` the
    states of both follow, those of the forward layer first. The backward layer is a copy of the
    forward layer unless `backward_layer` is given.
    """

    supports_masking = True
    uses_mask_of = ("sequences",)
    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("sequences"),
        Argument("initial_state", required=False, many=True, least=2),
        Argument("mask", required=False),
    )

    layer: RecurrentSetting
    merge_mode: Literal["sum", "mul", "ave", "concat"] | None = "concat"
    backward_layer: RecurrentSetting | None = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"layer": {"LSTM": 4}}, ((None, 6, 5),)),
        Example(
            {"layer": {"GRU": {"units": 4, "return_sequences": True}}, "merge_mode": "sum"},
            ((None, None, 5),),
        ),
        Example({"layer": {"LSTM": {"units": 4, "return_state": True}}}, ((None, 6, 5),)),
        Example({"layer": {"SimpleRNN": 4}, "merge_mode": None}, ((None, 6, 5),)),
        Example(
            {"layer": {"GRU": 4}, "backward_layer": {"LSTM": {"units": 4, "go_backwards": True}}},
            ((None, 6, 5),),
        ),
    )

    @model_validator(mode="after")
    def _directions_fit(self) -> Self:
        forward, backward = self.layer, self.backward_layer
        if backward is None:
            if forward.go_backwards:
                refuse(
                    "the layer of `Bidirectional` already has `go_backwards: true`, as would its"
                    " copy",
                    "MS208",
                    "layer",
                    forward.kind(),
                    "go_backwards",
                    help="leave `go_backwards` out",
                )
            return self
        if forward.go_backwards == backward.go_backwards:
            refuse(
                "both layers of `Bidirectional` process the sequence in the same direction",
                "MS208",
                "backward_layer",
                backward.kind(),
                help=(
                    f"set `go_backwards: {str(not forward.go_backwards).lower()}` in"
                    " `backward_layer`"
                ),
            )
        for name in ("stateful", "return_sequences", "return_state"):
            if getattr(forward, name) != getattr(backward, name):
                refuse(
                    f"the layers of `Bidirectional` have different `{name}`",
                    "MS208",
                    "backward_layer",
                    backward.kind(),
                    help=(
                        f"set `{name}: {str(getattr(forward, name)).lower()}` in"
                        " `backward_layer` too"
                    ),
                )
        return self

    def mask_rank(self, rank: int) -> int | None:
        return 2

    def output(self, inputs: Inputs) -> Outputs:
        forward, backward = self._directions(inputs)
        result, states = self._merged(forward[0]), (*forward[1:], *backward[1:])
        if forward[0].shape != backward[0].shape:
            # Keras considers only the forward layer and then reports a wrong shape, or fails.
            raise Fault(
                "MS403",
                f"the directions give {show(forward[0].shape)} and {show(backward[0].shape)}",
                ("backward_layer",),
                help="give both layers the same number of units",
            )
        outputs = (*result, *(self.result(state.shape) for state in states))
        return outputs if len(outputs) > 1 else outputs[0]

    def _merged(self, x: Tensor) -> tuple[Tensor, ...]:
        last = mul(x.shape[-1], 2) if self.merge_mode == "concat" else x.shape[-1]
        return (self.result((*x.shape[:-1], last)),) * (1 if self.merge_mode else 2)

    @property
    def gives_values_of(self) -> Layer | None:
        backward = self.backward_layer or self.inner
        alike = getattr(backward, "activation", None) == getattr(self.inner, "activation", None)
        return self.inner if alike and self.merge_mode not in ("sum", "mul") else None

    def _directions(self, inputs: Inputs) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """The output and states of each direction."""
        x = self.like(inputs.one)
        states = inputs.list("initial_state")
        if len(states) % 2:
            raise Fault(
                "MS310",
                "`Bidirectional` passes half of its initial states to each layer, found"
                f" {len(states)}",
                argument="initial_state",
            )
        half = len(states) // 2
        mask = inputs.tensor("mask")
        return (
            self._direction(self.inner, self.inner_path, x, states[:half], mask),
            self._direction(*self._backward(), x, states[half:], mask),
        )

    def _direction(
        self, layer: Layer, path: Path, x: Tensor, states: tuple[Tensor, ...], mask: Tensor | None
    ) -> tuple[Tensor, ...]:
        given: dict[str, Tensor | tuple[Tensor, ...]] = {"sequences": x}
        if states:
            given["initial_state"] = states
        if mask:
            given["mask"] = mask
        with inside(*path):
            made = output_of(layer, Inputs(given))
        return (made,) if isinstance(made, Tensor) else made

    def _backward(self) -> tuple[Layer, Path]:
        if self.backward_layer is None:
            return self.inner, self.inner_path
        return self.backward_layer, ("backward_layer", self.backward_layer.kind())

    def output_names(self, inputs: Inputs) -> tuple[str, ...]:
        outputs = ("output",) if self.merge_mode else ("forward", "backward")
        states: list[str] = []
        for direction, layer in (("forward", self.inner), ("backward", self._backward()[0])):
            states += [f"{direction}_{name}" for name in layer.output_names(inputs)[1:]]
        names = (*outputs, *states)
        return names if len(names) > 1 else ()

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        x = Inputs({"sequences": self.like(inputs.one)})
        backward = self._backward()[0]
        # A copy is named after the forward layer; a separate layer as Keras names the second layer
        # created.
        first, second = names_of((self.inner, backward))
        if self.backward_layer is None:
            second = f"backward_{first.removeprefix('backward_')}"
        forward = prefixed(
            f"forward_{first.removeprefix('forward_')}", self.inner.weights(x), self.trainable
        )
        return (*forward, *prefixed(second, backward.weights(x), self.trainable))

    def multiply_adds(self, inputs: Inputs) -> Size:
        x = Inputs({"sequences": inputs.one})
        return total((self.inner.multiply_adds(x), self._backward()[0].multiply_adds(x)))

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        x = Inputs({"sequences": self.like(inputs.one)})
        return together(one.saved(x, made) for one in (self.inner, self._backward()[0]))
