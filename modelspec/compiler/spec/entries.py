"""The entries of `layers` as written: each is one call of a layer or of a shared layer or model."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as MappingType
from dataclasses import replace
from typing import Any, TypeAlias

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.library import kinds
from modelspec.core.diagnostics import Collector, Fault, Span, did_you_mean, listed, nearest
from modelspec.core.diagnostics.repaired import is_unfinished
from modelspec.core.records import NamedTuple, dataclass
from modelspec.core.sections import located, read_as_meant, report_each
from modelspec.core.settings import Context, Faults, Settings, describe, unknown_name
from modelspec.core.source import Mapping, Node, Scalar, Sequence, Value, plain, walk

from .layer_names import check_name
from .wrapped_models import around_shared, is_model_wrapper, misspelt_model

RESERVED = ("from", "call")
"""Settings of the entry itself, in addition to those of the layer and `name`."""
EXPANDED = ("when", "repeat")
"""More such words, removed by the expansion: they are still suggested for misspellings."""
_OF_EXPANSION = frozenset(("name", "from"))
"""Words that an expansion adds to an entry."""
_OF_CALLS = ("name", *RESERVED, *EXPANDED)


class Reference(NamedTuple):
    """A tensor as written: `name`, `name.0`, `name.head`."""

    text: str
    span: Span


Sources: TypeAlias = "tuple[Reference, ...] | MappingType[str, Reference | tuple[Reference, ...]]"


class Use(NamedTuple):
    """One entry of `layers`: one call of a layer or of a shared layer or model."""

    kind: str
    """As written; the most likely kind if it is unknown."""
    kind_span: Span
    body: Node | None = None
    """The value after the name, for the places of errors."""
    layer: Layer | None = None
    """The settings, if the kind is a layer and they are valid."""
    shared: bool = False
    """Whether the kind is a shared name."""
    name: str | None = None
    name_span: Span | None = None
    sources: Sources | None = None
    """None if `from` is not written."""
    sources_span: Span | None = None
    options: MappingType[str, Any] = {}
    options_node: Mapping | None = None
    around: tuple[Layer, ...] = ()
    """The wrappers through which a shared model is called, the outermost first."""
    unfinished: bool = False
    """Whether a part of it is on a line with a syntax error: its tensors have no type."""

    guessed: bool = False
    """Whether the kind is unknown, and read as one that is spelled alike."""

    @property
    def may_lack_name(self) -> bool:
        """Whether it is invalid, and so little of it is written that its name may be missing."""
        if self.name is not None and self.name_span != self.kind_span:  # not by an expansion
            return False
        valid = self.layer is not None and not self.guessed
        if self.unfinished or valid or self.shared:
            return self.unfinished
        body = self.body
        return not isinstance(body, Mapping) or body.entries.keys() <= _OF_EXPANSION


@dataclass(frozen=True)
class EntryReader:
    """Reads the entries of one model. `visible` are the shared names that they may call."""

    context: Context
    report: Collector
    visible: Collection[str]
    repaired: bool = False
    """Whether the text has syntax errors."""

    def uses(self, node: Node) -> tuple[Use, ...]:
        if not isinstance(node, Sequence):
            self.report.error(
                "MS204",
                f"`layers` must be a list, found {describe(plain(node))}",
                node.span,
                help="begin every layer with `- `",
            )
            return ()
        if not node.items:
            self.report.error("MS315", "a model requires at least one layer", node.span)
        return tuple(self.use(item) for item in node.items)

    def use(self, node: Node, *, nested: bool = False) -> Use:
        """One entry; with `nested`, the layer of a shared name, which is not called here.

        An invalid entry is still returned, without settings, so that no follow-up errors are
        reported.
        """
        use = self._use(node, nested=nested)
        return use._replace(unfinished=True) if self.repaired and _is_unfinished(node, use) else use

    def _use(self, node: Node, *, nested: bool) -> Use:
        split = self._split(node)
        if split is None:
            return self._recovered(node)
        kind, kind_span, body = split
        use = Use(kind, kind_span, body)
        if isinstance(body, Mapping):
            use = self._not_called(use, body) if nested else self._reserved(use, body)
        if kind in LAYERS:
            wrapped = None if nested else self._wrapped_call(use)
            return wrapped or self._layer(use)
        if kind in self.visible and not nested:
            return self._shared_call(use)
        return self._meant(use, self._unknown_kind(use))

    def _recovered(self, node: Node) -> Use:
        """What can be recovered from a malformed entry: the kind and the name that it contains."""
        if not isinstance(node, Mapping):
            return Use("?", node.span)
        kind = next((key for key in node.entries if key in LAYERS), "?")
        name = plain(node.entries["name"].value) if "name" in node.entries else None
        return Use(kind, node.span, name=name if isinstance(name, str) else None)

    def _split(self, node: Node) -> tuple[str, Span, Node | None] | None:
        """The kind, its place, and the value after it; reports a fault if the entry does not have
        that form.
        """
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return node.value, node.span, None
        if isinstance(node, Mapping) and len(node.entries) == 1:
            kind, entry = next(iter(node.entries.items()))
            return kind, entry.key_span, entry.value
        if isinstance(node, Mapping) and node.entries:
            self._malformed(node)
        else:
            self.report.error(
                "MS207",
                "an entry of `layers` must be the name of a layer, or a name with settings, "
                f"found {describe(plain(node))}",
                node.span,
                help="e.g. `- Dense: 64`",
            )
        return None

    def _malformed(self, node: Mapping) -> None:
        kinds = [key for key in node.entries if key in LAYERS or key in self.visible]
        if len(kinds) == 1:
            other = next(key for key in node.entries if key != kinds[0])
            self.report.error(
                "MS207",
                f"`{other}` is beside `{kinds[0]}`, not among its settings",
                node.entries[other].key_span,
                help=f"indent it further, or write `- {kinds[0]}: {{..., {other}: ...}}`",
            )
        else:
            keys = list(node.entries)
            self.report.error(
                "MS207",
                f"an entry of `layers` must have one kind, found {listed(keys[:3])}",
                node.entries[keys[1]].key_span,
                help="begin every layer with `- `",
            )

    def _unknown_kind(self, use: Use) -> str | None:
        """Reports the fault, and returns the kind that was probably meant."""
        fault = unknown_name(LAYERS, use.kind)
        known = (*self.visible, *LAYERS.names(), *kinds())
        near = LAYERS.today(nearest(use.kind, known)) if fault.code == "MS301" else None
        if near and near != fault.suggestion:
            fault = replace(fault, suggestion=near, help=f"did you mean `{near}`?")
        self.report.add(located(fault, None, use.kind_span))
        return fault.suggestion

    def _meant(self, use: Use, kind: str | None) -> Use:
        """The entry as one of the kind that was probably meant: its settings are read if they are
        settings of that kind.
        """
        if kind is None:
            return use
        use = use._replace(kind=kind, guessed=True)
        if kind not in LAYERS:
            return use
        inside = Collector()
        read = replace(self, report=inside)._layer(use)
        if read.layer is None:
            return use
        self.report.extend(inside.diagnostics)
        return read

    def _layer(self, use: Use) -> Use:
        cls = LAYERS.find(use.kind)
        assert cls is not None
        try:
            layer = cls.from_body(_settings_of(use), self.context)
        except Faults as error:
            report_each(error, use.body, use.kind_span, self.report)
            meant = {
                str(fault.path[0]): fault.suggestion
                for fault in error.faults
                if len(fault.path) == 1
            }
            return self._as_meant(self._recover(use, meant), cls, error)
        assert isinstance(layer, Layer)
        return use._replace(layer=layer)

    def _as_meant(self, use: Use, cls: type[Settings], error: Faults) -> Use:
        """The entry with misspellings corrected, so that they hide no further errors."""
        found = read_as_meant(
            lambda value: cls.from_body(
                _own_settings(value, use, (*RESERVED, *EXPANDED)), self.context
            ),
            use.body,
            use.kind_span,
            error,
            self.report,
        )
        if found is None:
            return use
        body, layer = found
        assert isinstance(layer, Layer)
        return use._replace(body=body, layer=layer)

    def _wrapped_call(self, use: Use) -> Use | None:
        """The call of a shared model through wrappers; None if they hold a layer."""
        if not is_model_wrapper(use.kind):
            return None
        found = around_shared(use.kind, use.body, self.visible, self.context)
        if found is None:
            wrong = misspelt_model(use.kind, use.body, self.visible)
            if wrong is None:
                return None
            help = did_you_mean(wrong.meant, None)
            message = f"unknown layer `{wrong.name}`"
            self.report.error("MS301", message, wrong.span, suggestion=wrong.meant, help=help)
            return use
        name, span = str(found.name.value), found.name.span
        kept = {key: entry for key, entry in found.beside.items() if key in _OF_CALLS}
        strange = ((key, one.key_span) for key, one in found.beside.items() if key not in kept)
        for key, place in (*strange, *found.inner):
            self.report.error(
                "MS309",
                f"`{use.kind}` around a model takes no other settings, found `{key}`",
                place,
                help="set it in the model",
            )
        body = Mapping(kept, use.body.span) if kept and use.body else None
        use = use._replace(kind=name, kind_span=span, body=body, around=found.wrappers)
        return self._shared_call(use)

    def _shared_call(self, use: Use) -> Use:
        allowed = ("name", *RESERVED, *EXPANDED)
        if isinstance(use.body, Mapping):
            for key, entry in use.body.entries.items():
                if key in allowed:
                    continue
                near = nearest(key, ("name", *RESERVED)) or nearest(key, allowed)
                use = self._recover(use, {key: near})
                self.report.report(setting_at_call(use.kind, key, near), entry.key_span)
        elif use.body is not None and plain(use.body) is not None:
            self.report.error(
                "MS309",
                f"a call of shared `{use.kind}` must not have settings, found "
                f"{describe(plain(use.body))}",
                use.body.span,
                help=f"write `{use.kind}` alone, or with `{{from: ..., name: ...}}`",
            )
        return use._replace(shared=True)

    # Reserved settings ----------------------------------------------------------------------------

    def _reserved(self, use: Use, body: Mapping) -> Use:
        if entry := body.entries.get("name"):
            use = self._name(use, entry.value)
        if entry := body.entries.get("from"):
            use = use._replace(sources=self._sources(entry.value), sources_span=entry.value.span)
        if entry := body.entries.get("call"):
            use = self._call_options(use, entry.value)
        return use

    def _not_called(self, use: Use, body: Mapping) -> Use:
        """The layer of a shared name, without the words that only a call of it can have."""
        if entry := body.entries.get("name"):
            use = self._name(use, entry.value)
        words = [key for key in body.entries if key in (*RESERVED, *EXPANDED)]
        for word in words:
            self.report.error(
                "MS316",
                f"`{word}` is not allowed in the definition of a shared layer",
                body.entries[word].key_span,
                help="write it at the calls of the layer in `layers`",
            )
        own = {key: entry for key, entry in body.entries.items() if key not in words}
        return use._replace(body=Mapping(own, body.span)) if words else use

    def _recover(self, use: Use, meant: MappingType[str, str | None]) -> Use:
        """The entry with the name and the tensors that were misspelled as settings, since other
        entries refer to them.
        """
        body = use.body
        for key, word in meant.items():
            if not isinstance(body, Mapping) or key not in body.entries:
                continue
            if word == "name" and use.name is None:
                use = self._name(use, body.entries[key].value)
            elif word == "from" and use.sources is None:
                value = body.entries[key].value
                use = use._replace(sources=self._sources(value), sources_span=value.span)
        return use

    def _name(self, use: Use, node: Node) -> Use:
        value = plain(node)
        if not isinstance(value, str):
            self.report.error(
                "MS204",
                f"a `name` must be a string, found {describe(value)}",
                node.span,
                help=f'write `"{node.span.text}"` in quotes' if _is_word(value) else None,
            )
            return use
        if not check_name(value, node.span, self.report):
            return use
        return use._replace(name=value, name_span=node.span)

    def _sources(self, node: Node) -> Sources | None:
        if isinstance(node, Mapping):
            found = {key: self.references(entry.value) for key, entry in node.entries.items()}
            known = {key: value for key, value in found.items() if value is not None}
            return (
                known if len(known) == len(found) else None
            )  # the remaining settings would seem incomplete
        references = self.references(node)
        return (references,) if isinstance(references, Reference) else references

    def references(self, node: Node, key: str = "from") -> Reference | tuple[Reference, ...] | None:
        """One tensor or a list of them; None if one of them is invalid. `key` is the key that
        contains them.
        """
        if isinstance(node, Sequence) and node.items:
            found = [self._reference(item, key) for item in node.items]
            known = tuple(item for item in found if item is not None)
            return known if len(known) == len(found) else None
        return self._reference(node, key)

    def _reference(self, node: Node, key: str) -> Reference | None:
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return Reference(node.value, node.span)
        keys = "call arguments" if key == "from" else "public names"
        self.report.error(
            "MS204",
            f"`{key}` must be the name of a tensor, a list of names, or a mapping of {keys} "
            f"to names, found {describe(plain(node))}",
            node.span,
        )
        return None

    def _call_options(self, use: Use, node: Node) -> Use:
        if not isinstance(node, Mapping):
            self.report.error(
                "MS204",
                f"`call` must be a mapping of call arguments, found {describe(plain(node))}",
                node.span,
                help="e.g. `call: {training: false}`",
            )
            return use
        options = plain(node)
        assert isinstance(options, dict)
        return use._replace(options=options, options_node=node)


def setting_at_call(shared: str, key: str, near: str | None) -> Fault:
    """MS309: a setting at a call of a shared layer or model, which takes none."""
    return Fault(
        "MS309",
        f"`{key}` is a setting, and `{shared}` is shared: all its calls use the same settings",
        suggestion=near,
        help=did_you_mean(near, f"set it where `{shared}` is defined"),
    )


def _is_unfinished(node: Node, use: Use) -> bool:
    """Whether a part of an entry is on a line that was repaired."""
    return any(is_unfinished(one.span) for one in walk(node)) or is_unfinished(use.kind_span)


def _is_word(value: object) -> bool:
    """Whether a value would be a string in quotes: a number or a boolean."""
    return isinstance(value, (int, float))


def _settings_of(use: Use) -> Value:
    """The value after the name, without the words of an entry and without an invalid `name`."""
    return _own_settings(plain(use.body) if use.body is not None else None, use, RESERVED)


def _own_settings(body: Value, use: Use, words: tuple[str, ...]) -> Value:
    """Settings without the words of an entry and without an invalid `name`."""
    if not isinstance(body, dict):
        return body
    left_out = words if use.name is not None else ("name", *words)
    return {key: value for key, value in body.items() if key not in left_out}
