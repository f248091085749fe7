"""Images of 16 bits before layers whose value range is smaller."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.pipeline import Compiled

from .adapted_state import State
from .errors import Findings
from .spec_facts import section, takers

if TYPE_CHECKING:
    from .scan import Scan
    from .scanned_feature import ScannedFeature


def check_ranges(scan: Scan, compiled: Compiled, findings: Findings) -> None:
    """MS666: a layer whose `value_range` ends below the values of the 16-bit images that it gets,
    so that it would clip them.
    """
    for (kind, name), feature in scan.features.items():
        if kind == "inputs" and feature.wide:
            _check(name, feature, compiled, findings)


def check_bits(scan: Scan, state: State, findings: Findings) -> None:
    """MS666: image files whose bit depth is not that of the images the run was trained on."""
    for key, feature in scan.features.items():
        bits = scan.table.bits_of(feature.bound.names[0])
        if bits is not None and (bits == 16) != state.features[key].wide and feature.sizes[2:]:
            name = feature.bound.names[0]
            findings.error(
                "MS666",
                f"`{name}` of {scan.table.name} has {bits} bits per channel, but the run was "
                f"trained on images of {16 if bits == 8 else 8}",
                feature.bound.span,
                help="write the images with the bit depth of the training images, or train again",
            )


def _check(name: str, feature: ScannedFeature, compiled: Compiled, findings: Findings) -> None:
    for layer in _unscaled(name, feature, compiled):
        limits = getattr(layer, "value_range", None)
        if limits is not None and max(limits) < feature.highest:
            column = feature.bound.names[0]
            low, high = (f"{one:g}" for one in limits)
            findings.error(
                "MS666",
                f"`{column}` has 16 bits per channel and values up to {feature.highest}, but the "
                f"`value_range` of `{layer.kind()}` is [{low}, {high}]",
                feature.bound.span,
                help="set `value_range: [0, 65535]` ([0, 4095] for 12 bits), or add a `Rescaling`"
                " to the `transform`",
            )
            return


def _unscaled(name: str, feature: ScannedFeature, compiled: Compiled) -> Iterator[Layer]:
    """The layers that certainly get the values of an input unchanged."""
    layers = feature.bound.chain.layers if feature.bound.chain else ()
    augment = section(compiled).augment.get(name)
    for layer in chain(layers, augment.layers if augment else ()):
        if not (hasattr(layer, "value_range") or layer.training_only or layer.keeps_values):
            return
        yield layer
    yield from takers(compiled, name)
