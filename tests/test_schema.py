"""The JSON Schema takes what the language takes, and editors underline what it does not."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from pydantic import TypeAdapter, ValidationError

import modelspec as ms
from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.spec.data_section import SPLITS
from modelspec.compiler.spec.model_section import MODEL_KEYS, SUBMODEL_KEYS
from modelspec.compiler.spec.spec_file import KEYS as SECTIONS
from modelspec.core.diagnostics.pages import codes, page
from modelspec.core.registry import Registry
from modelspec.core.settings import Context
from modelspec.core.source import plain, read, read_text
from modelspec.views import schema as views
from modelspec.views.schema.family_schema import is_named_only
from modelspec.views.schema.file_schema import FAMILIES, whole
from modelspec.views.schema.shared_defs import PREFIX
from modelspec.views.schema.shipped import shipped
from modelspec.views.schema.type_text import words
from modelspec.views.schema.value_schema import alternatives, settings, with_expressions

ROOT = Path(__file__).parent.parent
FILE = ROOT / "schemas" / "modelspec.schema.json"
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
LIBRARY = sorted((ROOT / "modelspec" / "catalog" / "library").glob("*.yaml"))
UNTYPED = {"StackedRNNCells.cells", "Pipeline.layers", "LSTM.use_cudnn", "GRU.use_cudnn"}
"""Settings of which the schema knows nothing: their validators do not say what they take."""


@cache
def schema() -> dict[str, Any]:
    """The schema, which takes half a second to make; no test changes it."""
    return views.schema()


@cache
def text() -> str:
    return views.text()


@cache
def validator() -> Draft202012Validator:
    return Draft202012Validator(schema())


@cache
def family_validator(noun: str) -> Draft202012Validator:
    whole = schema()
    return Draft202012Validator({**whole["$defs"][noun], "$defs": whole["$defs"]})


def lists(value: Any) -> Any:
    """A value as JSON has it: tuples are lists."""
    if isinstance(value, dict):
        return {key: lists(item) for key, item in value.items()}
    return [lists(item) for item in value] if isinstance(value, (tuple, list)) else value


def fault(spec: Any) -> str | None:
    """What an editor would say about a spec; None where it says nothing."""
    found = best_match(validator().iter_errors(lists(spec)))
    return None if found is None else f"{list(found.absolute_path)}: {found.message[:300]}"


def model(*layers: Any, **others: Any) -> dict[str, Any]:
    return {
        "model": {"inputs": {"x": [4]}, "layers": list(layers), **others.pop("model", {})},
        **others,
    }


def kinds(*, with_settings: bool = True) -> list[Any]:
    families = [family for family in FAMILIES if not (with_settings and is_named_only(family))]
    return [
        pytest.param(family, kind, id=f"{family.noun}-{kind}")
        for family in families
        for kind in family.kinds()
    ]


def member_fault(family: Registry, value: Any) -> str | None:
    """What an editor would say about a member of a family."""
    if family is LAYERS:
        return fault(model(value))
    found = best_match(family_validator(family.noun).iter_errors(lists(value)))
    return found.message if found else None


# The file -----------------------------------------------------------------------------------------


def test_the_file_is_what_the_code_makes() -> None:
    """`modelspec schema > schemas/modelspec.schema.json` writes it anew."""
    assert FILE.read_text("utf-8") == text()


def test_the_schema_that_ships_is_what_the_code_makes() -> None:
    """`python -m modelspec.views.schema.shipped` writes it anew."""
    assert shipped() == views.text()


def test_the_schema_is_one_and_not_too_large() -> None:
    Draft202012Validator.check_schema(schema())
    assert json.loads(text()) == schema()
    assert len(text()) < 1_300_000


def test_what_is_said_once_means_the_same() -> None:
    made = schema()
    same = {
        f"#/$defs/{name}": one for name, one in made["$defs"].items() if name.startswith(PREFIX)
    }

    def written_out(value: Any) -> Any:
        if isinstance(value, dict):
            reference = value.get("$ref")
            return (
                written_out(same[reference])
                if reference in same
                else {
                    key: written_out(one)
                    for key, one in value.items()
                    if not key.startswith(PREFIX)
                }
            )
        return [written_out(one) for one in value] if isinstance(value, list) else value

    assert same
    assert written_out(made) == whole()
    assert len({json.dumps(one) for one in same.values()}) == len(same)


def test_every_reference_leads_somewhere() -> None:
    names = set(re.findall(r'"\$ref": "#/\$defs/([^"]+)"', text()))
    assert names <= set(schema()["$defs"])


def test_the_keys_are_those_that_the_readers_know() -> None:
    made = schema()
    assert set(SECTIONS) <= set(made["properties"])
    assert set(made["properties"]) - set(SECTIONS) <= {"vars", "blocks", "extends", "$schema"}
    assert set(made["$defs"]["model"]["properties"]) == set(MODEL_KEYS)
    assert set(made["$defs"]["submodel"]["properties"]) == set(SUBMODEL_KEYS)
    data, nothing = made["else"]["properties"]["data"]["else"]["anyOf"]
    assert nothing == {"type": "null"}
    assert {"source", "split", "inputs", "targets", *SPLITS} <= set(data["properties"])


def test_every_setting_is_described() -> None:
    """A setting that takes anything is one whose mistakes no editor sees."""
    untyped = {
        f"{kind}.{name}"
        for family in FAMILIES
        if not is_named_only(family)
        for kind in family.kinds()
        if (cls := family.find(kind))
        for name, one in settings(cls)["properties"].items()
        if not one.keys() - {"description", "default"} or {} in one.get("anyOf", ())
    }
    assert untyped <= UNTYPED


# What is right ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*CONFIGS, *LIBRARY], ids=lambda path: path.stem)
def test_every_example_spec_is_valid(path: Path) -> None:
    document = read(path).value
    assert document is not None
    assert fault(plain(document.root)) is None


@pytest.mark.parametrize("code", codes())
def test_the_good_examples_of_every_page_are_valid(code: str) -> None:
    for example in page(code).good:
        if example.runs:
            document = read_text(example.text, code, example.language).value
            assert document is not None
            assert fault(plain(document.root)) is None, example.text


@pytest.mark.parametrize(("family", "kind"), kinds(with_settings=False))
def test_the_examples_of_every_docstring_are_valid(family: Registry, kind: str) -> None:
    cls = family.find(kind)
    for fence in re.findall(r"```yaml\n(.*?)```", inspect.cleandoc(cls.__doc__ or ""), re.DOTALL):
        found = read_text("example:\n" + textwrap.indent(fence, " "), kind).value
        assert found is not None, fence
        value = plain(found.root)["example"]
        if not isinstance(value, dict):
            assert fault(model(*value)) is None, fence
        elif "layers" in value:
            assert fault({"model": {"inputs": {"tokens": [4]}, **value}}) is None, fence
        else:
            for one in value.values():
                for item in one if isinstance(one, tuple) else (one,):
                    if set(value) != {"optimizer_map"}:  # a part of an optimizer, not one
                        assert member_fault(family, item) is None, fence


@pytest.mark.parametrize("kind", list(LAYERS.kinds()))
def test_the_calls_that_work_are_valid(kind: str) -> None:
    for example in LAYERS.find(kind).examples:
        assert fault(model({kind: dict(example.settings)})) is None, example


@pytest.mark.parametrize(
    "entry",
    [
        "Flatten",
        {"Flatten": None},
        {"Dense": 64},
        {"Dense": {"units": 64}},
        {"Dense": {"units": 64, "activation": None}},
        {"MaxPool2D": 2},
        {"Bidirectional": {"LSTM": 3}},
        {"Bidirectional": {"LSTM": {"units": 3}, "merge_mode": "sum"}},
        {"TimeDistributed": "Flatten"},
        {"TimeDistributed": {"Bidirectional": {"LSTM": 4}}},
        {"RNN": {"cell": [{"LSTMCell": 32}, {"GRUCell": 16}]}},
        {
            "Dense": {
                "units": 3,
                "kernel_initializer": {"HeNormal": {"seed": 1}},
                "kernel_regularizer": {"L2": 0.01},
            }
        },
        {
            "Dense": {
                "units": 3,
                "from": "x",
                "name": "a",
                "when": True,
                "repeat": 2,
                "call": {"training": False},
            }
        },
        {
            "MultiHeadAttention": {
                "num_heads": 2,
                "key_dim": 3,
                "from": {"query": "x", "value": "x"},
                "call": {"use_causal_mask": True},
            }
        },
        {"Dense": "$units"},
        {"Dense": {"units": "$(2 * width)", "use_bias": "$b", "activation": "$act"}},
        {"Conv2D": {"filters": "$f", "kernel_size": [3, "$k"], "name": "conv-$i"}},
        {"Reshape": [-1, "$n"]},
        "$kind",
        {"for": {"width": [64, 32]}, "index": "i", "do": [{"Dense": "$width"}]},
        {"repeat": 2, "do": [{"Dense": 64}]},
        {"when": "$deep", "do": [{"Dense": 64}], "else": ["Flatten"]},
        {"repeat": "$n", "from": "x", "do": "$layers"},
        {"for": {"a": "$(range(3))"}, "when": True, "do": ["Flatten"]},
        {"branches": [[{"Dense": 8}], []], "join": "Add"},
        {"branches": [["Flatten"]], "join": {"Concatenate": -1}},
    ],
)
def test_every_form_of_an_entry(entry: Any) -> None:
    assert fault(model(entry)) is None


@pytest.mark.parametrize(
    "others",
    [
        {"training": {"loss": "mse"}},
        {"training": {"loss": {"a": "mse", "b": {"Huber": 2.0}}, "metrics": {"a": ["mae"]}}},
        {
            "training": {
                "loss": {"BinaryCrossentropy": {"label_smoothing": 0.1}},
                "metrics": ["accuracy", {"AUC": 100}],
            }
        },
        {"training": {"loss": "mse", "metrics": None, "optimizer": "ADAM"}},
        {"training": {"loss": "mse", "callbacks": [{"EarlyStopping": {"patience": 3}}]}},
        {
            "training": {
                "loss": "mse",
                "optimizer": {
                    "SGD": {
                        "ExponentialDecay": {
                            "initial_learning_rate": 0.1,
                            "decay_steps": 9,
                            "decay_rate": 0.5,
                        }
                    }
                },
            }
        },
        {
            "training": {
                "loss": "mse",
                "optimizer": {"LossScaleOptimizer": {"inner_optimizer": {"Adam": 0.001}}},
            }
        },
        {
            "data": {
                "source": {"csv": "a.csv"},
                "split": {"test": 0.1},
                "inputs": ["a", "b"],
                "targets": "c",
            }
        },
        {
            "data": {
                "train": {"npz": {"path": "a.npz"}},
                "test": {"npz": "b.npz"},
                "inputs": {"x": {"columns": ["a"]}},
            }
        },
        {"runtime": {"precision": "mixed_float16", "jit": "auto"}},
        {"x-anything": [1, {"a": 2}]},
        {"seed": "$s", "vars": {"s": 1}},
        {"model": {"outputs": {"y": "dense.0"}}},
        {"model": {"outputs": ["a", "b"]}},
        {"model": {"inputs": ["time", None, "auto", 3]}},
        {"model": {"inputs": {"a": {"shape": [3], "dtype": "int32", "optional": True}, "b": []}}},
    ],
)
def test_every_form_of_a_section(others: dict[str, Any]) -> None:
    assert fault(model("Flatten", **others)) is None


def test_names_of_ones_own_are_calls_where_the_file_has_some() -> None:
    call = {"encoder": {"from": "x", "name": "a"}}
    assert fault(model(call)) is not None
    assert (
        fault(
            model(
                call,
                "encoder",
                model={"shared": {"encoder": [{"Dense": 3}], "judge": {"Dense": 1}}},
            )
        )
        is None
    )
    assert (
        fault(model({"encoder": {"unit": 3}}, model={"shared": {"encoder": "Flatten"}})) is not None
    )
    parts = {
        "parameters": {"filters": None},
        "primary": "filters",
        "layers": [{"Dense": "$filters"}],
    }
    assert (
        fault(model({"Residual": {"filters": 3}}, {"Residual": 64}, blocks={"Residual": parts}))
        is None
    )
    assert fault(model({"Residual": 64}, extends="base.yaml")) is None
    assert fault(model({"twice": None}, blocks={"twice": [{"Dense": 3}, {"Dense": 3}]})) is None
    assert (
        fault({"extends": ["base.yaml"], "training": {"epochs": 3}, "model": {"outputs": "a"}})
        is None
    )
    assert fault({"extends": ["base.yaml"], "training": {"epoch": 3}}) is not None


def test_a_misspelt_layer_is_refused_beside_names_of_the_file() -> None:
    blocks = {"residual": {"layers": [{"Dense": 3}]}}
    shared = {"shared": {"encoder": {"Dense": 3}}}
    for others in ({"blocks": blocks}, {"model": shared}, {"blocks": blocks, "model": shared}):
        assert fault(model("Flatten", {"Dense": 3}, **others)) is None
        assert fault(model("Flaten", **others)) is not None
        assert fault(model({"Dens": 3}, **others)) is not None
    capital = {"Residual": {"layers": [{"Dense": 3}]}}
    assert fault(model("Residual", {"residual": 3}, blocks=blocks | capital)) is None
    inner = {"encoder": {"inputs": {"y": [4]}, "layers": ["Own"], "shared": {"Own": "Flatten"}}}
    assert fault(model("encoder", model={"shared": inner})) is None


@pytest.mark.parametrize(
    "part",
    [
        {"model": {"inputs": {"x": {"dtype": "float16"}}}},
        {"model": {"shared": {"encoder": {"trainable": False}}}},
        {"model": {"shared": {"encoder": {"Dense": {"use_bias": False}}}}},
        {"blocks": {"residual": {"parameters": {"filters": 3}}}},
        {"data": {"source": {"csv": {"delimiter": ","}}}},
        {"data": {"source": {"augment": [{"RandomFlip": "horizontal"}]}}},
        {"data": {"inputs": {"x": {"pad": 3}}}},
        {"data": {"augment": {"on": "x"}}},
        {"training": {"optimizer": {"Adam": {"CosineDecay": {"decay_steps": 3}}}}},
        {"training": {"optimizer": {"SGD": {"learning_rate": {"CosineDecay": {"alpha": 0.1}}}}}},
        {"training": {"objective": {"term": {"weight": 2}}}},
        {"generate": {"steps": 3}},
    ],
)
def test_a_part_of_a_mapping_is_enough_in_a_file_that_extends_another(part: dict[str, Any]) -> None:
    assert fault({"extends": "base.yaml", **part}) is None
    assert fault({**model({"Dense": 3}), **part}) is not None

    def renamed(value: Any) -> Any:
        """With another name for the innermost key."""
        (key, below), *_ = value.items()
        return {key: renamed(below)} if isinstance(below, dict) else {f"{key}_": below}

    if "parameters" not in str(part) and "csv" not in str(part):  # any name may be one
        assert fault({"extends": "base.yaml", **renamed(part)}) is not None


def test_the_items_of_lists_are_complete_in_every_file() -> None:
    layers = {"model": {"layers": [{"Dense": {"use_bias": False}}]}}
    assert fault({"extends": "base.yaml", **layers}) is not None


@pytest.mark.parametrize(
    ("others", "is_right"),
    [
        ({"vars": None, "blocks": None}, True),
        ({"training": {"loss": "mse", "class_weight": "$weights"}}, True),
        ({"training": {"loss": "mse", "checkpoint": {"every": "10 minutes"}}}, True),
        ({"training": {"loss": "mse", "checkpoint": "500 steps"}}, True),
        ({"training": {"loss": "mse", "checkpoint": {"every": "often"}}}, False),
        ({"training": {"loss": "mse", "optimizer": {"Adam": -0.001}}}, False),
        ({"training": {"loss": "mse", "optimizer": {"Adam": {"learning_rate": -1}}}}, False),
        ({"data": {"source": {"csv": {"path": "a", "delimiter": "$d"}}}}, True),
        ({"data": {"source": {"csv": "a"}, "inputs": {"x": {"column": "a", "pad": None}}}}, True),
        ({"data": {"source": {"csv": "a"}, "train": {"csv": "b"}}}, False),
        ({"data": {"source": None, "train": {"csv": "b"}}}, True),
        (
            {"data": {"source": {"csv": "a"}, "inputs": {"x": {"column": "a", "columns": ["b"]}}}},
            False,
        ),
        ({"data": {"source": {"csv": "a"}, "split": {"stratify": "a", "group": "b"}}}, False),
        ({"data": {"source": {"csv": "a"}, "split": {"stratify": "a", "group": None}}}, True),
        ({"data": {"source": {"csv": "a"}, "split": {"column": "a", "folds": 3}}}, False),
        ({"$schema": "modelspec.schema.json"}, True),
    ],
)
def test_values_beside_each_other(others: dict[str, Any], is_right: bool) -> None:
    assert (fault(model({"Dense": 3}, **others)) is None) == is_right


@pytest.mark.parametrize(
    ("entry", "is_right"),
    [
        ({"branches": [[{"Dense": 3}], [{"Dense": 3}]], "from": ["x", "y"], "join": "Add"}, True),
        ({"Pipeline": {"layers": [{"Dens": 3}]}}, False),
        ({"RNN": {"cell": {"LSTMCel": 3}}}, False),
        ({"repeat": 3, "for": {"i": [1]}, "do": [{"Dense": 3}]}, True),
    ],
)
def test_layers_inside_entries(entry: Any, is_right: bool) -> None:
    assert (fault(model(entry)) is None) == is_right


def test_bounds_are_those_of_the_validators() -> None:
    """A number that a setting refuses is red, one that it takes is not."""
    wrong = []
    for family, kind, name in numeric_settings():
        cls = family.find(kind)
        field = cls.model_fields[name]
        read: Any = TypeAdapter(Annotated[field.annotation, *field.metadata, ""])
        drawn = Draft202012Validator(
            {**settings(cls)["properties"][name], "$defs": schema()["$defs"]}
        )
        for value in (-2, -1, 0, 1, 2):
            try:
                read.validate_python(value, strict=True, context=Context())
                taken = True
            except ValidationError:
                taken = False
            if taken != drawn.is_valid(value) and (kind, name) not in BOUNDS:
                wrong.append((kind, name, value))
    assert wrong == []


BOUNDS = {("GroupNormalization", "groups"), ("RandomGaussianBlur", "kernel_size")}
"""-1 or at least 1, and odd numbers: the schema has only one bound on each side."""


def numeric_settings() -> Iterator[tuple[Registry, str, str]]:
    """The settings that take a number, of every component."""
    for family in FAMILIES:
        if is_named_only(family):
            continue
        for kind in family.kinds():
            for name, one in settings(family.find(kind))["properties"].items():
                if any(each.get("type") in ("integer", "number") for each in alternatives(one)):
                    yield family, kind, name


EXPANDED = """\
vars: {width: 64, deep: true, stages: [{filters: 16, blocks: 3}, {filters: 32, blocks: 2}]}
blocks:
  residual:
    parameters: {filters: null, stride: 1}
    layers:
      - Conv2D: {filters: $filters, kernel_size: 3, strides: $stride, padding: same, use_bias: false}
      - BatchNormalization: {name: main}
      - Conv2D: {filters: $filters, kernel_size: 1, strides: $stride, from: input, name: skip}
      - Add: {from: [main, skip]}
      - ReLU
model:
  inputs: {image: [32, 32, 3]}
  layers:
    - residual: {filters: 16, repeat: 3}
    - for: {stage: $stages}
      index: i
      do:
        - residual: {filters: $stage.filters, stride: "$(1 if i == 0 else 2)"}
        - residual: {filters: $stage.filters, repeat: $(stage.blocks - 1)}
    - GlobalAveragePooling2D
    - branches:
        - [{Dense: 128}, {Activation: gelu}, {Dense: 32}]
        - []
      join: Add
    - repeat: 2
      do: [{Dense: $width}, {Dropout: 0.1}]
    - when: $deep
      do: [{Dense: 256}, {Dense: $(2 * width)}]
      else: [{Dense: 64}]
    - Dense: {units: 10, name: out-$(width)}
"""


def test_a_spec_with_every_word_of_expansion() -> None:
    document = read_text(EXPANDED, "expanded").value
    assert document is not None
    spec = plain(document.root)
    assert fault(spec) is None
    assert ms.check(lists(spec)).diagnostics == ()


# What is wrong ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("family", "kind"), kinds())
def test_an_unknown_setting_is_refused_everywhere(family: Registry, kind: str) -> None:
    """With every setting that is needed in its place, so that the unknown one is what is wrong."""
    cls = family.find(kind)
    needed = dict.fromkeys(settings(cls)["required"], "$value")
    assert member_fault(family, {kind: needed} if needed else kind) is None
    assert member_fault(family, {kind: {**needed, "not_a_setting": 1}}) is not None
    if needed:
        assert member_fault(family, kind) is not None


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"model": {}},
        {"model": {"inputs": {"x": [1]}}},
        {"model": {"layers": ["Flatten"]}},
        model("Flatten", trainning={}),
        model("Flatten", model={"output": "x"}),
        model("Flatten", model={"trainable": True}),
        model("Flatten", modelspec=2),
        model("Flatten", training={"loss": "mse", "epoch": 3}),
        model("Flatten", training={"epochs": 3}),
        model("Flatten", training={"loss": "msee"}),
        model("Flatten", training={"loss": {"Msee": {"reduction": "sum"}}}),
        model("Flatten", training={"loss": "mse", "optimizer": {"Adam": {"learning_rat": 1}}}),
        model("Flatten", training={"loss": "mse", "epochs": 0}),
        model("Flatten", training={"loss": "mse", "epochs": "3"}),
        model("Flatten", data={"sources": {"csv": "a"}}),
        model("Flatten", data={"source": {"cvs": "a"}}),
        model("Flatten", data={"source": {"csv": "a"}, "split": {"valid": 0.1}}),
        model("Flatten", runtime={"jitt": True}),
        model("Flatten", data={"source": {"csv": "a"}, "inputs": {"x": {"colum": "a"}}}),
        model("Flatten", seed=-1),
        model("Flatten", model={"inputs": {"x": {"shape": [3], "dtipe": "int32"}}}),
        model("Flatten", model={"inputs": {"x": 3}}),
        model("Flatten", model={"inputs": {"x": [0]}}),
        model("Flatten", sweep={"trails": 3}),
        model("Flatten", blocks={"b": {"layer": []}}),
    ],
)
def test_what_the_language_has_not_is_refused(spec: dict[str, Any]) -> None:
    assert fault(spec) is not None


@pytest.mark.parametrize(
    "entry",
    [
        "Flaten",
        {"Dens": 64},
        "Dense",
        {"Dense": None},
        {"Dense": "64"},
        {"Dense": True},
        {"Dense": 0},
        {"Dense": [64]},
        3,
        None,
        [],
        {},
        {"Dense": 64, "name": "a"},
        {"Dropout": 1.5},
        {"Dense": {"units": 3, "activation": "rellu"}},
        {"Conv2D": 32},
        {"Dense": {"units": 3, "activation": {"relu": {}}}},
        {"Dense": {"units": 3, "kernel_initializer": {"HeNormal": {"sed": 1}}}},
        {"Dense": {"units": 3, "kernel_initializer": {"class_name": "Zeros"}}},
        {"Dense": {"units": 3, "kernel_initializer": {"class_name": "Zeros", "config": 3}}},
        {"Bidirectional": {"LSTMM": 3}},
        {"Bidirectional": {"LSTM": 3, "merge_mod": "sum"}},
        {"TimeDistributed": {"Dens": 3}},
        {"TimeDistributed": {"layer": {"Dense": {"units": 3, "from": "x"}}}},
        {"Conv2D": {"filters": 3, "kernel_size": [3, 3, 3]}},
        {"Dense": {"units": 3, "form": "x"}},
        {"Dense": {"units": 3, "from": {"input": "x"}}},
        {"Dense": {"units": 3, "from": 3}},
        {"Dense": {"units": 3, "call": {"trainin": True}}},
        {"Dense": {"units": 3, "repeat": -1}},
        {"repeat": 2},
        {"do": ["Flatten"]},
        {"for": {"a": [1]}, "doo": ["Flatten"]},
        {"branches": [["Flaten"]]},
        {"when": True, "do": ["Flaten"]},
        {"for": {"a": [1], "b": [2]}, "do": ["Flatten"]},
        {"index": "i", "do": ["Flatten"]},
        {"branches": "x"},
    ],
)
def test_an_entry_that_is_none_is_refused(entry: Any) -> None:
    assert fault(model(entry)) is not None


# Never wrong where the language says yes ----------------------------------------------------------

SCALARS = st.one_of(
    st.integers(-2, 70),
    st.floats(-1, 2),
    st.booleans(),
    st.none(),
    st.sampled_from(["relu", "same", "x", "he_normal", "mse", "adam", "Dense", "3", ""]),
)
MAPPINGS = st.dictionaries(st.sampled_from(["Dense", "units", "L2"]), SCALARS, max_size=2)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), MAPPINGS)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        yield (*path, key)
        yield from paths(item, (*path, key))


def changed(spec: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The spec with another value at the path."""
    copy: dict[str, Any] = json.loads(json.dumps(spec))
    place: Any = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return copy


@given(data=st.data())
def test_what_check_accepts_the_schema_accepts(data: st.DataObject) -> None:
    """Example specs with a value changed somewhere: an editor never underlines what `check` lets
    pass.
    """
    path = data.draw(st.sampled_from(CONFIGS))
    document = read(path).value
    assert document is not None
    spec = lists(plain(document.root))
    for _ in range(data.draw(st.integers(1, 2))):
        spec = changed(
            spec, data.draw(st.sampled_from(sorted(paths(spec), key=str))), data.draw(VALUES)
        )
    if ms.check(spec).ok:
        assert fault(spec) is None


@pytest.mark.parametrize("kind", list(LAYERS.kinds()))
def test_a_setting_that_is_accepted_is_valid(kind: str) -> None:
    """Every setting with a few values: what the settings class takes, the schema takes."""
    cls: type[Layer] = LAYERS.find(kind)  # type: ignore[assignment]
    from modelspec.core.settings import Context, Faults

    for name in cls.model_fields:
        for value in (
            None,
            True,
            0,
            1,
            2,
            -1,
            0.5,
            3.0,
            "relu",
            "same",
            "auto",
            [1, 2],
            [2],
            [0.1, 0.2],
            {},
        ):
            values = {**(cls.examples[0].settings if cls.examples else {}), name: value}
            try:
                cls.build(
                    {
                        key: tuple(one) if isinstance(one, list) else one
                        for key, one in values.items()
                    },
                    Context(),
                )
            except Faults:
                continue
            assert fault(model({kind: values})) is None, (name, value)


# Values in words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "said"),
    [
        ({"type": "integer", "exclusiveMinimum": 0}, "an integer of at least 1"),
        ({"type": "integer", "minimum": 0, "exclusiveMaximum": 8}, "an integer from 0 to 7"),
        ({"type": "number", "minimum": 0, "maximum": 1}, "a number from 0 to 1"),
        (
            {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
            "a number of at least 0 and below 1",
        ),
        ({"type": "number", "exclusiveMinimum": 0}, "a number above 0"),
        ({"type": "number", "maximum": 2}, "a number of at most 2"),
        ({"enum": ["a", "b", "c"]}, "`a`, `b` or `c`"),
        ({"const": None}, "`null`"),
        ({"type": "boolean"}, "`true` or `false`"),
        ({"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]}, "`a` or `b`, or `null`"),
        ({}, "a value"),
        ({"$ref": "#/$defs/initializer"}, "an initializer"),
        ({"type": "array", "items": {"$ref": "#/$defs/loss"}}, "a list of losses"),
        ({"type": "array", "prefixItems": [{"type": "integer"}] * 2}, "a list of 2 integers"),
        ({"type": "array", "prefixItems": [{"type": "integer"}]}, "a list of one: an integer"),
        (
            {"type": "object", "additionalProperties": {"type": "number"}},
            "a mapping of names to numbers",
        ),
    ],
)
def test_words(one: dict[str, Any], said: str) -> None:
    assert words(one) == said


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value in a value, with the way to it."""
    yield path, value
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, one in items:
        yield from places(one, (*path, key))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = value.copy()
    changed[path[0]] = put(value[path[0]], path[1:], new)
    return changed


EVERYWHERE: list[dict[str, Any]] = [
    {
        "model": {
            "inputs": {"image": [8, 8, 3], "tokens": {"shape": [5], "dtype": "int32"}},
            "shared": {
                "encoder": [{"Dense": 4}],
                "judge": {"Dense": {"units": 2, "activation": "relu"}},
            },
            "layers": [
                {
                    "Conv2D": {
                        "filters": 4,
                        "kernel_size": [3, 3],
                        "from": "image",
                        "padding": "same",
                        "name": "seen",
                    }
                },
                {"encoder": {"name": "a"}},
                "GlobalAveragePooling2D",
                {"judge": {"name": "b"}},
                {"Embedding": {"input_dim": 9, "output_dim": 2, "from": "tokens"}},
                {"Bidirectional": {"LSTM": 4}},
                {"Concatenate": {"from": ["b", "bidirectional"]}},
                {"Dropout": {"rate": 0.5, "call": {"training": True}}},
                {"branches": [[{"Dense": 3}], []], "join": "Concatenate"},
                {"repeat": 2, "do": [{"Dense": 3}]},
                {"for": {"n": [1, 2]}, "do": [{"Dense": 1}]},
            ],
        },
        "training": {
            "optimizer": {"Adam": {"learning_rate": 0.1}},
            "loss": "mse",
            "metrics": ["mae"],
            "epochs": 2,
            "callbacks": [{"EarlyStopping": {"patience": 2}}],
        },
        "data": {
            "source": {"csv": "a.csv"},
            "split": {"validation": 0.5},
            "inputs": {"image": {"columns": ["a"], "transform": ["Flatten"]}, "tokens": "b"},
            "targets": "c",
        },
        "runtime": {"deterministic": True},
    },
]


def test_an_expression_may_stand_wherever_check_takes_one() -> None:
    taken = 0
    for spec in (*EVERYWHERE, {"model": {"inputs": [4], "layers": [{"Dense": 2}]}}):
        assert ms.check(spec).ok and fault(spec) is None
        for path, value in places(spec):
            changed = put(spec, path, "$v") if path else spec
            if path and ms.check(changed := {**changed, "vars": {"v": value}}).ok:
                taken += 1
                assert fault(changed) is None, path
    assert taken > 60


FORMS = {
    "the shape of an input": (
        "vars: {s: [8, 8, 3]}\nmodel: {inputs: {image: $s}, layers: [Flatten, {Dense: 2}]}"
    ),
    "all inputs": (
        "vars: {s: {image: [8, 8, 3]}}\nmodel: {inputs: $s, layers: [Flatten, {Dense: 2}]}"
    ),
    "named sizes": "model: {inputs: {x: [time, 3]}, layers: [{LSTM: {units: 2}}]}",
    "sizes of the data": "model: {inputs: {x: [auto]}, layers: [{Dense: 2}]}",
    "named outputs": (
        "model: {inputs: {x: [3]}, layers: [{Dense: {units: 2, name: a}}], outputs: {y: a}}"
    ),
    "one of several outputs": (
        "model: {inputs: {x: [5, 8]}, layers: [{LSTM: {units: 4, return_state: true, name: l}}, "
        "{Dense: {units: 4, from: [l.hidden]}}]}"
    ),
    "a part of a model of the library": (
        "model: {inputs: {image: [64, 64, 3]}, layers: [{ResNet50: {include_top: "
        "false, until: conv2_block1_out, input_shape: [64, 64, 3]}}, GlobalAveragePooling2D]}"
    ),
    "a shared model of the library": (
        "model: {inputs: {image: [64, 64, 3]}, shared: {b: {MobileNetV2: {include_top: "
        "false, input_shape: [64, 64, 3]}}}, layers: [b, GlobalAveragePooling2D]}"
    ),
    "a block of the library": (
        "model: {inputs: {x: [5, 8]}, layers: [{TransformerEncoder: {hidden_dim: 8, "
        "intermediate_dim: 16, num_heads: 2, repeat: 2}}]}"
    ),
    "blocks of one's own": (
        "blocks: {enc: {parameters: {n: null}, primary: n, inline: true, layers: [{Dense:"
        " $n}]}}\nmodel:\n  inputs: {x: [8]}\n  layers:\n    - enc: 3\n    - enc: {n: 4, repeat:"
        " 2}\n    - {for: {i: [1, 2]}, index: j, do: [{enc: $i}]}\n    - {repeat: 2, do: [{enc: $(2"
        " + 1)}]}\n    - {when: false, do: [{enc: 2}], else: [{enc: 7}]}\n    - {branches: [[{enc:"
        " 3}], [{Dense: 3}]], join: Add}\n    - Dense: {units: 2, when: $(1 == 1)}"
    ),
    "components as Keras serializes them": (
        "model: {inputs: {x: [8]}, layers: [{Dense: {units: 1, activation: {module: builtins, "
        "class_name: function, config: relu, registered_name: function}, kernel_initializer: "
        "{module: keras.initializers, class_name: HeNormal, config: {seed: null}, "
        "registered_name: null}}}]}\ntraining: {loss: mse, optimizer: {class_name: Adam, config: "
        "{learning_rate: 0.1}}, metrics: [{class_name: MeanAbsoluteError, config: {}}]}"
    ),
    "a join of one's own": (
        "blocks: {both: {inputs: [a, b], layers: [{Add: {from: [a, b]}}]}}\nmodel: {inputs: {x: "
        "[8]}, layers: [{branches: [[{Dense: 3}], [{Dense: 3}]], join: both}]}"
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_what_check_takes_is_valid(name: str) -> None:
    document = read_text(FORMS[name], "a.yaml").value
    assert document is not None
    spec = json.loads(json.dumps(plain(document.root)))
    assert not [one for one in ms.check(spec).diagnostics if one.severity == "error"]
    assert fault(spec) is None


def test_an_expression_may_stand_for_a_value_and_in_it() -> None:
    number = {"type": "integer", "minimum": 1}
    pair = {"type": "array", "prefixItems": [number, number]}
    one = Draft202012Validator(with_expressions({"anyOf": [number, pair]}))
    assert all(one.is_valid(value) for value in (3, "$a", "a-$(b)", [3, "$a"], ["$a", "$b"]))
    assert not any(one.is_valid(value) for value in (0, "a", ["a", 3], [0, 1], None, True))
