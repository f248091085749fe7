"""Learns a vocabulary from the training rows of all features that share it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from modelspec.catalog.layers.layer import Layer
from modelspec.core.shapes import Tensor

from .columns import Key
from .learning import LayerAdapter, adapter_of
from .scanned_feature import ScannedFeature
from .table import Array
from .transforms import from_file, needs_adapting


class Sharer(Protocol):
    """The adaptation of a feature that may share a vocabulary."""

    feature: ScannedFeature

    @property
    def sharing(self) -> Layer | None: ...

    def mask(self) -> Mapping[str, Any]: ...

    def join(self, mask: Mapping[str, Any], adapter: LayerAdapter | None) -> None: ...

    def input_type(self) -> Tensor: ...


def join_vocabularies(features: Mapping[Key, Sharer]) -> bool:
    """Begins to learn each vocabulary whose features have all reached their layer; returns whether
    there is one.

    Padding has one index for all of them, also for a feature without `pad`: otherwise the index of
    a word would differ.
    """
    groups: dict[Key, dict[Key, Sharer]] = {}
    for key, one in features.items():
        if one.feature.bound.shares is not None:
            groups.setdefault(one.feature.bound.shares, {})[key] = one
    ready = {
        root: group
        for root, group in groups.items()
        if all(one.sharing is not None for one in group.values())
    }
    for root, group in ready.items():
        _join(root, group)
    return bool(ready)


def _join(root: Key, group: Mapping[Key, Sharer]) -> None:
    # All masks are asked for first: a layer knows its own from then on.
    masks = [one.mask() for one in group.values()]
    mask = next((one for one in masks if one), {})
    layers = [one.sharing for one in group.values() if one.sharing is not None]
    first = group.get(root, next(iter(group.values())))
    layer = _weighing(layers, first.sharing or layers[0]).model_copy(update=dict(mask))
    if from_file(layer) is not None or not needs_adapting(layer):
        for one in group.values():
            one.join(mask, None)
        return
    vocabulary = getattr(layer, "vocabulary", None)
    if isinstance(vocabulary, tuple):  # only the number of its tokens is open
        common = None
    else:
        marks = dict.fromkeys(mark for one in layers for mark in one.text_marks)
        common = _Common(
            adapter_of(layer, first.input_type(), in_order=root[0] == "targets", marks=tuple(marks))
        )
    for one in group.values():
        own = one.sharing
        assert own is not None
        one.join(mask, None if common is None else _Member(own, common))


def _weighing(layers: Iterable[Layer], first: Layer) -> Layer:
    """A layer that learns the weights of tokens too, if any of them requires it."""
    modes = ("tf_idf", "tf-idf")
    return next((one for one in layers if getattr(one, "output_mode", None) in modes), first)


class _Common:
    """An adapter that several features fill."""

    def __init__(self, adapter: LayerAdapter) -> None:
        self.adapter = adapter
        self._found: Mapping[str, Any] | None = None

    def settings(self) -> Mapping[str, Any] | None:
        """The learned settings, computed once."""
        if self._found is None:
            self._found = self.adapter.settings()
        return self._found


class _Member(LayerAdapter):
    """The part of one feature in a common adapter."""

    def __init__(self, layer: Layer, common: _Common) -> None:
        super().__init__(layer, common.adapter.given)
        self._common = common

    def update(self, values: Array, real: Array | None) -> None:
        self._common.adapter.update(values, real)

    def settings(self) -> Mapping[str, Any] | None:
        found = self._common.settings()
        if found is None or getattr(self.layer, "output_mode", None) in ("tf_idf", "tf-idf"):
            return found
        return {name: value for name, value in found.items() if name != "idf_weights"}
