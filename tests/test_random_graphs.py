"""Drawn graphs: what is inferred of the whole is what Keras builds."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, note, settings

import modelspec as ms
from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.pipeline import compile_spec
from modelspec.core.shapes import erase
from modelspec.runtime.backend import MismatchError

from .drawing import UNFIT, specs
from .tools.checks_off import without_checks_of_dtypes
from .training_steps import runs

pytestmark = pytest.mark.tensorflow


UNSURE = {"MultiHeadAttention", "GroupQueryAttention"}
"""Layers whose scores have another size than Keras says: it is unknown to modelspec, and so is what
follows from it.
"""


def difference(spec: dict[str, Any]) -> str | None:
    """What the inferred graph and the built model do not agree on, in words; of every call, `build`
    compares it.
    """
    import keras

    checked = ms.load_spec(spec)
    try:
        model = checked.build()
    except MismatchError as error:
        return str(error)
    graph = checked.graph
    inferred = {name: (erase(tensor.shape), tensor.dtype) for name, tensor in graph.outputs.items()}
    made = model.output if isinstance(model.output, dict) else {next(iter(inferred)): model.output}
    dtype_of = keras.backend.standardize_dtype
    built = {name: (tuple(tensor.shape), dtype_of(tensor.dtype)) for name, tensor in made.items()}
    if not UNSURE.isdisjoint(_kinds(graph)):
        built = {
            name: (_as_known(inferred[name][0], shape), dtype)
            for name, (shape, dtype) in built.items()
        }
    pairs = {
        "outputs": (inferred, built),
        "weights": (_shapes(graph.weights), _shapes(model.weights)),
        "trainable weights": (
            _shapes(w for w in graph.weights if w.trainable),
            _shapes(model.trainable_weights),
        ),
        "parameters": (graph.parameters, model.count_params()),
        "trainable parameters": (
            graph.trainable_parameters,
            sum(math.prod(w.shape) for w in model.trainable_weights),
        ),
    }
    wrong = [
        f"{what}: inferred {one}, Keras makes {other}"
        for what, (one, other) in pairs.items()
        if one != other
    ]
    return "\n".join(wrong) or None


X: dict[str, Any] = {"inputs": {"x": [5]}}
FOUND: dict[str, dict[str, Any]] = {
    "dead layers have no weights": {
        **X,
        "layers": [
            {"Dense": {"units": 3, "name": "dead"}},
            {"Dense": {"units": 2, "from": "x"}},
        ],
    },
    "nor have those of a sub-model": {
        **X,
        "layers": [{"inner": {"from": "x"}}],
        "shared": {
            "inner": {
                "inputs": {"y": [5]},
                "layers": [{"Dense": 3}, {"Dense": {"units": 2, "from": "y"}}],
            }
        },
    },
    "a cell gives its states as a list": {
        "inputs": {"x": [5], "h": [4], "c": [4]},
        "layers": [
            {
                "LSTMCell": {
                    "units": 4,
                    "from": {"inputs": "x", "states": ["h", "c"]},
                    "name": "cell",
                }
            },
            {"Add": {"from": ["cell.hidden", "cell.cell"]}},
        ],
    },
    "a frozen wrapper freezes what it holds": {
        "inputs": {"x": [6, 4]},
        "layers": [
            {"TimeDistributed": {"layer": {"Dense": 3}, "trainable": False}},
            {
                "Bidirectional": {
                    "layer": {"GRU": {"units": 3, "return_sequences": True}},
                    "trainable": False,
                }
            },
            {
                "MultiHeadAttention": {
                    "num_heads": 2,
                    "key_dim": 3,
                    "trainable": False,
                    "from": ["bidirectional"] * 2,
                }
            },
            {"SpectralNormalization": {"layer": {"Dense": 2}, "trainable": False}},
        ],
    },
}
"""Graphs that were once built other than inferred."""


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_is_mended(name: str) -> None:
    found = difference({"model": FOUND[name]})
    assert found is None, found


def _shapes(weights: Any) -> list[str]:
    """Shapes in any order: a model lists its layers' weights by depth."""
    return sorted(str(erase(weight.shape)) for weight in weights)


def _kinds(graph: TypedGraph) -> set[str]:
    """The kinds of all layers, those of sub-models too."""
    callees = (layer.call.callee for layer in graph.layers)
    own = {callee.kind() for callee in callees if isinstance(callee, Layer)}
    return own.union(*(_kinds(layer.inside) for layer in graph.layers if layer.inside))


def _as_known(
    inferred: tuple[int | None, ...], built: tuple[int | None, ...]
) -> tuple[int | None, ...]:
    """The built shape, unknown where the inferred one is."""
    if len(inferred) != len(built):
        return built
    return tuple(None if one is None else other for one, other in zip(inferred, built, strict=True))


def _refused_places(spec: dict[str, Any]) -> set[tuple[int, int]]:
    found = (one.span for one in ms.check(spec).diagnostics if one.severity == "error")
    return {(span.start, span.end) for span in found if span is not None}


def _places_left_out(graph: TypedGraph) -> set[tuple[int, int]]:
    """The places of layers that no output depends on."""
    spans = (one.call.use.kind_span for one in graph.layers if one not in graph.alive)
    return {(span.start, span.end) for span in spans}


def refused_alone(spec: dict[str, Any]) -> str | None:
    """Whether Keras computes what is refused, in words."""
    with without_checks_of_dtypes():
        compiled = compile_spec(spec).value
    assert compiled is not None
    graph = compiled.graph
    if graph is None or len(graph.layers) < len(graph.graph.calls):
        return None  # refused in a sub-model, without which nothing can be built
    if _refused_places(spec) <= _places_left_out(graph):
        return None  # a Keras model does not hold what no output needs
    return f"refused, and runs: {ms.check(spec)}" if runs(compiled) else None


@settings(suppress_health_check=list(HealthCheck))
@given(spec=specs(right=False))
def test_a_drawn_graph_is_what_keras_builds(spec: dict[str, Any]) -> None:
    """What is refused for the dtypes, or the masks, that layers give does not run."""
    import keras

    errors = {one.code for one in ms.check(spec).diagnostics if one.severity == "error"}
    assume(errors <= UNFIT)
    try:
        found = refused_alone(spec) if errors else difference(spec)
    finally:
        keras.utils.clear_session(free_memory=False)
    if found:
        note(str(spec))
    assert found is None, found
