"""One model, the parts of its data, and the training between them: what `training_loop.py` runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from modelspec.compiler.spec.training_section import Training
from modelspec.core.diagnostics import Diagnostic

from ..data import Part, Prepared
from ..data.batches import Feed, order, steps
from .events import Plan, Watcher, loss_first
from .folder import HISTORY
from .framework_errors import told
from .saver import Saver, Snapshot
from .signals import Signals

if TYPE_CHECKING:
    import keras

    from modelspec.compiler.pipeline import Compiled

    from ..data.adapted_state import State
    from ..history.ending import Ending
    from .epoch_callbacks import History
    from .step import Counted, TestSteps
    from .training_loop import Fitting, Task

_MOST_EXAMPLES = 10
_TRIAL = ".trial-"
CallbacksIn: TypeAlias = Callable[[Path], Sequence[Any]]
"""Makes the callbacks of a training, with the files that they write in a folder."""


class Measurement(NamedTuple):
    """What a model came to on some data."""

    metrics: dict[str, float]
    """Loss and metrics by name."""
    counted: Mapping[str, Counted]
    """By output with a loss: on how many values."""
    caveats: tuple[Diagnostic, ...]
    """What to know about the numbers."""

    def with_original(
        self, model: keras.Model, feed: Feed, part: Part, compiled: Compiled, state: State | None
    ) -> Measurement:
        """The same with metrics in the unit of the targets' columns."""
        from .original_metrics import original_metrics

        assert compiled.training is not None  # it was measured
        size = compiled.training.batch_size
        found = original_metrics(compiled, state, model, feed, part, size)
        return self._replace(metrics={**self.metrics, **found})


class Loop:
    """Trains and evaluates one model on the parts of prepared data. Makes each source's tensors
    once.
    """

    def __init__(self, model: keras.Model, prepared: Prepared, training: Training) -> None:
        self.model = model
        self.prepared = prepared
        self.training = training
        self.fitting: Fitting | None = None
        """The training, once it began."""
        self.ending: Ending | None = None
        """How it reached its end."""
        self._feeds: dict[int, Feed] = {}

    @property
    def epochs_done(self) -> int:
        """How many epochs were completed."""
        return self.fitting.history.epochs if self.fitting else 0

    def plan(self, directory: Path | None) -> Plan:
        """What `fit` is about to do."""
        counts = {name: len(part) for name, part in self.prepared.parts.items()}
        epochs, batch_size = self.training.epochs, self.training.batch_size
        return Plan(directory, epochs, steps(counts["train"], batch_size), counts, batch_size)

    def fit(
        self,
        watcher: Watcher,
        signals: Signals,
        callbacks: list[Any],
        directory: Path | None = None,
        *,
        history: Path | None = None,
        saver: Saver | None = None,
        start: Snapshot | None = None,
        tried_by: CallbacksIn | None = None,
    ) -> dict[str, list[float]]:
        """Train for the spec's epochs, from `start` on; what was logged, by name, an entry for each
        epoch.

        A training from its beginning is tried out first (`rehearse`), where `tried_by` makes
        callbacks for that. Raises `callbacks.NotFinite`, `callbacks.Stopped`, `RunError`, and
        whatever Keras raises.
        """
        from .callback_logs import rewind
        from .epoch_callbacks import History
        from .training_ending import ending_of

        rewind(callbacks, start)
        plan = self.plan(directory)
        record = History(history, watcher, plan.examples["train"])
        self.fitting = self._fitting(plan, record, watcher, signals, callbacks, saver)
        watcher.started(plan)
        try:
            with signals.heeded():
                if start is None and tried_by is not None:
                    self._rehearse(self.fitting, tried_by, directory)
                self.fitting.run(start)
        finally:
            watcher.ended()
        self.ending = ending_of(self.fitting)
        watcher.finished(self.ending)
        return record.rows

    def _fitting(
        self,
        plan: Plan,
        record: History,
        watcher: Watcher,
        signals: Signals,
        callbacks: list[Any],
        saver: Saver | None,
    ) -> Fitting:
        """The history comes first, so that the row of an epoch that is stopped is written; the
        spec's callbacks come last, so that they never see weights that are not finite.
        """
        from .epoch_callbacks import Finite
        from .training_loop import Fitting
        from .training_state import kept

        return Fitting(
            self.model,
            self._task(plan),
            history=record,
            own=[Finite()],
            saver=saver,
            signals=signals,
            watcher=watcher,
            callbacks=kept(self.training.callbacks, callbacks),
            on_nan=self.training.on_nan,
        )

    def rehearse(self, callbacks: CallbacksIn) -> None:
        """Take the first step of the training and end an epoch after it, with callbacks made for
        that alone; afterwards the model is as before. Raises `RunError` (MS727).
        """
        from .epoch_callbacks import History
        from .training_loop import Fitting

        record = History(None, Watcher(), 0)
        self.fitting = Fitting(self.model, self._task(self.plan(None)), history=record)
        self._rehearse(self.fitting, callbacks, None)

    def _rehearse(self, fitting: Fitting, callbacks: CallbacksIn, folder: Path | None) -> None:
        """Files go into a folder below `folder`, or below that of the system, which is removed."""
        from .epoch_callbacks import History

        for left in folder.glob(f"{_TRIAL}*") if folder is not None else ():
            rmtree(left, ignore_errors=True)  # of a process that was killed
        with (
            told("one step of the training fails", self.prepared.compiled, code="MS727"),
            TemporaryDirectory(prefix=_TRIAL, dir=folder) as scratch,
        ):
            record = History(Path(scratch) / HISTORY, Watcher(), 0)
            fitting.rehearse([record, *callbacks(Path(scratch))])

    def _task(self, plan: Plan) -> Task:
        from .training_loop import Task

        train, validation = self.prepared.parts["train"], self.prepared.parts.get("validation")
        seed, size = self.prepared.compiled.file.seed, plan.batch_size

        def batches(epoch: int, step: int) -> Any:
            return self._feed(train).training(train.positions, seed, size, plan.epochs, epoch, step)

        def examples(epoch: int, step: int) -> tuple[str, ...]:
            chosen = train.positions[order(seed, epoch, len(train))][
                step * size : (step + 1) * size
            ]
            windows = train.examples.windows
            rows = chosen if windows is None else windows.last_rows[chosen]
            shown = ", ".join(str(one + 1) for one in rows[:_MOST_EXAMPLES])
            more = (
                f" and {len(chosen) - _MOST_EXAMPLES:,} more"
                if len(chosen) > _MOST_EXAMPLES
                else ""
            )
            return (f"its examples are {shown}{more} of {train.examples.table.name}",)

        if validation is None:
            return Task(plan.epochs, plan.steps, batches, examples=examples)
        count = steps(len(validation), size)
        return Task(
            plan.epochs,
            plan.steps,
            batches,
            self._feed(validation).plain(validation.positions, size),
            count,
            examples,
        )

    def evaluate(self, name: str) -> Measurement:
        """The loss and metrics on a part, as the model is now."""
        part = self.prepared.parts[name]
        test = self.fitting.test if self.fitting else None
        found = evaluate(self.model, self._feed(part), part, self.training.batch_size, test)
        return found.with_original(
            self.model, self._feed(part), part, self.prepared.compiled, self.prepared.state
        )

    def first_batch(self) -> dict[str, float]:
        """One batch of the training part through the graph, without a change of weights."""
        part = self.prepared.parts["train"]
        few = Part(part.examples, part.positions[: self.training.batch_size])
        test = self.fitting.test if self.fitting else None
        return evaluate(self.model, self._feed(few), few, self.training.batch_size, test).metrics

    def _feed(self, part: Part) -> Feed:
        """The tensors of a part's source; parts of one source share them."""
        key = id(part.examples)
        if key not in self._feeds:
            self._feeds[key] = Feed(part.examples)
        return self._feeds[key]


def evaluate(
    model: keras.Model,
    feed: Feed,
    part: Part,
    batch_size: int,
    test: TestSteps | None = None,
) -> Measurement:
    """The loss and metrics of a compiled model, by the names that a training logs.

    `test` are the steps of the validation during training, traced already; others give the same
    numbers.
    """
    from . import caveats

    if test is None:
        from .step import TestSteps

        test = TestSteps(model)
    with test.measuring():
        batches = iter(feed.plain(part.positions, batch_size))
        logs = test(batches, steps(len(part), batch_size))
    metrics = loss_first({name: float(value) for name, value in logs.items()})
    return Measurement(metrics, test.counted, caveats.of_metrics(model))
