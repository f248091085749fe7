"""What modelspec says of a case. Anything it raises but `Faults` and `Fault` is a bug and passes
through.
"""

from __future__ import annotations

from modelspec.catalog.layers.calls import output_of
from modelspec.catalog.layers.layer import Argument, Inputs
from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Context, Faults
from modelspec.core.shapes import Tensor, erase

from .case import Answer, Case, Refusal, layer_class


def answer(case: Case) -> Answer | Refusal:
    """Outputs and weights with the sizes as modelspec has them, or its first fault."""
    found = answer_or_fault(case)
    return Refusal(found.code, found.message) if isinstance(found, Fault) else found


def answer_or_fault(case: Case) -> Answer | Fault:
    inputs = Inputs(case.inputs, case.options)
    cls = layer_class(case.kind)
    try:
        layer = cls.build(case.settings, Context())
        _check_arguments(cls.arguments, inputs)
        outputs = output_of(layer, inputs)
        weights = layer.weights(inputs)
    except Faults as several:
        return several.faults[0]
    except Fault as fault:
        return fault
    return Answer((outputs,) if isinstance(outputs, Tensor) else outputs, weights)


def _check_arguments(arguments: tuple[Argument, ...], inputs: Inputs) -> None:
    """The rule of the linker, which sees to it before a shape rule is asked: as many tensors as are
    declared.
    """
    for argument in arguments:
        count = (
            len(inputs.list(argument.name))
            if argument.many
            else int(inputs.tensor(argument.name) is not None)
        )
        least = argument.least if argument.many and count else int(argument.required)
        if count < least or (argument.most is not None and count > argument.most):
            raise Fault("MS310", f"{count} tensors for `{argument.name}`", argument=argument.name)


def erased(found: Answer) -> Answer:
    """The answer with sizes as Keras has them: numbers, and None for every other."""
    return Answer(
        tuple(tensor._replace(shape=erase(tensor.shape)) for tensor in found.outputs),
        tuple(weight._replace(shape=erase(weight.shape)) for weight in found.weights),
    )
