"""Components and the section `training` with current spellings."""

from __future__ import annotations

from typing import Any

from modelspec.catalog.components import OPTIMIZERS
from modelspec.core.diagnostics import Edit
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from .component_tables import DECAY, FORMULA, NAMES, TRAINING, settings_of
from .modernize_settings import LegacyCollector, Rewriting
from .text_edits import is_json, value_text, word


class TrainingPass:
    """Rewrites components in all places."""

    def __init__(self, notes: LegacyCollector) -> None:
        self.notes = notes

    def section(self, node: Node) -> Node:
        """The section `training`."""
        if not isinstance(node, Mapping):
            return node
        rewriting = Rewriting("training", node, self.notes)
        rewriting.apply(TRAINING)
        changed = dict(rewriting.mapping.entries)
        for key, entry in rewriting.mapping.entries.items():
            changed[key] = Entry(entry.key_span, self._choice(key, entry.value))
        same = all(
            changed[key].value is entry.value for key, entry in rewriting.mapping.entries.items()
        )
        return rewriting.mapping if same else Mapping(changed, node.span)

    def _choice(self, key: str, node: Node) -> Node:
        if key == "loss":
            return self._by_output("loss", node)
        if key in ("metrics", "weighted_metrics"):
            return self._by_output("metric", node)
        if key == "optimizer":
            return self.component("optimizer", node)
        if key == "callbacks" and isinstance(node, Sequence):
            return self._all("callback", node)
        if key == "stages" and isinstance(node, Sequence):
            stages = tuple(map(self.section, node.items))
            changed = any(a is not b for a, b in zip(stages, node.items, strict=True))
            return Sequence(stages, node.span) if changed else node
        return node

    def _all(self, family: str, node: Sequence) -> Node:
        items = tuple(self.component(family, item) for item in node.items)
        return (
            node
            if all(a is b for a, b in zip(items, node.items, strict=True))
            else Sequence(items, node.span)
        )

    def _by_output(self, family: str, node: Node) -> Node:
        """One component, a list of them, or either for each output by its name."""
        if isinstance(node, Sequence):
            return self._all(family, node)
        if not isinstance(node, Mapping) or self._is_component(family, node):
            return self.component(family, node)
        if _is_old_formula(node):
            return self.component(family, node)
        entries = {
            key: Entry(entry.key_span, self._by_output(family, entry.value))
            for key, entry in node.entries.items()
        }
        same = all(entries[key].value is entry.value for key, entry in node.entries.items())
        return node if same else Mapping(entries, node.span)

    def _is_component(self, family: str, node: Mapping) -> bool:
        """Whether a mapping is an old name with its settings, rather than outputs with their
        components.
        """
        (key, entry), *others = node.entries.items() if node.entries else [("", None)]
        settings = entry is not None and (
            isinstance(entry.value, Mapping) or plain(entry.value) is None
        )
        return not others and key in NAMES[family] and settings

    # One component --------------------------------------------------------------------------------

    def component(self, family: str, node: Node) -> Node:
        """A component in any of its three forms."""
        names = NAMES.get(family, {})
        if isinstance(node, Mapping) and _is_old_formula(node):
            rewriting = Rewriting(family, node, self.notes)
            rewriting.apply(FORMULA)
            return rewriting.mapping
        if isinstance(node, Scalar):
            return (
                self._bare(family, node)
                if isinstance(node.value, str) and node.value in names
                else node
            )
        if not isinstance(node, Mapping) or len(node.entries) != 1:
            return node
        ((old, entry),) = node.entries.items()
        kind = names.get(old, old)
        value = self._settings(family, kind, entry.value)
        if kind != old:
            edit = word(entry.key_span, old, kind)
            self._renamed(family, old, kind, entry, edit)
        elif value is entry.value:
            return node
        return Mapping({kind: Entry(entry.key_span, value)}, node.span)

    def _renamed(self, family: str, old: str, kind: str, entry: Entry, edit: Edit | None) -> None:
        self.notes.warn(
            "MS222",
            f"the {family} `{old}` is now `{kind}`",
            entry.key_span,
            f"write `{kind}`",
            edit.text if edit else kind,
            (edit,),
        )

    def _bare(self, family: str, node: Scalar) -> Node:
        old = str(node.value)
        kind = NAMES[family][old]
        edit = word(node.span, old, kind)
        self._renamed(family, old, kind, Entry(node.span, node), edit)
        return Scalar(kind, node.span, node.plain)

    def _settings(self, family: str, kind: str, body: Node) -> Node:
        if not isinstance(body, Mapping):
            return body
        rewriting = Rewriting(kind, body, self.notes)
        rewriting.apply(settings_of(family, kind))
        if family == "optimizer" and DECAY in rewriting.entries:
            self._decay(kind, rewriting)
        if family == "optimizer":
            self._inner_optimizers(kind, rewriting)
        self._formula_inside(rewriting)
        return rewriting.mapping

    def _inner_optimizers(self, kind: str, rewriting: Rewriting) -> None:
        """The optimizers inside an optimizer: one, or those of a map by the paths of weights."""
        for key, entry in rewriting.entries.items():
            value = entry.value
            if key in ("inner_optimizer", "default_optimizer"):
                value = self.component("optimizer", value)
            elif key == "optimizer_map" and kind == "OptimizerMap":
                value = self._by_path(value)
            elif key == "optimizer_map":
                value = self._map(value)
            if value is not entry.value:
                rewriting.entries[key] = Entry(entry.key_span, value)

    def _map(self, node: Node) -> Node:
        """The settings of an `OptimizerMap`, with or without its name."""
        if isinstance(node, Mapping) and tuple(node.entries) == ("OptimizerMap",):
            return self.component("optimizer", node)
        return self._settings("optimizer", "OptimizerMap", node)

    def _by_path(self, node: Node) -> Node:
        if not isinstance(node, Mapping):
            return node
        entries = {
            path: Entry(entry.key_span, self.component("optimizer", entry.value))
            for path, entry in node.entries.items()
        }
        same = all(entries[path].value is entry.value for path, entry in node.entries.items())
        return node if same else Mapping(entries, node.span)

    def _formula_inside(self, rewriting: Rewriting) -> None:
        """The formula of the learning rate in an optimizer or a callback."""
        for key in ("learning_rate", "schedule"):
            entry = rewriting.entries.get(key)
            value = entry.value if entry is not None else None
            if entry is not None and isinstance(value, Mapping) and _is_old_formula(value):
                rewriting.entries[key] = Entry(entry.key_span, self.component(key, value))

    def _decay(self, kind: str, rewriting: Rewriting) -> None:
        """`decay` becomes an equivalent schedule: the rate divided by `1 + decay * steps`."""
        decay, rate = rewriting.entries[DECAY], rewriting.entries.get("learning_rate")
        first: Any = plain(rate.value) if rate else _default_rate(kind)
        if not _is_number(plain(decay.value)) or not _is_number(first):
            return
        span = decay.value.span
        parts: dict[str, Node] = {
            "initial_learning_rate": rate.value if rate else Scalar(first, span, True),
            "decay_steps": Scalar(1, span, True),
            "decay_rate": decay.value,
        }
        settings = {key: Entry(value.span, value) for key, value in parts.items()}
        schedule = {"InverseTimeDecay": Entry(decay.key_span, Mapping(settings, span))}
        self._warn_of_decay(kind, rewriting, str(first))
        key_span = rate.key_span if rate else decay.key_span
        rewriting.entries = {
            **{key: entry for key, entry in rewriting.entries.items() if key != DECAY},
            "learning_rate": Entry(key_span, Mapping(schedule, span)),
        }

    def _warn_of_decay(self, kind: str, rewriting: Rewriting, first: str) -> None:
        written, decay = rewriting.original.entries, rewriting.entries[DECAY]
        quote = '"' if is_json(decay.key_span) else ""
        own = value_text(decay)
        old = next((key for key in ("lr", "learning_rate") if key in written), None)
        text = (
            f"{{{quote}InverseTimeDecay{quote}: {{{quote}initial_learning_rate{quote}: {first}, "
            f"{quote}decay_steps{quote}: 1, {quote}decay_rate{quote}: {own}}}}}"
        )
        edits: tuple[Edit | None, ...] = (
            rewriting.layout.replace(DECAY, [("learning_rate", text)]),
        )
        if old is not None:
            value = written[old].value
            edits = (
                Edit(value.span, text) if value_text(written[old]) else None,
                rewriting.layout.remove(DECAY),
            )
        self.notes.warn(
            "MS221",
            f"`decay` of `{kind}` is now a schedule of the learning rate",
            decay.key_span,
            f"write `learning_rate: {text.replace(quote, '') if quote else text}`",
            None,
            edits if own else (None,),
        )


def _is_old_formula(node: Mapping) -> bool:
    """Whether a mapping is a formula under its old key, rather than the loss of an output of that
    name.
    """
    entry = node.entries.get("expression")
    text = plain(entry.value) if entry is not None else None
    is_name = isinstance(text, str) and text.isidentifier() and text not in ("y_true", "y_pred")
    return isinstance(text, str) and not is_name


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _default_rate(kind: str) -> Any:
    """The default learning rate of an optimizer."""
    cls = OPTIMIZERS.find(kind)
    field = cls.model_fields.get("learning_rate") if cls else None
    return field.default if field else None
