"""Layers of plugins in Keras: built, trained, exported, resumed, and compared with their
declarations.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.catalog.layers.core import Dense
from modelspec.cli import main
from modelspec.core.plugins import keras_answers, plugins_for
from modelspec.errors import RunError
from modelspec.runtime.history.fingerprint import fingerprint
from modelspec.runtime.run.run_plugins import need_plugins

from .plugin_projects import KERAS, LAYERS, SPEC, Project, as_before, trusted  # noqa: F401

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("as_before")]

DATA = "data: {source: {csv: d.csv}, inputs: {x: [a, b, c, d]}, targets: {y: t}}\n"
OLD = '''
import keras


class Fancy(keras.layers.Layer):
    """A scaled linear layer."""

    def __init__(self, units, scale: float = 2.0, flag=False, **kwargs):
        super().__init__(**kwargs)
        print("made")
        self.units, self.scale, self.flag = units, scale, flag

    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(shape[-1], self.units))
        self.shift = self.add_weight(name="shift", shape=(self.units,), trainable=False)

    def call(self, x):
        return keras.ops.matmul(x, self.kernel) * self.scale + self.shift
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(tmp_path / "project")
    trusted(made.folder, monkeypatch)
    rng = np.random.default_rng(0)
    with (made.folder / "d.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow("abcdt")
        rows.writerows(rng.normal(size=(32, 5)).round(3).tolist())
    made.spec(SPEC + DATA)
    return made


def command(*args: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs `modelspec` in another process, which imports plugins again."""
    return subprocess.run(
        [sys.executable, "-m", "modelspec", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_a_run_records_its_plugins_and_resumes_only_with_the_same_code(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = ms.load_spec("s.yaml")
    run = spec.train("run")
    layer = run.model.get_layer("sum")
    assert layer.initial == 0.25 and layer.mode == "plain"
    assert [tuple(one.shape) for one in layer.weights] == [()]
    (plugin,) = plugins_for(project.folder).plugins.all
    manifest = json.loads((run.directory / "manifest.json").read_text())
    assert manifest["plugins"] == {
        project.plugin: {
            "version": "1.2",
            "sha256": plugin.digest,
            "origin": "pyproject.toml",
            "kinds": ["ScaledAdd"],
        }
    }
    assert manifest["fingerprint"]["parts"][f"plugins/{project.plugin}"] == plugin.digest
    rows = {name: [0.5, 1.0] for name in "abcd"}
    assert np.array_equal(ms.open_run("run").predict(rows)["y"], run.predict(rows)["y"])
    _exports(project)
    project.module("keras_layers", KERAS + "\nX = 1\n")
    done = command("resume", "run", "--set", "training.epochs=3", folder=project.folder)
    assert done.returncode == 3 and "MS720" in done.stderr, done.stderr
    assert f"plugin {project.plugin}" in done.stderr
    project.module("keras_layers", KERAS)
    done = command("resume", "run", "--set", "training.epochs=3", folder=project.folder)
    assert done.returncode == 0, done.stderr
    monkeypatch.delenv("MODELSPEC_TRUST")
    with pytest.raises(RunError) as missing:
        ms.open_run(run.directory)
    (one,) = missing.value.diagnostics
    assert one.code == "MS857" and f"`{project.plugin}`" in one.message


def _exports(project: Project) -> None:
    """A Keras file and a script, each used without modelspec in another process."""
    result = CliRunner().invoke(main, ["export", "run", "--to", "keras", "-o", "m.keras"])
    assert result.exit_code == 0 and "custom_objects" in result.output, result.output
    assert [one.name for one in ms.load_model("m.keras").layers] == ["x", "a", "sum", "y"]
    result = CliRunner().invoke(main, ["export", "run", "--to", "python", "-o", "script.py"])
    assert result.exit_code == 0, result.output
    text = (project.folder / "script.py").read_text()
    assert f"import {project.name}.keras_layers" in text
    code = (
        "import keras, script\n"
        f"from {project.name}.keras_layers import ScaledAdd\n"
        "one = keras.models.load_model('m.keras', custom_objects={'ScaledAdd': ScaledAdd})\n"
        "other = script.build_model()\n"
        "other.set_weights(one.get_weights())\n"
        "assert other.get_layer('sum').get_config() == one.get_layer('sum').get_config()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def test_a_declaration_that_differs_from_keras_is_named(project: Project) -> None:
    wrong = LAYERS.replace('self.weight("factor")', 'self.weight("factor", 4)')
    project.module("layers", wrong)
    with pytest.raises(RunError) as found:
        ms.load_spec("s.yaml").build()
    (one,) = found.value.diagnostics
    assert one.code == "MS856" and "the weights of `sum` (ScaledAdd)" in one.message
    assert str(one.help).startswith("correct `ScaledAdd` in the plugin")


@pytest.mark.parametrize(
    ("keras", "words"),
    [
        ("class Other: pass", "does not exist"),
        ("class ScaledAdd: pass", "is not a subclass of `keras.layers.Layer`"),
        ("1 / 0", "raised ZeroDivisionError"),
        (KERAS.replace("super().__init__(**kwargs)", "raise KeyError('no')"), "raised KeyError"),
    ],
)
def test_a_broken_keras_class_is_named(project: Project, keras: str, words: str) -> None:
    project.module("keras_layers", keras)
    with pytest.raises(RunError) as found:
        ms.load_spec("s.yaml").build()
    (one,) = found.value.diagnostics
    assert one.code == "MS856" and words in one.message
    assert "ScaledAdd" in one.message


# `check_layer` ------------------------------------------------------------------------------------


def scaled_add(project: Project) -> type[ms.Layer]:
    found = plugins_for(project.folder).plugins.added["layer"]["ScaledAdd"]
    assert issubclass(found, ms.Layer)
    return found


def test_check_layer_accepts_right_declarations(project: Project) -> None:
    ms.testing.check_layer(scaled_add(project), draws=15)
    ms.testing.check_layer(Dense, draws=10)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("return one\n", "return self.result((*one.shape[:-1], 2))\n", "outputs: "),
        ("return one\n", 'return self.result(one.shape, "float64")\n', "outputs: "),
        ('self.weight("factor")', 'self.weight("scale")', "weights: ('scale', (), "),
        ('self.weight("factor")', 'self.weight("factor", 2)', "weights: ('factor', (2,), "),
        ("factor", "factor", None),
        ("if one.shape[1:] != other.shape[1:]", "if False", "accepted: "),
        ("if one.shape[1:] != other.shape[1:]", "if one.rank > 3", "refused: MS854"),
    ],
)
def test_check_layer_finds_wrong_declarations(
    project: Project, old: str, new: str, words: str | None
) -> None:
    project.module("layers", LAYERS.replace(old, new))
    layer = scaled_add(project)
    if words is None:
        ms.testing.check_layer(layer, draws=0)
        return
    examples = [ms.testing.Example({}, (shape, shape)) for shape in ((None, 4), (None, 2, 3, 4))]
    with pytest.raises(AssertionError, match="differs from its Keras class") as found:
        ms.testing.check_layer(layer, examples=examples, draws=20)
    assert words in str(found.value)


def test_check_layer_needs_examples_of_a_layer_with_required_settings(project: Project) -> None:
    project.module("layers", LAYERS.replace("initial: float = 1.0", "initial: float"))
    layer = scaled_add(project)
    with pytest.raises(ValueError, match="needs examples, because it requires initial"):
        ms.testing.check_layer(layer)
    example = ms.testing.Example({"initial": 2.0}, ((None, 3), (None, 3)))
    ms.testing.check_layer(layer, examples=[example], draws=5)


# Bare layers --------------------------------------------------------------------------------------


@pytest.fixture
def _one_process() -> Iterator[None]:
    yield
    keras_answers.end_probe()


@pytest.mark.usefixtures("_one_process")
def test_a_bare_layer_has_the_settings_shapes_and_weights_of_keras(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.module("old", OLD)
    project.module("layers", "import modelspec as ms\nms.register_layer('LAB.old:Fancy')\n")
    text = SPEC.replace("ScaledAdd: {from: [a, x], initial: 0.25", "Fancy: {units: 3, scale: 4")
    spec = ms.load_spec(project.spec(text + DATA))
    (call,) = [one for one in spec.graph.layers if one.name == "sum"]
    assert call.outputs[0].shape == (None, 3)
    assert [(one.name, one.shape, one.trainable) for one in call.weights] == [
        ("kernel", (4, 3), True),
        ("shift", (3,), False),
    ]
    model = spec.build()
    assert model.get_layer("sum").scale == 4
    _bare_faults(project, text)
    # A later check asks nothing: all answers are in the cache.
    keras_answers.end_probe()
    monkeypatch.setattr(keras_answers, "_Probe", None)
    file = project.spec(text)
    assert ms.check(file).ok
    project.module("old", OLD.replace("self.units,)", "1,)"))
    done = command("check", file, folder=project.folder)
    assert done.returncode == 0, "the changed code is asked again"
    assert f"{20 + 12 + 1 + 4} parameters" in done.stdout


def _bare_faults(project: Project, text: str) -> None:
    for wrong, code, words in (
        ("scal: 4", "MS202", "has no setting `scal`"),
        ("flag: 4", "MS204", "must be `true` or `false`"),
        ("scale: [1]", "MS204", "must be a number"),
    ):
        (one,) = ms.check(project.spec(text.replace("scale: 4", wrong))).diagnostics
        assert (one.code, one.line) == (code, 5) and words in one.message
    (one,) = ms.check(project.spec(text.replace("units: 3", "units: x"))).diagnostics
    assert one.code == "MS854" and "Keras does not accept this call of `Fancy`" in one.message


@pytest.mark.usefixtures("_one_process")
def test_a_bare_layer_that_cannot_be_described(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.module("broken", "1 / 0")
    project.module("plain", "class Plain: pass")
    project.module("slow", "import time; time.sleep(600)")
    cases = (
        ("broken:X", "raised ZeroDivisionError"),
        ("plain:Plain", "is not a subclass of `keras.layers.Layer`"),
        ("plain:Other", "has no class `Other`"),
        ("slow:X", "took more than"),
    )
    modules = []
    for number, (path, _) in enumerate(cases):
        text = f"import modelspec as ms\nms.register_layer('LAB.{path}')\n"
        modules.append(f"{project.name}.{project.module(f'p{number}', text).stem}")
    project.names(*modules[:3])
    found = list(plugins_for(project.folder).diagnostics)
    monkeypatch.setattr(keras_answers, "ANSWER_SECONDS", 1.0)
    project.names(modules[3])
    found += plugins_for(project.folder).diagnostics
    assert [one.code for one in found] == ["MS855"] * 4
    for one, (path, words) in zip(found, cases, strict=True):
        assert words in one.message and path in one.message


def test_a_run_without_plugins_needs_none(project: Project) -> None:
    text = "model: {inputs: {x: [1]}, layers: [{Dense: 1}]}\n"
    compiled = ms.load_spec(project.spec(text)).compiled
    parts = fingerprint(compiled)
    assert parts is not None and not parts.of("plugins")

    class NoPlugins:
        values: dict[str, object] = {}

    need_plugins(project.folder, NoPlugins())  # type: ignore[arg-type]  # all that it reads
