"""Run folders as training leaves them, made of texts: what `compare` and `runs` read, without a
model. `test_compare_keras.py` proves that their form is that of a real run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

HEADER = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n"
LAYERS = (
    "Dense: {units: 16, activation: relu}",
    "Dense: {units: 3, activation: softmax, name: y}",
)
SPEC = """\
modelspec: 1
name: {name}
seed: {seed}

model:
  inputs:
    x: {{shape: [4], dtype: float32}}
  layers:
{layers}

data:
  source: {{csv: {csv}}}
  inputs:
    x: {{columns: [a, b, c, d]}}
  targets:
    y: {{column: t}}

training:
  optimizer: {optimizer}
  loss: {loss}
  metrics: {metrics}
  epochs: 3
  batch_size: 8
"""


def spec(
    *,
    name: str = "iris",
    seed: int = 1,
    layers: Sequence[str] = LAYERS,
    csv: str = "iris.csv",
    optimizer: str = "{Adam: 0.02}",
    loss: str = "sparse_categorical_crossentropy",
    metrics: str = "[accuracy]",
) -> str:
    """The text of a resolved spec."""
    lines = "\n".join(f"    - {one}" for one in layers)
    values = {"name": name, "seed": seed, "csv": csv, "optimizer": optimizer, "loss": loss}
    return SPEC.format(layers=lines, metrics=metrics, **values)


def manifest(**more: Any) -> dict[str, Any]:
    """What `manifest.json` holds."""
    return {
        "format": 1,
        "name": "iris",
        "outcome": "completed",
        "started": "2026-11-21T12:00:00+00:00",
        "ended": "2026-11-21T12:01:05+00:00",
        "spec": {"file": "iris.yaml", "sha256": "ab" * 32},
        "seed": 1,
        "parameters": 131,
        "versions": {"python": "3.11.7", "keras": "3.15.1"},
        "dependencies": {"numpy": "2.4.6"},
        "machine": {"cpu": "A CPU", "cores": 2, "memory": 8_000_000_000},
        "data": {"train": {"source": "iris.csv", "sha256": "cd" * 32, "examples": 90}},
        "training": {"epochs": 3, "batch_size": 8, "stops": []},
        "backend": {"devices": ["CPU"], "onednn": "default"},
        "epochs": 3,
        "seconds": 60.5,
        **more,
    }


def run_folder(
    path: str | Path,
    text: str | None = None,
    *,
    metrics: Mapping[str, Any] | None = None,
    val_loss: Sequence[float] = (0.9, 0.5, 0.4),
    confusion: Mapping[str, Any] | None = None,
    **more: Any,
) -> Path:
    """A folder with what the arguments say; `more` is of the manifest."""
    folder = Path(path)
    folder.mkdir(parents=True)
    (folder / "resolved.yaml").write_text(spec() if text is None else text, "utf-8")
    (folder / "manifest.json").write_text(json.dumps(manifest(**more)), "utf-8")
    rows = [
        f"{at},{one - 0.1},{1 - one / 2},{one},{0.9 - one / 2},0.02,0.5\n"
        for at, one in enumerate(val_loss, 1)
    ]
    (folder / "history.csv").write_text(HEADER + "".join(rows), "utf-8")
    results = metrics if metrics is not None else {"test": {"loss": 0.4, "accuracy": 0.9}}
    (folder / "metrics.json").write_text(json.dumps(results), "utf-8")
    if confusion is not None:
        data = escape(json.dumps(confusion))
        page = f'<!doctype html><div hidden data-confusion="{data}"></div>'
        (folder / "report.html").write_text(page, "utf-8")
    return folder
