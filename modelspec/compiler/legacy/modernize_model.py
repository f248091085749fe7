"""Converts a document with spellings of Keras 1 and 2 to current ones; all places are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelspec.catalog.layers import LAYERS
from modelspec.core.diagnostics import Checked, Edit, listed
from modelspec.core.settings import describe
from modelspec.core.source import Document, Entry, Mapping, Node, Scalar, Sequence, plain

from . import layer_tables as layers
from .component_tables import NAMES
from .layer_tables import INNER_SETTINGS, KINDS, MERGE, MODES, PACKED, SETTINGS, WRAPPERS
from .modernize_inputs import Inputs
from .modernize_settings import LegacyCollector, Rewriting
from .modernize_training import TrainingPass
from .table_rows import Kind, Row
from .text_edits import is_json, value_text, word, written


def modernized(document: Document) -> Checked[Document]:
    """The document with current spellings, with a warning for each old one."""
    notes = LegacyCollector()
    root = ModelPass(notes).root(document.root)
    changed = document if root is document.root else document.with_root(root)
    return Checked(changed, notes.diagnostics)


def _with(mapping: Mapping, key: str, change: Callable[[Node], Node]) -> Mapping:
    """The mapping with one of its values changed; the same object if nothing changes."""
    entry = mapping.entries.get(key)
    if entry is None:
        return mapping
    value = change(entry.value)
    if value is entry.value:
        return mapping
    return Mapping({**mapping.entries, key: Entry(entry.key_span, value)}, mapping.span)


def _each(node: Node, change: Callable[[Node], Node]) -> Node:
    """A list with every item changed; the same object if nothing changes."""
    if not isinstance(node, Sequence):
        return node
    items = tuple(change(item) for item in node.items)
    return (
        node
        if all(a is b for a, b in zip(items, node.items, strict=True))
        else Sequence(items, node.span)
    )


def _merge_kind(body: Node) -> Kind | None:
    """The current layer for `Merge`, by its mode; None if the mode is invalid."""
    mode: Any = plain(body)
    if isinstance(mode, dict):
        mode = mode.get("mode")
    if mode is None:
        return MODES["sum"]
    return MODES.get(mode) if isinstance(mode, str) else None


class ModelPass:
    """Walks through the sections, and records its findings."""

    def __init__(self, notes: LegacyCollector) -> None:
        self.notes = notes
        self.training = TrainingPass(notes)
        self.shared: set[str] = set()
        """Names of shared layers and models: such a name is not an old layer."""

    def root(self, root: Mapping) -> Mapping:
        root = _with(root, "model", self.model)
        return _with(root, "training", self.training.section)

    def model(self, node: Node) -> Node:
        """A model, main or shared."""
        if not isinstance(node, Mapping):
            return _each(node, self.layer)
        if (shared := node.entries.get("shared")) and isinstance(shared.value, Mapping):
            self.shared.update(shared.value.entries)
        node = Inputs(self.notes).from_first_layer(node)
        node = _with(node, "shared", self._shared)
        return _with(node, "layers", lambda entries: _each(entries, self.layer))

    def _shared(self, node: Node) -> Node:
        if isinstance(node, Mapping):
            for name in node.entries:
                node = _with(node, name, self._shared_definition)
        return node

    def _shared_definition(self, node: Node) -> Node:
        is_model = isinstance(node, Sequence) or (
            isinstance(node, Mapping) and "layers" in node.entries
        )
        return self.model(node) if is_model else self.layer(node)

    # Layers ---------------------------------------------------------------------------------------

    def layer(self, node: Node, inside: str | None = None) -> Node:
        """A layer in any of its forms; `inside` is the wrapper around it."""
        if isinstance(node, Scalar):
            return self._bare(node)
        if not isinstance(node, Mapping) or len(node.entries) != 1:
            return node
        ((written_as, entry),) = node.entries.items()
        if written_as in self.shared:
            return node
        kind = self._kind(written_as, entry.value)
        if kind is None and written_as == MERGE:
            return self._unknown_mode(node, entry)
        if kind is not None:
            return self._renamed(node, written_as, kind, inside)
        if written_as not in LAYERS:
            return node
        value = self._body(Kind(written_as), entry, inside)
        if value is entry.value:
            return node
        return Mapping({written_as: Entry(entry.key_span, value)}, node.span)

    def _renamed(self, node: Mapping, old: str, kind: Kind, inside: str | None) -> Mapping:
        """A layer with a new name."""
        entry = node.entries[old]
        value = self._body(kind, entry, inside)
        edit = word(entry.key_span, old, kind.new)
        self.notes.warn(
            "MS220",
            f"`{old}` is now `{kind.new}`",
            entry.key_span,
            f"write `{kind.new}`",
            edit.text if edit else kind.new,
            (edit,),
        )
        return Mapping({kind.new: Entry(entry.key_span, value)}, node.span)

    def _kind(self, name: str, body: Node) -> Kind | None:
        """The current layer for an old name; None for a current name."""
        if name == MERGE:
            return _merge_kind(body)
        if name in LAYERS.aliases:
            return Kind(LAYERS.aliases[name])
        return KINDS.get(name)

    def _unknown_mode(self, node: Mapping, entry: Entry) -> Node:
        """`Merge` with an invalid mode, or one that was a function; treated as a sum."""
        body = entry.value
        mode = body.entries["mode"].value if isinstance(body, Mapping) else body
        self.notes.error(
            "MS205",
            f"`mode` of `{MERGE}` must be {listed(list(MODES), 'or')}, found"
            f" {describe(plain(mode))}",
            mode.span,
            help="write the current merging layer, e.g. `Add`",
        )
        rest = (
            {key: one for key, one in body.entries.items() if key != "mode"}
            if isinstance(body, Mapping)
            else {}
        )
        return Mapping({"Add": Entry(entry.key_span, Mapping(rest, body.span))}, node.span)

    def _bare(self, node: Scalar) -> Node:
        """A layer that is only its name; settings that preserve the old behavior are added."""
        name = node.value
        old_name = isinstance(name, str) and name not in self.shared
        kind = self._kind(str(name), Scalar(None, node.span)) if old_name else None
        if kind is None:
            return node
        old, like_json = str(name), is_json(node.span)
        edit = word(node.span, old, kind.new)
        shown = f"{kind.new}: {written(dict(kind.adds), False)}" if kind.adds else kind.new
        if kind.adds and edit:
            edit = Edit(node.span, written({kind.new: dict(kind.adds)}, like_json))
        self.notes.warn(
            "MS220",
            f"`{old}` is now `{kind.new}`",
            node.span,
            f"write `{shown}`",
            edit.text if edit else kind.new,
            (edit,),
        )
        if not kind.adds:
            return Scalar(kind.new, node.span, node.plain)
        added = {
            key: Entry(node.span, Scalar(value, node.span, True))
            for key, value in kind.adds.items()
        }
        return Mapping({kind.new: Entry(node.span, Mapping(added, node.span))}, node.span)

    def _body(self, kind: Kind, entry: Entry, inside: str | None) -> Node:
        """The value after the name, with current spellings."""
        body = entry.value
        if isinstance(body, Mapping):
            return self._settings(kind, body, inside)
        if kind.new in WRAPPERS:
            return self._inner(body, kind.new)
        if kind.merges and plain(body) is not None:
            return self._merged(kind, entry)
        if plain(body) is None:
            return self._from_nothing(kind, entry) if kind.adds else body
        if kind.primary is None:
            return body
        new = next(iter(kind.adds))
        text = value_text(entry)
        quote = '"' if is_json(entry.key_span) else ""
        self.notes.warn(
            "MS221",
            f"`{kind.primary}` of `{kind.new}` is now `{new}`",
            body.span,
            f"write `{{{new}: {plain(body)}}}`",
            None,
            (Edit(body.span, f"{{{quote}{new}{quote}: {text}}}") if text else None,),
        )
        return Mapping({new: Entry(body.span, body)}, body.span)

    def _from_nothing(self, kind: Kind, entry: Entry) -> Node:
        """`- ThresholdedReLU:` without a value."""
        span = entry.value.span
        text = written(dict(kind.adds), is_json(entry.key_span))
        edit = Edit(span, text if span.start < span.end else f" {text}")
        self.notes.warn(
            "MS221",
            f"the old default of `{kind.new}` was different",
            entry.key_span,
            f"write `{kind.new}: {text}`",
            None,
            (edit,),
        )
        made = {key: Entry(span, Scalar(value, span, True)) for key, value in kind.adds.items()}
        return Mapping(made, span)

    def _merged(self, kind: Kind, entry: Entry) -> Node:
        """`Merge: sum`."""
        span = entry.value.span
        text = written(dict(kind.adds), is_json(entry.key_span))
        self.notes.warn(
            "MS221",
            f"`mode` of `{MERGE}` is now the name of the layer",
            span,
            f"write `{kind.new}: {text}`",
            text,
            (Edit(span, text),),
        )
        return Mapping(
            {key: Entry(span, Scalar(value, span, True)) for key, value in kind.adds.items()}, span
        )

    def _settings(self, kind: Kind, body: Mapping, inside: str | None) -> Node:
        rewriting = Rewriting(kind.new, body, self.notes)
        if kind.merges:
            self._mode(rewriting, kind)
            rewriting.apply(layers.MERGE_SETTINGS[kind.new])
        for packed in PACKED.get(kind.new, ()):
            rewriting.pack(packed)
        rewriting.apply(self._rows(kind.new), inside)
        self._add(rewriting, kind)
        mapping = rewriting.mapping
        for key in mapping.entries:
            mapping = self._setting(mapping, key, kind.new)
        return mapping

    def _mode(self, rewriting: Rewriting, kind: Kind) -> None:
        """`mode` of `Merge`, and the settings that the mode implied."""
        if "mode" not in rewriting.entries:
            return
        entry = rewriting.entries.pop("mode")
        # Do not repeat what `dot_axes` sets.
        has_axes = "dot_axes" in rewriting.entries
        adds = {key: value for key, value in kind.adds.items() if not (has_axes and key == "axes")}
        texts, any_added = rewriting.add(adds)
        layout = rewriting.layout
        edit = layout.replace("mode", texts) if any_added else layout.remove("mode")
        self.notes.warn(
            "MS221",
            f"`mode` of `{MERGE}` is now the name of the layer",
            entry.key_span,
            f"write `{kind.new}` without it",
            None,
            (edit,),
        )

    def _add(self, rewriting: Rewriting, kind: Kind) -> None:
        texts, any_added = rewriting.add(kind.adds)
        if any_added:
            shown = ", ".join(f"{key}: {text}" for key, text in texts)
            self.notes.warn(
                "MS221",
                f"the old default of `{kind.new}` was different",
                rewriting.original.span,
                f"write `{shown}`",
                None,
                (rewriting.layout.insert(texts),),
            )

    def _rows(self, kind: str) -> dict[str, Row]:
        """The rows of a layer, with those of every layer for words that are not its own
        settings.
        """
        cls: Any = LAYERS.find(kind)
        general: dict[str, Row] = {**layers.ANY, **layers.INPUT_SETTINGS}
        return {
            **{key: row for key, row in general.items() if key not in cls.model_fields},
            **SETTINGS.get(kind, {}),
        }

    def _setting(self, mapping: Mapping, key: str, kind: str) -> Mapping:
        """A setting that contains a layer or a component."""
        if kind in WRAPPERS and (key in INNER_SETTINGS or key in LAYERS or key in KINDS):
            if key in INNER_SETTINGS:
                return _with(mapping, key, lambda node: self._inner(node, kind))
            return self._shorthand(mapping, key, kind)
        family = key.rpartition("_")[2]
        if family in NAMES:
            return _with(mapping, key, lambda node: self.training.component(family, node))
        return mapping

    def _inner(self, node: Node, kind: str) -> Node:
        """A layer inside a wrapper, or a list of them."""
        return _each(node, self.layer) if isinstance(node, Sequence) else self.layer(node, kind)

    def _shorthand(self, mapping: Mapping, key: str, kind: str) -> Mapping:
        """`Bidirectional: {LSTM: 8}`: the layer is written among the settings."""
        entry = mapping.entries[key]
        made = self.layer(Mapping({key: entry}, mapping.span), kind)
        assert isinstance(made, Mapping)
        if made.entries == {key: entry}:
            return mapping
        entries: dict[str, Entry] = {}
        for name, one in mapping.entries.items():
            entries.update(made.entries if name == key else {name: one})
        return Mapping(entries, mapping.span)
