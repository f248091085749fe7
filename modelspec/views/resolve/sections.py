"""The sections of a spec with all defaults: the model, the data, the training, the runtime."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.graph import Graph
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_section import Feature
from modelspec.compiler.spec.data_slices import Slice
from modelspec.compiler.spec.entries import Use
from modelspec.compiler.spec.model_inputs import Input, InputSpec, is_one_input
from modelspec.compiler.spec.model_section import ModelSection, SharedLayer
from modelspec.compiler.spec.moving_average import DEFAULT_MOMENTUM, MOMENTUM, is_average
from modelspec.compiler.spec.players_section import BESIDE, PLAYERS
from modelspec.compiler.spec.stages import KEEP
from modelspec.compiler.spec.training_section import Training
from modelspec.compiler.spec.wrapped_models import HELD, wrapping
from modelspec.core.settings import Context, Settings
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from .defaults import Filler, by_default, missing, node_of, of_model, reserved_of, without_reserved

_NAMED = by_default("the automatic name of Keras")


def filled(compiled: Compiled, root: Mapping) -> Mapping:
    """The document with all defaults of every layer, component and section."""
    return _Spec(compiled).document(root)


class _Spec:
    """Fills in one spec."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.filler = Filler(compiled.file.context)

    def document(self, root: Mapping) -> Mapping:
        """The whole document."""
        file = self.compiled.file
        entries = dict(root.entries)
        entries.setdefault("seed", _default("seed", file.seed))
        if model := self._model(entries):
            entries["model"] = Entry(entries["model"].key_span, model)
        runtime = entries.get("runtime")
        if runtime is None:
            runtime = Entry(by_default("the defaults of `runtime`"), Mapping({}, root.span))
        body = runtime.value if isinstance(runtime.value, Mapping) else Mapping({}, root.span)
        entries["runtime"] = Entry(runtime.key_span, self._section(file.runtime, body))
        for key, fill in (("training", self._training), ("data", self._data)):
            if key in entries and isinstance(found := entries[key].value, Mapping):
                entries[key] = Entry(entries[key].key_span, fill(found))
        return Mapping(entries, root.span)

    def _model(self, entries: dict[str, Entry]) -> Mapping | None:
        model, graph = self.compiled.file.model, self.compiled.graph
        if model is None or graph is None or not isinstance(entries["model"].value, Mapping):
            return None
        models = _Models(self.filler.context)
        return models.model(entries["model"].value, model, graph.graph, root=True)

    def _section(
        self, made: Settings, node: Mapping, others: Collection[str] = frozenset()
    ) -> Mapping:
        """A section with its omitted keys, if their defaults can be written; without `others`."""
        entries = dict(node.entries)
        for name, value in missing(made, {**entries, **dict.fromkeys(others)}):
            why = f"the default of `{made.kind()}.{name}`"
            entries[name] = Entry(by_default(why), self.filler.value(value, None, None, why))
        return Mapping(entries, node.span)

    # Training -------------------------------------------------------------------------------------

    def _training(self, node: Mapping) -> Mapping:
        training = self.compiled.training
        if training is None or training.choices is None:
            return node
        if training.stages:
            return self._with_stages(node, training)
        if training.players:
            return self._with_players(node, training)
        return self._section(training.choices, self._trained(node, training, _made(training)))

    def _with_stages(self, node: Mapping, training: Training) -> Mapping:
        """The section and its stages. A default is that of the stages without the key."""
        entry = node.entries["stages"]
        items = entry.value.items if isinstance(entry.value, Sequence) else ()
        bodies = [one for one in items if isinstance(one, Mapping)]
        made = {key: one for stage in training.stages for key, one in _made(stage.training).items()}
        filled = [
            self._trained(body, stage.training, made)
            for body, stage in zip(bodies, training.stages, strict=True)
        ]
        entries = {}
        for key, one in node.entries.items():
            both = zip(bodies, training.stages, strict=True)
            kept = next((stage for body, stage in both if key not in body.entries), None)
            alone = Mapping({key: one}, node.span)
            entries[key] = self._trained(alone, kept.training, made).entries[key] if kept else one
        entries["stages"] = Entry(entry.key_span, Sequence(tuple(filled), entry.value.span))
        found = Mapping(entries, node.span)
        for body, stage in zip(bodies, training.stages, strict=True):
            assert stage.training.choices is not None
            found = self._section(stage.training.choices, found, {*body.entries, "epochs"})
        return found

    def _with_players(self, node: Mapping, training: Training) -> Mapping:
        """The section and its players, without the keys that cannot be used with them."""
        assert training.choices is not None
        found = self._trained(node, training, _made(training))
        entry = found.entries[PLAYERS]
        bodies = dict(entry.value.entries) if isinstance(entry.value, Mapping) else {}
        for one in training.players:
            written = one.node.entries.get("optimizer")
            keys = dict(one.node.entries)
            if written is not None:
                value = self.filler.value(one.optimizer, written.value, None, "")
                keys["optimizer"] = Entry(written.key_span, value)
            body = self._section(one.choices, Mapping(keys, one.node.span))
            bodies[one.name] = Entry(one.span, body)
        players = Entry(entry.key_span, Mapping(bodies, entry.value.span))
        found = Mapping({**found.entries, PLAYERS: players}, found.span)
        return self._section(training.choices, found, BESIDE)

    def _trained(
        self, node: Mapping, training: Training, made: dict[int, Settings | str]
    ) -> Mapping:
        """The written keys of a training, in their long forms."""
        entries = dict(node.entries)
        for key, entry in entries.items():
            if key == "optimizer" and plain(entry.value) != KEEP:
                value = self.filler.value(training.optimizer, entry.value, None, "")
            elif isinstance(one := getattr(training, key, None), Settings) and isinstance(
                entry.value, Mapping
            ):
                value = self._section(one, entry.value)
            else:
                value = self._chosen(entry.value, made)
            entries[key] = Entry(entry.key_span, value)
        return Mapping(entries, node.span)

    def _chosen(self, node: Node, made: dict[int, Settings | str]) -> Node:
        """A loss, metric or callback in its long form, or a list or mapping of them."""
        settings = made.get(id(node))
        if settings is not None:
            return (
                self.filler.component(settings, node, "")
                if isinstance(settings, Settings)
                else node
            )
        if isinstance(node, Sequence):
            return Sequence(tuple(self._chosen(item, made) for item in node.items), node.span)
        if isinstance(node, Mapping):
            found = {
                key: Entry(one.key_span, self._chosen(one.value, made))
                for key, one in node.entries.items()
            }
            return Mapping(found, node.span)
        return node

    # Data -----------------------------------------------------------------------------------------

    def _data(self, node: Mapping) -> Mapping:
        data = self.compiled.data
        if data is None:
            return node
        entries = dict(node.entries)
        for part, source in data.sources.items():
            key = "source" if part == "train" and "source" in entries else part
            if key in entries:
                component = self.filler.component(source, entries[key].value, "")
                entries[key] = Entry(entries[key].key_span, component)
        split = entries.get("split")
        if data.split is not None and split and isinstance(split.value, Mapping):
            entries["split"] = Entry(split.key_span, self._section(data.split, split.value))
        window = entries.get("window")
        if data.window is not None and window and isinstance(window.value, Mapping):
            entries["window"] = Entry(window.key_span, self._section(data.window, window.value))
        balance = entries.get("balance")
        if data.balance is not None and balance and isinstance(balance.value, Mapping):
            entries["balance"] = Entry(balance.key_span, self._section(data.balance, balance.value))
        if data.slices and (slices := entries.get("slices")):
            entries["slices"] = Entry(slices.key_span, self._slices(slices.value, data.slices))
        for key, features in (("inputs", data.inputs), ("targets", data.targets)):
            if features and (entry := entries.get(key)):
                entries[key] = Entry(entry.key_span, self._features(entry.value, features))
        return Mapping(entries, node.span)

    def _slices(self, node: Node, slices: Iterable[Slice]) -> Node:
        """Every slice in its long form."""
        nodes = node.items if isinstance(node, Sequence) else (node,)
        found = []
        for one, item in zip(slices, nodes, strict=True):
            long = item if isinstance(item, Mapping) else None
            long = long or Mapping({"column": Entry(item.span, item)}, item.span)
            found.append(self._section(one, long))
        return Sequence(tuple(found), node.span)

    def _features(self, node: Node, features: Any) -> Node:
        """The feature of every input or target, in its long form."""
        if len(features) == 1 and not (
            isinstance(node, Mapping) and next(iter(features)) in node.entries
        ):
            name = next(iter(features))
            node = Mapping({name: Entry(node.span, node)}, node.span)
        if not isinstance(node, Mapping):
            return node
        found = {
            name: (
                Entry(entry.key_span, self._feature(features[name], entry.value))
                if name in features
                else entry
            )
            for name, entry in node.entries.items()
        }
        return Mapping(found, node.span)

    def _feature(self, feature: Feature, node: Node) -> Node:
        if isinstance(node, Mapping):
            return self._section(feature, node)
        key = "columns" if isinstance(node, Sequence) else "column"
        return self._section(feature, Mapping({key: Entry(node.span, node)}, node.span))


class _Models:
    """Fills in the models of a spec."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.filler = Filler(context)

    def model(self, node: Mapping, section: ModelSection, graph: Graph, *, root: bool) -> Mapping:
        """A model with its inputs in their long form, every entry named, and its outputs."""
        inside = _Models(of_model(self.context, node))
        entries = dict(node.entries)
        if root:
            entries.setdefault(
                "image_data_format", _default("image_data_format", inside.context.image_data_format)
            )
        if section.inputs is not None and (inputs := entries.get("inputs")):
            entries["inputs"] = Entry(inputs.key_span, self._inputs(inputs.value, section.inputs))
        if (shared := entries.get("shared")) and isinstance(shared.value, Mapping):
            things = {
                name: Entry(
                    one.key_span,
                    inside.thing(one.value, section.shared.get(name), graph.shared.get(name)),
                )
                for name, one in shared.value.entries.items()
            }
            entries["shared"] = Entry(shared.key_span, Mapping(things, shared.value.span))
        layers = entries["layers"]
        entries["layers"] = Entry(layers.key_span, inside.layers(layers.value, section, graph))
        if root and "outputs" not in entries:
            span = by_default("the default of `outputs`: the last entry")
            entries["outputs"] = Entry(span, node_of([str(name) for name in graph.outputs], span))
        return Mapping(entries, node.span)

    def thing(
        self, node: Node, section: SharedLayer | ModelSection | None, made: Layer | Graph | None
    ) -> Node:
        """A shared layer or model."""
        if isinstance(node, Mapping) and is_average(node):
            momentum = node.entries.get(MOMENTUM) or _default(MOMENTUM, DEFAULT_MOMENTUM)
            return Mapping({**node.entries, MOMENTUM: momentum}, node.span)
        if isinstance(section, SharedLayer):
            return self.entry(node, section.use, None)
        if section is None or not isinstance(made, Graph):
            return node
        if isinstance(node, Mapping):
            return self.model(node, section, made, root=False)
        return self.layers(node, section, made)

    def layers(self, node: Node, section: ModelSection, graph: Graph) -> Node:
        if not isinstance(node, Sequence):
            return node
        both = zip(node.items, section.uses, graph.calls, strict=True)
        return Sequence(
            tuple(self.entry(item, use, call.name) for item, use, call in both), node.span
        )

    def entry(self, node: Node, use: Use, name: str | None) -> Node:
        """One entry with all of its settings and its name."""
        kept = reserved_of(use.body)
        if name is not None and "name" not in kept:
            kept = {"name": Entry(_NAMED, Scalar(name, _NAMED)), **kept}
        settings: dict[str, Entry] = {}
        if use.layer is not None:
            found = self.filler.settings(use.layer, without_reserved(use.body), use.kind_span)
            if not isinstance(found, Mapping):
                return node
            settings = {key: entry for key, entry in found.entries.items() if key != "name"}
        body = Mapping(
            {**settings, **kept}, use.body.span if use.body is not None else use.kind_span
        )
        if use.around:
            kinds = [wrapper.kind() for wrapper in use.around]
            held = wrapping(kinds, Scalar(use.kind, use.kind_span))
            body = Mapping({HELD: Entry(use.kind_span, held), **body.entries}, body.span)
            return Mapping({kinds[0]: Entry(use.kind_span, body)}, node.span)
        return Mapping({use.kind: Entry(use.kind_span, body)}, node.span)

    def _inputs(self, node: Node, inputs: Iterable[InputSpec]) -> Node:
        """The inputs in their long form."""
        whole = not isinstance(node, Mapping) or is_one_input(node)
        entries: dict[str, Entry] = {}
        for one in inputs:
            written = node if whole else node.entries[one.name].value  # type: ignore[union-attr]
            if not isinstance(written, Mapping):
                written = Mapping({"shape": Entry(written.span, written)}, written.span)
            body = dict(written.entries)
            for key, value in (("dtype", one.dtype), ("optional", one.optional)):
                body.setdefault(key, _default(f"{Input.title}.{key}", value))
            entries[one.name] = Entry(one.span, Mapping(body, written.span))
        return Mapping(entries, node.span)


def _made(training: Training) -> dict[int, Settings | str]:
    """The losses, metrics and callbacks of a training, by their nodes."""
    metrics = (*training.metrics.values(), *training.weighted_metrics.values())
    chosen = [
        *training.losses.values(),
        *(one for several in metrics for one in several),
        *training.callbacks,
    ]
    return {id(one.node): one.settings for one in chosen}


def _default(key: str, value: Any) -> Entry:
    span = by_default(f"the default of `{key}`")
    return Entry(span, node_of(value, span))
