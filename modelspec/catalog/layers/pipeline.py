"""Pipeline: a chain of layers as one layer."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import PlainValidator, ValidationInfo, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Faults, Settings, Unfit, refuse
from modelspec.core.shapes import Size, Tensor, total

from .calls import output_of
from .common import inside, names_of, only, prefixed, without_trainable
from .layer import Argument, Example, Inputs, Layer, Weight
from .setting_types import ListedLayers, omitted, read_layer


def _layers(value: Any, info: ValidationInfo) -> tuple[Settings, ...]:
    """All layers of a list. Raises the faults of all of them together."""
    if not isinstance(value, (tuple, list)) or not value:
        raise Unfit("a list of at least one layer")
    made: list[Settings] = []
    faults: list[Fault] = []
    for index, item in enumerate(value):
        try:
            made.append(read_layer(item, info))
        except Faults as error:
            faults += [fault.under(index) for fault in error.faults]
    if faults:
        raise Faults(faults)
    return tuple(made)


class Pipeline(Layer):
    """Applies several layers in sequence as one layer; intended for preprocessing.

    ```yaml
    - Pipeline: [{Rescaling: 0.00392156862745098}, {RandomFlip: horizontal}]
    ```

    Takes the input of the first layer, gives the output of the last one.
    """

    supports_masking = None
    shape_known_to_keras = False
    constructed_trainable = False
    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("inputs"),
        Argument("mask", required=False),
    )

    layers: Annotated[Any, PlainValidator(_layers, json_schema_input_type=ListedLayers)]
    dtype: Annotated[str, omitted("each layer of the list has its own")] = "float32"

    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            {"layers": ({"Rescaling": 0.5}, {"CenterCrop": {"height": 4, "width": 4}})},
            ((None, 8, 8, 3),),
        ),
        Example(
            {"layers": ({"CategoryEncoding": {"num_tokens": 4, "output_mode": "one_hot"}},)},
            ((None, 1),),
            "int32",
        ),
        Example(
            {"layers": ({"CategoryEncoding": {"num_tokens": 4, "dtype": "mixed_float16"}},)},
            ((None, 3),),
            "int32",
        ),
        Example(
            {"layers": ({"IntegerLookup": {"vocabulary": (1, 2), "output_mode": "one_hot"}},)},
            ((None, 3),),
            "int32",
        ),
    )

    @model_validator(mode="after")
    def _chain_of_one(self) -> Self:
        without_trainable(self)
        for index, layer in enumerate(self.layers):
            first, *rest = layer.arguments
            several = first.many and not layer.one_alone
            if several or any(argument.required for argument in rest):
                refuse(
                    f"`Pipeline` passes one tensor to each layer, but `{layer.kind()}` takes"
                    " several",
                    "MS205",
                    "layers",
                    index,
                )
            mode = getattr(layer, "output_mode", None)
            if getattr(layer, "sparse", False) and (
                mode == "one_hot" or layer.kind() == "CategoryEncoding"
            ):
                refuse(
                    f"`{layer.kind()}` does not support sparse `{mode}` inside a `Pipeline`",
                    "MS208",
                    "layers",
                    index,
                    layer.kind(),
                    "sparse",
                    help="leave out `sparse`, or encode outside of the `Pipeline`",
                )
        return self

    def output(self, inputs: Inputs) -> Tensor:
        return self._steps(inputs)[-1][1]

    def _steps(self, inputs: Inputs) -> list[tuple[Inputs, Tensor]]:
        """The call of each layer and its output."""
        x, mask, steps = inputs.one, inputs.tensor("mask"), []
        for index, layer in enumerate(self.layers):
            first, *rest = layer.arguments
            given: dict[str, Tensor | tuple[Tensor, ...]] = {first.name: x}
            if index == 0 and mask and any(argument.name == "mask" for argument in rest):
                given["mask"] = mask
            call = Inputs(given)
            with inside("layers", index, layer.kind()):
                x = layer.traced(x, only(layer, output_of(layer, call)))
            steps.append((call, x))
        return steps

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        made: tuple[Weight, ...] = ()
        for name, layer, (call, _) in zip(
            names_of(self.layers), self.layers, self._steps(inputs), strict=True
        ):
            made += prefixed(name, layer.weights(call))
        return made

    def multiply_adds(self, inputs: Inputs) -> Size:
        calls = [call for call, _ in self._steps(inputs)]
        return total(
            layer.multiply_adds(call) for layer, call in zip(self.layers, calls, strict=True)
        )
