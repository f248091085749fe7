"""The `training` section: optimizer, loss and metrics per output, callbacks, epochs and batch
size.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from dataclasses import field, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field, PlainValidator

from modelspec.catalog.components import (
    CALLBACKS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    component,
    weighted_name,
)
from modelspec.catalog.components.family import FORMULA, Family, read_component
from modelspec.catalog.components.metric import Metric
from modelspec.catalog.layers.setting_types import Count
from modelspec.core.diagnostics import (
    MOST,
    Collector,
    Span,
    did_you_mean,
    listed,
    nearest,
    nearest_unused,
)
from modelspec.core.records import dataclass
from modelspec.core.sections import known_keys, read_as_meant, read_section, report_each
from modelspec.core.settings import Context, Faults, Section, Settings, describe
from modelspec.core.source import Mapping, Node, Sequence, Value, plain

from .checkpoint import Checkpoint, read_checkpoint
from .class_weight import ClassWeight, read_class_weight
from .initial_weights import InitialWeights, Patterns, read_weights
from .low_rank import LowRank, read_low_rank
from .objective_section import Term, read_objective
from .players_section import PLAYERS, Player, read_players

if TYPE_CHECKING:
    from .stages import Stage

T = TypeVar("T")


class Choices(Section):
    """The keys of `training` that do not depend on the model.
    ```yaml
    training:
      optimizer: {Adam: 0.001}
      loss: sparse_categorical_crossentropy
      metrics: [accuracy]
      epochs: 20
      batch_size: 64
      callbacks:
        - EarlyStopping: {monitor: val_loss, patience: 3}
    ```
    """

    title: ClassVar[str] = "training"

    optimizer: Annotated[Any, component(OPTIMIZERS, built=True)] = Field(
        default="rmsprop", validate_default=True
    )
    """How weights change; Keras's default is `rmsprop`."""
    loss: Any
    """One loss, or a loss for each output by its name."""
    loss_weights: Any = None
    """A number for each output by its name."""
    objective: Any = None
    """Named terms that are added to the losses: formulas over tensors of the model and targets."""
    class_weight: Any = None
    """How much each class counts in training: `balanced`, a weight for each class, or either by
    output.
    """
    metrics: Any = None
    """A list of metrics, or a list for each output by its name."""
    weighted_metrics: Any = None
    """The same, weighted with the example weights."""
    epochs: Count = 1
    """How often every example is used."""
    batch_size: Count = 32
    """Examples in a step."""
    callbacks: Any = None
    """Callbacks that run at the end of an epoch or step: `EarlyStopping`,
    `ReduceLROnPlateau`, ...
    """
    checkpoint: (
        Annotated[
            Checkpoint,
            PlainValidator(read_checkpoint, json_schema_input_type=str | dict[str, str | int]),
        ]
        | None
    ) = None
    """When the training state is saved to disk: `{every: 500 steps, keep: 3}`, or `every` alone."""
    on_nan: Literal["stop", "skip", "restore"] = "stop"
    """What happens when the loss or gradient of a batch is not finite: the run stops; the batch is
    skipped; or the weights are restored from the last checkpoint, and the batches since then are
    skipped. After 10 such batches in a row the run stops.
    """
    freeze: Patterns = ()
    """Layers whose weights are not trained: names, in which `*` matches any text;
    `encoder/dense_1` for a layer of a sub-model.
    """
    lora: Annotated[
        LowRank | None,
        PlainValidator(read_low_rank, json_schema_input_type=dict[str, Any] | None),
    ] = None
    """Low-rank adapters (LoRA), which are trained in place of the weights of the model:
    `{rank: 8, layers: ["*dense*"]}`.
    """
    weights: Annotated[
        InitialWeights | None,
        PlainValidator(read_weights, json_schema_input_type=str | dict[str, Any] | None),
    ] = None
    """The file with the initial weights: a `.weights.h5`, `.h5`, `.keras` or `.safetensors` file or
    a run folder; or `{path: FILE, skip: [predictions]}`, `{path: FILE, only: [embedding]}`.
    """
    stages: Any = None
    """Stages that train one after the other, each with its own values of these keys."""
    players: Any = None
    """Players that take turns within each step, each with its own objective, optimizer, and layers
    that it trains.
    """


@dataclass(frozen=True)
class Chosen:
    """A loss, metric or callback as chosen, and its place."""

    written: str
    """The name as written."""
    settings: Settings | str
    """A name for which Keras chooses the class by the shape of the output (`accuracy`)."""
    span: Span
    node: Node


@dataclass(frozen=True)
class Training:
    """How a model is trained. Losses, metrics and weights are by output."""

    span: Span
    node: Mapping
    outputs: tuple[str, ...]
    """The model's outputs."""
    choices: Choices | None
    """The keys that do not depend on the model; None if some of them are invalid: the rest is still
    checked.
    """
    losses: MappingType[str, Chosen]
    loss_weights: MappingType[str, float]
    metrics: MappingType[str, tuple[Chosen, ...]]
    weighted_metrics: MappingType[str, tuple[Chosen, ...]]
    callbacks: tuple[Chosen, ...]
    metrics_in_error: bool = False
    """Whether some metrics are invalid, or the outputs that they belong to are unknown."""
    class_weights: MappingType[str, ClassWeight] = field(default_factory=dict)
    objective: MappingType[str, Term] = field(default_factory=dict)
    """The terms that are added to the losses, by name."""
    stages: tuple[Stage, ...] = ()
    """The stages of the training; then the rest is what the last of them trains with."""
    players: tuple[Player, ...] = ()
    """The players, in the order of their turns; `objective` then has the terms of all of them."""

    @property
    def optimizer(self) -> Settings:
        assert isinstance(self._right.optimizer, Settings)
        return self._right.optimizer

    @property
    def epochs(self) -> int:
        """The number of epochs, of all stages together."""
        if self.stages:
            return sum(one.training.epochs for one in self.stages)
        return self._right.epochs

    @property
    def every_callback(self) -> tuple[Chosen, ...]:
        """The callbacks of all stages."""
        if not self.stages:
            return self.callbacks
        own = (chosen for one in self.stages for chosen in one.own)
        return (*self.stages[0].of_run, *own)

    @property
    def batch_size(self) -> int:
        return self._right.batch_size

    @property
    def has_objective(self) -> bool:
        """Whether it, or one of its stages, has terms beside losses."""
        return bool(self.objective) or any(one.training.objective for one in self.stages)

    @property
    def checkpoint(self) -> Checkpoint:
        return self._right.checkpoint or Checkpoint()

    @property
    def on_nan(self) -> str:
        return self._right.on_nan

    @property
    def freeze(self) -> tuple[str, ...]:
        return self.choices.freeze if self.choices else ()

    @property
    def lora(self) -> LowRank | None:
        return self.choices.lora if self.choices else None

    def without_lora(self) -> Training:
        """The training of all weights that are not frozen."""
        if self.choices is None:
            return self
        return replace(self, choices=self.choices.model_copy(update={"lora": None}))

    @property
    def weights(self) -> InitialWeights | None:
        return self.choices.weights if self.choices else None

    @property
    def _right(self) -> Choices:
        assert self.choices is not None, "a spec with errors cannot be trained"
        return self.choices


def read_training(
    node: Node, span: Span, outputs: SequenceType[str], context: Context, report: Collector
) -> Training | None:
    """The `training` section of a model with these outputs; None if it is not a mapping.

    With no outputs known (the model is invalid) their names are not checked.
    """
    if not isinstance(node, Mapping):
        report.error(
            "MS204", f"`training` must be a mapping, found {describe(plain(node))}", node.span
        )
        return None
    node = known_keys(node, tuple(Choices.model_fields), Choices.title, report)
    choices = _choices(node, span, context, report)
    reader = _ByOutput(outputs, context, report)
    losses = reader.read(node, "loss", LOSSES, reader.loss)
    measured = replace(reader, report=Collector(MOST))
    metrics = measured.read(node, "metrics", METRICS, measured.metrics)
    weighted = measured.read(node, "weighted_metrics", METRICS, measured.weighted_metrics)
    report.extend(measured.report.diagnostics)
    loss_weights = reader.read(node, "loss_weights", None, reader.number)
    callbacks = _callbacks(node, context, report)
    players = read_players(node.entries.get(PLAYERS), context, report)
    weighed = node.entries.get("class_weight")
    class_weights = (
        read_class_weight(weighed.value, outputs, report)
        if weighed and plain(weighed.value)
        else {}
    )
    return Training(
        span,
        node,
        tuple(outputs),
        choices,
        losses,
        loss_weights,
        metrics,
        weighted,
        callbacks,
        metrics_in_error=measured.report.has_errors or not outputs or players.in_error,
        class_weights=class_weights,
        objective={**read_objective(_value(node, "objective"), report), **players.terms},
        players=players.found,
    )


def _value(node: Mapping, key: str) -> Node | None:
    entry = node.entries.get(key)
    return entry.value if entry is not None else None


def _choices(node: Mapping, span: Span, context: Context, report: Collector) -> Choices | None:
    """The keys that do not depend on the model; beside an `objective` or `players`, `loss` is
    optional.
    """
    values = plain(node)
    assert isinstance(values, dict)
    if values.get("objective") is not None or values.get(PLAYERS) is not None:
        values.setdefault("loss", None)
    return read_section(Choices, node, span, context, report, values)


def _callbacks(node: Mapping, context: Context, report: Collector) -> tuple[Chosen, ...]:
    entry = node.entries.get("callbacks")
    if entry is None or plain(entry.value) is None:
        return ()
    items = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
    found = [_choose(item, CALLBACKS, context, report) for item in items]
    return tuple(one for one in found if one)


def _choose(node: Node, family: Family, context: Context, report: Collector) -> Chosen | None:
    """A member of a family as chosen, or as most likely meant; None if there is none. Its errors
    are reported.
    """
    value = plain(node)
    try:
        return Chosen(_name_in(value), read_component(family, value, context), node.span, node)
    except Faults as error:
        report_each(error, node, _head(node), report)
        found = read_as_meant(
            lambda meant: read_component(family, meant, context), node, _head(node), error, report
        )
    return Chosen(_name_in(plain(found[0])), found[1], node.span, found[0]) if found else None


def _as_weighted(chosen: Chosen) -> Chosen:
    """A weighted metric, with a matching name if the spec gives none. A bare name (`accuracy`) is
    kept: it is named when its class is known.
    """
    settings = chosen.settings
    if not isinstance(settings, Metric) or _has_name(plain(chosen.node)):
        return chosen
    name = weighted_name(settings.log_name)
    return replace(chosen, settings=settings.model_copy(update={"name": name}))


def _has_name(value: Value) -> bool:
    """Whether a metric is written with a `name`, in any of its forms."""
    if not isinstance(value, dict):
        return False
    bodies = (value, *value.values())
    return any(isinstance(body, dict) and body.get("name") is not None for body in bodies)


def _name_in(value: Value) -> str:
    """The name in any of the written forms of a component."""
    if isinstance(value, dict):
        return FORMULA if FORMULA in value else next(iter(value), "")
    return value if isinstance(value, str) else ""


def _head(node: Node) -> Span:
    """The name in `{Name: ...}`; otherwise the whole value."""
    if isinstance(node, Mapping) and node.entries:
        return next(iter(node.entries.values())).key_span
    return node.span


@dataclass
class _ByOutput:
    """Reads what may be written once, or for each output by its name."""

    outputs: SequenceType[str]
    context: Context
    report: Collector

    def read(
        self, section: Mapping, key: str, family: Family | None, one: Callable[[Node], T | None]
    ) -> dict[str, T]:
        entry = section.entries.get(key)
        if entry is None or plain(entry.value) is None:
            return {}
        node = entry.value
        if not isinstance(node, Mapping) or not self._by_name(node, family):
            value = one(node)
            return dict.fromkeys(self.outputs or ("",), value) if value is not None else {}
        return self._each(node, key, one)

    def _each(self, node: Mapping, key: str, one: Callable[[Node], T | None]) -> dict[str, T]:
        found: dict[str, T] = {}
        outputs = frozenset(self.outputs)
        for name, item in node.entries.items():
            if outputs and name not in outputs:
                self._unknown(name, item.key_span, node, key)
            elif (value := one(item.value)) is not None:
                found[name] = value
        return found

    def _by_name(self, node: Mapping, family: Family | None) -> bool:
        """Whether the keys are outputs rather than the name of one component."""
        if family is not None and FORMULA in node.entries and FORMULA not in self.outputs:
            return False
        if family is None or len(node.entries) != 1:
            return True
        key = next(iter(node.entries))
        if key in self.outputs or key in family or key in family.refused:
            return key in self.outputs
        return nearest(key, self.outputs) is not None and nearest(key, family.names()) is None

    def _unknown(self, name: str, span: Span, node: Mapping, key: str) -> None:
        near = nearest_unused(name, self.outputs, node.entries)
        self.report.error(
            "MS501",
            f"`{key}` names `{name}`, which is not an output of the model",
            span,
            suggestion=near,
            help=did_you_mean(near, f"the outputs are {listed(self.outputs)}"),
        )

    def loss(self, node: Node) -> Chosen | None:
        if isinstance(node, Sequence):
            self.report.error(
                "MS204",
                "a loss must be one component; for several outputs write a mapping by name",
                node.span,
                help=(
                    f"write `loss: {{{', '.join(f'{o}: ...' for o in self.outputs)}}}`"
                    if self.outputs
                    else None
                ),
            )
            return None
        return _choose(node, LOSSES, self.context, self.report)

    def metrics(self, node: Node) -> tuple[Chosen, ...]:
        items = node.items if isinstance(node, Sequence) else (node,)
        found = [_choose(item, METRICS, self.context, self.report) for item in items]
        return tuple(one for one in found if one)

    def weighted_metrics(self, node: Node) -> tuple[Chosen, ...]:
        return tuple(map(_as_weighted, self.metrics(node)))

    def number(self, node: Node) -> float | None:
        value: Any = plain(node)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.report.error(
                "MS204", f"a loss weight must be a number, found {describe(value)}", node.span
            )
            return None
        if value < 0 or value != value:
            self.report.error(
                "MS205", f"a loss weight must be at least 0, found {describe(value)}", node.span
            )
            return None
        return float(value)
