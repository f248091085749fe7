"""Points and boxes that cannot move with their image."""

from __future__ import annotations

from math import prod

from modelspec.core.dtypes import is_float
from modelspec.core.shapes import Tensor, show

from ..spec.augment_section import Joint
from ..spec.data_section import Feature, transform_of
from .case import Case
from .data_chains import features


def check(case: Case) -> None:
    """Check every input and target with `coordinates`, and the layers that move the image."""
    if case.typed is None or case.data is None:
        return
    for key, feature in features(case.data):
        if feature.coordinates is not None:
            _check_transform(key, feature, case)
    for name in case.coordinates:
        for tensors in (case.typed.inputs, case.typed.outputs):
            if name in tensors:
                _check_numbers(name, tensors[name], case)
    for lead, chain in case.data.augment.items():
        for use in chain.uses:
            if use.layer is None or not use.layer.moves_values:
                continue
            for name, form in case.coordinates.items():
                if not isinstance(chain, Joint):
                    case.report.error(
                        "MS695",
                        f"`{use.kind}` moves the content of `{lead}`, but the {form.noun} `{name}`"
                        " do not move",
                        use.kind_span,
                        help=f"write `augment: {{layers: [...], on: [{lead}, {name}]}}`",
                    )
                elif name in chain.on and not use.layer.moves_coordinates:
                    case.report.error(
                        "MS695",
                        f"`{use.kind}` cannot apply the same movement to the {form.noun} `{name}`",
                        use.kind_span,
                        help="use `RandomFlip`, `RandomRotation`, `RandomTranslation`,"
                        " `RandomZoom`, `RandomShear` or `RandomResizedCrop`",
                    )


def _check_transform(key: tuple[str, str], feature: Feature, case: Case) -> None:
    """Check that the numbers after the transform are places in an image."""
    chain = transform_of(feature)
    for use in chain.uses if chain is not None else ():
        if use.layer is not None and use.layer.adapts:
            case.report.error(
                "MS695",
                f"the numbers of `{key[1]}` after `{use.kind}` depend on the data, and are not"
                " places in an image",
                use.kind_span,
                help="remove it, or use `Rescaling` and the `rel_` format of `coordinates`",
            )


def _check_numbers(name: str, tensor: Tensor, case: Case) -> None:
    """Check that a tensor consists of points or boxes."""
    form = case.coordinates[name]
    sizes = [size for size in tensor.shape[1:] if isinstance(size, int)]
    known = len(sizes) == tensor.rank - 1
    if is_float(tensor.dtype) and not (known and prod(sizes) % form.numbers):
        return
    assert case.data is not None
    kind = "inputs" if case.typed is not None and name in case.typed.inputs else "targets"
    case.report.error(
        "MS695",
        f"`{name}` is {show(tensor.shape)} ({tensor.dtype}), but {form.noun} have {form.numbers}"
        " floating-point numbers each",
        case.data.spans.get((kind, name)),
        help=f"use a shape such as `[5, {form.numbers}]`",
    )
