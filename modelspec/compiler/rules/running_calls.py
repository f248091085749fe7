"""The calls that run: Keras builds every call, and runs those that an output depends on."""

from __future__ import annotations

from ..infer import TypedCall
from .case import Case
from .graph_walk import distinct


class RunningCalls:
    """The calls of a model and of its sub-models that a training runs."""

    def __init__(self, case: Case) -> None:
        training, file = case.training, case.file
        reads_tensors = training is not None and training.has_objective
        reads_tensors = reads_tensors or (file is not None and file.generation is not None)
        self._ids: set[int] | None = None
        """None if formulas read other tensors than outputs: all calls are assumed to run."""
        if case.typed is not None and not reads_tensors:
            graphs = distinct(case.typed, running=True)
            self._ids = {id(call) for typed in graphs for call in typed.alive}

    def __contains__(self, call: TypedCall) -> bool:
        return self._ids is None or id(call) in self._ids
