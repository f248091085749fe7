"""Specs with sweeps, and their spaces, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelspec.compiler.pipeline import compile_spec
from modelspec.compiler.space import Space, space_of

MODEL = """
modelspec: 1
name: small
seed: SEED
vars: {a: 1.0, b: 1.0, depth: 2, units: 4}
model:
  inputs: {measures: [4]}
  layers:
    - Dense: {units: $units, activation: relu}
    - Dense: {units: 3, activation: softmax, name: species}
data:
  source: {dataset: iris}
  split: {validation: 0.2, test: 0.2}
  inputs: {measures: {columns: [sepal_length, sepal_width, petal_length, petal_width]}}
  targets: {species: {column: target}}
training:
  loss: sparse_categorical_crossentropy
  optimizer: {Adam: {learning_rate: 0.01}}
  metrics: [accuracy]
  epochs: EPOCHS
  batch_size: 32
"""


def spec(sweep: str, *, seed: int = 1, epochs: int = 2, more: str = "") -> str:
    """The text of a small spec with a sweep."""
    text = MODEL.replace("SEED", str(seed)).replace("EPOCHS", str(epochs))
    return f"{text}{more}sweep:\n" + "\n".join(f"  {line}" for line in sweep.strip().splitlines())


def space(folder: Path, sweep: str, **settings: Any) -> Space:
    """The space of a small spec."""
    path = folder / "small.yaml"
    path.write_text(spec(sweep, **settings))
    compiled = compile_spec(path)
    assert compiled.ok and compiled.value is not None, compiled.diagnostics
    found = space_of(compiled.value)
    assert found.value is not None, found.diagnostics
    return found.value
