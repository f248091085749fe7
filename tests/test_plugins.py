"""Plugins: layers of a project or an installed package, declared without a framework."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

import modelspec as ms
from modelspec.catalog.layers import LAYERS as TABLE
from modelspec.catalog.layers import plugin_layer
from modelspec.cli import main
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.plugins import loading, plugins_for
from modelspec.core.plugins.code_hash import code_hash
from modelspec.views.resolve import resolved_text

from .plugin_projects import LAYERS, SPEC, Project, as_before, trusted  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("as_before")
Make = Callable[..., Project]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a trusted project, which becomes the working directory."""

    def made(layers: str = LAYERS, folder: str = "project") -> Project:
        project = Project(tmp_path / folder, layers)
        trusted(project.folder, monkeypatch)
        return project

    return made


def found(project: Project, text: str = SPEC) -> tuple[Diagnostic, ...]:
    return ms.check(project.spec(text)).diagnostics


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, args)


# Declared layers ----------------------------------------------------------------------------------


def test_shapes_weights_and_cost_of_a_declared_layer(make: Make) -> None:
    spec = ms.load_spec(make().spec())
    assert not spec.diagnostics
    (call,) = [one for one in spec.graph.layers if one.name == "sum"]
    assert call.outputs[0].shape == (None, 4)
    assert [(one.name, one.shape) for one in call.weights] == [("factor", ())]
    assert call.multiply_adds == 7
    assert spec.graph.parameters == 20 + 1 + 5


def test_no_framework_is_loaded(make: Make) -> None:
    project = make()
    code = (
        "import sys, modelspec as ms; from modelspec.cli import main\n"
        f"assert ms.check({project.spec()!r}).ok\n"
        "main(['explain', 'ScaledAdd'], standalone_mode=False)\n"
        "main(['show', 's.yaml'], standalone_mode=False)\n"
        "assert not {'keras', 'tensorflow', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "ScaledAdd" in done.stdout and "The factor at the start." in done.stdout


@pytest.mark.parametrize(
    ("wrong", "code", "help"),
    [
        ("ScaledAd: {", "MS301", "did you mean `ScaledAdd`?"),
        ("ScaledAdd: {inital: 2, ", "MS202", "did you mean `initial`?"),
        ("ScaledAdd: {mode: plan, ", "MS205", "did you mean `plain`?"),
        ('ScaledAdd: {initial: "2", ', "MS204", "write `2` without quotes"),
    ],
)
def test_mistakes_are_reported_as_for_a_layer_of_keras(
    make: Make, wrong: str, code: str, help: str
) -> None:
    text = SPEC.replace("initial: 0.25, ", "").replace("ScaledAdd: {", wrong)
    (one,) = found(make(), text)
    assert (one.code, one.help, one.line) == (code, help, 5)


def test_the_settings_are_cast_and_frozen_as_in_keras(make: Make) -> None:
    text = SPEC.replace("name: sum", "name: sum, dtype: mixed_float16, trainable: false")
    spec = ms.load_spec(make().spec(text))
    (call,) = [one for one in spec.graph.layers if one.name == "sum"]
    assert call.outputs[0].dtype == "float16"
    assert (call.weights[0].dtype, call.weights[0].trainable) == ("float32", False)


def test_a_layer_refuses_tensors(make: Make) -> None:
    (one,) = found(make(), SPEC.replace("units: 4", "units: 3"))
    assert (one.code, one.line) == ("MS854", 5)
    assert "does not accept these tensors: both tensors must have the same shape" in one.message


def test_classes_may_be_derived(make: Make) -> None:
    layers = (
        "from typing import ClassVar\nimport modelspec as ms\n"
        "class Base(ms.Layer):\n"
        "    units: int = 3\n"
        "    def output(self, inputs): return self.result((*inputs[0].shape[:-1], self.units))\n"
        "class Twice(Base):\n"
        "    keras: ClassVar[str] = 'LAB.keras_layers:Twice'\n"
        "    def output(self, inputs):\n"
        "        one = super().output(inputs)\n"
        "        return [one, one]\n"
        "    def weights(self, inputs):\n"
        "        return [self.weight('kernel', (inputs[0].shape[-1], self.units))]\n"
    )
    text = "model:\n  inputs: {x: [time, 4]}\n  layers: [{Twice: {units: 5, name: t}}]\n"
    project = make(layers)
    text += "  outputs: [t.0, t.1]\n"
    spec = ms.load_spec(project.spec(text))
    (call,) = spec.graph.layers
    assert [one.shape for one in call.outputs] == [(None, "time", 5)] * 2
    assert call.weights[0].shape == (4, 5)
    assert plugins_for(project.folder).plugins.all[0].kinds == ("Twice",)
    (one,) = found(project, text.replace("[time, 4]", "[4, null]"))
    assert one.code == "MS405" and "size of the weight `kernel`" in one.message


# Where plugins come from --------------------------------------------------------------------------


def test_an_untrusted_project_runs_no_code(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = make(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n{LAYERS}")
    monkeypatch.delenv("MODELSPEC_TRUST")
    assert [one.code for one in found(project)] == ["MS301", "MS137"]
    result = invoke("plugins")
    assert "no plugins" in result.output and "MS137" in result.output
    assert not (tmp_path / "ran").exists()
    assert invoke("trust").exit_code == 0
    assert found(project) == () and (tmp_path / "ran").exists()


def test_a_plugin_on_the_command_line(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make()
    project.names()
    spec = project.spec()
    assert invoke("check", spec).exit_code == 1
    assert invoke("check", spec, "--plugin", project.plugin).exit_code == 0
    assert "Adds two tensors" in invoke("explain", "ScaledAdd", "--plugin", project.plugin).output
    assert invoke("check", spec).exit_code == 1, "it was of one command"
    monkeypatch.delenv("MODELSPEC_TRUST")
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one != str(project.folder)])
    monkeypatch.setattr(loading, "_loaded", {})
    for name in (project.plugin, project.name):
        monkeypatch.delitem(sys.modules, name)
    result = invoke("check", spec, "--plugin", project.plugin)
    assert result.exit_code == 1 and "error[MS847]" in result.output, "the folder is not trusted"


def installed_package(folder: Path, project: Project, version: str = "3.1") -> None:
    """Installs the package of a project, with an entry point, in a folder on Python's path."""
    metadata = folder / f"{project.name}-{version}.dist-info"
    metadata.mkdir(parents=True)
    text = f"[console_scripts]\nx = y:z\n[modelspec.plugins]\nlab = {project.plugin}\n"
    (metadata / "entry_points.txt").write_text(text)
    project.package.rename(folder / project.name)


def test_plugins_of_installed_packages(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make()
    project.names()
    site = tmp_path / "venv/site-packages"
    installed_package(site, project)
    monkeypatch.syspath_prepend(str(site))
    assert found(project) == ()
    (one,) = json.loads(invoke("plugins", "--format", "json").output)
    assert one["module"] == project.plugin and one["kinds"] == ["ScaledAdd"]
    assert (one["origin"], one["version"], one["where"]) == ("entry point", "3.1", project.name)
    assert len(one["sha256"]) == 64


def test_a_broken_installed_package_is_a_warning(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make("1 / 0")
    project.names()
    site = tmp_path / "venv/site-packages"
    installed_package(site, project)
    monkeypatch.syspath_prepend(str(site))
    (one,) = found(project, "model: {inputs: {x: [1]}, layers: [{Dense: 1}]}")
    assert (one.code, one.severity) == ("MS848", "warning")


def test_the_working_directory_installs_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repository of unknown origin may contain a folder of metadata."""
    project = make()
    project.names()
    installed_package(project.folder / "metadata", project)
    monkeypatch.syspath_prepend(str(project.folder / "metadata"))
    assert plugins_for(project.folder).plugins.all == ()


def test_a_project_does_not_see_the_plugins_of_another(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = make(folder="one"), make(folder="other")
    other.names()
    monkeypatch.setenv("MODELSPEC_TRUST", f"{one.folder}:{other.folder}")
    assert found(one) == ()
    assert [each.code for each in found(other)] == ["MS301"]
    assert "ScaledAdd" not in TABLE and "ScaledAdd" not in set(TABLE.kinds())


# Views --------------------------------------------------------------------------------------------


def test_the_schema_of_a_project_includes_its_plugins(make: Make) -> None:
    make()
    defs = json.loads(invoke("schema").output)["$defs"]
    settings = defs["layer.ScaledAdd"]["anyOf"][0]["properties"]
    assert settings["initial"]["description"] == "The factor at the start."
    assert "description" not in settings["mode"], "that of another layer's `mode`"
    assert "ScaledAdd" in invoke("explain", "layers").output


def test_a_spec_with_a_plugin_resolves_differs_and_is_pickled(make: Make) -> None:
    project = make()
    spec = ms.load_spec(project.spec())
    assert "initial: 1.0" not in resolved_text(spec.compiled)
    assert "mode: plain" in resolved_text(spec.compiled, defaults=True)
    assert pickle.loads(pickle.dumps(spec)) == spec
    project.spec(SPEC.replace("0.25", "0.75"), "t.yaml")
    assert "initial: 0.25 -> 0.75" in invoke("diff", "s.yaml", "t.yaml").output.replace("→", "->")


def test_the_project_of_the_documentation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(ms.__file__).parents[1] / "docs/plugins.md").read_text("utf-8")
    blocks = re.findall(r"^```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for block in blocks:
        if block.startswith("# "):
            path = tmp_path / block.partition("\n")[0].removeprefix("# ")
            path.parent.mkdir(exist_ok=True)
            path.write_text(block)
    trusted(tmp_path, monkeypatch)
    (spec,) = [block for block in blocks if block.startswith("model:")]
    (tmp_path / "s.yaml").write_text(spec)
    loaded = ms.load_spec("s.yaml")
    assert loaded.graph.parameters == 16 * 16 + 16 + 1 + 17
    assert loaded.compiled.file.context.plugins.all[0].kinds == ("ScaledAdd",)


# Faults -------------------------------------------------------------------------------------------

_WRONG = "import modelspec as ms\nfrom typing import ClassVar\nclass Own(ms.Layer):\n"
_KERAS = "    keras: ClassVar[str] = 'a.b:C'\n"
_OUTPUT = "    def output(self, inputs): return inputs[0]\n"


@pytest.mark.parametrize(
    ("layers", "code", "words"),
    [
        ("import not_installed_anywhere", "MS848", "No module named 'not_installed_anywhere'"),
        ("\n\nraise OSError('no disk')", "MS848", "raised OSError: no disk"),
        ("import sys; sys.exit(3)", "MS848", "raised SystemExit: 3"),
        ("def", "MS848", "raised SyntaxError"),
        (LAYERS.replace("ScaledAdd", "Dense"), "MS851", "already has a layer of that name"),
        (LAYERS.replace("ScaledAdd", "ResNet50"), "MS851", "already has a layer of that name"),
        (_WRONG + _OUTPUT, "MS852", "has no `keras`"),
        (_WRONG + _OUTPUT + _KERAS.replace(":C", ".C"), "MS852", "has `keras` 'a.b.C'"),
        (_WRONG + _KERAS, "MS852", "has no method `output(self, inputs)`"),
        (_WRONG + _OUTPUT + _KERAS + "    dtype: int = 3\n", "MS852", "has a setting `dtype`"),
        (_WRONG + _OUTPUT + _KERAS + "    weights: int = 3\n", "MS852", "a setting `weights`"),
        ("import modelspec as ms\nms.register_layer('a.b')", "MS848", "is not an import path"),
    ],
)
def test_a_broken_plugin_is_a_diagnostic_that_names_it(
    make: Make, layers: str, code: str, words: str
) -> None:
    project = make(layers)
    one, *others = found(project, "model: {inputs: {x: [1]}, layers: [{Dense: 1}]}")
    assert (one.code, one.severity, others) == (code, "error", [])
    assert words in one.message and f"`{project.plugin}`" in one.message
    assert one.span is not None and one.span.text == project.plugin
    if "no disk" in words:
        assert any("layers.py, line 3" in note.message for note in one.notes)


def test_a_plugin_that_prints_adds_nothing_or_does_not_exist(
    make: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    project = make(f"print('hello')\n{LAYERS}")
    (one,) = found(project)
    assert (one.code, one.severity) == ("MS850", "warning") and "hello" in one.message
    assert capfd.readouterr() == ("", "")
    project.module("empty", "X = 1")
    project.names(f"{project.name}.empty", f"{project.name}.missing", "a/b.py")
    codes = [(one.code, one.severity) for one in plugins_for(project.folder).diagnostics]
    assert codes == [("MS852", "warning"), ("MS847", "error"), ("MS847", "error")]


def test_a_package_of_the_same_name_from_elsewhere(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python looks for the module in the package that it has imported, and finds none."""
    project = make("import modelspec as ms\n")
    package = ModuleType(project.name)
    package.__file__ = "/elsewhere/__init__.py"
    package.__path__ = ["/elsewhere"]
    monkeypatch.setitem(sys.modules, project.name, package)
    (one,) = plugins_for(project.folder).diagnostics
    assert one.code == "MS851" and "imported from /elsewhere" in one.message


def test_a_plugin_that_hangs(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "IMPORT_SECONDS", 0.3)
    project = make("import threading\nthreading.Event().wait(600)")
    for _ in range(2):  # the second time at once
        (one,) = plugins_for(project.folder).diagnostics
        assert one.code == "MS849" and project.plugin in one.message


def test_two_plugins_with_one_name_clash(make: Make) -> None:
    project = make()
    project.module("more", LAYERS)
    project.names(project.plugin, f"{project.name}.more")
    (one,) = found(project)
    assert one.code == "MS851" and one.span is not None
    assert one.span.text == f"{project.name}.more"
    assert f"`{project.plugin}` and `{project.name}.more` both add" in one.message


def test_a_module_of_another_place_with_the_same_name(make: Make) -> None:
    project = make()
    (project.folder / "json").mkdir()
    (project.folder / "json/__init__.py").write_text(LAYERS)
    project.names("json")
    (one,) = plugins_for(project.folder).diagnostics
    assert one.code == "MS851" and "the project also contains a module `json`" in one.message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("return one\n", "return one.shape\n", "must return a tensor"),
        ("return one\n", "return []\n", "must return a tensor"),
        ("return one\n", "return self.result((None, 2.5))\n", "must return a tensor"),
        ("return one\n", "return inputs[5]\n", "`output` of the layer `ScaledAdd`"),
        ('[self.weight("factor")]', '[("factor", ())]', "must return a list of `self.weight(...)`"),
        ('[self.weight("factor")]', "{}['x']", "raised KeyError: 'x'"),
        ("return 7", "return 7.5", "must return an integer"),
    ],
)
def test_a_broken_method_is_a_diagnostic_at_the_layer(
    make: Make, old: str, new: str, words: str
) -> None:
    project = make(LAYERS.replace(old, new))
    (one,) = found(project)
    assert (one.code, one.line) == ("MS853", 5)
    assert words in one.message and f"`{project.plugin}`" in one.message


def test_a_method_that_hangs(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_layer, "CALL_SECONDS", 0.3)
    slow = LAYERS.replace("return 7", "import threading; threading.Event().wait(600)")
    (one,) = found(make(slow))
    assert one.code == "MS853" and "did not return within 0.3 seconds" in one.message


# The hash of the code -----------------------------------------------------------------------------


def test_the_hash_covers_the_modules_that_are_imported(make: Make) -> None:
    project = make()
    project.module("helper", "X = 1")
    project.module("other", "X = 1")
    project.module("keras_layers", "def f():\n    from . import helper")
    modules = (project.plugin, f"{project.name}.keras_layers")

    def now() -> str:
        return code_hash(modules, project.folder)

    first = now()
    project.module("other", "X = 22")
    assert now() == first
    project.module("helper", "X = 22")
    second = now()
    assert second != first
    (project.package / "__init__.py").write_text("Y = 1")
    assert len({first, second, now()}) == 3
