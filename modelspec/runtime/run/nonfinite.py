"""Numbers that go wrong: a loss, a gradient or a weight that is not finite, and what a run does
then (`on_nan`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelspec.core.diagnostics import Diagnostic

from .epoch_callbacks import NotFinite, not_finite, word
from .nonfinite_origin import first_to_show
from .step import Taken

if TYPE_CHECKING:
    from .training_loop import Fitting

IN_A_ROW = 10
"""So many steps one after the other may go wrong before `skip` and `restore` give up."""
_BACK = "back/"


class Numbers:
    """Decides what follows from a step whose numbers went wrong."""

    def __init__(self, fitting: Fitting, on_nan: str) -> None:
        self._fitting = fitting
        self._on_nan = on_nan
        self._in_a_row = 0
        self._back: Mapping[str, Any] = {}
        self.left_out: list[tuple[int, int]] = []
        """Epoch and step (from 1) of every batch that changed nothing."""

    def heed(self, taken: Taken, first: int) -> None:
        """Look at what a call of steps did, `first` of the epoch's steps done before it.

        Raises `NotFinite` where the run must not go on.
        """
        if taken.good and taken.sound:
            self._in_a_row = 0
            return
        self._in_a_row = self._in_a_row + 1 if taken.steps == 1 else 1
        can_mend = self._on_nan == "restore" or (self._on_nan == "skip" and taken.sound)
        if not can_mend or self._in_a_row > IN_A_ROW:
            raise self._fault(taken, first)
        if self._on_nan == "restore":
            self._fitting.state.restore_weights(self._back)
        self._tell()

    @property
    def holds(self) -> bool:
        """Whether it keeps weights to go back to."""
        return self._on_nan == "restore"

    def hold(self) -> None:
        """Weights and optimizer as they are now are what `restore` goes back to.

        Held at the begin of every epoch and at every checkpoint that is due after so many steps:
        not at those that time or a signal decides on, so that equal runs go back to equal weights,
        interrupted or not.
        """
        if self.holds:
            self._back = self._fitting.state.capture_weights()

    def _tell(self) -> None:
        epoch, step = self._fitting.epoch + 1, self._fitting.step
        self.left_out.append((epoch, step))
        what = (
            "its batch was left out"
            if self._on_nan == "skip"
            else "the weights went back to what they were before"
        )
        self._fitting.tell(
            Diagnostic(
                "MS721",
                "warning",
                f"numbers were not finite in step {step} of epoch {epoch}: {what}",
                None,
            )
        )

    def _fault(self, taken: Taken, first: int) -> NotFinite:
        fitting = self._fitting
        epoch, step = fitting.epoch + 1, fitting.step
        given_up = (
            [f"`on_nan: {self._on_nan}` gives up after {IN_A_ROW} such steps in a row"]
            if self._in_a_row > IN_A_ROW
            else []
        )
        if taken.good:  # the update itself went past the largest number
            where = (
                f"in step {step}"
                if step == first + 1
                else f"between the steps {first + 1} and {step}"
            )
            return NotFinite(
                f"the weight `{not_finite(fitting.model)}` became no finite number {where} of epoch"
                f" {epoch}",
                epoch,
                tuple(given_up),
            )
        place = f"in step {step} of epoch {epoch}"
        batch = next(iter(fitting.task.batches(epoch - 1, step - 1)), None)
        shown = first_to_show(fitting.model, batch) if batch is not None else None
        notes = (
            *([shown] if shown else []),
            *fitting.task.examples(epoch - 1, step - 1),
            *given_up,
        )
        if not math.isfinite(taken.loss):
            return NotFinite(f"`loss` became {word(taken.loss)} {place}", epoch, notes)
        return NotFinite(
            f"a gradient became no finite number {place}, though the loss was one", epoch, notes
        )

    # State ----------------------------------------------------------------------------------------

    def capture(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is state of it: tensors, and JSON's values."""
        tensors = {f"{_BACK}{name}": value for name, value in self._back.items()}
        return tensors, {
            "left_out": [list(one) for one in self.left_out],
            "in_a_row": self._in_a_row,
        }

    def restore(self, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        """Back to what was captured."""
        self.left_out = [(int(epoch), int(step)) for epoch, step in state["left_out"]]
        self._in_a_row = int(state["in_a_row"])
        self._back = {
            name.removeprefix(_BACK): value
            for name, value in tensors.items()
            if name.startswith(_BACK)
        }
        if not self._back:
            self.hold()
