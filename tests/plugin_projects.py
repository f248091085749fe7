"""Projects with plugins, written into a folder. Python imports a module once in a process, so every
project gets a package with a name of its own.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelspec.core.plugins import loading

_numbers = itertools.count(1)

LAYERS = '''
"""Layers of our laboratory."""

from typing import ClassVar, Literal

import modelspec as ms


class ScaledAdd(ms.Layer):
    """Adds two tensors, the second scaled by a learned factor."""

    initial: float = 1.0
    """The factor at the start."""

    mode: Literal["plain", "squared"] = "plain"

    def output(self, inputs):
        if len(inputs) != 2:
            raise ValueError(f"it takes two tensors, found {len(inputs)}")
        one, other = inputs
        if one.shape[1:] != other.shape[1:]:
            raise ValueError("both tensors must have the same shape")
        return one

    def weights(self, inputs):
        return [self.weight("factor")]

    def cost(self, inputs):
        return 7

    keras: ClassVar[str] = "LAB.keras_layers:ScaledAdd"
'''
KERAS = """
import keras
from keras import ops


class ScaledAdd(keras.layers.Layer):
    def __init__(self, initial=0.5, mode="plain", **kwargs):
        super().__init__(**kwargs)
        self.initial, self.mode = initial, mode

    def build(self, shapes):
        start = keras.initializers.Constant(self.initial)
        self.factor = self.add_weight(name="factor", shape=(), initializer=start)

    def call(self, inputs):
        one, other = inputs
        scaled = self.factor * other
        return one + (ops.square(scaled) if self.mode == "squared" else scaled)

    def compute_output_shape(self, shapes):
        one, other = shapes
        if tuple(one[1:]) != tuple(other[1:]):
            raise ValueError("both tensors must have the same shape")
        return one
"""
SPEC = """\
model:
  inputs: {x: [4]}
  layers:
    - Dense: {units: 4, name: a}
    - ScaledAdd: {from: [a, x], initial: 0.25, name: sum}
    - Dense: {units: 1, name: y}
training: {loss: mse, epochs: 2, batch_size: 8}
"""


class Project:
    """A folder with a package `name`, whose `pyproject.toml` names its module `layers`."""

    def __init__(self, folder: Path, layers: str = LAYERS, keras: str = KERAS) -> None:
        self.folder = folder
        self.name = f"lab{next(_numbers)}"
        self.package = folder / self.name
        self.package.mkdir(parents=True)
        (self.package / "__init__.py").write_text("")
        self.module("layers", layers)
        self.module("keras_layers", keras)
        self.names(f"{self.name}.layers")

    @property
    def plugin(self) -> str:
        return f"{self.name}.layers"

    def module(self, name: str, text: str) -> Path:
        """Writes a module; `LAB` in it is the name of the package."""
        path = self.package / f"{name}.py"
        path.write_text(text.replace("LAB", self.name))
        return path

    def names(self, *modules: str) -> None:
        """Names plugins in the `pyproject.toml`."""
        listed = ", ".join(f'"{one}"' for one in modules)
        text = f'[project]\nversion = "1.2"\n[tool.modelspec]\nplugins = [{listed}]\n'
        (self.folder / "pyproject.toml").write_text(text)

    def spec(self, text: str = SPEC, name: str = "s.yaml") -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)


@pytest.fixture
def as_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A user who has trusted nothing; Python's path and the cache are those of the test, and its
    modules are forgotten afterwards: another test may have a package of the same name.
    """
    loaded = dict(loading._loaded)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MODELSPEC_TRUST", raising=False)
    yield
    loading._loaded.clear()
    loading._loaded.update(loaded)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")
        if Path(file).is_relative_to(tmp_path):
            del sys.modules[name]


def trusted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trusts a folder and works in it."""
    monkeypatch.setenv("MODELSPEC_TRUST", str(folder))
    monkeypatch.chdir(folder)
