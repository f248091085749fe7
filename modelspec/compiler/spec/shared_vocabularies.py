"""Vocabularies that several inputs and targets share: `vocabulary: {of: question}`.

A layer that shares a vocabulary takes over the settings that determine it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.vocabulary_setting import VocabularyOf
from modelspec.core.diagnostics import Collector, Span, listed, nearest
from modelspec.core.records import NamedTuple, dataclass
from modelspec.core.source import locate

from .entries import Use
from .feature import Feature, transform_of

Key = tuple[str, str]
"""`("inputs", "question")` or `("targets", "answer")`."""
Features = dict[str, dict[str, Feature] | None]


class Place(NamedTuple):
    """A layer with a vocabulary in the transform of a feature."""

    position: int
    use: Use
    layer: Layer

    @property
    def of(self) -> str | None:
        """The feature whose vocabulary it shares, as written."""
        found = getattr(self.layer, "vocabulary", None)
        return found.of if isinstance(found, VocabularyOf) else None

    def at(self, setting: str) -> Span:
        """Where a setting is written."""
        body = self.use.body
        found = locate(body, (setting,)) if body is not None else None
        return found or self.use.kind_span


def share_vocabularies(features: Features, report: Collector) -> dict[Key, Key]:
    """Give each layer that shares a vocabulary its settings, in place; and return the features with
    a common vocabulary. Reports MS681.
    """
    every = {
        (kind, name): feature
        for kind, found in features.items()
        for name, feature in (found or {}).items()
    }
    sharing = _Sharing(every, report)
    shared: dict[Key, Key] = {}
    for key, place in sharing.places():
        root = sharing.root(key, place)
        if root is None or not sharing.agree(key, place, root):
            continue
        shared.update({root: root, key: root})
        found = features[key[0]]
        assert found is not None
        found[key[1]] = sharing.taken_over(key, place, root)
    return shared


@dataclass(frozen=True)
class _Sharing:
    """All features of a spec."""

    features: dict[Key, Feature]
    report: Collector

    def places(self) -> Iterator[tuple[Key, Place]]:
        """Every layer that shares a vocabulary."""
        for key, feature in self.features.items():
            place = vocabulary_place(feature)
            if place is not None and place.of is not None:
                yield key, place

    def root(self, key: Key, place: Place) -> Key | None:
        """The feature at the end of `of`; None, with a report, if there is none."""
        seen, at, here = [key], key, place
        while here.of is not None:
            own = len(seen) == 1
            found = self._named(here, own=own)
            if found is None:
                return None
            if found in seen:
                if found == key == next(one for one in self.features if one in seen):
                    self._cycle(place, seen)
                return None
            at = found
            following = vocabulary_place(self.features[at])
            if following is None:
                if own:
                    self._without(at, here)
                return None
            seen.append(at)
            here = following
        return at

    def _named(self, place: Place, *, own: bool) -> Key | None:
        """The feature that `of` names: an input, or else a target. None, with a report if it is the
        layer's `own`, if there is none.
        """
        name = str(place.of)
        for kind in ("inputs", "targets"):
            if (kind, name) in self.features:
                return kind, name
        if own:
            names = list(dict.fromkeys(one for _, one in self.features))
            near = nearest(name, names)
            self.report.error(
                "MS681",
                f"`of: {name}` is not an input or target with data",
                place.at("vocabulary"),
                help=f"did you mean `{near}`?" if near else f"they are {listed(names)}",
            )
        return None

    def _cycle(self, place: Place, seen: list[Key]) -> None:
        names = [name for _, name in seen]
        what = (
            f"`{names[0]}` shares its own vocabulary, so that nothing determines it"
            if len(names) == 1
            else f"{listed(names)} share the vocabularies of each other, so that none determines it"
        )
        self.report.error(
            "MS681",
            what,
            place.at("vocabulary"),
            help="leave out `vocabulary` of one of them"
            if len(names) > 1
            else "leave it out, or name another input or target",
        )

    def _without(self, root: Key, place: Place) -> None:
        feature = self.features[root]
        if feature.transform is not None and transform_of(feature) is None:
            return  # the transform has errors
        self.report.error(
            "MS681",
            f"`{root[1]}` has no vocabulary to share: no layer of its `transform` has one",
            place.at("vocabulary"),
            help=f"add `{place.use.kind}` to the `transform` of `{root[1]}`",
        )

    def agree(self, key: Key, place: Place, root: Key) -> bool:
        """Whether the settings of two layers with a common vocabulary are equal."""
        first = vocabulary_place(self.features[root])
        assert first is not None
        if type(place.layer) is not type(first.layer):
            self.report.error(
                "MS681",
                f"`{place.use.kind}` cannot share the vocabulary of `{root[1]}`, which belongs to"
                f" `{first.use.kind}`",
                place.at("vocabulary"),
                help=f"use `{first.use.kind}` here too",
            )
            return False
        sharers = [one for one in (key, root) if self.features[one].positive is not None]
        if sharers:
            self.report.error(
                "MS681",
                f"`positive` of `{sharers[0][1]}` orders a vocabulary that is shared",
                place.at("vocabulary"),
                help="leave out `positive`, or do not share the vocabulary",
            )
            return False
        settings = place.layer.vocabulary_settings
        different = [one for one in settings if self._differs(place, first, root, one)]
        if different:
            return False
        return not self._lacks_weights(place, first, root)

    def _lacks_weights(self, place: Place, first: Place, root: Key) -> bool:
        """Whether a layer requires weights that an explicit vocabulary does not have."""
        weighs = getattr(place.layer, "output_mode", None) in ("tf_idf", "tf-idf")
        explicit = getattr(first.layer, "vocabulary", None) is not None
        if not weighs or not explicit or getattr(first.layer, "idf_weights", None) is not None:
            return False
        self.report.error(
            "MS681",
            f"`output_mode: tf_idf` requires weights, but the vocabulary of `{root[1]}` is given"
            " without `idf_weights`",
            place.at("output_mode"),
            help=f"leave out `vocabulary` of `{root[1]}` to learn both, or use another mode",
        )
        return True

    def _differs(self, place: Place, first: Place, root: Key, setting: str) -> bool:
        """Whether a written setting differs; reports it."""
        value, wanted = getattr(place.layer, setting), getattr(first.layer, setting)
        if setting not in place.layer.model_fields_set or value == wanted:
            return False
        self.report.error(
            "MS681",
            f"`{setting}` of `{place.use.kind}` is {_shown(value)}, but {_shown(wanted)} for"
            f" `{root[1]}`, whose vocabulary it shares",
            place.at(setting),
            help=f"leave `{setting}` out: it is that of `{root[1]}`",
        )
        return True

    def taken_over(self, key: Key, place: Place, root: Key) -> Feature:
        """A feature whose layer has the settings of the vocabulary that it shares."""
        feature = self.features[key]
        first = vocabulary_place(self.features[root])
        chain = transform_of(feature)
        assert first is not None and chain is not None
        settings = (*first.layer.vocabulary_settings, "idf_weights")
        written = [one for one in settings if one in first.layer.model_fields_set]
        known: dict[str, Any] = {one: getattr(first.layer, one) for one in written}
        known["vocabulary"] = getattr(first.layer, "vocabulary", None)
        layer = place.layer.model_copy(update=known)
        uses = list(chain.uses)
        uses[place.position] = place.use._replace(layer=layer)
        return feature.model_copy(update={"transform": replace(chain, uses=tuple(uses))})


def vocabulary_place(feature: Feature) -> Place | None:
    """The layer of a transform whose vocabulary other features may share: the first one."""
    chain = transform_of(feature)
    for index, use in enumerate(chain.uses if chain is not None else ()):
        if use.layer is not None and use.layer.vocabulary_settings:
            return Place(index, use, use.layer)
    return None


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return f'"{value}"' if isinstance(value, str) else "not set" if value is None else f"{value}"
