"""A learning rate defined by a formula."""

from typing import ClassVar

from ..formula.formula_setting import StepFormula
from ..formula.scalars import evaluate
from .schedules import Schedule
from .setting_types import Name


class Expression(Schedule):
    """A learning rate given as a formula of `step` and `epoch`, which count from 0.

    ```yaml
    learning_rate: {formula: "1e-3 * minimum(step / 1000, 1)"}   # a linear warmup
    learning_rate: {formula: "0.01 * 0.5 ** (epoch // 10)"}      # half of it every 10 epochs
    ```

    A formula consists of numbers, `step`, `epoch`, `+ - * / // % **`, comparisons, `and or not`, `x
    if c else y` and the functions `abs sign square sqrt exp expm1 log log1p log2 log10 sin cos tan
    tanh floor ceil round min max minimum maximum`. It is computed in float64 at every step of the
    optimizer, also where `x if c else y` does not use a value.

    `step` is the number of steps that the optimizer has taken, as in every schedule of Keras;
    `epoch` is `step` divided by the steps of an epoch, rounded down. A run that is resumed
    continues exactly, and with `stages` both begin again with the optimizer of each stage. In a
    model of `spec.build()` the steps of an epoch are not known, so `epoch` is 0 there. A model is
    saved without the schedule: `keras.models.load_model` returns a model for prediction.
    """

    keras_module: ClassVar[str] = "modelspec"

    formula: StepFormula
    """The formula of the learning rate, in quotes."""
    name: Name = "Expression"

    @property
    def settled(self) -> tuple[int, float] | None:
        """The rate of a formula without names is constant."""
        return None if self.formula.names else (0, float(evaluate(self.formula, {})))
