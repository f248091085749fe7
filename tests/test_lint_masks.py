"""Which layers keep masks, as Keras's own source says. Specs with masks are in `cases/masks`."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Layer


def keras_classes() -> dict[str, ast.ClassDef]:
    """Every class below `keras.layers`, as it is written; Keras itself is not loaded."""
    spec = find_spec("keras")
    assert spec is not None and spec.origin is not None
    sources = (Path(spec.origin).parent / "src/layers").rglob("*.py")
    return {
        node.name: node
        for path in sources
        if not path.name.endswith("_test.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }


def supports_masks(name: str, classes: dict[str, ast.ClassDef]) -> bool:
    """Whether a class, or one that it is made from, says that it does, or has a rule of its own."""
    node = classes.get(name)
    if node is None or name == "Layer":
        return False
    for inner in ast.walk(node):
        if (
            isinstance(inner, ast.Assign)
            and ast.unparse(inner.targets[0]) == "self.supports_masking"
        ):
            return ast.unparse(inner.value) != "False"
        if isinstance(inner, ast.FunctionDef) and inner.name == "compute_mask":
            return True
    return any(supports_masks(ast.unparse(base).rpartition(".")[2], classes) for base in node.bases)


def test_the_layers_that_hand_masks_on_are_keras_s() -> None:
    """As its source says. Some of them hold a layer that decides, or make a mask where a setting
    says so.
    """
    classes = keras_classes()
    names = {"GroupQueryAttention": "GroupedQueryAttention"}
    layers = {kind: LAYERS.find(kind) for kind in LAYERS.kinds()}
    holding = {kind for kind, layer in layers.items() if layer.supports_masking is None}
    ours = {
        kind
        for kind, layer in layers.items()
        if layer.supports_masking or layer.makes_mask is not Layer.makes_mask
    }
    keras = {kind for kind in layers if supports_masks(names.get(kind, kind), classes)}
    assert keras - holding == {kind for kind in ours if names.get(kind, kind) in classes}
