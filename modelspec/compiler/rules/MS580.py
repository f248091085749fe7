"""Layers that move the content of an image but not its mask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from modelspec.core.shapes import Tensor

from ..infer import TypedGraph
from ..spec.augment_section import Joint, format_of, places, same_places
from ..spec.transform_layers import Chain
from .case import Case


def check(case: Case) -> None:
    """Check every `augment` without `on`."""
    if case.typed is None or case.data is None:
        return
    for name, chain in case.data.augment.items():
        if isinstance(chain, Joint):
            continue
        use = next((use for use in chain.uses if use.layer and use.layer.moves_values), None)
        others = [
            one
            for one in _others(name, chain, case.typed, _with_target(case))
            if not _is_random(one[0], case)
            and one[0] not in case.coordinates
            and not (one[1] == "input" and case.data.are_views(name, one[0]))
        ]
        if use is None or not others:
            continue
        names = ", ".join([name, *(one for one, _ in others)])
        what = " and ".join(f"the {kind} `{one}`" for one, kind in others)
        case.report.error(
            "MS580",
            f"`{use.kind}` moves the content of `{name}`, but {what} of the same height and width"
            f" {'do' if len(others) > 1 else 'does'} not move",
            use.kind_span,
            help=f"write `augment: {{layers: [...], on: [{names}]}}`, or `on: [{name}]` if only"
            " this input should move",
        )


def _others(
    name: str, chain: Chain, typed: TypedGraph, targets: Mapping[str, Tensor]
) -> Iterator[tuple[str, str]]:
    """The inputs and targets with the height and width of an input, each with its kind."""
    image = typed.inputs.get(name)
    if image is None:
        return
    data_format = format_of(chain)
    own = places(image.shape, data_format)
    for kind, tensors in (("input", typed.inputs), ("target", targets)):
        for other, tensor in tensors.items():
            if kind == "input" and other == name:
                continue
            if same_places(own, places(tensor.shape, data_format)):
                yield other, kind


def _is_random(name: str, case: Case) -> bool:
    """Whether an input is random, so that it has no positions of an image."""
    feature = (case.data.inputs or {}).get(name) if case.data is not None else None
    return feature is not None and feature.random is not None


def _with_target(case: Case) -> dict[str, Tensor]:
    """The outputs with a target."""
    assert case.typed is not None
    assert case.data is not None
    by_default = case.training.losses if case.training is not None else {}
    named = tuple(by_default if case.data.targets is None else case.data.targets)
    return {name: one for name, one in case.typed.outputs.items() if name in named}
