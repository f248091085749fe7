"""Plugins of losses, metrics and other components, declared without a framework."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import modelspec as ms
from modelspec.catalog.components import LOSSES, OPTIMIZERS
from modelspec.cli import main
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.plugins import plugins_for
from modelspec.views.resolve import resolved_text

from .component_plugins import KERAS, PARTS, SPEC
from .plugin_projects import Project, as_before, trusted  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("as_before")
Make = Callable[..., Project]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a trusted project, which becomes the working directory."""

    def made(parts: str = PARTS) -> Project:
        project = Project(tmp_path / "project", parts, KERAS)
        trusted(project.folder, monkeypatch)
        return project

    return made


def found(project: Project, text: str = SPEC) -> tuple[Diagnostic, ...]:
    return ms.check(project.spec(text)).diagnostics


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, args)


# A spec that uses every kind ----------------------------------------------------------------------


def test_a_spec_with_every_kind_has_no_faults_and_loads_no_framework(make: Make) -> None:
    project = make()
    code = (
        "import sys, modelspec as ms; from modelspec.cli import main\n"
        f"assert ms.check({project.spec(SPEC)!r}).ok\n"
        "for args in (['explain', 'Quantile'], ['show', 's.yaml'], ['plugins'], ['schema']):\n"
        "    main(args, standalone_mode=False)\n"
        "assert not {'keras', 'tensorflow', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "The quantile, from 0 to 1." in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "code", "help"),
    [
        ("Quantile", "Quantil", "MS206", "did you mean `Quantile`?"),
        ("Quantile", "quantile", "MS206", "did you mean `Quantile`?"),
        ("Quantile: 0.8", "Quantile: {r: 0.8}", "MS202", "did you mean `q`?"),
        ("Quantile: 0.8", 'Quantile: "0.8"', "MS204", "write `0.8` without quotes"),
        ("distance: 0.5", "distanc: 0.5", "MS202", "did you mean `distance`?"),
        ("{Tempered: 0.5}", "Temperd", "MS206", "did you mean `Tempered`?"),
        ("cubed", "{cubed: 3}", "MS204", "write `cubed` alone"),
        ("{Striped: 0.3}", "Striped", "MS203", "write `Striped: {value: ...}`"),
        ("SignDescent", "signdescent", "MS206", "did you mean `SignDescent`?"),
        ("{Sawtooth: 0.02}", "Sawtooth", "MS203", "write `Sawtooth: {rate: ...}`"),
        ("StopAbove", "StopAbov", "MS206", "did you mean `StopAbove`?"),
    ],
)
def test_mistakes_are_reported_as_for_components_of_keras(
    make: Make, old: str, new: str, code: str, help: str
) -> None:
    (one,) = found(make(), SPEC.replace(old, new, 1))
    assert (one.code, one.help) == (code, help)


def test_the_learning_rate_of_an_optimizer_of_a_plugin(make: Make) -> None:
    """A default of the plugin keeps the type of modelspec: a number, or any schedule."""
    project = make()
    spec = ms.load_spec(project.spec(SPEC.replace("{learning_rate: {Sawtooth: 0.02}}", "")))
    training: Any = spec.compiled.training
    assert training.optimizer.learning_rate == 0.01
    (one,) = found(project, SPEC.replace("{Sawtooth: 0.02}", "0"))
    assert one.code == "MS551"
    (one,) = found(project, SPEC.replace("{Sawtooth: 0.02}", "-1"))
    assert (one.code, one.severity) == ("MS205", "error")


def test_the_memory_of_an_optimizer_follows_from_its_declaration(make: Make) -> None:
    make().spec(SPEC)
    text = invoke("show", "s.yaml").output
    assert "optimizer 188 bytes" in text, text  # 47 float32 weights, one mean for each


# What losses and metrics take ---------------------------------------------------------------------

TAKES = (
    PARTS
    + '''

class Focal(ms.Loss):
    """Weighs examples by their error."""

    gamma: float = 2.0
    from_logits: bool = False
    takes = "one_hot"
    keras: ClassVar[str] = "LAB.keras_layers:Focal"


class Top(ms.Metric):
    """Some share of class indices."""

    takes = "indices"
    keras: ClassVar[str] = "LAB.keras_layers:Top"
'''
)
CLASSES = """\
model:
  inputs: {x: [4]}
  layers: [{Dense: {units: UNITS, activation: ACTIVATION, name: y}}]
training: {loss: LOSS, metrics: [METRIC], epochs: 1, CALLBACKS}
"""


@pytest.mark.parametrize(
    ("units", "activation", "loss", "metric", "code"),
    [
        ("3", "softmax", "Focal", "categorical_accuracy", None),
        ("3", "linear", "{Focal: {from_logits: true}}", "categorical_accuracy", None),
        ("3", "softmax", "{Focal: {from_logits: true}}", "categorical_accuracy", "MS513"),
        ("3", "linear", "Focal", "mae", "MS515"),
        ("3", "tanh", "Focal", "mae", "MS552"),
        ("1", "sigmoid", "Focal", "mae", "MS512"),
        ("3", "softmax", "Focal", "Top", "MS523"),
        ("3", "linear", "{Quantile: 0.5}", "Top", "MS523"),
    ],
)
def test_a_loss_or_metric_fits_the_head_that_it_takes(
    make: Make, units: str, activation: str, loss: str, metric: str, code: str | None
) -> None:
    text = CLASSES.replace("UNITS", units).replace("ACTIVATION", activation)
    text = text.replace("LOSS", loss).replace("METRIC", metric).replace("CALLBACKS", "")
    codes = [one.code for one in found(make(TAKES), text)]
    assert codes == ([code] if code else [])


@pytest.mark.parametrize(
    ("metric", "codes"), [("{Within: 2.0}", []), ("Top", ["MS522"]), ("mae", [])]
)
def test_a_callback_follows_the_direction_of_a_metric(
    make: Make, metric: str, codes: list[str]
) -> None:
    name = {"{Within: 2.0}": "within", "Top": "top", "mae": "mae"}[metric]
    loss = "sparse_categorical_crossentropy" if metric == "Top" else "{Quantile: 0.5}"
    activation = "softmax" if metric == "Top" else "linear"
    text = CLASSES.replace("UNITS", "3").replace("ACTIVATION", activation).replace("LOSS", loss)
    text = text.replace("METRIC", metric)
    text = text.replace("CALLBACKS", f"callbacks: [{{EarlyStopping: {{monitor: {name}}}}}]")
    assert [one.code for one in found(make(TAKES), text)] == codes


# Views --------------------------------------------------------------------------------------------


def test_plugins_are_listed_by_kind(make: Make) -> None:
    project = make()
    (one,) = json.loads(invoke("plugins", "--format", "json").output)
    assert one["module"] == project.plugin
    assert one["adds"] == {
        "loss": ["Quantile"],
        "metric": ["Within"],
        "activation": ["Tempered", "cubed"],
        "initializer": ["Striped"],
        "regularizer": ["Cauchy"],
        "constraint": ["Clipped"],
        "optimizer": ["SignDescent"],
        "schedule": ["Sawtooth"],
        "callback": ["StopAbove"],
    }
    lines = invoke("plugins").output.splitlines()
    assert any("activation" in line and "Tempered, cubed" in line for line in lines)


def test_the_schema_and_the_manual_include_components(make: Make) -> None:
    make()
    defs = json.loads(invoke("schema").output)["$defs"]
    settings = defs["loss.Quantile"]["anyOf"][0]["properties"]
    assert settings["q"]["description"] == "The quantile, from 0 to 1."
    activation = defs["activation"]
    assert {"Tempered", "cubed", "relu"} < set(activation["anyOf"][0]["enum"])
    written = activation["then"]["else"]  # not in the form of Keras
    assert set(written["properties"]) == {"Tempered", "cubed"}
    text = invoke("explain", "SignDescent").output
    assert "a schedule or a number" in text and "0.01" in text
    assert "The size of a training step" in text, "the meaning of an inherited setting"
    assert "temperature" in invoke("explain", "Tempered").output
    assert "Quantile" in invoke("explain", "losses").output


def test_a_spec_with_components_resolves_differs_and_is_pickled(make: Make) -> None:
    project = make()
    spec = ms.load_spec(project.spec(SPEC))
    assert "keep: 0.9" in resolved_text(spec.compiled, defaults=True)
    assert pickle.loads(pickle.dumps(spec)) == spec
    project.spec(SPEC.replace("Quantile: 0.8", "Quantile: 0.6"), "t.yaml")
    assert "0.8 -> 0.6" in invoke("diff", "s.yaml", "t.yaml").output.replace("→", "->")


# Faults -------------------------------------------------------------------------------------------

_HEAD = "import modelspec as ms\nfrom typing import ClassVar\n"
_KERAS = "    keras: ClassVar[str] = 'a.b:C'\n"


@pytest.mark.parametrize(
    ("parts", "code", "words"),
    [
        ("class Own(ms.Loss):\n    q: float = 1", "MS852", "has no `keras`"),
        (f"class Own(ms.Loss):\n{_KERAS}    takes = 'number'", "MS852", "has `takes` 'number'"),
        (f"class Own(ms.Metric):\n{_KERAS}    direction = 'max'", "MS852", "has `direction` 'max'"),
        (f"class Own(ms.Loss):\n{_KERAS}    values: int = 1", "MS852", "has a setting `values`"),
        (f"class Own(ms.Component):\n{_KERAS}", "MS852", "names no kind"),
        (
            f"class Own(ms.Component, kind='optimiser'):\n{_KERAS}",
            "MS852",
            "has the kind 'optimiser'; did you mean `optimizer`?",
        ),
        (
            f"class Own(ms.Component, kind='layer'):\n{_KERAS}",
            "MS852",
            "has the kind 'layer'; it is one of `activation`, ",
        ),
        (
            f"class Own(ms.Component, kind='callback'):\n{_KERAS}    rate: float = 1",
            "MS852",
            "has a setting `rate`",
        ),
        (f"class Huber(ms.Loss):\n{_KERAS}", "MS851", "already has a loss of that name"),
        (f"class mse(ms.Loss):\n{_KERAS}", "MS851", "already has a loss of that name"),
        (f"class accuracy(ms.Metric):\n{_KERAS}", "MS851", "already has a metric of that name"),
        (
            f"class adam(ms.Component, kind='optimizer'):\n{_KERAS}",
            "MS851",
            "already has an optimizer of that name",
        ),
        (
            f"class relu(ms.Component, kind='activation'):\n{_KERAS}",
            "MS851",
            "already has an activation of that name",
        ),
        ("ms.register('layers', 'a.b:C')", "MS848", "the kind 'layers'; it is one of"),
        ("ms.register_loss('a.b.C')", "MS848", "is not an import path"),
    ],
)
def test_a_wrong_declaration_is_a_diagnostic_that_names_it(
    make: Make, parts: str, code: str, words: str
) -> None:
    project = make(_HEAD + parts)
    one, *others = found(project, "model: {inputs: {x: [1]}, layers: [{Dense: 1}]}")
    assert (one.code, one.severity, others) == (code, "error", [])
    assert words in one.message and f"`{project.plugin}`" in one.message


def test_the_kind_may_be_an_attribute(make: Make) -> None:
    own = "class Own(ms.Component):\n    kind: ClassVar[str] = 'schedule'\n"
    project = make(f"{_HEAD}{own}{_KERAS}    rate: float = 1.0\n")
    (plugin,) = plugins_for(project.folder).plugins.all
    assert plugin.members["schedule"]["Own"].kind() == "Own"


def test_kinds_have_separate_names_and_plugins_do_not(make: Make) -> None:
    """A loss and a metric may have one name, as in Keras; two losses may not."""
    project = make(f"{_HEAD}class Own(ms.Loss):\n{_KERAS}")
    project.module("metrics", f"{_HEAD}class Own(ms.Metric):\n{_KERAS}")
    project.module("more", f"{_HEAD}class Own(ms.Loss):\n{_KERAS}")
    names = [f"{project.name}.{one}" for one in ("layers", "metrics", "more")]
    project.names(*names)
    opened = plugins_for(project.folder)
    assert [one.module for one in opened.plugins.all] == names[:2]
    (one,) = opened.diagnostics
    assert one.code == "MS851" and "both add the loss `Own`" in one.message


def test_components_of_a_project_are_unknown_elsewhere(make: Make) -> None:
    project = make()
    assert found(project) == ()
    assert "Quantile" not in LOSSES and "Quantile" not in set(LOSSES.names())
    assert OPTIMIZERS.find("signdescent") is None and OPTIMIZERS.find("ADAM") is not None
