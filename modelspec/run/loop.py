"""The training loop: everything that decides in which order a model sees which examples, in one place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data import Part, Prepared
from ..data.batches import Feed, steps
from ..spec.training import Training
from .signals import Signals
from .watch import Plan, Watcher, loss_first

if TYPE_CHECKING:
    import keras


class Loop:
    """Trains and evaluates one model on the parts of prepared data. Makes each source's tensors once."""

    def __init__(self, model: keras.Model, prepared: Prepared, training: Training) -> None:
        self.model = model
        self.prepared = prepared
        self.training = training
        self.epochs_done = 0
        self._feeds: dict[int, Feed] = {}

    def plan(self, directory: Path | None) -> Plan:
        """What `fit` is about to do."""
        counts = {name: len(part) for name, part in self.prepared.parts.items()}
        epochs, batch_size = self.training.epochs, self.training.batch_size
        return Plan(directory, epochs, steps(counts["train"], batch_size), counts, batch_size)

    def fit(
        self, watcher: Watcher, signals: Signals, callbacks: list[Any], directory: Path | None, history: Path | None
    ) -> dict[str, list[float]]:
        """Train for the spec's epochs; what was logged, by name, an entry for each epoch.

        Raises `callbacks.NotFinite`, `callbacks.Stopped`, and whatever Keras raises.
        """
        from .callbacks import Finite, History, Steps, Stop, Stopped

        plan = self.plan(directory)
        record = History(history, watcher, plan.examples["train"])
        # The history comes first, so that the row of an epoch that is stopped is written; the spec's callbacks come
        # last, so that they never see weights that are no numbers.
        own: list[Any] = [Stop(signals), record, Finite()]
        if watcher.wants_steps:
            own.append(Steps(watcher))
        watcher.started(plan)
        signals.stop(self.model)
        try:
            self.model.fit(
                self._batches(plan), steps_per_epoch=plan.steps, epochs=plan.epochs, verbose=0, shuffle=False,
                callbacks=[*own, *callbacks], validation_data=self._validation(plan),
            )
        finally:
            signals.stop(None)
            self.epochs_done = record.epochs
            watcher.ended()
        if signals.asked is not None and self.epochs_done < plan.epochs:
            raise Stopped  # it came while the callbacks of an epoch ran, and Keras ended as if it were done
        return record.rows

    def _batches(self, plan: Plan) -> Any:
        part = self.prepared.parts["train"]
        seed = self.prepared.compiled.file.seed
        return self._feed(part).training(part.positions, seed, plan.batch_size, plan.epochs)

    def _validation(self, plan: Plan) -> Any:
        part = self.prepared.parts.get("validation")
        return self._feed(part).plain(part.positions, plan.batch_size) if part else None

    def evaluate(self, name: str) -> dict[str, float]:
        """The loss and metrics on a part, as the model is now."""
        part = self.prepared.parts[name]
        return evaluate(self.model, self._feed(part), part, self.training.batch_size)

    def first_batch(self) -> dict[str, float]:
        """One batch of the training part through the graph, without a change of weights."""
        part = self.prepared.parts["train"]
        few = Part(part.examples, part.positions[: self.training.batch_size])
        return evaluate(self.model, self._feed(few), few, self.training.batch_size)

    def _feed(self, part: Part) -> Feed:
        """The tensors of a part's source; parts of one source share them."""
        key = id(part.examples)
        if key not in self._feeds:
            self._feeds[key] = Feed(part.examples)
        return self._feeds[key]


def evaluate(model: keras.Model, feed: Feed, part: Part, batch_size: int) -> dict[str, float]:
    """The loss and metrics of a compiled model, by the names that Keras logs."""
    logs = model.evaluate(feed.plain(part.positions, batch_size), verbose=0, return_dict=True)
    return loss_first({name: float(value) for name, value in logs.items()})
