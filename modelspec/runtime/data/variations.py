"""Joint augmentation: the inputs, targets and weights of every position that each `augment` moves
with the same random numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.augment_section import Joint, format_of, mixing, moving, places
from modelspec.compiler.spec.coordinates import coordinate_format
from modelspec.compiler.spec.data_section import Chain, DataSection
from modelspec.core.diagnostics import Diagnostic, Fault
from modelspec.core.shapes import Shape

from .columns import Binding, Bound
from .examples import Examples
from .fit_targets import LABELS
from .spec_facts import section
from .table import BLOCK, Array
from .target_names import EXAMPLE_WEIGHTS, TARGET_PREFIX
from .targets import loss_of
from .varied import How, Member, Variation


def variations(compiled: Compiled, binding: Binding, examples: Examples) -> dict[str, Variation]:
    """By the leading input: what `augment` of a spec changes in its training examples. Raises
    `Fault`: MS580 if a mask would stay unchanged, MS581 if tensors do not have the same positions,
    MS693 if targets cannot be mixed, MS695 if coordinates cannot be moved.
    """
    found: dict[str, Variation] = {}
    for name, chain in section(compiled).augment.items():
        about = _Lead(name, chain, compiled, binding, examples)
        if isinstance(chain, Joint):
            members = tuple(about.members(chain.on))
        else:
            _refuse_others(name, chain, examples, section(compiled))
            members = (Member("inputs", name, "image"),)
            if mixing(chain):
                members = (*members, *about.targets(tuple(examples.targets)))
        if mixing(chain):
            members = (*members, *about.of_terms())
        found[name] = Variation(chain, members)
    return found


def _refuse_others(name: str, chain: Chain, examples: Examples, data: DataSection) -> None:
    """What `check` could not verify because only the data determine the sizes."""
    layers = moving(chain)
    own = places(examples.inputs[name].shape, format_of(chain))
    if not layers or own is None:
        return
    others = [
        (other, f"the {kind} `{other}`")
        for kind, arrays in (("input", examples.inputs), ("target", examples.targets))
        for other, values in arrays.items()
        if (kind, other) != ("input", name)
        and places(values.shape, format_of(chain)) == own
        and not (kind == "input" and data.are_views(name, other))
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


@dataclass(frozen=True)
class _Lead:
    """An input with layers that vary it, and the tensors that may vary with it."""

    name: str
    chain: Chain
    compiled: Compiled
    binding: Binding
    examples: Examples

    @property
    def _places(self) -> Shape | None:
        return places(self.examples.inputs[self.name].shape, format_of(self.chain))

    def members(self, names: Sequence[str]) -> Iterator[Member]:
        """The inputs and targets with these names, the leading input first."""
        examples = self.examples
        for name in (self.name, *(one for one in names if one != self.name)):
            if name in examples.inputs:
                bound = self.binding.inputs[name]
                source = section(self.compiled).sources["train"]
                mask = bound.is_mask or not source.mask_columns.isdisjoint(bound.names)
                values = examples.inputs[name]
                classes = mask or values.dtype.kind in "iub"
                yield self._member("inputs", name, values, bound, "image", classes=classes)
        yield from self.targets([name for name in names if name in examples.targets])

    def targets(self, names: Sequence[str]) -> Iterator[Member]:
        """The targets with these names, and the weights of their examples."""
        for name in names:
            values = self.examples.targets[name]
            bound = self.binding.targets[name]
            encoding = getattr(loss_of(self.compiled.training, name), "targets", "any")
            if name in self.examples.alone:
                continue
            classes = encoding in (*LABELS, "one_hot") or _are_whole(values)
            yield self._member("targets", name, values, bound, "numbers", classes=classes)
            yield from _weights(name, self.chain, self.examples, self._places)

    def of_terms(self) -> Iterator[Member]:
        """The targets and weights that only the terms of an objective read."""
        for name in self.examples.alone:
            values = self.examples.targets[name]
            if values.dtype.kind != "f":
                raise self._unmixed(f"target.{name}", "integers")
            yield Member("targets", f"{TARGET_PREFIX}{name}", "values")
        if self.examples.objective and self.examples.weights is not None:
            yield Member("targets", EXAMPLE_WEIGHTS, "values")

    def _member(
        self,
        kind: Literal["inputs", "targets"],
        name: str,
        values: Array,
        bound: Bound,
        how: How,
        *,
        classes: bool,
    ) -> Member:
        fill = self.chain.fill if isinstance(self.chain, Joint) else None
        if bound.coordinates is not None:
            self._check_coordinates(name, values, bound.coordinates)
            return Member(kind, name, "coordinates", coordinates=bound.coordinates)
        mixed = mixing(self.chain)
        found = places(values.shape, format_of(self.chain))
        if mixed and (found is None or found != self._places):
            if values.dtype.kind != "f":
                raise self._unmixed(name, "integers")
            return Member(kind, name, "values")
        self._check_places(name, values)
        if classes and any(one.mixes_by == "mean" for one in mixed):
            if values.dtype.kind != "f":
                raise self._unmixed(name, "class numbers")
            classes = False
        return Member(kind, name, "classes" if classes else how, fill)

    def _check_places(self, name: str, values: Array) -> None:
        found = places(values.shape, format_of(self.chain))
        if moving(self.chain) and (found is None or found != self._places):
            raise Fault(
                "MS581",
                f"an example of `{name}` has the shape {values.shape[1:]}, which cannot be moved"
                f" together with `{self.name}`",
                help="`on` requires images and masks of the same height and width; points and boxes"
                " have `coordinates`",
            )

    def _check_coordinates(self, name: str, values: Array, form: str) -> None:
        """Raises `Fault` (MS695) if the numbers of an example are not points or boxes."""
        parsed, count = coordinate_format(form), int(np.prod(values.shape[1:]))
        if count % parsed.numbers or values.dtype.kind != "f":
            raise Fault(
                "MS695",
                f"an example of `{name}` has the shape {values.shape[1:]} ({values.dtype}), but"
                f" `coordinates: {form}` requires {parsed.numbers} floating-point numbers for each"
                f" of its {parsed.noun}",
            )

    def _unmixed(self, name: str, what: str) -> Fault:
        return Fault(
            "MS693",
            f"`{mixing(self.chain)[0].kind()}` mixes examples, but `{name}` contains {what}, which"
            " cannot be mixed",
            help="encode classes as one-hot vectors, e.g. `transform: [{CategoryEncoding:"
            " {num_tokens: 10, output_mode: one_hot}}]`",
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


def _weights(name: str, chain: Chain, examples: Examples, own: Shape | None) -> Iterator[Member]:
    """The weights of classes move with the positions of these classes, and all weights are mixed
    with their examples.
    """
    weights = examples.class_weights.get(name)
    found = None if weights is None else places(weights.shape, format_of(chain))
    if weights is None or found is None or (mixing(chain) and found != own):
        if mixing(chain) and (examples.weights is not None or examples.class_weights):
            yield Member("weights", name, "values")
        return
    fill = chain.fill if isinstance(chain, Joint) else None
    borders = [fill] if fill is not None else [one.border() for one in moving(chain)]
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
