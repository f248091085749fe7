"""`training.stages`: trainings that follow one another on the same weights. Each is read as the
section with the keys of the stage in place of its own.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from dataclasses import field, replace
from typing import Final

from modelspec.core.diagnostics import Collector, Note, Span
from modelspec.core.records import NamedTuple, dataclass
from modelspec.core.sections import known_keys
from modelspec.core.settings import Context, describe
from modelspec.core.source import Entry, Mapping, Node, Sequence, plain

from .augment_section import read_augmentation
from .data_section import DataSection
from .data_where import Where, read_where
from .layer_names import check_name
from .players_section import PLAYERS, without_other_objectives
from .training_section import Choices, Chosen, Training, read_training
from .transform_layers import Chain

KEEP: Final = "keep"
"""The `optimizer` of a stage that continues with that of the stage before."""
DATA_KEYS: Final = ("where", "augment")
"""The keys of `data` that a stage may set."""
OVERRIDES: Final = tuple(key for key in Choices.model_fields if key not in ("stages", PLAYERS))
"""The keys of `training` that a stage may set."""
_KEYS: Final = ("name", *OVERRIDES, "data")
_OF_RUN: Final = ("stages", "epochs")
"""Keys of `training` that are not those of a stage."""


@dataclass(frozen=True)
class StageData:
    """The examples of a stage, as far as they differ from those of the spec."""

    where: Where | None = None
    """Which of the training examples it uses; None: all."""
    augment: MappingType[str, Chain] | None = None
    """By model input: what varies its examples; None: as for the spec."""

    def over(self, data: DataSection) -> DataSection:
        """The section with the variation of this stage."""
        return data if self.augment is None else replace(data, augment=self.augment)


@dataclass(frozen=True)
class Stage:
    """One stage of a training."""

    name: str
    span: Span
    """Where its name is written."""
    training: Training
    """What it trains with: the section, with the keys of the stage in place of its own."""
    shared: int
    """The first callbacks of its training run over all stages."""
    keep: Span | None = None
    """Where it keeps the optimizer of the stage before."""
    loads: bool = False
    """Whether it begins with the weights of its own file."""
    data: StageData = field(default_factory=StageData)

    @property
    def of_run(self) -> tuple[Chosen, ...]:
        """The callbacks that run over all stages."""
        return self.training.callbacks[: self.shared]

    @property
    def own(self) -> tuple[Chosen, ...]:
        """The callbacks of this stage alone."""
        return self.training.callbacks[self.shared :]


class Names(NamedTuple):
    """What a section may name, and how its layers are read."""

    inputs: SequenceType[str]
    outputs: SequenceType[str]
    context: Context
    of_model: Context
    """The context of layers that take the inputs of the model."""


def read_with_stages(node: Node, span: Span, names: Names, report: Collector) -> Training | None:
    """The `training` section with its stages, if it has any: then the section is what the last
    stage trains with. None if it is not a mapping, or if its stages cannot be read.
    """
    node = without_other_objectives(node, report)
    entry = node.entries.get("stages") if isinstance(node, Mapping) else None
    if entry is None or plain(entry.value) is None:
        return read_training(node, span, names.outputs, names.context, report)
    assert isinstance(node, Mapping)
    _refuse_epochs(node, entry, report)
    stages = _Reading(node, span, names, report).stages(entry)
    if not stages:
        return None
    last = stages[-1].training
    sound = all(one.training.choices is not None for one in stages)
    in_error = any(one.training.metrics_in_error for one in stages)
    return replace(
        last,
        span=span,
        choices=last.choices if sound else None,
        metrics_in_error=in_error,
        stages=stages,
    )


def _refuse_epochs(node: Mapping, stages: Entry, report: Collector) -> None:
    epochs = node.entries.get("epochs")
    if epochs is not None:
        report.error(
            "MS835",
            "`epochs` of `training` has no effect beside `stages`: each stage has its own",
            epochs.key_span,
            notes=[Note("the stages are written here", stages.key_span)],
            help="remove it, and set `epochs` in each stage",
        )


@dataclass
class _Reading:
    """Reads the stages of one section."""

    section: Mapping
    span: Span
    names: Names
    report: Collector
    before: Mapping | None = None
    """The section as the stage before trains with it."""
    without_loss: bool = False
    """Whether no stage has a loss, which is reported once for all."""

    def __post_init__(self) -> None:
        self.base = {key: one for key, one in self.section.entries.items() if key not in _OF_RUN}

    def stages(self, entry: Entry) -> tuple[Stage, ...]:
        node = entry.value
        if not isinstance(node, Sequence):
            self.report.error(
                "MS204",
                f"`stages` must be a list of stages, found {describe(plain(node))}",
                node.span,
                help="write e.g. `stages: [{name: head, epochs: 5}, {name: all, epochs: 10}]`",
            )
            return ()
        if not node.items:
            self.report.error(
                "MS834",
                "`stages` is an empty list, so nothing is trained",
                node.span,
                help="add a stage, e.g. `{name: all, epochs: 10}`, or remove `stages`",
            )
        bodies = [one.entries for one in node.items if isinstance(one, Mapping)]
        self.without_loss = not any("loss" in one for one in (self.base, *bodies))
        found = [self._stage(item) for item in node.items]
        stages = tuple(one for one in found if one is not None)
        self._check_names(stages)
        self._check_hidden(node)
        return stages if len(stages) == len(found) else ()

    def _stage(self, item: Node) -> Stage | None:
        if not isinstance(item, Mapping):
            self.report.error(
                "MS204",
                f"a stage must be a mapping, found {describe(plain(item))}",
                item.span,
                help="write e.g. `{name: head, epochs: 5}`",
            )
            return None
        body = known_keys(item, _KEYS, "stages", self.report)
        name, span = self._name(body)
        if "epochs" not in body.entries and "epochs" not in self.section.entries:
            self.report.error(
                "MS203", f"the stage `{name}` has no `epochs`", span, help="add e.g. `epochs: 5`"
            )
        keep, merged = self._merged(body)
        training = self._training(merged, self.span if self.without_loss else span)
        self.before = merged
        if training is None or not name:
            return None
        shared = len(_items(self.base.get("callbacks")))
        data = self._data(body.entries.get("data"))
        return Stage(name, span, training, shared, keep, "weights" in body.entries, data)

    def _name(self, body: Mapping) -> tuple[str, Span]:
        """The name and its place; empty, after reporting the error, if the stage has none."""
        entry = body.entries.get("name")
        if entry is None:
            self.report.error(
                "MS203", "a stage has no `name`", body.span, help="add e.g. `name: head`"
            )
            return "", body.span
        value = plain(entry.value)
        if not isinstance(value, str):
            message = f"the `name` of a stage must be a string, found {describe(value)}"
            self.report.error("MS204", message, entry.value.span)
            return "", entry.value.span
        found = value if check_name(value, entry.value.span, self.report) else ""
        return found, entry.value.span

    # Merging --------------------------------------------------------------------------------------

    def _merged(self, body: Mapping) -> tuple[Span | None, Mapping]:
        """Where the stage keeps the optimizer, and the section with its keys."""
        own = {key: one for key, one in body.entries.items() if key not in ("name", "data")}
        keep = self._keep(own)
        entries = {**self.base, **own}
        shared, added = self.base.get("callbacks"), own.get("callbacks")
        if shared is not None and added is not None:
            both = Sequence((*_items(shared), *_items(added)), added.value.span)
            entries["callbacks"] = Entry(added.key_span, both)
        return keep, Mapping(entries, body.span)

    def _keep(self, own: dict[str, Entry]) -> Span | None:
        """Where `optimizer: keep` is written; the entry becomes that of the stage before."""
        entry = own.get("optimizer")
        if entry is None or plain(entry.value) != KEEP:
            return None
        del own["optimizer"]
        if self.before is None:
            self.report.error(
                "MS836",
                "the first stage has no optimizer to keep",
                entry.value.span,
                help="name one, e.g. `optimizer: {Adam: 1e-3}`",
            )
            return None
        if kept := self.before.entries.get("optimizer"):
            own["optimizer"] = kept
        return entry.value.span

    def _training(self, merged: Mapping, span: Span) -> Training | None:
        """The section of a stage. What several stages have in common is reported once."""
        found = Collector()
        training = read_training(merged, span, self.names.outputs, self.names.context, found)
        known = set(self.report.found)
        self.report.extend(one for one in found.diagnostics if one not in known)
        return training

    def _check_hidden(self, stages: Sequence) -> None:
        """Reads the keys of the section that every stage replaces: they may have errors too."""
        bodies = [one.entries for one in stages.items if isinstance(one, Mapping)]
        hidden = {
            key: one
            for key, one in self.base.items()
            if key != "callbacks" and bodies and all(key in body for body in bodies)
        }
        if hidden and self.before is not None:
            shown = Mapping({**self.before.entries, **hidden}, self.section.span)
            self._training(shown, self.span)

    def _check_names(self, stages: tuple[Stage, ...]) -> None:
        first: dict[str, Stage] = {}
        for one in stages:
            if (earlier := first.setdefault(one.name, one)) is not one:
                self.report.error(
                    "MS834",
                    f"two stages have the name `{one.name}`",
                    one.span,
                    notes=[Note("the first one is written here", earlier.span)],
                    help="rename one of them: the history and `--set` refer to stages by name",
                )

    # Data -----------------------------------------------------------------------------------------

    def _data(self, entry: Entry | None) -> StageData:
        if entry is None or plain(entry.value) is None:
            return StageData()
        node = entry.value
        if not isinstance(node, Mapping):
            self.report.error(
                "MS204",
                f"`data` of a stage must be a mapping, found {describe(plain(node))}",
                node.span,
                help='write e.g. `data: {where: "length < 20"}`',
            )
            return StageData()
        node = known_keys(node, DATA_KEYS, "stages.data", self.report)
        where, augment = node.entries.get("where"), node.entries.get("augment")
        condition = None
        if where is not None and plain(where.value) is not None:
            condition = read_where(where, self.report)
        if augment is None:
            return StageData(condition)
        names = self.names
        varied: MappingType[str, Chain] = {}
        if plain(augment.value) not in (None, (), {}):
            alone = Mapping({"augment": augment}, node.span)
            varied = read_augmentation(
                alone, names.inputs, names.outputs, names.of_model, self.report
            )
        return StageData(condition, varied)


def _items(entry: Entry | None) -> tuple[Node, ...]:
    """The callbacks of an entry, which may be one without a list."""
    if entry is None or plain(entry.value) is None:
        return ()
    return entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
