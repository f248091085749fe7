"""`training.players`: players that take turns within each step, each with its own objective,
optimizer and the layers that it trains.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import field, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

from pydantic import Field

from modelspec.catalog.components import OPTIMIZERS, component
from modelspec.catalog.layers.setting_types import Count
from modelspec.core.diagnostics import Collector, Note, Span
from modelspec.core.records import dataclass
from modelspec.core.sections import known_keys, read_section
from modelspec.core.settings import Context, Section, Settings, describe
from modelspec.core.source import Entry, Mapping, Node, plain

from .initial_weights import Patterns
from .objective_section import PARTS, Term, is_identifier, read_objective

if TYPE_CHECKING:
    from .training_section import Training

PLAYERS: Final = "players"
LOSS: Final = "loss"
"""The loss of a player is logged as `critic_loss`."""
BESIDE: Final = {
    "loss": "the objective of each player takes its place",
    "loss_weights": "a term in the objective of a player has its own `weight`",
    "optimizer": "each player has its own",
    "objective": "each player has its own",
    "stages": "a training consists of players or of stages",
    "class_weight": "the terms of a player have no classes",
    "lora": "a player trains the layers that it lists",
}
"""The keys of `training` that cannot be used with players, and why."""


class PlayerChoices(Section):
    """The keys of one player.
    ```yaml
    players:
      critic:
        trains: [critic]
        objective: {real: "softplus(-on_real)"}
        optimizer: {Adam: 1e-3}
        updates: 2
    ```
    """

    title: ClassVar[str] = "players"

    trains: Patterns
    """The layers whose weights the player trains: names, in which `*` matches any text;
    `encoder/dense_1` for a layer of a sub-model.
    """
    objective: Any
    """Named terms, whose weighted sum the player minimizes."""
    optimizer: Annotated[Any, component(OPTIMIZERS, built=True)] = Field(
        default="rmsprop", validate_default=True
    )
    """How the weights of its layers change; Keras's default is `rmsprop`."""
    updates: Count = 1
    """How often the player updates its weights in each step, on the same batch."""


@dataclass(frozen=True)
class Player:
    """One player of a training."""

    name: str
    span: Span
    """Where its name is written."""
    node: Mapping
    choices: PlayerChoices
    terms: MappingType[str, Term]
    """The terms of its objective by their logged names: `critic_real`."""

    @property
    def trains(self) -> tuple[str, ...]:
        """Patterns of the layers that it trains."""
        return self.choices.trains

    @property
    def updates(self) -> int:
        """Its updates in each step."""
        return self.choices.updates

    @property
    def optimizer(self) -> Settings:
        assert isinstance(self.choices.optimizer, Settings)
        return self.choices.optimizer

    @property
    def loss(self) -> str:
        """The logged name of its loss."""
        return f"{self.name}_{LOSS}"

    def training(self, whole: Training) -> Training:
        """The training of this player alone, without callbacks and metrics."""
        choices = whole.choices
        alone = {"optimizer": self.optimizer, "freeze": (), "weights": None, "objective": None}
        return replace(
            whole,
            span=self.span,
            node=self.node,
            choices=choices and choices.model_copy(update=alone),
            losses={},
            metrics={},
            weighted_metrics={},
            callbacks=(),
            objective=self.terms,
            players=(),
        )


@dataclass(frozen=True)
class Players:
    """The players of a training, in the order of their turns."""

    found: tuple[Player, ...] = ()
    terms: MappingType[str, Term] = field(default_factory=dict)
    """The terms of all players, by their logged names; also of players with errors."""
    in_error: bool = False
    """Whether some players cannot be read; then `found` is empty."""


def without_other_objectives(node: Node, report: Collector) -> Node:
    """A `training` section with players without the keys that cannot be used with them, which are
    reported; any other section as it is.
    """
    entry = node.entries.get(PLAYERS) if isinstance(node, Mapping) else None
    if entry is None or plain(entry.value) is None:
        return node
    assert isinstance(node, Mapping)
    kept = dict(node.entries)
    for key, why in BESIDE.items():
        other = kept.pop(key, None)
        if other is None or plain(other.value) is None:
            continue
        report.error(
            "MS860",
            f"`{key}` cannot be used with `players`: {why}",
            other.key_span,
            notes=[Note("the players are written here", entry.key_span)],
            help=f"remove `{key}`, or train without `players`",
        )
    return Mapping(kept, node.span)


def read_players(entry: Entry | None, context: Context, report: Collector) -> Players:
    """The players of a section. Errors are reported."""
    if entry is None or plain(entry.value) is None:
        return Players()
    node = entry.value
    if not isinstance(node, Mapping) or not node.entries:
        report.error(
            "MS204",
            f"`players` must be a mapping of names to players, found {describe(plain(node))}",
            node.span,
            help="write e.g. `players: {critic: {trains: [critic], objective: {real:"
            ' "softplus(-on_real)"}, optimizer: {Adam: 1e-3}}}`',
        )
        return Players(in_error=True)
    names = _LoggedNames(report)
    terms: dict[str, Term] = {}
    found: list[Player | None] = []
    for name, one in node.entries.items():
        if not _is_name(name, one.key_span, report):
            found.append(None)
            continue
        player = _player(name, one, context, names, report)
        found.append(player)
        terms |= player.terms if player is not None else _terms_of(name, one.value)
    sound = tuple(one for one in found if one is not None)
    if len(sound) < len(found) or names.in_error:
        return Players((), terms, in_error=True)
    return Players(sound, terms)


def _player(
    name: str, entry: Entry, context: Context, names: _LoggedNames, report: Collector
) -> Player | None:
    names.add(f"{name}_{LOSS}", entry.key_span, f"the loss of the player `{name}`")
    node = entry.value
    if not isinstance(node, Mapping):
        report.error(
            "MS204",
            f"the player `{name}` must be a mapping, found {describe(plain(node))}",
            node.span,
            help=f"its keys are `{'`, `'.join(PlayerChoices.model_fields)}`",
        )
        return None
    node = known_keys(node, tuple(PlayerChoices.model_fields), f"players.{name}", report)
    inner = Collector()
    choices = read_section(PlayerChoices, node, entry.key_span, context, inner)
    written = node.entries.get("objective")
    terms = read_objective(written.value if written is not None else None, inner)
    if written is not None and not terms and not inner.has_errors:
        inner.error(
            "MS204",
            f"`objective` of the player `{name}` must be a mapping of names to terms, found"
            f" {describe(plain(written.value))}",
            written.value.span,
            help='write e.g. `objective: {real: "softplus(-on_real)"}`',
        )
    report.extend(inner.diagnostics)
    for term, one in terms.items():
        names.add(f"{name}_{term}", one.span, f"the term `{term}` of the player `{name}`")
    if choices is None or inner.has_errors:
        return None
    return Player(name, entry.key_span, node, choices, _prefixed(name, terms))


def _terms_of(name: str, node: Node) -> dict[str, Term]:
    """The terms of a player with errors that can be read."""
    written = node.entries.get("objective") if isinstance(node, Mapping) else None
    return _prefixed(name, read_objective(written and written.value, Collector()))


def _prefixed(name: str, terms: MappingType[str, Term]) -> dict[str, Term]:
    """The terms of a player by their logged names."""
    return {f"{name}_{key}": replace(one, name=f"{name}_{key}") for key, one in terms.items()}


# Names --------------------------------------------------------------------------------------------


def _is_name(name: str, span: Span, report: Collector) -> bool:
    start = next((one for one in PARTS if f"{name}_".startswith(one)), None)
    if is_identifier(name) and start is None and name != "objective":
        return True
    why = f": logged names that begin with `{start}` are those of a part of the data"
    report.error(
        "MS865",
        f"`{name[:40]}` is not a valid name of a player{why if start else ''}",
        span,
        help="use letters, digits and `_`, and begin with a letter",
    )
    return False


class _LoggedNames:
    """The names that players log, to report those that are used twice."""

    def __init__(self, report: Collector) -> None:
        self._report = report
        self._first: dict[str, tuple[Span, str]] = {}
        self.in_error = False

    def add(self, name: str, span: Span, what: str) -> None:
        """Reports MS865 if the name is already used."""
        if name not in self._first:
            self._first[name] = span, what
            return
        self.in_error = True
        first, other = self._first[name]
        self._report.error(
            "MS865",
            f"{what} is logged as `{name}`, as {other} is",
            span,
            notes=[Note(f"{other}", first)],
            help="rename the term or the player",
        )
