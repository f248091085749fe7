"""The base class of the transforms of plugins: `modelspec.Transform`.

A transform is a layer that only prepares data, and that is computed with NumPy.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeAlias

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import DTYPES
from modelspec.core.plugins.declared import Declared
from modelspec.core.plugins.guard import CALL_SECONDS, PluginFailure, shortened
from modelspec.core.plugins.methods import failed, wrong
from modelspec.core.plugins.working import Working
from modelspec.core.registry import Registry
from modelspec.core.shapes import MAX_AXES, Shape, Tensor

from ..sources.common.plugin_source import settings_of
from .layer import Inputs
from .layer import Layer as AnyLayer
from .plugin_layer import is_taken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]
Reads = Literal["numbers", "integers", "strings"]
_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "numbers": ("float32",),
    "integers": ("int64",),
    "strings": ("string",),
}
_OF_OTHERS: Final = ("vocabulary", "sparse", "ragged", "learned")
"""Settings that have a meaning in other layers of a `transform`."""


class Transform(Declared, Working, AnyLayer):
    """A transform of your own: settings as annotations, the type of its output, what it learns from
    the training rows, and a method that computes a batch.
    """

    plugin_noun: ClassVar[str] = "transform"
    prepares_data = True
    keras_module: ClassVar[str] = ""
    not_in_models: ClassVar[str | None] = (
        "it is a transform of a plugin, which is computed with NumPy in a `transform`"
    )
    reads: ClassVar[Reads] = "numbers"
    """The columns that it takes first in a `transform`: `numbers`, `integers` or `strings`."""
    state: ClassVar[Mapping[str, "Array"]] = {}
    """What `adapt` has returned; empty before."""

    @classmethod
    def registry(cls) -> Registry:
        """The table of all layers."""
        from . import LAYERS

        return LAYERS

    @classmethod
    def is_abstract(cls) -> bool:
        """Whether it computes nothing."""
        return cls.apply is Transform.apply

    @classmethod
    def problems(cls) -> Iterator[str]:
        """What is wrong with the declaration."""
        yield from super().problems()
        if cls.apply is Transform.apply:
            yield "has no method `apply(self, batch)`, which returns the prepared batch"
        if cls.reads not in _COLUMNS:
            yield f'has `reads` {cls.reads!r}, expected "numbers", "integers" or "strings"'
        for name in settings_of(cls, Transform):
            if is_taken(name) or hasattr(Transform, name) or name in _OF_OTHERS:
                yield f"has a setting `{name}`, a name that other layers already use: rename it"

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        method = cls.__dict__.get("output")
        if method is not None and not hasattr(method, "__wrapped__"):
            setattr(cls, "output", _as_rule(method))  # noqa: B010  # a method cannot be assigned to

    def adapt(self, batches: Iterable["Array"]) -> Mapping[str, "Array"]:
        """What the transform learns from the training rows: arrays by name, which `self.state`
        contains afterwards. Each iteration over `batches` is a pass over the rows. With `pad`, a
        batch is a masked array, in which filled entries are masked.
        """
        return {}

    def output(self, spec: Any) -> Tensor:
        """The type of the output for an input of the type `spec`, whose `shape` begins with the
        batch axis. Raises `ValueError` to refuse it.
        """
        found: Tensor = spec.one if isinstance(spec, Inputs) else spec
        return found._replace(dtype=self.cast(found.dtype))

    def apply(self, batch: "Array") -> "Array":
        """The prepared examples of a batch, each from its row alone."""
        raise NotImplementedError

    def result(self, shape: Shape, dtype: str | None = None) -> Tensor:
        """The type of an output: its shape, batch axis first, and its dtype, by default float64 in
        a `transform`.
        """
        return Tensor(tuple(shape), dtype or self.compute_dtype)

    # What modelspec asks --------------------------------------------------------------------------

    def column_types(self) -> tuple[str, ...]:
        return _COLUMNS[self.reads]

    @property
    def is_learned(self) -> bool:
        """Whether the class learns from data."""
        return type(self).adapt is not Transform.adapt

    @property
    def is_adapted(self) -> bool:
        """Whether it has learned."""
        return "state" in self.__dict__


def _as_rule(method: Callable[..., Any]) -> Any:
    """`output` of a plugin as a shape rule: called with `Inputs`, guarded, its result checked."""

    @wraps(method)
    def rule(self: Transform, spec: Any) -> Any:
        if not isinstance(spec, Inputs):  # called by a method of a plugin, or in its tests
            return method(self, spec)
        given = spec.one
        given = given._replace(dtype=self.cast(given.dtype))
        try:
            found = self.worker.run(lambda: method(self, given), CALL_SECONDS)
        except PluginFailure as failure:
            raise _refused(self, failure) from None
        return _checked(self, found)

    return rule


def _refused(transform: Transform, failure: PluginFailure) -> Fault:
    """MS854 for a `ValueError`, which refuses the input; otherwise MS853."""
    error = failure.error
    if isinstance(error, Fault):
        return error
    if type(error) is ValueError:
        message = f"`{transform.kind()}` does not accept these values: {error}"
        return Fault("MS854", message, (), (), None)
    return failed(transform, "output", failure, "it raises `ValueError` to refuse an input")


def _checked(transform: Transform, found: Any) -> Tensor:
    if not isinstance(found, Tensor) or not _is_type(found):
        expected = "the type of an array (`spec`, `self.result(shape)`)"
        raise wrong(transform, "output", expected, shortened(repr(found)))
    return found


def _is_type(tensor: Tensor) -> bool:
    shape = tensor.shape
    return (
        isinstance(shape, tuple)
        and 0 < len(shape) <= MAX_AXES
        and all(size is None or type(size) in (int, str) for size in shape)
        and tensor.dtype in DTYPES
        and tensor.dtype != "bfloat16"
    )
