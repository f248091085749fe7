"""`model.inputs`: the shapes and dtypes that a model takes."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import PlainValidator

from modelspec.catalog.layers.setting_types import Count, one_of
from modelspec.core.diagnostics import Collector, Span
from modelspec.core.dtypes import DTYPES
from modelspec.core.records import dataclass
from modelspec.core.sections import read_section
from modelspec.core.settings import Context, Section, Unfit, describe, is_int
from modelspec.core.shapes import MAX_AXES, PENDING, Shape, Tensor
from modelspec.core.source import Mapping, Node, Scalar, Sequence, plain

from .layer_names import check_name


@dataclass(frozen=True)
class InputSpec:
    """One input. `shape` has no batch axis, and is None if the value is not a valid shape."""

    name: str
    shape: Shape | None
    dtype: str
    span: Span
    batch_size: int | None = None
    optional: bool = False

    @property
    def type(self) -> Tensor | None:
        """Its type, batch axis first."""
        if self.shape is None:
            return None
        return Tensor((self.batch_size, *self.shape), self.dtype)


def _sizes(value: Any) -> Shape:
    if not isinstance(value, (tuple, list)):
        raise Unfit("a list of sizes, e.g. `[28, 28, 1]`")
    if len(value) >= MAX_AXES:
        raise Unfit(f"a list of at most {MAX_AXES - 1} sizes", code="MS205")
    return tuple(_size(item, index) for index, item in enumerate(value))


def _size(value: Any, index: int) -> int | str | None:
    if value is None:
        return None
    if is_int(value) and value >= 1:
        return int(value)
    if isinstance(value, str) and value == "auto":
        return PENDING
    if isinstance(value, str) and value.isidentifier():
        return value
    code = "MS205" if is_int(value) else "MS204"
    raise Unfit(
        "made of sizes: integers of at least 1, `null` (unknown), a name, or `auto`",
        code=code,
        path=(index,),
    )


def _dtype(value: Any) -> str:
    return one_of(value, DTYPES, "a dtype (`float32`, `int32`, `string`, ...)")


class Input(Section):
    """The long form of an input: `{shape: [time], dtype: int32}`."""

    title: ClassVar[str] = "input"

    shape: Annotated[
        tuple[Any, ...], PlainValidator(_sizes, json_schema_input_type=list[int | str | None])
    ]
    dtype: Annotated[str, PlainValidator(_dtype, json_schema_input_type=str)] = "float32"
    batch_size: Count | None = None
    optional: bool = False


def read_inputs(node: Node, report: Collector) -> tuple[InputSpec, ...]:
    """The inputs in their order; `inputs: [28, 28, 1]` is one input named `input`."""
    if isinstance(node, Sequence) or is_one_input(node):
        return (_input("input", node, node.span, report),)
    if not isinstance(node, Mapping) or not node.entries:
        report.error(
            "MS204",
            "`inputs` must be a mapping of names to shapes, or one shape, "
            f"found {describe(plain(node))}",
            node.span,
            help="e.g. `inputs: {image: [28, 28, 1]}`",
        )
        return ()
    return tuple(
        _input(name, entry.value, entry.key_span, report)
        for name, entry in node.entries.items()
        if check_name(name, entry.key_span, report)
    )


def is_one_input(node: Node) -> bool:
    """Whether `inputs` is a single input in its long form, `{shape: [time], dtype: int32}`, rather
    than a mapping of names, of which one may be `shape`.
    """
    if not isinstance(node, Mapping) or "shape" not in node.entries:
        return False
    shape, *others = (node.entries[key].value for key in sorted(node.entries, key="shape".__ne__))
    return not isinstance(shape, Mapping) and all(isinstance(one, Scalar) for one in others)


def _input(name: str, node: Node, span: Span, report: Collector) -> InputSpec:
    if isinstance(node, Scalar):
        value = describe(plain(node))
        report.error(
            "MS204",
            f"input `{name}` must be a list of sizes, or a mapping with `shape`, found {value}",
            node.span,
            help=f"write `[{node.value}]` for one axis" if is_int(node.value) else None,
        )
        return InputSpec(name, None, "float32", span)
    values = {"shape": plain(node)} if isinstance(node, Sequence) else None
    read = read_section(Input, node, span, Context(), report, values)
    if read is None:
        return InputSpec(name, None, "float32", span)
    return InputSpec(name, read.shape, read.dtype, span, read.batch_size, read.optional)
