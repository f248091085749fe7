"""How a run ended: what stopped a training early, which epoch's weights it kept, why it failed, and
whether `resume` helps.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from shlex import quote
from typing import Any, Final

from .formatting import number
from .record import Record

_REPEATS: Final = ("MS706",)
"""Faults that repeat after resuming, since the run computes the same numbers."""
_LONGEST: Final = 70
"""The most characters of a reason in a table."""


@dataclass(frozen=True)
class Ending:
    """How a training ended. Epochs count from 1."""

    epochs: int
    """The last epoch."""
    planned: int
    weights_of_epoch: int
    """The epoch of the saved weights."""
    monitor: str | None = None
    """The criterion for the weights; None if they are those of the last epoch anyway."""
    best: float | None = None
    """Its value in that epoch."""
    stopped_by: str | None = None
    """The callback that ended the training before its last epoch."""
    why: str | None = None

    @property
    def stop(self) -> str | None:
        """`stopped by EarlyStopping after epoch 7 of 12: ...`; None if it was not stopped."""
        if self.stopped_by is None:
            return None
        why = f": {self.why}" if self.why else ""
        return f"stopped by {self.stopped_by} after epoch {self.epochs} of {self.planned:,}{why}"

    @property
    def weights(self) -> str | None:
        """`those of epoch 4, the best by `val_loss` (0.2314)`; None without a criterion."""
        if self.monitor is None:
            return None
        value = f" ({number(self.best)})" if self.best is not None else ""
        return f"those of epoch {self.weights_of_epoch}, the best by `{self.monitor}`{value}"

    def as_json(self) -> dict[str, Any]:
        """For the manifest, without empty entries."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    @classmethod
    def of(cls, record: Record) -> Ending | None:
        """The ending of a run; None if the manifest has none, as in older versions."""
        epochs, planned, kept = (
            record.number("ending", key) for key in ("epochs", "planned", "weights_of_epoch")
        )
        if epochs is None or planned is None or kept is None:
            return None
        return cls(
            int(epochs),
            int(planned),
            int(kept),
            record.text("ending", "monitor"),
            record.number("ending", "best"),
            record.text("ending", "stopped_by"),
            record.text("ending", "why"),
        )


def state(record: Record) -> str:
    """`completed`, `failed`, ..., with the reason."""
    signal = record.text("signal")
    why = {
        "killed": " (its process ended and left only its checkpoints)",
        "interrupted": f" (by {signal})" if signal else "",
        "completed": _stopped_early(record),
    }
    return record.state + why.get(record.state, "")


def _stopped_early(record: Record) -> str:
    ending = Ending.of(record)
    if ending is not None:
        return f" ({ending.stop})" if ending.stop else ""
    planned, stops = record.number("training", "epochs"), record.value("training", "stops")
    if planned is None or record.epochs >= planned:
        return ""
    by = f" by {' or '.join(map(str, stops))}" if isinstance(stops, list) and stops else ""
    return f" (stopped{by} after {record.epochs} of {planned:,.0f} epochs)"


def weights(record: Record) -> str:
    """Which weights the model has, unless they are simply the last ones."""
    ending = Ending.of(record)
    return (ending.weights if ending is not None else None) or ""


def reason(record: Record, longest: int = _LONGEST) -> str:
    """Code and first line of the error of a failed run, shortened; empty for other runs."""
    if record.fault is None:
        return ""
    lines = f"{record.fault.get('code')}: {record.fault.get('message')}".splitlines()
    line = " ".join(lines[0].split()) if lines else ""
    return line if len(line) <= longest else line[: longest - 3].rstrip() + "..."


def to_continue(record: Record) -> str:
    """How to continue with an incomplete run."""
    if record.state == "killed" and not _has_begun(record):
        spec = quote(record.text("spec", "path") or record.text("spec", "file") or "SPEC")
        return f"modelspec train {spec} --run-dir {quote(str(record.path))}"
    if record.state in ("interrupted", "killed"):
        return f"modelspec resume {record.path}"
    if record.state != "failed":
        return ""
    if any(one.get("code") in _REPEATS for one in record.entries("faults")):
        return "change the spec or the data and train again; `resume` repeats the same numbers"
    if not record.has_checkpoint:
        return "fix the error and train again; the run has no checkpoint"
    return f"modelspec resume {record.path}, after fixing the error"


def _has_begun(record: Record) -> bool:
    """Whether the training of a run began: before, there is nothing to resume."""
    is_prepared = record.text("spec", "resolved_sha256") is not None
    return is_prepared or bool(record.history) or record.has_checkpoint
