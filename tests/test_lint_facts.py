"""Rules ask a layer for facts and never for its name; each rule is a file with its page beside it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

import modelspec as ms
from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Argument, Inputs, Layer
from modelspec.compiler import rules
from modelspec.core.shapes import Tensor

RULES = sorted(Path(rules.__file__).parent.rglob("MS*.py"))


class Own(Layer):
    """A layer that somebody else declares: it says nothing but its shape rule."""

    def output(self, inputs: Inputs) -> Tensor:
        return self.like(inputs.one)


class Keeping(Own):
    supports_masking = True


class Pooling(Own):
    uses_mask_of = ("inputs",)

    def output(self, inputs: Inputs) -> Tensor:
        return self.like(inputs.one, (inputs.one.shape[0], inputs.one.shape[-1]))


class Looking(Own):
    """Takes a query and a memory, and leaves the padding of the memory out."""

    supports_masking = True
    uses_mask_of = ("memory",)
    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("query"),
        Argument("memory"),
        Argument("memory_mask", required=False),
    )


class Summing(Own):
    supports_masking = True
    joins_masks = "all"
    arguments: ClassVar[tuple[Argument, ...]] = (Argument("inputs", many=True),)

    def output(self, inputs: Inputs) -> Tensor:
        return self.like(inputs.many[0])


class Entries(Own):
    supports_masking = True
    masks_entries = True


class Marking(Own):
    def makes_mask(self, options: Mapping[str, Any]) -> bool:
        return True


class Shuffling(Own):
    keeps_values = "all"


class Dropping(Own):
    training_only = True
    drops_values = True


class Mixing(Own):
    training_only = True
    mixes_examples = True


class Logistic(Own):
    activation_function = "sigmoid"


class Centering(Own):
    removes_channel_mean = True


class Mapped(Own):
    channel_bias = True

    use_bias: bool = True


class Table(Own):
    input_dim: int = 3

    def looks_up(self, options: Mapping[str, Any]) -> int | None:
        return self.input_dim


class Measured(Own):
    adapts = ("deviation",)
    prepares_data = True

    deviation: float | None = None


class Started(Measured):
    adapts_weights = True


class Words(Own):
    prepares_data = True

    def column_types(self) -> tuple[str, ...]:
        return ("string",)


@pytest.fixture(autouse=True)
def own_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The layers above, as if a module of the catalogue had them."""
    module = ModuleType("modelspec.catalog.layers.of_somebody_else")
    for kind, value in globals().items():
        if isinstance(value, type) and issubclass(value, Own):
            setattr(module, kind, value)
            monkeypatch.setitem(LAYERS._module_of, kind, "of_somebody_else")
    monkeypatch.setitem(sys.modules, module.__name__, module)


def codes(layers: list[Any], inputs: Any = None, **more: Any) -> list[str]:
    model = {"inputs": inputs or {"x": [8]}, "layers": layers}
    return [one.code for one in ms.check({"model": model, **more}).diagnostics]


TOKENS = {"tokens": {"shape": [20], "dtype": "int32"}}
WORDS = {
    "Embedding": {"input_dim": 9, "output_dim": 4, "mask_zero": True, "name": "w", "from": "tokens"}
}
PLAIN = {"Embedding": {"input_dim": 9, "output_dim": 4, "name": "p", "from": "tokens"}}
READ = {"LSTM": {"units": 4, "return_sequences": True}}

MASKS = {
    "a layer that keeps masks": ([WORDS, "Keeping", "LSTM"], []),
    "a layer that says nothing ends them, as in Keras": ([WORDS, "Own", "LSTM"], ["MS540"]),
    "a layer that uses one": ([WORDS, "Own", "Pooling"], ["MS540"]),
    "a layer that uses one, which is there": ([WORDS, "Keeping", "Pooling"], []),
    "a layer that uses one of its arguments": (
        [WORDS, {"Own": {"name": "o"}}, {"Looking": {"from": {"query": "w", "memory": "o"}}}],
        ["MS540"],
    ),
    "and not of another": (
        [WORDS, {"Own": {"name": "o"}}, {"Looking": {"from": {"query": "o", "memory": "w"}}}],
        [],
    ),
    "a sum": ([WORDS, PLAIN, {"Summing": {"from": ["w", "p"]}}, "LSTM"], ["MS540"]),
    "a sum of itself": ([WORDS, {"Summing": {"from": ["w", "w"]}}, "LSTM"], []),
    "a mask for entries": ([WORDS, "Entries"], ["MS542"]),
    "a mask that is made": ([PLAIN, "Marking", "Own", "LSTM"], ["MS540"]),
}


@pytest.mark.parametrize("name", MASKS)
def test_masks_follow_what_an_own_layer_says(name: str) -> None:
    layers, expected = MASKS[name]
    layers = [{"LSTM": {"units": 4}} if layer == "LSTM" else layer for layer in layers]
    assert codes(layers, TOKENS) == expected


SOFTMAX = {"Dense": {"units": 5, "activation": "softmax"}}
BINARY = {"training": {"loss": "binary_crossentropy"}}
MSE = {"training": {"loss": "mse"}}
RULES_OF_LAYERS = {
    "values that are kept are still a softmax": ([SOFTMAX, "Shuffling"], BINARY, ["MS510"]),
    "values that are new are something else": ([SOFTMAX, "Own"], BINARY, []),
    "an activation": ([{"Dense": 1}, "Logistic"], MSE, ["MS526"]),
    "a dropout at the end": ([{"Dense": 1}, "Dropping"], MSE, ["MS525"]),
    "a bias before a mean that is taken out": ([{"Dense": 1}, "Centering"], {}, ["MS527"]),
    "a bias of its own": (["Mapped", "BatchNormalization"], {}, ["MS527"]),
    "what is no bias": (["Own", "BatchNormalization"], {}, []),
    "a table that is too small": ([{"Hashing": {"num_bins": 4}}, "Table"], {}, ["MS524"]),
    "a table that is not": ([{"Hashing": {"num_bins": 3}}, "Table"], {}, []),
    "something to learn from data": (["Measured", {"Dense": 1}], MSE, ["MS541"]),
    "and learned": ([{"Measured": {"deviation": 1.0}}, {"Dense": 1}], MSE, []),
    "something that weights have": (
        ["Started", {"Dense": 1}],
        {"training": {"loss": "mse", "weights": "w.weights.h5"}},
        [],
    ),
}


@pytest.mark.parametrize("name", RULES_OF_LAYERS)
def test_every_rule_takes_an_own_layer_for_what_it_says(name: str) -> None:
    layers, more, expected = RULES_OF_LAYERS[name]
    inputs = {"x": {"shape": [8], "dtype": "int32"}} if "table" in name else None
    assert codes(layers, inputs, **more) == expected


DATA = {
    "prepares data": ({"transform": ["Measured"]}, {}, []),
    "prepares none": ({"transform": ["Own"]}, {}, ["MS625"]),
    "acts in training only": ({"transform": ["Dropping"]}, {}, ["MS625"]),
    "varies examples": ({}, {"augment": ["Dropping"]}, []),
    "acts in evaluation too": ({}, {"augment": ["Own"]}, ["MS633"]),
    "mixes examples": ({}, {"augment": ["Mixing"]}, ["MS633"]),
    "takes text": ({"transform": ["Words"], "missing": "mean"}, {}, ["MS626", "MS628"]),
    "takes numbers": ({"transform": ["Measured"], "missing": "unknown"}, {}, ["MS628"]),
}


@pytest.mark.parametrize("name", DATA)
def test_an_own_layer_prepares_data_where_it_says_so(name: str) -> None:
    feature, more, expected = DATA[name]
    data = {
        "source": {"csv": "t.csv"},
        "inputs": {"columns": list("abcdefgh"), **feature},
        "targets": "y",
        **more,
    }
    assert sorted(codes([{"Dense": 1}], data=data, **MSE)) == expected


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_a_rule_is_one_file_with_its_page(path: Path) -> None:
    """Its only public name is `check`, and it reports its own code and no other."""
    text = path.read_text("utf-8")
    public = [
        node.name
        for node in ast.parse(text).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
    ]
    assert public == ["check"]
    assert set(re.findall(r'"(MS\d{3})"', text)) == {path.stem}
    assert path.with_suffix(".md").is_file()


def test_every_rule_is_found_by_its_name() -> None:
    """There is no list to keep: a file more is a rule more; a page without a rule is left over."""
    packages = {path.parent.name for path in RULES}
    assert packages >= {"rules", "of_expectations", "of_generation", "of_sweeps"}
    for name in packages - {"rules"} | {""}:
        package = f"{rules.__name__}.{name}".rstrip(".")
        found = [check.__module__.rpartition(".") for check in rules._checks(package)]
        assert found and all(one[0] == package for one in found)
        folder = Path(rules.__file__).parent / package.removeprefix(rules.__name__).lstrip(".")
        names = {name for _, _, name in found}
        assert names == {path.stem for path in folder.glob("MS*.py")}
        assert names == {path.stem for path in folder.glob("MS*.md")}


def test_no_rule_names_a_layer() -> None:
    """In code; a message may."""
    kinds = set(LAYERS.kinds())
    for path in Path(rules.__file__).parent.glob("*.py"):
        named = [
            node.value
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Constant) and node.value in kinds
        ]
        assert not named, path.name
