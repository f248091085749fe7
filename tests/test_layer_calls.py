"""Rules visit only the layers whose classes state the fact that they are about."""

from __future__ import annotations

import pytest

from modelspec.compiler.pipeline import compile_spec
from modelspec.compiler.rules.case import Case
from modelspec.compiler.rules.layer_calls import LayerCalls
from modelspec.core.diagnostics import Collector

SPEC = {
    "model": {
        "inputs": {"x": [4, 8]},
        "layers": [
            {"Dense": {"units": 8, "name": "first"}},
            {"TimeDistributed": {"layer": {"Dropout": 0.5}, "name": "wrapped"}},
            "part",
            {"Dropout": {"rate": 0.1, "name": "drop"}},
        ],
        "shared": {"part": [{"Dropout": {"rate": 0.2, "name": "inside"}}]},
    }
}


def layer_calls() -> LayerCalls:
    compiled = compile_spec(SPEC).value
    assert compiled is not None
    return Case(compiled.graph, None, None, None, Collector()).layers


def test_calls_of_layers_have_the_order_of_their_graphs_and_those_of_sub_models_follow() -> None:
    names = [one.call.name for one in layer_calls().all]
    assert names == ["first", "wrapped", "drop", "inside"]


@pytest.mark.parametrize(
    ("fact", "found"),
    [
        ("training_only", ["wrapped", "drop", "inside"]),  # also of a nested layer
        ("channel_bias", ["first"]),
        ("units", ["first"]),  # a setting
        ("makes_mask", []),
    ],
)
def test_only_layers_that_state_a_fact_are_found(fact: str, found: list[str]) -> None:
    assert [one.call.name for one in layer_calls().stating(fact)] == found


def test_a_layer_is_found_for_any_of_several_facts() -> None:
    found = [one.call.name for one in layer_calls().stating("channel_bias", "training_only")]
    assert found == ["first", "wrapped", "drop", "inside"]
