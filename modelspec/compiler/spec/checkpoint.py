"""`training.checkpoint`: when the state of a training is put on disk, and how many such states stay
there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, PlainValidator, ValidationInfo

from modelspec.catalog.layers.setting_types import Count
from modelspec.core.settings import Section, Unfit, context_of

_EVERY = re.compile(r"([0-9]+) *(step|epoch|second|minute|hour)s?")
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600}
_MOST = 2**31


@dataclass(frozen=True)
class Every:
    """A distance between two checkpoints; exactly one of the three is not None."""

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
    """When the whole state of the training is put on disk, for `modelspec resume` to go on from.

    ```yaml
    training:
      loss: mse
      checkpoint: {every: 500 steps, keep: 3}
    ```

    Beside these, one is written where a signal ends the run, and one at its end. Where they fall
    due within a second of each other, some are passed over once they have cost more than a fiftieth
    of the training's time.

    A first Ctrl-C, SIGTERM or SIGHUP is heeded between two steps, a second one as soon as
    TensorFlow is done with the step at hand. SIGKILL ends a run at once, which loses what was done
    since the last checkpoint.
    """

    title: ClassVar[str] = "checkpoint"

    every: Annotated[
        Every,
        PlainValidator(_every, json_schema_input_type=str),
        Field(json_schema_extra={"default": "1 minute"}),
    ] = Every(seconds=60)
    """`500 steps`, `1 epoch`, `10 minutes`; a minute where nothing is said."""
    keep: Count = 2
    """How many stay: where the newest is damaged, the one before it is gone on from."""


def read_checkpoint(value: Any, info: ValidationInfo) -> Checkpoint:
    """The section from its mapping, or from `every` alone. Raises `Faults` and `Unfit`."""
    if isinstance(value, Checkpoint):
        return value
    if value is None or isinstance(value, (bool, list, tuple)):
        raise Unfit("`500 steps`, or a mapping with `every` and `keep`")
    return Checkpoint.from_body(value, context_of(info))
