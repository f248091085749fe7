"""The moving averages of a model (`ema_of`) in a script: a callback that updates their weights."""

from __future__ import annotations

from typing import Any, Final

import keras

from modelspec.catalog.formula import Formula
from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.spec.moving_average import MovingAverage as Average
from modelspec.runtime.backend.inner_names import inner_name
from modelspec.runtime.data.errors import RunError

from .formula_code import numbers_code
from .python_code import Code, call, listed, literal, statement

NAME: Final = "averages"
"""The variable of a script with these callbacks."""


class MovingAverage(keras.callbacks.Callback):
    """After each step of the optimizer, the weights of one layer are the moving average of those of
    another one. Both begin equal.
    """

    def __init__(self, average: Any, source: Any, momentum: Any) -> None:
        super().__init__()
        self.pairs = list(zip(average.weights, source.weights))  # noqa: B905
        self.momentum = momentum
        self.epoch = self.step = self.taken = 0
        for weight, other in self.pairs:
            weight.assign(other)

    def on_epoch_begin(self, epoch: Any, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: Any, logs: Any = None) -> None:
        taken = int(self.model.optimizer.iterations)
        if taken != self.taken:
            kept = min(max(float(self.momentum(self.epoch, self.step)), 0.0), 1.0)
            for weight, other in self.pairs:
                weight.assign(kept * weight + (1 - kept) * other)
        self.taken = taken
        self.step += 1


def averages_lines(typed: TypedGraph) -> list[str]:
    """The lines that create the callbacks; empty for a model without moving averages."""
    own = {call.shared for call in typed.alive if not call.call.use.around}
    averages = [one for one in typed.graph.averages.values() if one.name in own]
    for one in averages:
        if one.source not in own:
            raise RunError.of(
                "MS763",
                f"a Python script supports no moving average of `{one.source}`, which only other"
                " shared models call",
                help="choose another format, e.g. `--to keras`",
            )
    if not averages:
        return []
    return statement(f"{NAME} = ", listed(map(_code, averages)))


def _code(average: Average) -> Code:
    momentum = average.momentum
    value = numbers_code(momentum.root) if isinstance(momentum, Formula) else literal(momentum)
    return call(
        MovingAverage.__name__,
        _layer(average.name),
        _layer(average.source),
        f"lambda epoch, step: {value}",
    )


def _layer(name: str) -> Code:
    return call("model.get_layer", literal(inner_name(name)))
