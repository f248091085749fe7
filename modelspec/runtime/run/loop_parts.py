"""One model, the parts of its data, and its training, which `training_loop.py` runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from modelspec.compiler.spec.training_section import Training
from modelspec.core.diagnostics import Diagnostic

from ..data import Part, Prepared
from ..data.batches import Feed, steps
from ..data.shares import Share
from ..history.slices import SliceResult
from .events import Plan, Watcher, loss_first
from .saver import Saver, Snapshot
from .signals import Signals
from .task import Task
from .trained_stages import Origin, Outcome, StageOfRun, TrainedStage, trained_stages
from .xla_choices import Choices

if TYPE_CHECKING:
    import keras

    from modelspec.compiler.pipeline import Compiled

    from ..data.adapted_state import State
    from ..data.slices import PartSlice
    from ..distributed.models import Stages
    from ..distributed.replicas import Group
    from ..history.ending import Ending
    from .stage_loop import CallbacksOf, TriedCallbacks
    from .step import Counted, TestSteps
    from .training_loop import Fitting

_MOST_EXAMPLES = 10


class Measurement(NamedTuple):
    """The results of a model on some data."""

    metrics: dict[str, float]
    """Loss and metrics by name."""
    counted: Mapping[str, Counted]
    """By output with a loss: the number of values."""
    caveats: tuple[Diagnostic, ...]
    """Warnings about the results."""

    def with_original(
        self,
        model: keras.Model,
        feed: Feed,
        part: Part,
        compiled: Compiled,
        state: State | None,
        group: Group | None = None,
    ) -> Measurement:
        """The same, with metrics in the unit of the target columns."""
        from .original_metrics import original_metrics
        from .prediction_sizes import batch_size

        size = batch_size(compiled)
        found = original_metrics(compiled, state, model, feed, part, size, group)
        return self._replace(metrics={**self.metrics, **found})


class Loop:
    """Trains and evaluates one model on the parts of prepared data. Creates the tensors of each
    source once.
    """

    def __init__(
        self,
        model: keras.Model,
        prepared: Prepared,
        training: Training,
        staged: Stages | None = None,
        group: Group | None = None,
    ) -> None:
        self.model = model
        self.group = group
        """The replicas of this process, if the run has several; the model is that of the first."""
        self._staged = staged
        self.prepared = prepared
        self.training = training
        self.fitting: Fitting | None = None
        """The training, once it has begun."""
        self.ending: Ending | None = None
        """How the training ended."""
        self.choices = Choices(auto=prepared.compiled.file.runtime.jit == "auto")
        """Whether XLA compiles the steps, by stage; a run reads and writes them."""
        self.stages = trained_stages(prepared, training)
        self.outcomes: tuple[Outcome, ...] = ()
        """How its stages ended."""
        self._feeds: dict[int, Feed] = {}

    @property
    def epochs_done(self) -> int:
        """The number of completed epochs."""
        return self.fitting.history.epochs if self.fitting else 0

    def plan(self, directory: Path | None) -> Plan:
        """The plan for `fit`."""
        counts = {name: len(part) for name, part in self.prepared.parts.items()}
        first, epochs = self.stages[0], self.training.epochs
        stages = tuple(one.planned() for one in self.stages) if first.name is not None else ()
        train = self.prepared.parts["train"]
        drawn = train.epoch_size if train.examples.sampling is not None else None
        size = first.training.batch_size
        return Plan(directory, epochs, first.steps, counts, size, stages, drawn)

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
        tried_by: TriedCallbacks | None = None,
        own: CallbacksOf = lambda stage: (),
    ) -> dict[str, list[float]]:
        """Train for the spec's epochs, from `start` on; returns the logs by name, with an entry for
        each epoch.

        Before a training from the beginning, the first step is tried if `tried_by` creates
        callbacks for that. `own` creates the callbacks of a stage. Raises `callbacks.NotFinite`,
        `callbacks.Stopped`, `RunError`, and whatever Keras raises.
        """
        from .callback_logs import rewind
        from .epoch_callbacks import History
        from .stage_loop import Given, StageLoop
        from .training_ending import ending_of

        rewind(callbacks, start)
        plan = self.plan(directory)
        record = History(history, watcher, plan.per_epoch)
        given = Given(watcher, signals, callbacks, own, directory, record, saver, tried_by)
        run = StageLoop(self, given)
        watcher.started(plan)
        try:
            with signals.heeded():
                fitting = run.run(start)
        finally:
            self.outcomes = tuple(run.outcomes)
            watcher.ended()
        self.ending = ending_of(fitting, self._planned_after(fitting))
        if not fitting.stage.is_last:  # a run is measured as its last stage trains
            self.enter(self.stages[-1])
        watcher.finished(self.ending)
        return record.rows

    def enter(self, stage: TrainedStage, *, continues: bool = False, loads: bool = False) -> None:
        """Prepare the model for a stage of the spec; `continues`: it has the optimizer of the stage
        before, `loads`: it reads its own file of weights, if it has one.
        """
        if self._staged is None:
            return
        compiled = stage.prepared.compiled
        assert compiled.graph is not None
        if stage.loads and loads:
            from ..backend.moving_averages import moving_averages
            from ..backend.weights import load_weights, place_of

            weights, context = stage.training.weights, compiled.file.context
            assert weights is not None
            place = place_of(stage.training, compiled.file.root)
            loaded = load_weights(self.model, weights, context, place)
            moving_averages(self.model).begin(loaded, anew=False)
        keep = stage.keep and continues
        self._staged.enter(compiled.graph, stage.training, compiled.file.runtime.jit, keep=keep)

    def _planned_after(self, fitting: Fitting) -> int:
        """The planned epochs of the stages after the one that a run ended with."""
        return sum(one.training.epochs for one in self.stages[fitting.origin.stage + 1 :])

    def rehearse(self, callbacks: TriedCallbacks) -> None:
        """Run the first step of each stage and the end of an epoch after it, with separate
        callbacks; afterwards the weights are restored. Raises `RunError` (MS727).
        """
        from .epoch_callbacks import History
        from .stage_loop import trial
        from .trained_stages import Origin
        from .training_loop import Fitting

        for stage in self.stages:
            self.enter(stage, continues=stage.index > 0, loads=True)
            record = History(None, Watcher(), 0)
            task = self.task(stage, Origin())
            place = StageOfRun(choices=self.choices)
            fitting = Fitting(self.model, task, history=record, stage=place, group=self.group)
            self.fitting = fitting
            trial(fitting, stage, callbacks, None, self)

    def task(self, stage: TrainedStage, origin: Origin) -> Task:
        """The data and length of a stage that begins at `origin`."""
        parts, seed = stage.prepared.parts, self.prepared.compiled.file.seed
        train, validation = parts["train"], parts.get("validation")
        size, epochs = stage.training.batch_size, stage.training.epochs
        end, random = origin.epoch + epochs, train.examples.random
        share = self.group.share if self.group is not None else None

        def batches(epoch: int, step: int, share: Share | None = None) -> Any:
            feed = self._feed(train)
            return feed.training(train.positions, seed, size, end, epoch, step, share)

        def shared(epoch: int, step: int) -> Any:
            return batches(epoch, step, share)

        def examples(epoch: int, step: int) -> tuple[str, ...]:
            chosen = train.in_epoch(seed, epoch)[step * size : (step + 1) * size]
            windows = train.examples.windows
            rows = chosen if windows is None else windows.last_rows[chosen]
            shown = ", ".join(str(one + 1) for one in rows[:_MOST_EXAMPLES])
            more = (
                f" and {len(chosen) - _MOST_EXAMPLES:,} more"
                if len(chosen) > _MOST_EXAMPLES
                else ""
            )
            return (f"its examples are {shown}{more} of {train.examples.table.name}",)

        of_group = shared if share is not None else None
        shapes = 2 if train.epoch_size > size and train.epoch_size % size else 1
        if validation is None:
            return Task(
                epochs,
                stage.steps,
                batches,
                examples=examples,
                random=random,
                shared=of_group,
                shapes=shapes,
            )
        count = steps(len(validation), size)
        return Task(
            epochs,
            stage.steps,
            batches,
            self._feed(validation).plain(validation.positions, size, terms=True, share=share),
            count,
            examples,
            random,
            of_group,
            shapes,
        )

    def equalize(self) -> None:
        """Give the state of the chief's model to all processes of the run."""
        from ..distributed.conduct import Conduct

        Conduct(self.group).equalize(self.model)

    def evaluate(self, name: str) -> Measurement:
        """The loss and metrics on a part, as the model is now."""
        return self._measured(self.prepared.parts[name])

    def evaluate_slices(self, name: str) -> tuple[SliceResult, ...]:
        """The same on every slice of a part that the spec names."""
        return measured_slices(self.prepared.slices.get(name, ()), self._measured)

    def _measured(self, part: Part) -> Measurement:
        given, prepared = (self.model, self._feed(part), part), self.prepared
        found = evaluate(*given, self.training.batch_size, self._test, self._processes)
        return found.with_original(*given, prepared.compiled, prepared.state, self._processes)

    def first_batch(self) -> dict[str, float]:
        """Runs one batch of the training part through the graph, without changing weights."""
        part = self.prepared.parts["train"]
        few = Part(part.examples, part.positions[: self.training.batch_size])
        size = self.training.batch_size
        return evaluate(self.model, self._feed(few), few, size, self._test).metrics

    @property
    def _processes(self) -> Group | None:
        """The replicas, if those of other processes measure their share."""
        return self.group if self.group is not None and self.group.channel is not None else None

    @property
    def _test(self) -> TestSteps | None:
        """The validation steps of the last stage, unless this process has several devices: it then
        measures on one.
        """
        if self.group is not None and self._processes is None:
            return None
        return self.fitting.test if self.fitting and self.fitting.stage.is_last else None

    def feed(self, name: str) -> Feed:
        """The tensors of the source of a part."""
        return self._feed(self.prepared.parts[name])

    def _feed(self, part: Part) -> Feed:
        """The tensors of a part's source; parts of one source share them."""
        key = id(part.examples)
        if key not in self._feeds:
            self._feeds[key] = Feed(part.examples)
        return self._feeds[key]


def measured_slices(
    slices: Iterable[PartSlice], measure: Callable[[Part], Measurement]
) -> tuple[SliceResult, ...]:
    """The results of a model on each of some slices, as `measure` gives for a part."""
    return tuple(
        SliceResult(one.label, len(one.part), measure(one.part).metrics, one.few) for one in slices
    )


def evaluate(
    model: keras.Model,
    feed: Feed,
    part: Part,
    batch_size: int,
    test: TestSteps | None = None,
    group: Group | None = None,
) -> Measurement:
    """The loss and metrics of a compiled model, by the names in the logs of a training.

    `test` are the validation steps of the training, which are already traced; new ones give the
    same results. With a group, every process calls this and measures its share.
    """
    from . import caveats

    if test is None:
        from .steps_of_group import tests_of

        test = tests_of(model, group)
    share = None if group is None else group.share
    with test.measuring():
        batches = iter(feed.plain(part.positions, batch_size, terms=True, share=share))
        logs = test(batches, steps(len(part), batch_size))
    metrics = loss_first({name: float(value) for name, value in logs.items()})
    return Measurement(metrics, test.counted, caveats.of_metrics(model))
