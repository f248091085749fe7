"""Calls of something shared: each has to fit what the first one made of it, which Keras keeps."""

from __future__ import annotations

from typing import Any

import pytest

import modelspec as ms

FOUR: dict[str, Any] = {"shape": [4]}
STEPS: dict[str, Any] = {"shape": [5, 4]}
WHOLE: dict[str, Any] = {"shape": [4], "dtype": "int32"}
HALF: dict[str, Any] = {"shape": [4], "dtype": "float16"}


def check(thing: Any, first: dict[str, Any], second: dict[str, Any]) -> ms.Report:
    """The report of a model that calls the shared thing with one input and then with the other."""
    return ms.check(
        {
            "model": {
                "inputs": {"first": first, "second": second},
                "shared": {"thing": thing},
                "outputs": ["one", "two"],
                "layers": [
                    {"thing": {"from": "first", "name": "one"}},
                    {"thing": {"from": "second", "name": "two"}},
                ],
            }
        }
    )


@pytest.mark.parametrize(
    ("thing", "first", "second", "code"),
    [
        ("BatchNormalization", FOUR, STEPS, "MS401"),
        ("GroupNormalization", {"shape": [3, 32]}, {"shape": [2, 3, 32]}, "MS401"),
        ({"Normalization": {"axis": None, "mean": 0.5, "variance": 2.0}}, STEPS, FOUR, "MS401"),
        ({"TimeDistributed": "BatchNormalization"}, STEPS, {"shape": [3, 5, 4]}, "MS401"),
        (["Identity", {"Dense": 3}], FOUR, STEPS, "MS401"),
        (["Identity"], FOUR, WHOLE, "MS404"),
        ({"Dense": 3}, FOUR, {"shape": [7]}, "MS403"),
        ([{"Dense": 3}], FOUR, {"shape": [7]}, "MS403"),
        ("PReLU", FOUR, STEPS, "MS403"),
    ],
    ids=str,
)
def test_a_call_that_does_not_fit_the_first_one_is_told(
    thing: Any, first: Any, second: Any, code: str
) -> None:
    report = check(thing, first, second)
    assert [d.code for d in report.diagnostics] == [code]
    assert "the first call" in str(report.diagnostics[0].notes)


@pytest.mark.parametrize(
    ("thing", "first", "second"),
    [
        ({"Dense": 3}, FOUR, STEPS),
        ("LayerNormalization", FOUR, STEPS),
        ("Identity", FOUR, WHOLE),
        (["Identity"], FOUR, HALF),
        ([{"LSTM": 3}], STEPS, {"shape": ["time", 4]}),
        ("BatchNormalization", STEPS, {"shape": [7, 4]}),
    ],
    ids=str,
)
def test_a_call_that_fits_is_right(thing: Any, first: Any, second: Any) -> None:
    assert check(thing, first, second).diagnostics == ()


def test_a_layer_that_only_prepares_data_is_told() -> None:
    report = ms.check(
        {"model": {"inputs": {"image": [8, 8, 3]}, "layers": ["Equalization", "Flatten"]}}
    )
    assert [d.code for d in report.diagnostics] == ["MS209"]
    assert "transform" in (report.diagnostics[0].help or "")


def test_what_no_output_depends_on_has_no_weights() -> None:
    spec = ms.load_spec(
        {
            "model": {
                "inputs": {"x": [5]},
                "layers": [
                    {"Dense": {"units": 3, "name": "dead"}},
                    {"Dense": {"units": 2, "from": "x"}},
                ],
            }
        }
    )
    assert [layer.name for layer in spec.graph.alive] == ["dense"]
    assert (spec.graph.parameters, spec.graph.flops) == (12, 10)


def test_models_that_call_models_have_a_budget() -> None:
    """Three calls at each of forty levels: written in forty lines, 3 to the 40 layers to run. It is
    told, not tried.
    """
    shared: dict[str, object] = {"m0": [{"Dense": 4}]}
    shared |= {f"m{level}": [f"m{level - 1}"] * 3 for level in range(1, 41)}
    report = ms.check({"model": {"inputs": {"x": [4]}, "shared": shared, "layers": ["m40"]}})
    assert [found.code for found in report.diagnostics] == ["MS108"]
