"""The learning rate by epoch, as a formula."""

import math
from typing import ClassVar

from modelspec.core.diagnostics import Fault
from modelspec.core.source import Value

from ..formula.formula_setting import RateFormula
from ..formula.scalars import evaluate
from .callbacks import Callback, Verbose
from .family import FORMULA


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of each epoch, by a formula of `epoch` (from 0) and `lr`,
    the current rate.

    ```yaml
    callbacks:
      - LearningRateScheduler: {formula: "lr * 0.9 if epoch > 5 else lr"}
      - LearningRateScheduler: {schedule: "0.001 * min((epoch + 1) / 5, 1)", verbose: 1}
    ```

    A formula consists of numbers, `epoch`, `lr`, `+ - * / // % **`, comparisons, `and or not`, `x
    if c else y` and the functions `abs sign square sqrt exp expm1 log log1p log2 log10 sin cos tan
    tanh floor ceil round min max minimum maximum`. The optimizer's `learning_rate` must be a
    number: a schedule cannot be set.
    """

    state: ClassVar[tuple[str, ...] | None] = ()
    sets_rate: ClassVar[bool] = True
    changes_rate: ClassVar[bool] = True
    logs_rate: ClassVar[bool] = True

    schedule: RateFormula
    """The formula of the learning rate, in quotes."""
    verbose: Verbose = 0

    def rate(self, epoch: int, rate: float) -> float:
        """The value of the formula; NaN if it has none, which training refuses."""
        try:
            return float(evaluate(self.schedule, {"epoch": epoch, "lr": rate}))
        except Fault:
            return math.nan

    @classmethod
    def spread(cls, body: dict[str, Value]) -> dict[str, Value]:
        """`schedule` may be written as `formula`, as in a loss."""
        if FORMULA in body and "schedule" not in body:
            rest = {key: value for key, value in body.items() if key != FORMULA}
            return {"schedule": {FORMULA: body[FORMULA]}, **rest}
        return body
