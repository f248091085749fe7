"""The `model` section as written: inputs, layers, shared layers and models, and outputs, each with
its place.

Only the kinds of layers and their settings are looked up here; the graph resolves references to
tensors (`modelspec.compiler.graph`).
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping as MappingType
from collections.abc import Set as AbstractSet
from dataclasses import field, replace

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.library import is_kind
from modelspec.core.diagnostics import Collector, Span, nearest
from modelspec.core.diagnostics.repaired import is_unfinished
from modelspec.core.records import dataclass
from modelspec.core.sections import known_keys
from modelspec.core.settings import Context, describe
from modelspec.core.source import Mapping, Node, Sequence, plain

from .entries import EntryReader, Reference, Use
from .initial_weights import WeightsSource
from .layer_names import check_name
from .model_inputs import InputSpec, read_inputs
from .moving_average import EMA_OF, MovingAverage, is_average, read_average
from .submodel_weights import read_weights

MODEL_KEYS = ("inputs", "shared", "layers", "outputs", "image_data_format")
DATA_FORMATS = ("channels_last", "channels_first")
SUBMODEL_KEYS = ("inputs", "shared", "layers", "outputs", "trainable", "weights")


@dataclass(frozen=True)
class SharedLayer:
    """One layer that several calls share."""

    use: Use


@dataclass(frozen=True)
class ModelSection:
    """A model, or a shared sub-model, as written."""

    span: Span
    inputs: tuple[InputSpec, ...] | None
    """None if a sub-model is written as a list of layers: it takes one tensor."""
    uses: tuple[Use, ...]
    outputs: tuple[tuple[str | None, Reference | None], ...] | None = None
    """Public name (None: that of the tensor) and tensor (None: invalid); None: the last entry."""
    shared: MappingType[str, SharedLayer | ModelSection] = field(default_factory=dict)
    shared_spans: MappingType[str, Span] = field(default_factory=dict)
    trainable: bool = True
    weights: WeightsSource | None = None
    """The initial weights of a sub-model."""
    averages: MappingType[str, MovingAverage] = field(default_factory=dict)
    """The shared layers and models that are moving averages of others, by name."""
    unfinished: frozenset[str] = frozenset()
    """The keys of it that are on lines with syntax errors."""


def read_model(
    node: Node, context: Context, report: Collector, *, repaired: bool = False
) -> ModelSection | None:
    """The `model` section; None if it is not a mapping. `repaired`: the text has syntax errors."""
    if not isinstance(node, Mapping):
        report.error(
            "MS204",
            f"`model` must be a mapping with `inputs` and `layers`, found {describe(plain(node))}",
            node.span,
        )
        return None
    return _ModelReader(context, report, ChainMap(), repaired).model(node, root=True)


def is_layer(node: Mapping) -> bool:
    """Whether a shared definition is one layer rather than a model: its only key is a kind, or is
    not near to a key of a model.
    """
    if len(node.entries) != 1:
        return False
    key = next(iter(node.entries))
    return key in LAYERS or (key not in SUBMODEL_KEYS and nearest(key, SUBMODEL_KEYS) is None)


@dataclass(frozen=True)
class _ModelReader:
    """Reads one model. `visible` are the shared names of the models around it."""

    context: Context
    report: Collector
    visible: ChainMap[str, None]
    repaired: bool = False
    """Whether the text has syntax errors."""

    def model(self, node: Mapping, *, root: bool = False) -> ModelSection | None:
        node = known_keys(node, MODEL_KEYS if root else SUBMODEL_KEYS, "model", self.report)
        reader = self._inside(node)
        shared, shared_spans, averages = reader._shared(node, root=root)
        layers, inputs = node.entries.get("layers"), node.entries.get("inputs")
        outputs, trainable = node.entries.get("outputs"), node.entries.get("trainable")
        weights = node.entries.get("weights")
        if layers is None:
            self.report.error(
                "MS315",
                "a model requires `layers`",
                node.span,
                help="add `layers:` with a list of layers",
            )
            return None
        if inputs is None and root:
            self.report.error(
                "MS315",
                "a model requires `inputs`",
                node.span,
                help="add e.g. `inputs: {image: [28, 28, 1]}` (shapes without the batch axis)",
            )
        return ModelSection(
            span=node.span,
            inputs=self._inputs(inputs.value) if inputs else () if root else None,
            uses=reader._entries().uses(layers.value),
            outputs=reader._outputs(outputs.value) if outputs else None,
            shared=shared,
            shared_spans=shared_spans,
            trainable=reader._flag(trainable.value, "trainable") if trainable else True,
            weights=read_weights(weights.value, self.context, self.report) if weights else None,
            averages=averages,
            unfinished=reader._unfinished(node),
        )

    def _entries(self) -> EntryReader:
        return EntryReader(self.context, self.report, self.visible, self.repaired)

    def _unfinished(self, node: Mapping) -> frozenset[str]:
        if not self.repaired:
            return frozenset()
        return frozenset(key for key, one in node.entries.items() if is_unfinished(one.span))

    def _inputs(self, node: Node) -> tuple[InputSpec, ...]:
        """The inputs; those on lines with syntax errors have no type."""
        found = read_inputs(node, self.report)
        if not self.repaired or not isinstance(node, Mapping):
            return found
        entries = node.entries
        return tuple(
            replace(one, shape=None)
            if one.name in entries and is_unfinished(entries[one.name].span)
            else one
            for one in found
        )

    def _inside(self, node: Mapping) -> _ModelReader:
        """The reader of a model nested in this one, which sees its data format and its shared
        names.
        """
        names: dict[str, None] = {}
        if (shared := node.entries.get("shared")) and isinstance(shared.value, Mapping):
            names = dict.fromkeys(shared.value.entries)
        context = self.context
        if entry := node.entries.get("image_data_format"):
            value = plain(entry.value)
            if value not in DATA_FORMATS:
                value = self._choice(entry.value, "image_data_format", DATA_FORMATS)
            if value is not None:
                context = replace(context, image_data_format=str(value))
        return _ModelReader(
            context,
            self.report,
            self.visible.new_child(names) if names else self.visible,
            self.repaired,
        )

    def _choice(self, node: Node, key: str, choices: tuple[str, ...]) -> str | None:
        """The value; reports one that is not among the choices, and returns the most likely choice
        instead.
        """
        value = plain(node)
        near = nearest(value, choices) if isinstance(value, str) else None
        self.report.error(
            "MS205",
            f"`{key}` must be {' or '.join(f'`{c}`' for c in choices)}, found {describe(value)}",
            node.span,
            suggestion=near,
            help=f"did you mean `{near}`?" if near else None,
        )
        return near

    def _flag(self, node: Node, key: str) -> bool:
        value = plain(node)
        if not isinstance(value, bool):
            self.report.error(
                "MS204", f"`{key}` must be `true` or `false`, found {describe(value)}", node.span
            )
            return True
        return value

    # Shared layers and models ---------------------------------------------------------------------

    def _shared(
        self, node: Mapping, *, root: bool
    ) -> tuple[dict[str, SharedLayer | ModelSection], dict[str, Span], dict[str, MovingAverage]]:
        entry = node.entries.get("shared")
        if entry is None or plain(entry.value) is None:
            return {}, {}, {}
        if not isinstance(entry.value, Mapping):
            self.report.error(
                "MS204",
                "`shared` must be a mapping of names to layers or models, "
                f"found {describe(plain(entry.value))}",
                entry.value.span,
            )
            return {}, {}, {}
        found: dict[str, SharedLayer | ModelSection] = {}
        spans: dict[str, Span] = {}
        averages: dict[str, MovingAverage] = {}
        definition: SharedLayer | ModelSection | None
        for name, item in entry.value.entries.items():
            spans[name] = item.key_span
            self._check_shared_name(name, item.key_span)
            if isinstance(item.value, Mapping) and is_average(item.value):
                average = self._average(name, item.value, entry.value, root=root)
                definition = None
                if average is not None:
                    averages[name] = average
                    definition = self._copy(average.source, entry.value)
            else:
                definition = self._shared_definition(item.value)
            if definition is not None:
                found[name] = definition
        return found, spans, averages

    def _average(
        self, name: str, node: Mapping, shared: Mapping, *, root: bool
    ) -> MovingAverage | None:
        if root:
            return read_average(name, node, shared.entries, self.report)
        self.report.error(
            "MS539",
            f"`{EMA_OF}` is used inside a shared model: a moving average has to be defined under"
            " `shared` of the whole model",
            node.entries[EMA_OF].key_span,
            help="move both definitions to `model.shared`",
        )
        return None

    def _copy(self, name: str, shared: Mapping) -> SharedLayer | ModelSection | None:
        """The same frozen layer or model with its own weights; its faults are those of the
        original.
        """
        reader = replace(self, report=Collector())
        made = reader._shared_definition(shared.entries[name].value)
        if isinstance(made, SharedLayer):
            if made.use.layer is None:
                return None
            layer = made.use.layer.model_copy(update={"trainable": False})
            return SharedLayer(made.use._replace(layer=layer))
        if made is None:
            return None
        # What it calls is copied too: a part that both call would have the weights of one of them.
        called = _called_names(made, shared.entries.keys() - {name})
        parts = {one: part for one in called if (part := reader._copy(one, shared)) is not None}
        return replace(made, shared={**parts, **made.shared}, trainable=False, weights=None)

    def _check_shared_name(self, name: str, span: Span) -> None:
        if name in LAYERS:
            self.report.error(
                "MS306",
                f"`{name}` is the name of a layer, and cannot be a shared name",
                span,
                help=f"rename it, e.g. `shared_{name.lower()}`",
            )
        elif is_kind(name):
            self.report.error(
                "MS306",
                f"`{name}` is a kind of the library, and cannot be a shared name",
                span,
                help=f"rename it, e.g. `{name.lower()}`",
            )
        else:
            check_name(name, span, self.report)

    def _shared_definition(self, node: Node) -> SharedLayer | ModelSection | None:
        if isinstance(node, Sequence):
            return ModelSection(node.span, None, self._entries().uses(node))
        if isinstance(node, Mapping) and not is_layer(node):
            return self.model(node)
        return SharedLayer(self._entries().use(node, nested=True))

    def _outputs(self, node: Node) -> tuple[tuple[str | None, Reference | None], ...]:
        if isinstance(node, Mapping):
            pairs: list[tuple[str | None, Reference | None]] = []
            for key, entry in node.entries.items():
                reference = self._entries().references(entry.value, "outputs")
                if isinstance(reference, tuple) and not isinstance(reference, Reference):
                    self.report.error(
                        "MS204",
                        f"output `{key}` must be one tensor, found a list",
                        entry.value.span,
                    )
                if check_name(key, entry.key_span, self.report):
                    pairs.append((key, reference if isinstance(reference, Reference) else None))
            return tuple(pairs)
        references = self._entries().references(node, "outputs")
        if references is None:
            return ((None, None),)
        return tuple(
            (None, ref)
            for ref in ((references,) if isinstance(references, Reference) else references)
        )


def _called_names(section: ModelSection, names: AbstractSet[str]) -> list[str]:
    """Those of some shared names that a model or one of its own shared models calls."""
    found = {one.kind: None for one in section.uses if one.shared and one.kind in names}
    for name, part in section.shared.items():
        if isinstance(part, ModelSection):
            found |= dict.fromkeys(_called_names(part, names - {name}))
    return [name for name in found if name not in section.shared]
