"""The base class of the layers of plugins: `modelspec.Layer`.

A method of a plugin gets the tensors of a call as a list, after Keras's cast to the dtype of the
layer. It is called guarded: what it raises, and a value of another type, is a `Fault` that names
the plugin.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from inspect import get_annotations
from typing import Any, ClassVar, Final

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import DTYPES
from modelspec.core.plugins.declared import KerasDeclared
from modelspec.core.plugins.guard import CALL_SECONDS, PluginFailure, guarded
from modelspec.core.plugins.methods import failed, wrong_result
from modelspec.core.registry import Registry
from modelspec.core.shapes import MAX_AXES, PENDING, Shape, Size, Tensor

from .layer import Argument, Inputs, Outputs, Weight
from .layer import Layer as AnyLayer


class Given(tuple[Tensor, ...]):
    """The tensors of a call, as a method of a plugin gets them."""

    __slots__ = ()


class Layer(KerasDeclared, AnyLayer):
    """A layer of your own: settings as annotations, the shape rule, the weights, and the import
    path of the Keras layer.
    """

    arguments: ClassVar[tuple[Argument, ...]] = (Argument("inputs", many=True),)
    keras_module: ClassVar[str] = ""
    one_alone: ClassVar[bool] = True

    @classmethod
    def registry(cls) -> Registry:
        """The table of all layers."""
        from . import LAYERS

        return LAYERS

    @classmethod
    def keras_base(cls) -> str:
        """The base class in Keras."""
        return "layers.Layer"

    @classmethod
    def problems(cls) -> Iterator[str]:
        """What is wrong with the declaration."""
        yield from super().problems()
        if cls.output is Layer.output:
            yield "has no method `output(self, inputs)`, which returns the type of its output"
        for name in _settings_of(cls):
            if is_taken(name) or name in _METHODS:
                yield f"has a setting `{name}`, a name that every layer already uses: rename it"

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, checked in _METHODS.items():
            method = cls.__dict__.get(name)
            if method is not None and not hasattr(method, "__wrapped__"):
                setattr(cls, name, _as_rule(name, method, checked))

    def output(  # type: ignore[override]  # plugins get tensors: see `_as_rule`
        self, inputs: Sequence[Tensor]
    ) -> Tensor | Sequence[Tensor]:
        """The type of the output, or of several. Raises `ValueError` to refuse the inputs."""
        raise NotImplementedError

    def weights(  # type: ignore[override]  # as above
        self, inputs: Sequence[Tensor]
    ) -> Sequence[Weight]:
        """All weights in the order of Keras."""
        return ()

    def cost(self, inputs: Sequence[Tensor]) -> Size:
        """Multiply-add operations for one example."""
        return 0

    def multiply_adds(self, inputs: Inputs) -> Size:
        """Those of `cost`."""
        rule: Callable[[Inputs], Size] = self.cost  # type: ignore[assignment]  # as above
        return rule(inputs)

    def weight(  # type: ignore[override]  # the shape is one argument in plugins
        self,
        name: str,
        shape: Size | Sequence[Size] = (),
        trainable: bool = True,
        dtype: str | None = None,
    ) -> Weight:
        """A weight: its name and its shape, without a batch axis; by default in the dtype of the
        layer. Raises `Fault` (MS404, MS405).
        """
        sizes = (shape,) if isinstance(shape, (int, str)) or shape is None else tuple(shape)
        for size in sizes:
            if not isinstance(size, int) and size != PENDING:
                raise Fault(
                    "MS405",
                    f"a size of the weight `{name}` is unknown, but must be known to build"
                    f" `{self.kind()}`",
                    help="give the axis a size under `inputs`",
                )
        if dtype is not None:
            return Weight(name, sizes, trainable and self.trainable, dtype)
        return super().weight(name, *sizes, trainable=trainable)

    def result(self, shape: Shape, dtype: str | None = None) -> Tensor:
        """The type of an output: its shape, batch axis first, and its dtype, by default that of the
        layer.
        """
        return Tensor(tuple(shape), dtype or self.compute_dtype)


def is_taken(name: str) -> bool:
    """Whether every layer uses a name, so that a plugin cannot have a setting of that name."""
    fields = (*AnyLayer.model_fields, *AnyLayer.reserved)
    return name in fields or hasattr(AnyLayer, name)


def _settings_of(cls: type[Layer]) -> Iterator[str]:
    """The settings that a class and its base classes in plugins declare."""
    for one in cls.__mro__[: cls.__mro__.index(Layer)]:
        for name, annotation in get_annotations(one).items():
            if "ClassVar" not in str(annotation) and not name.startswith("_"):
                yield name


def _as_rule(name: str, method: Callable[..., Any], checked: Callable[..., Any]) -> Any:
    """A method of a plugin as modelspec calls it: with `Inputs`, and returning what it expects."""

    @wraps(method)
    def rule(self: Layer, inputs: Any) -> Any:
        if isinstance(inputs, Given):  # called by the method of a derived class
            return method(self, inputs)
        given = _given(self, inputs)
        try:
            return checked(self, guarded(lambda: method(self, given), CALL_SECONDS))
        except PluginFailure as failure:
            raise _fault(self, name, failure) from None

    return rule


def _given(layer: Layer, inputs: Inputs) -> Given:
    found: list[Tensor] = []
    for value in inputs.tensors.values():
        found += [value] if isinstance(value, Tensor) else value
    return Given(one._replace(dtype=layer.cast(one.dtype)) for one in found)


def _fault(layer: Layer, name: str, failure: PluginFailure) -> Fault:
    """A `ValueError` of a method means that the layer does not accept the tensors."""
    error = failure.error
    if isinstance(error, Fault):
        return error
    if type(error) is ValueError:
        return Fault(
            "MS854", f"`{layer.kind()}` does not accept these tensors: {error}", (), (), None
        )
    return failed(layer, name, failure, "it raises `ValueError` to refuse tensors")


def _outputs(layer: Layer, found: Any) -> Outputs:
    several = isinstance(found, (tuple, list)) and not isinstance(found, Tensor)
    tensors = tuple(found) if several else (found,)
    if not tensors or not all(isinstance(one, Tensor) and _is_type(one) for one in tensors):
        expected = "a tensor (`inputs[0]`, `self.result(shape)`) or a list of them"
        raise wrong_result(layer, "output", expected, found)
    return tensors if several else tensors[0]


def _is_type(tensor: Tensor) -> bool:
    shape = tensor.shape
    return (
        isinstance(shape, tuple)
        and 0 < len(shape) <= MAX_AXES
        and all(size is None or type(size) in (int, str) for size in shape)
        and tensor.dtype in DTYPES
    )


def _weights(layer: Layer, found: Any) -> tuple[Weight, ...]:
    if not isinstance(found, (tuple, list)) or not all(isinstance(one, Weight) for one in found):
        raise wrong_result(layer, "weights", "a list of `self.weight(...)`", found)
    return tuple(found)


def _size(layer: Layer, found: Any) -> Size:
    if found is not None and type(found) not in (int, str):
        raise wrong_result(layer, "cost", "an integer", found)
    size: Size = found
    return size


_METHODS: Final[dict[str, Callable[..., Any]]] = {
    "output": _outputs,
    "weights": _weights,
    "cost": _size,
}
"""The methods that plugins define, and the checks of what they return."""
