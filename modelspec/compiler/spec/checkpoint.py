"""`training.checkpoint`: when the training state is saved to disk, and how many checkpoints are
kept.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, PlainValidator, ValidationInfo

from modelspec.catalog.layers.setting_types import Count
from modelspec.core.records import dataclass
from modelspec.core.settings import Section, Unfit, context_of

_EVERY = re.compile(r"([0-9]+) *(step|epoch|second|minute|hour)s?")
_EveryText = Annotated[str, Field(pattern=rf"^\s*{_EVERY.pattern}\s*$")]
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600}
_MOST = 2**31


@dataclass(frozen=True)
class Every:
    """The interval between two checkpoints; exactly one of the three is not None."""

    steps: int | None = None
    epochs: int | None = None
    seconds: int | None = None


def _every(value: Any) -> Every:
    expected = (
        "a number of steps, epochs, seconds, minutes or hours: `500 steps`, `1 epoch`, `10 minutes`"
    )
    if isinstance(value, Every):
        return value
    if not isinstance(value, str):
        number = isinstance(value, int) and not isinstance(value, bool)
        raise Unfit(expected, help=f"write `{value} steps`" if number else None)
    match = _EVERY.fullmatch(value.strip())
    if match is None or not 1 <= int(match[1]) <= _MOST:
        raise Unfit(expected, code="MS205")
    count, unit = int(match[1]), match[2]
    if unit == "step":
        return Every(steps=count)
    return Every(epochs=count) if unit == "epoch" else Every(seconds=count * _SECONDS[unit])


class Checkpoint(Section):
    """When the complete training state is saved to disk, so that `modelspec resume` can continue.

    ```yaml
    training:
      loss: mse
      checkpoint: {every: 500 steps, keep: 3}
    ```

    A checkpoint is also written when a signal ends the run, and at the end of the run. If
    checkpoints are due less than a second apart, some are skipped once writing them has taken more
    than a fiftieth of the training time.

    The first Ctrl-C, SIGTERM or SIGHUP stops the run between two steps, a second one as soon as
    TensorFlow finishes the current step. SIGKILL ends a run immediately; the work since the last
    checkpoint is lost.
    """

    title: ClassVar[str] = "checkpoint"

    every: Annotated[
        Every,
        PlainValidator(_every, json_schema_input_type=_EveryText),
        Field(json_schema_extra={"default": "1 minute"}),
    ] = Every(seconds=60)
    """`500 steps`, `1 epoch`, `10 minutes`; by default one minute."""
    keep: Count = 2
    """How many checkpoints are kept: if the newest is damaged, the run resumes from the one before
    it.
    """


def read_checkpoint(value: Any, info: ValidationInfo) -> Checkpoint:
    """The section from its mapping, or from `every` alone. Raises `Faults` or `Unfit`."""
    if isinstance(value, Checkpoint):
        return value
    if value is None or isinstance(value, (bool, list, tuple)):
        raise Unfit("`500 steps`, or a mapping with `every` and `keep`")
    return Checkpoint.from_body(value, context_of(info))
