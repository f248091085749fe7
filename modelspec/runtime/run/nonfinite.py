"""Handling of losses, gradients and weights that are not finite (`on_nan`)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelspec.core.diagnostics import Diagnostic

from .epoch_callbacks import NotFinite, not_finite, word
from .nonfinite_origin import first_to_show
from .step import Taken

if TYPE_CHECKING:
    from .training_loop import Fitting

IN_A_ROW = 10
"""After so many failed steps in a row, `skip` and `restore` give up."""
_BACK = "back/"


class Numbers:
    """Handles steps whose values are not finite."""

    def __init__(
        self, fitting: Fitting, on_nan: str, left_out: Sequence[tuple[int, int]] = ()
    ) -> None:
        self._fitting = fitting
        self._on_nan = on_nan
        self._in_a_row = 0
        self._back: Mapping[str, Any] = {}
        self.left_out: list[tuple[int, int]] = [*left_out]
        """Epoch and step (from 1) of every batch that changed nothing."""

    def heed(self, taken: Taken, first: int) -> None:
        """Check the result of a call of several steps; `first` steps of the epoch were done before
        it.

        Raises `NotFinite` if the run must stop.
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
        """Whether it keeps weights to restore."""
        return self._on_nan == "restore"

    def hold(self) -> None:
        """Keep the current weights and optimizer for `restore`.

        Called at the start of every epoch and at every checkpoint that is due after a number of
        steps, but not at those due by time or a signal, so that equal runs restore equal weights,
        interrupted or not.
        """
        if self.holds:
            self._back = self._fitting.state.capture_weights()

    def _tell(self) -> None:
        epoch, step = self._fitting.epoch + 1, self._fitting.step
        self.left_out.append((epoch, step))
        what = (
            "its batch was skipped"
            if self._on_nan == "skip"
            else "the previous weights were restored"
        )
        self._fitting.warn(
            Diagnostic(
                "MS721",
                "warning",
                f"step {step} of epoch {epoch} had values that are not finite: {what}",
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
        if taken.good:  # the update itself overflowed
            where = (
                f"in step {step}"
                if step == first + 1
                else f"between the steps {first + 1} and {step}"
            )
            return NotFinite(
                f"the weight `{not_finite(fitting.model)}` is no longer finite {where} of epoch"
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
            return NotFinite(f"`{taken.failed}` became {word(taken.loss)} {place}", epoch, notes)
        return NotFinite(
            f"a gradient of `{taken.failed}` was not finite {place}, although the loss was",
            epoch,
            notes,
        )

    # State ----------------------------------------------------------------------------------------

    def capture(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Its state: tensors, and JSON values."""
        tensors = {f"{_BACK}{name}": value for name, value in self._back.items()}
        return tensors, {
            "left_out": [list(one) for one in self.left_out],
            "in_a_row": self._in_a_row,
        }

    def restore(self, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        """Restores the captured state."""
        self.left_out = [(int(epoch), int(step)) for epoch, step in state["left_out"]]
        self._in_a_row = int(state["in_a_row"])
        self._back = {
            name.removeprefix(_BACK): value
            for name, value in tensors.items()
            if name.startswith(_BACK)
        }
        if not self._back:
            self.hold()
