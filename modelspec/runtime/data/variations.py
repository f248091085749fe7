"""Joint augmentation: the inputs, targets and weights of every position that each `augment` moves
with the same random numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.augment_section import Joint, format_of, moving, places
from modelspec.compiler.spec.data_section import Chain
from modelspec.core.diagnostics import Diagnostic, Fault
from modelspec.core.shapes import Shape

from .columns import Binding
from .examples import Examples
from .fit_targets import LABELS
from .spec_facts import section
from .table import BLOCK, Array
from .targets import loss_of
from .varied import Member, Variation


def variations(compiled: Compiled, binding: Binding, examples: Examples) -> dict[str, Variation]:
    """By the leading input: what `augment` of a spec changes in its training examples. Raises
    `Fault`: MS580 if a mask would stay unchanged, MS581 if tensors do not have the same positions.
    """
    found: dict[str, Variation] = {}
    for name, chain in section(compiled).augment.items():
        if isinstance(chain, Joint):
            members = tuple(_members(name, chain, compiled, binding, examples))
        else:
            _refuse_others(name, chain, examples)
            members = (Member("inputs", name, "image"),)
        found[name] = Variation(chain, members)
    return found


def _refuse_others(name: str, chain: Chain, examples: Examples) -> None:
    """What `check` could not verify because only the data determine the sizes."""
    layers = moving(chain)
    own = places(examples.inputs[name].shape, format_of(chain))
    if not layers or own is None:
        return
    others = [
        (other, f"the {kind} `{other}`")
        for kind, arrays in (("input", examples.inputs), ("target", examples.targets))
        for other, values in arrays.items()
        if (kind, other) != ("input", name) and places(values.shape, format_of(chain)) == own
    ]
    if others:
        names = ", ".join([name, *(other for other, _ in others)])
        what = " and ".join(one for _, one in others)
        raise Fault(
            "MS580",
            f"`{layers[0].kind()}` moves the values of `{name}`, but {what}"
            f" of the same height and width {'do' if others[1:] else 'does'} not move",
            help=f"set `augment: {{layers: [...], on: [{names}]}}`, or `on: [{name}]` if only"
            " that input should move",
        )


def _members(
    lead: str, chain: Joint, compiled: Compiled, binding: Binding, examples: Examples
) -> Iterator[Member]:
    own = places(examples.inputs[lead].shape, format_of(chain))
    for name in chain.on:
        if name in examples.inputs:
            values = examples.inputs[name]
            _check_places(name, values, lead, own, chain)
            bound, source = binding.inputs[name], section(compiled).sources["train"]
            mask = bound.is_mask or not source.mask_columns.isdisjoint(bound.names)
            classes = mask or values.dtype.kind in "iub"
            yield Member("inputs", name, "classes" if classes else "image", chain.fill)
        if name in examples.targets:
            values = examples.targets[name]
            _check_places(name, values, lead, own, chain)
            encoding = getattr(loss_of(compiled.training, name), "targets", "any")
            classes = encoding in (*LABELS, "one_hot") or _are_whole(values)
            yield Member("targets", name, "classes" if classes else "numbers", chain.fill)
            yield from _weights(name, chain, examples)


def _check_places(name: str, values: Array, lead: str, own: Shape | None, chain: Joint) -> None:
    found = places(values.shape, format_of(chain))
    if moving(chain) and (found is None or found != own):
        raise Fault(
            "MS581",
            f"an example of `{name}` has the shape {values.shape[1:]}, which cannot be moved"
            f" together with `{lead}`",
            help="`on` requires images and masks of the same height and width",
        )


def _are_whole(values: Array) -> bool:
    """Whether targets are integers, in any dtype: read in blocks up to the first non-integer."""
    if values.dtype.kind != "f":
        return True
    return all(
        bool((block == np.floor(block)).all())
        for block in (values[at : at + BLOCK] for at in range(0, len(values), BLOCK))
    )


# Weights of classes -------------------------------------------------------------------------------


def _weights(name: str, chain: Joint, examples: Examples) -> Iterator[Member]:
    """The weights of classes move with the positions of these classes."""
    weights = examples.class_weights.get(name)
    if weights is None or places(weights.shape, format_of(chain)) is None:
        return
    borders = [chain.fill] if chain.fill is not None else [one.border() for one in moving(chain)]
    constant = [border for border in borders if border is not None]
    if constant and examples.weights is not None:
        raise Fault(
            "MS581",
            f"the border of `{name}` has no weight if examples have weights besides `class_weight`",
            help="remove `fill` and set a `fill_mode` other than `constant` in the layers, or"
            " remove `weights` or `class_weight`",
        )
    border = _weight_of(constant[0], examples.targets[name], weights) if constant else None
    yield Member("weights", name, "classes", border)


def _weight_of(value: float, targets: Array, weights: Array) -> float:
    """The weight of a class number; a class without examples has weight 0."""
    for at in range(0, len(targets), BLOCK):
        block, known = targets[at : at + BLOCK], weights[at : at + BLOCK]
        if block.size == known.size:
            found = known[(block == value).reshape(known.shape)]
            if found.size:
                return float(found[0])
    return 0.0


def at_spans(fault: Fault, compiled: Compiled) -> Diagnostic:
    """The fault at the place of `augment`."""
    spans = [chain.span for chain in section(compiled).augment.values()]
    return fault.at(spans[0] if spans else None)
