"""Specs, data and stored runs for the tests of `modelspec test` and `modelspec accept`."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelspec.compiler.pipeline import compile_spec
from modelspec.runtime.history.fingerprint import fingerprint

SPEC = """\
# a comment
name: {name}
seed: 1
model:
  inputs: {{point: [2]}}
  layers:
    - Dense: {{units: {units}, activation: relu}}
    - Dense: {{units: 1, activation: sigmoid, name: inside}}
data:
  source: {{csv: points.csv}}
  split: {{validation: 0.2, test: 0.2}}
  inputs: {{point: {{columns: [x, y]}}}}
  targets: {{inside: label}}
training:
  optimizer: {{Adam: {{learning_rate: {rate}}}}}
  loss: binary_crossentropy
  metrics: [accuracy]
  epochs: {epochs}
  batch_size: 16
expect:
  {expect}
"""


def write_spec(
    path: Path,
    *,
    name: str | None = None,
    units: int = 4,
    rate: float = 0.05,
    epochs: int = 3,
    expect: str = 'test_accuracy: ">= 0.5"',
) -> Path:
    """A spec with two inputs, and what it expects; its data are `points.csv` beside it."""
    text = SPEC.format(name=name or path.stem, units=units, rate=rate, epochs=epochs, expect=expect)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_points(path: Path, count: int = 120) -> Path:
    """Points, and whether the sum of both coordinates is above 0."""
    draw = random.Random(0)
    pairs = [(draw.gauss(0, 1), draw.gauss(0, 1)) for _ in range(count)]
    rows = [f"{x:.4f},{y:.4f},{int(x + y > 0)}" for x, y in pairs]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["x,y,label", *rows]) + "\n", encoding="utf-8")
    return path


def write_run(
    spec: Path, run: Path, metrics: Mapping[str, float] | None = None, **manifest: Any
) -> Path:
    """A run folder as a training of a spec leaves it, without its model: `metrics` are those of the
    test split.
    """
    compiled = compile_spec(spec).value
    assert compiled is not None
    print_ = fingerprint(compiled)
    assert print_ is not None
    content = {
        "format": 1,
        "name": compiled.name,
        "outcome": "completed",
        "started": "2026-01-02T03:04:05+00:00",
        "spec": {"file": str(spec), "path": str(spec.resolve())},
        "fingerprint": print_.as_json(),
        "seed": 1,
        "seconds": 1.5,
        "epochs": 2,
        **manifest,
    }
    run.mkdir(parents=True)
    (run / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    (run / "resolved.yaml").write_text(spec.read_text("utf-8"), encoding="utf-8")
    (run / "model.keras").write_bytes(b"x" * 2000)
    found = {"test": {"loss": 0.5, "accuracy": 0.75, **(metrics or {})}}
    (run / "metrics.json").write_text(json.dumps(found), encoding="utf-8")
    history = "epoch,seconds,loss,accuracy,val_loss\n1,0.5,0.8,0.5,0.9\n2,0.5,0.6,0.7,0.7\n"
    (run / "history.csv").write_text(history, encoding="utf-8")
    return run
