"""The `model` section as written: inputs, layers, shared things and outputs, each with its place.

Nothing is looked up here but the kinds of layers and their settings; which tensor a reference means is the graph's
business (`modelspec.graph`).
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from ..diagnostics import Span, nearest
from ..layers import LAYERS
from ..layers.base import Layer
from ..settings import Context, Faults, describe, unknown_name
from ..source import Mapping, Node, Scalar, Sequence, plain
from .inputs import InputSpec, read_inputs
from .names import check_name, listed
from .report import Report

RESERVED = ("from", "call")
"""Settings of the entry itself, beside the layer's own and `name`."""
EXPANDED = ("when", "repeat", "for", "branches")
"""Words of an entry that are gone once the spec is expanded."""
MODEL_KEYS = ("inputs", "shared", "layers", "outputs", "image_data_format", "trainable")


class Reference(NamedTuple):
    """A tensor as written: `name`, `name.0`, `name.head`."""

    text: str
    span: Span


Sources: TypeAlias = "tuple[Reference, ...] | MappingType[str, Reference | tuple[Reference, ...]]"


@dataclass(frozen=True)
class Use:
    """One entry of `layers`: one call of a layer, or of something shared."""

    kind: str
    """As written; where that is no kind, the one that was probably meant."""
    kind_span: Span
    body: Node | None = None
    """What stands behind the name, for the places of faults."""
    layer: Layer | None = None
    """The settings, where the kind is a layer and they are right."""
    shared: bool = False
    """Whether the kind is a shared name."""
    name: str | None = None
    name_span: Span | None = None
    sources: Sources | None = None
    """None where `from` was not written."""
    sources_span: Span | None = None
    options: MappingType[str, Any] = field(default_factory=dict)
    options_node: Mapping | None = None


@dataclass(frozen=True)
class SharedLayer:
    """One layer that several calls share."""

    use: Use


@dataclass(frozen=True)
class ModelSection:
    """A model, or a shared sub-model, as written."""

    span: Span
    inputs: tuple[InputSpec, ...] | None
    """None where a sub-model is written as a list of layers: it takes one tensor."""
    uses: tuple[Use, ...]
    outputs: tuple[tuple[str | None, Reference], ...] | None = None
    """Public name (None: the tensor's own) and tensor; None: the last entry."""
    shared: MappingType[str, SharedLayer | ModelSection] = field(default_factory=dict)
    shared_spans: MappingType[str, Span] = field(default_factory=dict)
    trainable: bool = True


def read_model(node: Node, context: Context, report: Report) -> ModelSection | None:
    """The `model` section; None where it is no model at all."""
    if not isinstance(node, Mapping):
        report.error("MS204", f"`model` must be a mapping with `inputs` and `layers`, found {describe(plain(node))}",
                     node.span)
        return None
    return _Reader(context, report, ()).model(node, root=True)


@dataclass
class _Reader:
    """Reads one model. `visible` are the shared names of the models around it."""

    context: Context
    report: Report
    visible: tuple[str, ...]

    # Models ----------------------------------------------------------------------------------------------------------

    def model(self, node: Mapping, *, root: bool = False) -> ModelSection | None:
        keys = MODEL_KEYS[:-1] if root else tuple(key for key in MODEL_KEYS if key != "image_data_format")
        self._unknown_keys(node, keys, "model")
        reader = self._inside(node)
        shared, shared_spans = reader._shared(node)
        layers = node.entries.get("layers")
        inputs = node.entries.get("inputs")
        if layers is None:
            if not any(nearest(key, ("layers",)) for key in node.entries if key not in keys):
                self.report.error("MS315", "a model needs `layers`", node.span, help="add `layers:` with a list of layers")
            return None
        if inputs is None and root and not any(nearest(key, ("inputs",)) for key in node.entries if key not in keys):
            self.report.error("MS315", "a model needs `inputs`", node.span,
                              help="add e.g. `inputs: {image: [28, 28, 1]}` (shapes without the batch axis)")
        outputs = node.entries.get("outputs")
        trainable = node.entries.get("trainable")
        return ModelSection(
            span=node.span,
            inputs=read_inputs(inputs.value, self.report) if inputs else () if root else None,
            uses=reader._uses(layers.value),
            outputs=reader._outputs(outputs.value) if outputs else None,
            shared=shared,
            shared_spans=shared_spans,
            trainable=reader._flag(trainable.value, "trainable") if trainable else True,
        )

    def _inside(self, node: Mapping) -> _Reader:
        """The reader of what is inside this model: its own data format, its shared names visible."""
        names: tuple[str, ...] = ()
        if (shared := node.entries.get("shared")) and isinstance(shared.value, Mapping):
            names = tuple(shared.value.entries)
        context = self.context
        if entry := node.entries.get("image_data_format"):
            if plain(entry.value) in ("channels_last", "channels_first"):
                context = replace(context, image_data_format=str(plain(entry.value)))
            else:
                self._choice(entry.value, "image_data_format", ("channels_last", "channels_first"))
        return _Reader(context, self.report, (*self.visible, *names))

    def _unknown_keys(self, node: Mapping, keys: tuple[str, ...], title: str) -> None:
        for key, entry in node.entries.items():
            if key not in keys:
                near = nearest(key, [k for k in keys if k not in node.entries]) or nearest(key, keys)
                self.report.error("MS201", f"`{title}` has no key `{key}`", entry.key_span, suggestion=near,
                                  help=f"did you mean `{near}`?" if near else f"its keys are {listed(keys)}")

    def _choice(self, node: Node, key: str, choices: tuple[str, ...]) -> None:
        value = plain(node)
        near = nearest(value, choices) if isinstance(value, str) else None
        self.report.error("MS205", f"`{key}` must be {' or '.join(f'`{c}`' for c in choices)}, found {describe(value)}",
                          node.span, suggestion=near, help=f"did you mean `{near}`?" if near else None)

    def _flag(self, node: Node, key: str) -> bool:
        value = plain(node)
        if not isinstance(value, bool):
            self.report.error("MS204", f"`{key}` must be `true` or `false`, found {describe(value)}", node.span)
            return True
        return value

    # Shared things ---------------------------------------------------------------------------------------------------

    def _shared(self, node: Mapping) -> tuple[dict[str, SharedLayer | ModelSection], dict[str, Span]]:
        entry = node.entries.get("shared")
        if entry is None:
            return {}, {}
        if not isinstance(entry.value, Mapping):
            self.report.error("MS204", f"`shared` must be a mapping of names to layers or models, "
                                       f"found {describe(plain(entry.value))}", entry.value.span)
            return {}, {}
        found: dict[str, SharedLayer | ModelSection] = {}
        spans: dict[str, Span] = {}
        for name, item in entry.value.entries.items():
            spans[name] = item.key_span
            self._check_shared_name(name, item.key_span)
            thing = self._shared_thing(item.value)
            if thing is not None:
                found[name] = thing
        return found, spans

    def _check_shared_name(self, name: str, span: Span) -> None:
        if name in LAYERS:
            self.report.error("MS306", f"`{name}` is the name of a layer, and cannot name something shared", span,
                              help=f"call it something else, e.g. `shared_{name.lower()}`")
        else:
            check_name(name, span, self.report)

    def _shared_thing(self, node: Node) -> SharedLayer | ModelSection | None:
        if isinstance(node, Sequence):
            return ModelSection(node.span, None, self._uses(node))
        if isinstance(node, Mapping) and ("layers" in node.entries or not self._is_layer(node)):
            return self.model(node)
        return SharedLayer(self._use(node, nested=True))

    def _is_layer(self, node: Mapping) -> bool:
        """Whether a mapping is one layer rather than a model: its one key is a kind, or is nearer to one."""
        if len(node.entries) != 1:
            return False
        key = next(iter(node.entries))
        return key in LAYERS or nearest(key, MODEL_KEYS) is None

    # Entries ---------------------------------------------------------------------------------------------------------

    def _uses(self, node: Node) -> tuple[Use, ...]:
        if not isinstance(node, Sequence):
            self.report.error("MS204", f"`layers` must be a list, found {describe(plain(node))}", node.span,
                              help="begin every layer with `- `")
            return ()
        if not node.items:
            self.report.error("MS315", "a model needs at least one layer", node.span)
        return tuple(self._use(item) for item in node.items)

    def _use(self, node: Node, *, nested: bool = False) -> Use:
        """One entry; with `nested`, the layer of a shared name, which is not called here.

        An entry in error is an entry all the same, without settings: what follows it then stays silent.
        """
        split = self._split(node)
        if split is None:
            return self._recovered(node)
        kind, kind_span, body = split
        use = Use(kind, kind_span, body)
        if isinstance(body, Mapping) and not nested:
            use = self._reserved(use, body)
        if kind in LAYERS:
            return self._layer(use)
        if kind in self.visible and not nested:
            return self._shared_call(use)
        return replace(use, kind=self._unknown_kind(use) or kind)

    def _recovered(self, node: Node) -> Use:
        """What can be made of a malformed entry: the kind and the name that stand in it somewhere."""
        if not isinstance(node, Mapping):
            return Use("?", node.span)
        kind = next((key for key in node.entries if key in LAYERS), "?")
        name = plain(node.entries["name"].value) if "name" in node.entries else None
        return Use(kind, node.span, name=name if isinstance(name, str) else None)

    def _split(self, node: Node) -> tuple[str, Span, Node | None] | None:
        """The kind, its place, and what stands behind it; a fault where the entry has no such form."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return node.value, node.span, None
        if isinstance(node, Mapping) and len(node.entries) == 1:
            kind, entry = next(iter(node.entries.items()))
            if kind not in EXPANDED:
                return kind, entry.key_span, entry.value
        if isinstance(node, Mapping) and node.entries:
            self._malformed(node)
        else:
            self.report.error("MS207", f"an entry of `layers` is a layer's name, or a name with settings, "
                                       f"found {describe(plain(node))}", node.span, help="e.g. `- Dense: 64`")
        return None

    def _malformed(self, node: Mapping) -> None:
        kinds = [key for key in node.entries if key in LAYERS or key in self.visible]
        if word := next((key for key in node.entries if key in EXPANDED), None):
            self.report.error("MS209", f"`{word}` entries are not part of this version of modelspec",
                              node.entries[word].key_span)
        elif len(kinds) == 1:
            other = next(key for key in node.entries if key != kinds[0])
            self.report.error("MS207", f"`{other}` stands beside `{kinds[0]}`, not among its settings",
                              node.entries[other].key_span,
                              help=f"indent it further, or write `- {kinds[0]}: {{..., {other}: ...}}`")
        else:
            keys = list(node.entries)
            self.report.error("MS207", f"an entry of `layers` has one kind, but {listed(keys[:3])} stand here",
                              node.entries[keys[1]].key_span, help="begin every layer with `- `")

    def _unknown_kind(self, use: Use) -> str | None:
        """Says so, and returns the kind that was probably meant."""
        fault = unknown_name(LAYERS, use.kind)
        near = nearest(use.kind, (*self.visible, *LAYERS.names())) if fault.code == "MS301" else None
        if near and near != fault.suggestion:
            fault = replace(fault, suggestion=near, help=f"did you mean `{near}`?")
        self.report.fault(fault, None, use.kind_span)
        return fault.suggestion

    def _layer(self, use: Use) -> Use:
        cls = LAYERS.find(use.kind)
        assert cls is not None
        body = plain(use.body) if use.body is not None else None
        if isinstance(body, dict):
            for word in (*RESERVED, *EXPANDED):
                body.pop(word, None)
            if use.name is None:
                body.pop("name", None)
        try:
            layer = cls.read(body, self.context)
        except Faults as error:
            for fault in error.faults:
                self.report.fault(fault, use.body, use.kind_span)
            return use
        assert isinstance(layer, Layer)
        return replace(use, layer=layer)

    def _shared_call(self, use: Use) -> Use:
        allowed = ("name", *RESERVED, *EXPANDED)
        if isinstance(use.body, Mapping):
            for key, entry in use.body.entries.items():
                if key in allowed:
                    continue
                near = nearest(key, allowed)
                self.report.error("MS309", f"`{key}` is a setting, and `{use.kind}` is shared: all its calls have the "
                                           "same settings", entry.key_span, suggestion=near,
                                  help=f"did you mean `{near}`?" if near else f"set it where `{use.kind}` is defined")
        elif use.body is not None and plain(use.body) is not None:
            self.report.error("MS309", f"a call of shared `{use.kind}` takes no settings, found "
                                       f"{describe(plain(use.body))}", use.body.span,
                              help=f"write `{use.kind}` alone, or `{{from: ..., name: ...}}` behind it")
        return replace(use, shared=True)

    # Reserved settings -----------------------------------------------------------------------------------------------

    def _reserved(self, use: Use, body: Mapping) -> Use:
        for word in EXPANDED:
            if entry := body.entries.get(word):
                self.report.error("MS209", f"`{word}` is not part of this version of modelspec", entry.key_span)
        if entry := body.entries.get("name"):
            use = self._name(use, entry.value)
        if entry := body.entries.get("from"):
            use = replace(use, sources=self._sources(entry.value), sources_span=entry.value.span)
        if entry := body.entries.get("call"):
            use = self._call_options(use, entry.value)
        return use

    def _name(self, use: Use, node: Node) -> Use:
        value = plain(node)
        if not isinstance(value, str):
            self.report.error("MS204", f"a `name` must be a text, found {describe(value)}", node.span,
                              help=f'write `"{value}"` in quotes' if isinstance(value, (int, float)) else None)
            return use
        if not check_name(value, node.span, self.report):
            return use
        return replace(use, name=value, name_span=node.span)

    def _sources(self, node: Node) -> Sources | None:
        if isinstance(node, Mapping):
            found = {key: self._references(entry.value) for key, entry in node.entries.items()}
            return {key: value for key, value in found.items() if value is not None}
        references = self._references(node)
        return (references,) if isinstance(references, Reference) else references

    def _references(self, node: Node) -> Reference | tuple[Reference, ...] | None:
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return Reference(node.value, node.span)
        if isinstance(node, Sequence) and node.items:
            items = [self._references(item) for item in node.items]
            return tuple(item for item in items if isinstance(item, Reference))
        self.report.error("MS204", f"`from` takes the name of a tensor, a list of names, or a mapping of call "
                                   f"arguments to names, found {describe(plain(node))}", node.span)
        return None

    def _call_options(self, use: Use, node: Node) -> Use:
        if not isinstance(node, Mapping):
            self.report.error("MS204", f"`call` takes a mapping of call arguments, found {describe(plain(node))}",
                              node.span, help="e.g. `call: {training: false}`")
            return use
        options = plain(node)
        assert isinstance(options, dict)
        return replace(use, options=options, options_node=node)

    # Outputs ---------------------------------------------------------------------------------------------------------

    def _outputs(self, node: Node) -> tuple[tuple[str | None, Reference], ...] | None:
        if isinstance(node, Mapping):
            pairs: list[tuple[str | None, Reference]] = []
            for key, entry in node.entries.items():
                reference = self._references(entry.value)
                if isinstance(reference, Reference) and check_name(key, entry.key_span, self.report):
                    pairs.append((key, reference))
                elif isinstance(reference, tuple):
                    self.report.error("MS204", f"output `{key}` must be one tensor, found a list", entry.value.span)
            return tuple(pairs)
        references = self._references(node)
        if references is None:
            return ()
        return tuple((None, ref) for ref in ((references,) if isinstance(references, Reference) else references))
