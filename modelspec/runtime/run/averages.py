"""Averages of the weights (`use_ema` of an optimizer) in the place of the weights while they are
measured and saved.

With `use_ema` the averages are what a run is for: the validation measures them, callbacks at an
epoch's end keep them, and `model.keras` has them, so that what is saved is what was logged. Keras
needs `SwapEMAWeights` for the first, in front of every callback that keeps weights, and loses them
where a training ends early.
"""

from __future__ import annotations

from typing import Any

import keras


class Averages:
    """Swaps the weights of a model with their averages, where its optimizer has any."""

    def __init__(self, model: keras.Model) -> None:
        self._swap: Any = None
        if _has_averages(model.optimizer):
            self._swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
            self._swap.set_model(model)
            self._swap.set_params({"epochs": 1})

    def replace(self, callback: Any) -> bool:
        """Whether they are there and do what a callback of the spec is for."""
        return self._swap is not None and isinstance(callback, keras.callbacks.SwapEMAWeights)

    def enter(self) -> None:
        """Put the averages into the model. The weights are kept where the averages were."""
        if self._swap is not None:
            self._swap.on_test_begin()

    def leave(self) -> None:
        """Put the weights back that the training goes on with."""
        if self._swap is not None:
            self._swap.on_test_end()

    def finish(self) -> None:
        """Leave in the model what it has now, or the averages where it has the weights; the
        optimizer keeps the same as its averages, as it does after `fit`.
        """
        if self._swap is not None:
            self.enter()
            self._swap.on_test_end()
            self._swap.on_epoch_end(0)


def _has_averages(optimizer: Any) -> bool:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return any(bool(one.use_ema) for one in getattr(inner, "optimizers", [inner]))
