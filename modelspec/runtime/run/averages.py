"""Weight averages (`use_ema` of an optimizer) that replace the weights while they are measured and
saved.

With `use_ema` the averages are the result of a run: the validation measures them, callbacks at the
end of an epoch save them, and `model.keras` contains them, so that the saved weights are the logged
ones. Keras needs `SwapEMAWeights` for the validation, before every callback that saves weights, and
loses the averages if a training ends early.
"""

from __future__ import annotations

from typing import Any

import keras


class Averages:
    """Swaps the weights of a model with their averages, if its optimizer keeps averages."""

    def __init__(self, model: keras.Model) -> None:
        self._swap: Any = None
        if _has_averages(model.optimizer):
            self._swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
            self._swap.set_model(model)
            self._swap.set_params({"epochs": 1})

    def replace(self, callback: Any) -> bool:
        """Whether averages exist and replace a callback of the spec."""
        return self._swap is not None and isinstance(callback, keras.callbacks.SwapEMAWeights)

    def enter(self) -> None:
        """Put the averages into the model. The weights are kept in place of the averages."""
        if self._swap is not None:
            self._swap.on_test_begin()

    def leave(self) -> None:
        """Restore the weights that the training continues with."""
        if self._swap is not None:
            self._swap.on_test_end()

    def finish(self) -> None:
        """Leave the averages in the model if it has the weights, or else its current values; as
        after `fit`, the optimizer then has the same values as its averages.
        """
        if self._swap is not None:
            self.enter()
            self._swap.on_test_end()
            self._swap.on_epoch_end(0)


def _has_averages(optimizer: Any) -> bool:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return any(bool(one.use_ema) for one in getattr(inner, "optimizers", [inner]))
