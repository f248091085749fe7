"""A check leaves no reference cycles: what it made is freed as soon as nobody uses it, so that an
editor that checks at every keystroke does not grow until the next search for cycles.
"""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from modelspec.editor.analysis import analyze

SOUND = """\
model:
  inputs: {x: [8]}
  layers:
    - Dense: {units: 4, name: hidden}
    - part
    - Dense: 3
  shared:
    part: [{Dense: 4}, {Dropout: 0.1}]
training:
  optimizer: {Adam: 0.001}
  loss: mse
  metrics: [mae]
"""
TEXTS = {
    "sound": ("spec.yaml", SOUND),
    "with players": (
        "spec.yaml",
        SOUND.partition("training:")[0]
        + "training:\n  players:\n    one: {trains: hidden, objective: {a: mean(dense)}}\n",
    ),
    "a wrong setting": ("spec.yaml", SOUND.replace("units: 4", "units: -4")),
    "a wrong shape": ("spec.yaml", SOUND.replace("[8]", "[8, ?]")),
    "a syntax error": ("spec.yaml", SOUND.replace("units: 4,", "units: {4,")),
    "an alias without an anchor": ("spec.yaml", SOUND.replace("units: 4", "units: *four")),
    "a JSON text": ("spec.json", '{"model": {"inputs": {"x": [8]}, "layers": ["Dense", {]}}'),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_check_leaves_no_cycles(name: str) -> None:
    file, text = TEXTS[name]
    analyze(Path(file), text)  # imports modules, which may leave some
    gc.collect()
    gc.disable()
    try:
        analyze(Path(file), text)
        assert gc.collect() == 0
    finally:
        gc.enable()
