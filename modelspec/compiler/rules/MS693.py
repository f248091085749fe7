"""Tensors that `augment` cannot mix with those of another example."""

from __future__ import annotations

from modelspec.catalog.layers.layer import Layer
from modelspec.core.dtypes import is_float

from ..infer import TypedGraph
from ..spec.augment_section import Joint, format_of, mixing, places, same_places
from ..spec.transform_layers import Chain
from .case import Case
from .trained_outputs import TrainedOutput

_LABELS = ("indices", "identities", "sequences")


def check(case: Case) -> None:
    """Check what every layer that mixes examples is applied to."""
    if case.typed is None or case.data is None:
        return
    for lead, chain in case.data.augment.items():
        layers = mixing(chain)
        if not layers:
            continue
        trained = {one.head.output: one for one in case.trained}
        for name in _mixed(lead, chain, trained, case.typed):
            wrong = _wrong(name, lead, chain, layers, trained, case)
            if wrong is not None:
                _report(name, chain, layers[0], *wrong, case)


def _mixed(
    lead: str, chain: Chain, trained: dict[str, TrainedOutput], typed: TypedGraph
) -> list[str]:
    """The names of all inputs and targets that are mixed."""
    if isinstance(chain, Joint):
        return list(chain.on)
    return [lead, *(name for name in typed.outputs if name in trained and name != lead)]


def _wrong(
    name: str,
    lead: str,
    chain: Chain,
    layers: tuple[Layer, ...],
    trained: dict[str, TrainedOutput],
    case: Case,
) -> tuple[str, str] | None:
    """What a tensor contains that cannot be mixed, and the fix; None if it can be mixed."""
    assert case.typed is not None
    if name in case.coordinates:
        return f"contains {case.coordinates[name].noun} in an image", "leave out the layer"
    data_format = format_of(chain)
    image = case.typed.inputs.get(lead)
    tensor = case.typed.inputs.get(name)
    as_means = any(one.mixes_by == "mean" for one in layers)
    if tensor is not None and name != lead and not is_float(tensor.dtype):
        return f"is of dtype {tensor.dtype}", f"leave `{name}` out of `on`"
    one = trained.get(name)
    if one is None:
        return None
    if one.settings.of_margins:
        return f"contains 1 and -1 for `{one.loss.written}`", "use `binary_crossentropy`"
    if one.settings.targets not in _LABELS:
        return None
    own = places(image.shape, data_format) if image is not None else None
    has_pixels = same_places(own, places(one.head.tensor.shape, data_format)) is not False
    if has_pixels and own is not None and not as_means:
        return None  # a region of a mask is replaced by that of another mask
    units = one.head.units if isinstance(one.head.units, int) else 10
    return (
        f"contains class numbers for `{one.loss.written}`",
        "use `categorical_crossentropy` with one-hot targets: `transform: [{CategoryEncoding:"
        f" {{num_tokens: {units}, output_mode: one_hot}}}}]` for class numbers, or a"
        " `StringLookup`",
    )


def _report(name: str, chain: Chain, layer: Layer, what: str, help: str, case: Case) -> None:
    use = next(use for use in chain.uses if use.layer is layer)
    place = chain.spans[name] if isinstance(chain, Joint) else use.kind_span
    kind = "input" if case.typed is not None and name in case.typed.inputs else "target"
    case.report.error(
        "MS693",
        f"`{use.kind}` computes a mean of two examples, but the {kind} `{name}` {what}",
        place,
        help=help,
    )
