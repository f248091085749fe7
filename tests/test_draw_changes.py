"""The changes that a hunt makes of drawn specs give specs that mean what they should."""

from __future__ import annotations

import random
from typing import Any

import modelspec as ms

from .draw_changes import NAMES, dressed, repaired

PLAIN: dict[str, Any] = {
    "model": {
        "inputs": {"x0": {"shape": [4], "dtype": "float32"}, "x1": {"shape": [4]}},
        "layers": [
            {"Concatenate": {"name": "t_a1", "from": ["x0", "x1"]}},
            {
                "LSTMCell": {
                    "units": 4,
                    "name": "t_a2",
                    "from": {"inputs": "t_a1", "states": ["x0", "x1"]},
                }
            },
            {"Dense": {"units": 1, "name": "head0", "from": "t_a2.output"}},
            {"Dense": {"units": 1, "name": "head1", "from": "t_a2.hidden"}},
        ],
        "outputs": {"out0": "head0", "out1": "head1"},
    },
    "training": {"loss": {"out0": "mse", "out1": "mae"}, "batch_size": 4},
}


def errors(spec: dict[str, Any]) -> list[str]:
    return [one.code for one in ms.check(spec).diagnostics if one.severity == "error"]


def test_every_change_gives_another_right_spec() -> None:
    """Names are written alike everywhere, so that none is unknown; only `freeze` may name a layer
    that the spec does not have.
    """
    found = [dressed(PLAIN, random.Random(seed)) for seed in range(60)]
    assert len({str(spec) for spec in found}) > 30
    assert not {code for spec in found for code in errors(spec)} & {"MS301", "MS302", "MS306"}
    written = " ".join(map(str, found))
    assert sum(name in written for name in NAMES) > len(NAMES) // 2


def test_the_given_spec_is_not_changed() -> None:
    before = str(PLAIN)
    for seed in range(10):
        dressed(PLAIN, random.Random(seed))
    assert str(PLAIN) == before


def test_a_refused_metric_is_left_out_and_the_rest_kept() -> None:
    training = {**PLAIN["training"], "metrics": {"out0": ["mae", "CategoricalAccuracy"]}}
    spec = {**PLAIN, "training": training}
    assert errors(spec)
    mended = repaired(spec)
    assert not errors(mended)
    assert mended["training"]["metrics"] == {"out0": ["mae"]}
    assert mended["model"] == PLAIN["model"]


def test_what_is_wrong_with_a_layer_stays() -> None:
    layers = [{"Dense": {"units": 0, "name": "head0", "from": "x0"}}, *PLAIN["model"]["layers"][:2]]
    spec = {**PLAIN, "model": {**PLAIN["model"], "layers": layers}}
    assert repaired(spec) == spec
