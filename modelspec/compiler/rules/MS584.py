"""Image files that are read with another shape than the model expects."""

from __future__ import annotations

from modelspec.core.shapes import Shape, Tensor, may_equal, show

from ..spec.arrangement import match
from ..spec.augment_section import places, same_places
from ..spec.file_reading import picture_shape
from .case import Case


def check(case: Case) -> None:
    """Check every input and target that gets images without a transform."""
    if case.data is None or case.typed is None:
        return
    source = case.data.sources.get("train")
    for kind, features, tensors in (
        ("inputs", case.data.inputs, case.typed.inputs),
        ("targets", case.data.targets, case.typed.outputs),
    ):
        for name, feature in (features or {}).items():
            shape, tensor = picture_shape(feature, source), tensors.get(name)
            if shape is None or tensor is None or feature.prepared:
                continue
            fits = _fits_input(shape, tensor) if kind == "inputs" else _fits_output(shape, tensor)
            if not fits:
                what = f"input `{name}` takes" if kind == "inputs" else f"output `{name}` is"
                found = f"`{feature.column}` is read as {show((None, *shape))}"
                case.report.error(
                    "MS584",
                    f"{found}, but {what} {show(tensor.shape)}",
                    case.data.spans.get((kind, name)),
                    help="`size` sets the height and width of the images, `color_mode` the"
                    " channels",
                )


def _fits_input(shape: Shape, tensor: Tensor) -> bool:
    sizes = [size for size in shape if isinstance(size, int)]
    if len(sizes) == len(shape):
        return match(tuple(sizes), tensor.shape[1:]) is not None
    return tensor.rank != 4 or may_equal(tensor.shape[-1], shape[-1])


def _fits_output(shape: Shape, tensor: Tensor) -> bool:
    """Whether the height and width match; the channels depend on the loss."""
    own = shape[:2]
    found = (places(tensor.shape, one) for one in ("channels_last", "channels_first"))
    return tensor.rank not in (3, 4) or any(same_places(own, one) is not False for one in found)
