"""`modelspec import --stubs`: custom layers become a plugin that is still to be written."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import modelspec as ms
from modelspec.cli import main
from modelspec.importers.import_model import Options, import_model
from modelspec.importers.stub_text import declarations, keras_classes

Layer = dict[str, Any]


def chain(*layers: Layer, version: str = "2.3.1") -> Layer:
    first = {"batch_input_shape": [None, 6], "dtype": "float32"}
    layers[0]["config"].update(first)
    return {
        "class_name": "Sequential",
        "config": {"name": "s", "layers": list(layers)},
        "keras_version": version,
    }


def layer(kind: str, name: str, **config: Any) -> Layer:
    return {"class_name": kind, "config": {"name": name, **config}}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def trusted(folder: Path, plugin: str) -> None:
    text = f'[tool.modelspec]\nplugins = ["{plugin}"]\n'
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    assert run("trust", str(folder)).exit_code == 0


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, and a configuration of its own."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return folder


def imported(value: Layer) -> Any:
    found = import_model(value, None, Options(stubs=True))
    assert found.ok and found.value is not None, [str(one) for one in found.diagnostics]
    return found.value


SCALE = chain(
    layer("Dense", "a", units=4),
    layer("ScaledDense", "b", units=3, factor=0.5, sizes=[1, 2], mode="sum", shift=None),
    layer("ScaledDense", "c", units=2, factor=0.5, sizes=[1, 2], mode="mean"),
)


def test_a_spec_with_stubs_passes_check_once_the_plugin_is_granted(project: Path) -> None:
    (project / "model.json").write_text(json.dumps(SCALE), encoding="utf-8")
    result = run("import", "model.json", "-o", "spec.yaml", "--stubs")
    assert result.exit_code == 1, result.output
    last = result.stderr.splitlines()[-1]
    assert "left to do: write the `call` of 1 custom class in spec_keras.py" in last
    assert run("check", "spec.yaml").exit_code == 1
    trusted(project, "spec_layers")
    assert run("check", "spec.yaml").exit_code == 0
    layers = ms.load_spec(project / "spec.yaml").graph.layers
    assert [one.output_shape for one in layers] == [(None, 4), (None, 3), (None, 2)]


def test_the_settings_of_the_file_are_those_of_the_class(project: Path) -> None:
    (stub,) = imported(SCALE).stubs
    assert dict(stub.settings) == {"units": 3, "factor": 0.5, "sizes": [1, 2], "mode": "sum"}
    text = declarations([stub], "k")
    assert "    sizes: tuple[int, ...] = (1, 2)\n" in text and "    factor: float = 0.5\n" in text
    assert imported(SCALE).spec["model"]["layers"][2] == {
        "ScaledDense": {"units": 2, "mode": "mean", "name": "c"}
    }


def test_a_module_that_exists_is_not_replaced(project: Path) -> None:
    (project / "model.json").write_text(json.dumps(SCALE), encoding="utf-8")
    (project / "spec_keras.py").write_text("mine = 1\n", encoding="utf-8")
    result = run("import", "model.json", "-o", "spec.yaml", "--stubs")
    assert result.exit_code == 2 and "spec_keras.py" in result.stderr
    assert (project / "spec_keras.py").read_text() == "mine = 1\n"
    assert not (project / "spec.yaml").exists() and not (project / "spec_layers.py").exists()
    assert run("import", "model.json", "-o", "-", "--stubs").exit_code == 2


def test_a_model_without_custom_layers_has_nothing_left_to_do(project: Path) -> None:
    (project / "model.json").write_text(json.dumps(chain(layer("Dense", "a", units=4))))
    result = run("import", "model.json", "-o", "spec.yaml", "--stubs")
    assert result.exit_code == 0 and not list(project.glob("*.py"))


def keras3(name: str, kind: str, source: str, shape: list[Any], **config: Any) -> Layer:
    tensor = {
        "class_name": "__keras_tensor__",
        "config": {"shape": shape, "dtype": "float32", "keras_history": [source, 0, 0]},
    }
    module = "keras.layers" if kind in ("Dense", "InputLayer") else "lab.layers"
    return {
        "module": module,
        "class_name": kind,
        "registered_name": None if module == "keras.layers" else f"Lab>{kind}",
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": [{"args": [tensor], "kwargs": {}}] if source else [],
    }


def test_shapes_in_the_file_are_the_shape_rule() -> None:
    first = keras3("x", "InputLayer", "", [], batch_shape=[None, 5, 8], dtype="float32")
    layers = [
        first,
        keras3("pool", "MyPooling", "x", [None, 5, 8]),
        keras3("dense", "Dense", "pool", [None, 16], units=1),
    ]
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]]}
    config["output_layers"] = [["dense", 0, 0]]
    found = imported({"module": "keras", "class_name": "Functional", "config": config})
    (stub,) = found.stubs
    assert dict(stub.shapes) == {((5, 8),): (16,)}
    assert "((5, 8),): (16,)," in declarations([stub], "k")


def test_a_lambda_is_a_class_without_its_code() -> None:
    code = {"function": ["4wEAAAA=", None, None], "function_type": "lambda", "arguments": {"k": 1}}
    value = chain(
        layer("Dense", "a", units=4),
        layer("Lambda", "norm/1", **code),
        layer("Lambda", "again", **code),
    )
    (stub,) = imported(value).stubs
    assert stub.kind == "Lambda_norm_1" and not stub.settings and len(stub.layers) == 2
    assert "4wEAAAA" not in declarations([stub], "k") + keras_classes([stub])


# Hostile files ------------------------------------------------------------------------------------

HOSTILE = (
    'x"""\nimport os; os.system("touch hacked")\n"""',
    "a'); __import__('os').system('touch hacked') #",
    "\\'\\\"\n\r\t{0}%s$(1)",
    "class\u2028Evil:\n    pass",
    "\udcff\x00\x1b[31m",
    "é" * 500,
    "None",
    "Dense",
    "__class__",
    "ms",
)


def _is_harmless(text: str) -> bool:
    """Whether a module only imports, and defines classes whose bodies are settings and methods."""
    allowed = (ast.ClassDef, ast.Import, ast.ImportFrom, ast.Expr)
    tree = ast.parse(text)
    names = {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}
    imports = [one for one in ast.walk(tree) if isinstance(one, (ast.Import, ast.ImportFrom))]
    at_class = [one for top in tree.body if isinstance(top, ast.ClassDef) for one in top.body]
    docs = [one for one in (*tree.body, *at_class) if isinstance(one, ast.Expr)]
    return (
        all(isinstance(one, allowed) for one in tree.body)
        and all(isinstance(one, (ast.Expr, ast.AnnAssign, ast.FunctionDef)) for one in at_class)
        and all(isinstance(one.value, ast.Constant) for one in docs)
        and len(imports) <= 2
        and "__import__" not in names
        and "os" not in names
    )


@pytest.mark.parametrize("place", ["kind", "layer", "setting", "value", "list", "weight"])
@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_file_contains_is_written_as_data(text: str, place: str, project: Path) -> None:
    kind = text if place == "kind" else "Custom"
    name = text if place == "layer" else "b"
    config: dict[str, Any] = {"size": 1}
    if place == "setting":
        config[text] = 3
    if place == "value":
        config["mode"] = text
    if place == "list":
        config["modes"] = [text, text]
    value = chain(
        layer("Dense", "a", units=4), {"class_name": kind, "config": {"name": name, **config}}
    )
    stored = {"b": [(text, (4, 2))]} if place == "weight" else {}
    found = import_model(value, None, Options(stubs=True, stored=stored))
    if found.value is None:
        assert found.diagnostics
        return
    for written in (declarations(found.value.stubs, "k"), keras_classes(found.value.stubs)):
        assert written.isascii() and _is_harmless(written)
        exec(compile(written.replace("import keras", ""), "m", "exec"), _modules())
    assert not (project / "hacked").exists()


def _modules() -> dict[str, Any]:
    """The names that the written modules use, without a framework."""

    class _Keras:
        class layers:  # noqa: N801  # the name in Keras
            Layer = object

    return {"keras": _Keras}


def test_a_value_that_could_be_an_expression_of_a_spec_is_left_out() -> None:
    value = chain(layer("Dense", "a", units=4), layer("Custom", "b", mode="$(1 + 1)", size=2))
    (stub,) = imported(value).stubs
    assert dict(stub.settings) == {"size": 2} and stub.left_out == ("mode",)


def test_names_of_the_language_and_of_python_are_not_taken() -> None:
    value = chain(
        layer("Dense", "a", units=4),
        {"class_name": "Dense", "module": "lab.layers", "config": {"name": "b", "weights": 1}},
        {"class_name": "class", "config": {"name": "c", "lambda": 1, "name_": 2}},
        {"class_name": "", "config": {"name": "d"}},
    )
    stubs = imported(value).stubs
    assert [stub.kind for stub in stubs] == ["CustomDense", "CustomClass", "Custom"]
    assert [dict(stub.settings) for stub in stubs] == [{}, {"name_": 2}, {}]


def test_a_file_with_very_many_classes_is_refused() -> None:
    many = [layer(f"Custom{number}", f"n{number}") for number in range(500)]
    found = import_model(chain(layer("Dense", "a", units=4), *many), None, Options(stubs=True))
    assert found.value is None and "500 custom classes" in found.diagnostics[0].message


def test_large_settings_are_left_out() -> None:
    big = {"text": "x" * 10**6, "list": [1] * 10**5, "deep": [[1]], "mixed": [1, "a"], "size": 3}
    (stub,) = imported(chain(layer("Dense", "a", units=4), layer("Custom", "b", **big))).stubs
    assert dict(stub.settings) == {"size": 3}
    assert len(declarations([stub], "k")) < 2_000


# With Keras ---------------------------------------------------------------------------------------

CALL = """
    def call(self, inputs):
        return keras.ops.tanh(inputs @ self.kernel) * self.factor
"""


@pytest.mark.tensorflow
def test_a_team_fills_in_call_and_continues_with_its_weights(project: Path) -> None:
    """The whole way: import with stubs, write `call`, import again with weights, equal outputs."""
    import keras
    import numpy as np

    class Gate(keras.layers.Layer):
        def __init__(self, units: int = 2, factor: float = 1.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units, self.factor = units, factor

        def build(self, shape: Any) -> None:
            self.kernel = self.add_weight(name="kernel", shape=(shape[-1], self.units))

        def call(self, inputs: Any) -> Any:
            return keras.ops.tanh(inputs @ self.kernel) * self.factor

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units, "factor": self.factor}

    x = keras.Input((6,), name="x")
    y = keras.layers.Dense(1, name="y")(Gate(4, factor=0.5, name="gate")(x))
    model = keras.Model(x, y, name="gated")
    model.save(project / "old.keras")
    assert run("import", "old.keras", "-o", "gated.yaml", "--stubs").exit_code == 1
    text = (project / "gated_layers.py").read_text()
    assert "self.weight('weight_0', (6, 4))" in text and "factor: float = 0.5" in text
    code = (project / "gated_keras.py").read_text().replace("weight_0", "kernel")
    start, end = code.index("    def call"), code.index("    def get_config")
    (project / "gated_keras.py").write_text(code[:start] + CALL[1:] + "\n" + code[end:])
    (project / "gated_layers.py").write_text(text.replace("weight_0", "kernel"))
    trusted(project, "gated_layers")
    again = run("import", "old.keras", "-o", "gated.yaml", "--weights", "w.weights.h5")
    assert again.exit_code == 0, again.output
    made = ms.load_spec("gated.yaml").build()
    made.load_weights("w.weights.h5")
    numbers = np.random.default_rng(0).normal(size=(3, 6)).astype("float32")
    assert np.allclose(model(numbers), made(numbers), atol=1e-6)
