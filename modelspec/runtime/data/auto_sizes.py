"""The sizes that the data sets (`auto`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from modelspec.compiler.infer import infer
from modelspec.compiler.pipeline import Compiled, linted
from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import PENDING

from .conform import resolved_shapes
from .errors import DataError
from .spec_facts import row_inputs, section, typed_graph
from .table import Array


def resolve_auto(compiled: Compiled, inputs: Mapping[str, Array]) -> Compiled:
    """The spec with every `auto` size taken from the data, and its types inferred again.

    Raises `DataError` where the data does not fit the inputs, or the model does not fit the sizes
    of the data (with the codes of the model).
    """
    typed = typed_graph(compiled)
    if not any(PENDING in tensor.shape for tensor in typed.inputs.values()):
        return compiled
    window = section(compiled).window
    shapes = {name: tensor.shape for name, tensor in row_inputs(compiled).items()}
    try:
        known = resolved_shapes(inputs, shapes)
    except Fault as fault:
        span = section(compiled).spans.get(("inputs", str(fault.path[0])))
        raise DataError([fault.at(span)]) from None
    if window is not None:
        known = {
            name: window.with_steps(typed.inputs[name].shape, row) for name, row in known.items()
        }
    declared = tuple(replace(one, shape=known[one.name][1:]) for one in typed.graph.inputs or ())
    checked = infer(replace(typed.graph, inputs=declared))
    resolved = compiled.with_graph(checked.value)
    found = (*checked.diagnostics, *linted(resolved))
    if any(one.severity == "error" for one in found):
        raise DataError(found)
    return resolved
