"""What CONTRIBUTING.md says about additions: each is made in a copy of the package, works there,
and touches the files that the table says. A source, an export and a command have tests of their
own.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .additions import copied, python, stated, touched

LAYER = '''"""Layers that turn their inputs around: Reversed."""

from typing import ClassVar

from modelspec.core.shapes import Tensor

from .layer import Example, Inputs, Layer


class Reversed(Layer):
    """Turns the order of the steps around.

    ```yaml
    - Reversed
    ```
    """

    supports_masking = True

    twice: bool = False
    """Whether to turn them back again."""

    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((None, 5),)),)

    def output(self, inputs: Inputs) -> Tensor:
        return self.like(inputs.one)
'''
OPTIMIZER = '''"""Optimizers that follow the sign of the gradient: SignSGD."""

from .optimizer import Gradient, LearningRate


class SignSGD(Gradient):
    """Steps of one length against the sign of the gradient.

    ```yaml
    optimizer: {SignSGD: 0.01}
    ```
    """

    learning_rate: LearningRate = 0.01
'''
RULE = '''"""A batch of one example."""

from .case import Case


def check(case: Case) -> None:
    """Every training whose batches have one example."""
    if case.fitting is not None and case.fitting.batch_size == 1:
        case.report.warning("MS599", "a batch has one example", case.fitting.span)
'''
PAGE = """# MS599: batches of one example

Steps of one example are slow.

## Bad

```yaml
model: {inputs: {x: [4]}, layers: [{Dense: 1}]}
training: {loss: mse, batch_size: 1}
```

## Good

```yaml
model: {inputs: {x: [4]}, layers: [{Dense: 1}]}
training: {loss: mse, batch_size: 2}
```
"""
ARCHITECTURE = """name: two_dense
description: Two dense layers.
vars: {width: 8, input_shape: [4]}
model:
  inputs: {x: $input_shape}
  layers:
    - Dense: {units: $width, name: first}
    - Dense: {units: 2, name: second}
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return copied(tmp_path)


def shown(package: Path, layers: str, training: str = "") -> str:
    """What `check` prints for a model of some layers."""
    spec = f"model:\n  inputs: {{x: [4, 8]}}\n  layers: {layers}\n{training}"
    (package.parent / "spec.yaml").write_text(spec)
    done = python(package.parent, "-m", "modelspec", "check", "spec.yaml")
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def explained(package: Path, topic: str) -> str:
    return python(package.parent, "-m", "modelspec", "explain", topic).stdout


def schema(package: Path) -> str:
    """What `modelspec schema` prints once its file is generated."""
    made = python(package.parent, "-m", "modelspec.views.schema.shipped")
    assert made.returncode == 0, made.stderr
    return python(package.parent, "-m", "modelspec", "schema").stdout


def add_line(path: Path, before: str, line: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(before) == 1, f"{path.name} has changed: add the line elsewhere"
    path.write_text(text.replace(before, line + before), "utf-8")


def test_a_layer(package: Path) -> None:
    """Its mask is propagated by the fact that it declares: no rule knows its name."""
    (package / "catalog/layers/reversed.py").write_text(LAYER)
    contents = package / "catalog/layers/__init__.py"
    add_line(
        contents, '        "einsum": ("EinsumDense",),', '        "reversed": ("Reversed",),\n'
    )
    assert touched(package) == stated("a layer", FAMILY="reversed")
    assert "MS" not in shown(package, "[{Reversed: {twice: true}}, {Dense: 1}]")
    assert "did you mean `twice`?" in shown(package, "[{Reversed: {twise: true}}]")
    masked = "[Masking, Reversed, {LSTM: 3}]"
    assert "MS540" not in shown(package, masked)
    assert "Turns the order of the steps around." in explained(package, "Reversed")
    assert '"Reversed"' in schema(package)


def test_an_optimizer(package: Path) -> None:
    (package / "catalog/components/sign_optimizers.py").write_text(OPTIMIZER)
    families = package / "catalog/components/training_families.py"
    add_line(
        families, '        "adaptive_optimizers": ', '        "sign_optimizers": ("SignSGD",),\n'
    )
    assert touched(package) == stated("an optimizer", FAMILY="sign_optimizers")
    training = "training: {{loss: mse, optimizer: {{SignSGD: {{{}: 0.1}}}}}}"
    assert "error" not in shown(package, "[{Dense: 1}]", training.format("learning_rate"))
    said = shown(package, "[{Dense: 1}]", training.format("learning_rat"))
    assert "did you mean `learning_rate`?" in said
    assert "SignSGD" in explained(package, "optimizers")
    assert '"SignSGD"' in schema(package)


def test_a_rule(package: Path) -> None:
    rules = package / "compiler/rules"
    (rules / "MS599.py").write_text(RULE)
    (rules / "MS599.md").write_text(PAGE)
    assert touched(package) == stated("a rule", CODE="MS599")
    training = "training: {{loss: mse, batch_size: {}}}"
    assert "warning[MS599]: a batch has one" in shown(
        package, "[Flatten, {Dense: 1}]", training.format(1)
    )
    assert "MS599" not in shown(package, "[Flatten, {Dense: 1}]", training.format(2))
    assert "Steps of one example are slow." in explained(package, "MS599")


def test_an_architecture(package: Path) -> None:
    (package / "catalog/library/TwoDense.yaml").write_text(ARCHITECTURE)
    assert touched(package) == stated("an architecture", KIND="TwoDense")
    assert "error" not in shown(package, "[Flatten, {TwoDense: {width: 3}}]")
    assert "did you mean `width`?" in shown(package, "[Flatten, {TwoDense: {widht: 3}}]")
    assert "Two dense layers." in explained(package, "TwoDense")
