"""Tensors that cannot be varied together."""

from __future__ import annotations

from modelspec.core.dtypes import is_float
from modelspec.core.shapes import show

from ..infer import TypedGraph
from ..spec.augment_section import Joint, format_of, mixing, moving, places, same_places
from ..spec.data_section import DataSection
from .case import Case


def check(case: Case) -> None:
    """Check every `augment` with `on`."""
    if case.typed is None or case.data is None:
        return
    for lead, chain in case.data.augment.items():
        if isinstance(chain, Joint):
            _check_targets(chain, case.typed, case.data, case)
            if moving(chain):
                _check_places(lead, chain, case.typed, case)
            _check_layers(chain, case.typed, case)


def _check_targets(chain: Joint, typed: TypedGraph, data: DataSection, case: Case) -> None:
    """Check that each varied output has a target."""
    for name in chain.on:
        if name in typed.inputs or data.targets is None or name in data.targets:
            continue
        case.report.error(
            "MS581",
            f"`on` contains `{name}`, but `data.targets` has no entry for this output",
            chain.spans[name],
            help=f"add `{name}: {{column: ...}}` to `targets`, or leave `{name}` out of `on`",
        )


def _check_places(lead: str, chain: Joint, typed: TypedGraph, case: Case) -> None:
    """Check that tensors that move together have the same height and width."""
    data_format = format_of(chain)
    image = typed.inputs.get(lead)
    own = places(image.shape, data_format) if image is not None else None
    mixed = bool(mixing(chain))
    for name in chain.on:
        if name in case.coordinates:
            continue
        for tensor in (typed.inputs.get(name), typed.outputs.get(name)):
            if tensor is None or image is None or own is None:
                continue
            found = places(tensor.shape, data_format)
            if found is None and mixed:
                continue  # it has no pixels, and is mixed as a whole
            if same_places(own, found) is False:
                case.report.error(
                    "MS581",
                    f"`{name}` is {show(tensor.shape)}, which cannot be moved together with "
                    f"`{lead}`, which is {show(image.shape)}",
                    chain.spans[name],
                    help="`on` takes images and masks of the same height and width, and points and"
                    " boxes with `coordinates`",
                )


def _check_layers(chain: Joint, typed: TypedGraph, case: Case) -> None:
    """Check layers that also change colors: they support images only."""
    images = [
        name
        for name in chain.on
        if name in typed.inputs
        and name not in typed.outputs
        and name not in case.coordinates
        and is_float(typed.inputs[name].dtype)
    ]
    others = [name for name in chain.on if name not in images]
    for use in chain.uses:
        layer = use.layer
        if layer is None:
            continue
        if not images and not layer.moves_values:
            case.report.error(
                "MS581",
                f"`{use.kind}` varies images, but `on` contains no floating-point input",
                use.kind_span,
                help="add the input with the images to `on`",
            )
        elif layer.moves_values and others and layer.for_class_numbers(None) is None:
            case.report.error(
                "MS581",
                f"`{use.kind}` cannot apply the same movement to `{others[0]}`",
                use.kind_span,
                help="use the single layers instead, e.g. `RandomRotation` and `RandomBrightness`",
            )
