"""Audio files that are read with another shape than the model expects."""

from __future__ import annotations

from modelspec.core.shapes import Shape, may_equal, show

from ..spec.arrangement import match
from ..spec.file_reading import sound_shape
from .case import Case


def check(case: Case) -> None:
    """Check every input that gets sounds without a transform."""
    if case.data is None or case.typed is None:
        return
    source = case.data.sources.get("train")
    for name, feature in (case.data.inputs or {}).items():
        shape, tensor = sound_shape(feature, source), case.typed.inputs.get(name)
        if shape is None or tensor is None or feature.prepared or _fits(shape, tensor.shape[1:]):
            continue
        case.report.error(
            "MS700",
            f"`{feature.column}` is read as {show((None, *shape))}, but input `{name}` takes"
            f" {show(tensor.shape)}",
            case.data.spans.get(("inputs", name)),
            help="`output_sequence_length` sets the number of samples, `channels` is `mono` or"
            " `stereo`",
        )


def _fits(shape: Shape, wanted: Shape) -> bool:
    sizes = [size for size in shape if isinstance(size, int)]
    if len(sizes) == len(shape):
        return match(tuple(sizes), wanted) is not None
    if len(shape) == 1:  # a number of samples that is not set
        return sum(size != 1 for size in wanted) == 1
    return len(wanted) == 2 and may_equal(wanted[-1], shape[-1])
