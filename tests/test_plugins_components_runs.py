"""Components of plugins in Keras: trained, saved, exported, resumed, and compared with their
declarations.
"""

from __future__ import annotations

import csv
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.catalog.components.classification_losses import BinaryCrossentropy
from modelspec.catalog.components.confusion_metrics import AUC
from modelspec.catalog.components.optimizers import RMSprop
from modelspec.cli import main
from modelspec.core.plugins import keras_answers, loading, plugins_for
from modelspec.core.settings import Settings
from modelspec.errors import RunError

from .component_plugins import KERAS, PARTS, SPEC
from .plugin_projects import Project, as_before, trusted  # noqa: F401  # a fixture

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("as_before")]

DATA = "data: {source: {csv: d.csv}, inputs: {x: [a, b, c, d]}, targets: {y: t}}\n"
ROWS = np.random.default_rng(0).normal(size=(32, 5)).round(3).astype("float32")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(tmp_path / "project", PARTS, KERAS)
    trusted(made.folder, monkeypatch)
    with (made.folder / "d.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow("abcdt")
        rows.writerows(ROWS.tolist())
    made.spec(SPEC + DATA)
    return made


def forget(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets Python import the modules of a project again, as another process does."""
    monkeypatch.setattr(loading, "_loaded", {})
    for name in [one for one in sys.modules if one.split(".")[0] == project.name]:
        monkeypatch.delitem(sys.modules, name)


def by_hand(project: Project) -> tuple[list[list[Any]], dict[str, list[float]]]:
    """The weights after each epoch, and the history, of the model of the spec in plain Keras; an
    epoch is one step on all rows.
    """
    import keras

    lab = importlib.import_module(f"{project.name}.keras_layers")
    x = keras.Input((4,))
    first = keras.layers.Dense(
        5, activation=lab.Tempered(0.5), kernel_initializer=lab.Striped(0.3)
    )(x)
    second = keras.layers.Dense(
        3,
        activation=lab.cubed,
        kernel_initializer=lab.Striped(0.2),
        kernel_regularizer=lab.Cauchy(0.01),
        kernel_constraint=lab.Clipped(0.1),
    )(first)
    model = keras.Model(x, keras.layers.Dense(1, kernel_initializer=lab.Striped(0.5))(second))
    schedule = lab.Sawtooth(0.02, 4)
    optimizer, metrics = lab.SignDescent(schedule, 0.9), [lab.Within(0.5, name="within")]
    model.compile(optimizer, lab.Quantile(0.8), metrics=metrics, jit_compile=False)
    weights: list[list[Any]] = []
    keep = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: weights.append(model.get_weights())
    )
    x, y = ROWS[:, :4], ROWS[:, 4:]
    found = model.fit(x, y, batch_size=32, epochs=5, verbose=0, callbacks=[keep])
    return weights, found.history


def same(one: list[Any], other: list[Any]) -> None:
    for left, right in zip(one, other, strict=True):
        np.testing.assert_allclose(left, right, atol=1e-6)


def test_a_run_equals_one_in_keras_and_resumes_only_with_the_same_code(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ms.load_spec("s.yaml").train("run")
    weights, history = by_hand(project)
    same(run.model.get_weights(), weights[2])
    assert np.abs(run.model.get_layer("b").kernel).max() <= np.float32(0.1), "0.155 without Clipped"
    for name in ("loss", "within"):
        assert run.metrics[name] == pytest.approx(history[name][2], abs=1e-6)
    _is_recorded(project, run)
    _is_exported(project, run, monkeypatch)
    project.module("keras_layers", KERAS + "\nX = 1\n")
    forget(project, monkeypatch)
    with pytest.raises(RunError) as refused:
        ms.resume("run", overrides={"training.epochs": 5})
    (one,) = refused.value.diagnostics
    assert one.code == "MS720"
    assert any(f"plugin {project.plugin}" in note.message for note in one.notes)
    project.module("keras_layers", KERAS)
    forget(project, monkeypatch)
    longer = ms.resume("run", overrides={"training.epochs": 5})
    same(longer.model.get_weights(), weights[4])


def _is_recorded(project: Project, run: Any) -> None:
    (plugin,) = plugins_for(project.folder).plugins.all
    manifest = json.loads((run.directory / "manifest.json").read_text())
    found = manifest["plugins"][project.plugin]
    assert (found["version"], found["sha256"]) == ("1.2", plugin.digest)
    assert found["kinds"] == sorted(plugin.kinds) and "Quantile" in found["kinds"]
    rows = {name: [0.5, 1.0] for name in "abcd"}
    assert np.array_equal(ms.open_run("run").predict(rows)["y"], run.predict(rows)["y"])
    saved = ms.load_model(run.directory / "model.keras")
    assert saved.loss.q == 0.8 and saved.optimizer.keep == 0.9


def _is_exported(project: Project, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Keras file, and a script whose training gives the same weights."""
    import keras

    result = CliRunner().invoke(main, ["export", "run", "--to", "keras", "-o", "m.keras"])
    assert result.exit_code == 0, result.output
    assert "Keras has no `Tempered`, an activation of a plugin" in result.output
    assert "Quantile" not in result.output, "the file contains no loss"
    result = CliRunner().invoke(main, ["export", "run", "--to", "python", "-o", "script.py"])
    assert result.exit_code == 0, result.output
    name = f"script_{project.name}"
    (project.folder / "script.py").rename(project.folder / f"{name}.py")
    script = importlib.import_module(name)
    compiled = keras.Model.compile
    with monkeypatch.context() as patched:  # compiling with XLA takes seconds
        quick: Any = lambda *args, **given: compiled(*args, **given, jit_compile=False)  # noqa: E731
        patched.setattr(keras.Model, "compile", quick)
        trained = script.train(*script.prepare(script.read_table("d.csv")))
    same(trained.get_weights(), run.model.get_weights())


# Faults -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("off = y_true - y_pred", "raise KeyError('no')", "MS870", "the loss `Quantile` of"),
        ("self.seen = float", "1 / 0; self.seen = float", "MS870", "the callback `StopAbove` of"),
        ("signs = ops", "1 / 0; signs = ops", "MS856", "Keras rejected `a` (Dense)"),
        ("self.q = q", "1 / 0", "MS856", "the Keras class `LAB.keras_layers:Quantile`"),
        ("Quantile(keras.losses.Loss)", "Quantile", "MS856", "is not a subclass of `keras.losses"),
        ("class Sawtooth", "class Other", "MS856", "the Keras class of `Sawtooth`, does not exist"),
        ("def cubed(x):\n    return", "cubed = 3\ndef f(x):\n    return", "MS856", "a function or"),
    ],
)
def test_broken_keras_code_is_a_diagnostic_that_names_it(
    project: Project, old: str, new: str, code: str, words: str
) -> None:
    assert old in KERAS
    project.module("keras_layers", KERAS.replace(old, new))
    with pytest.raises(RunError) as found:
        ms.load_spec("s.yaml").train("run")
    (one,) = found.value.diagnostics
    assert one.code == code and words.replace("LAB", project.name) in one.message
    if code == "MS870":
        assert f"of the plugin `{project.plugin}` raised" in one.message
        assert one.span is not None and "keras_layers.py, line" in one.notes[0].message
    if "Dense" in words:
        assert str(one.help).startswith("correct `Striped` in the plugin")


# Checks for authors -------------------------------------------------------------------------------


def declared(project: Project, kind: str) -> type[Settings]:
    added = plugins_for(project.folder).plugins.added
    return next(kinds[kind] for kinds in added.values() if kind in kinds)


REQUIRED = {"Striped": [{"value": 0.5}], "Sawtooth": [{"rate": 0.5}]}


def check(cls: Any, **options: Any) -> None:
    """The check for the kind of a class."""
    options = {"draws": 4, "settings": REQUIRED.get(cls.__name__, ()), **options}
    noun = cls.registry().noun
    name = f"check_{noun}" if noun in ("loss", "metric") else "check_component"
    getattr(ms.testing, name)(cls, **options)


def test_the_checks_accept_right_declarations(project: Project) -> None:
    kinds = [one for kinds in plugins_for(project.folder).plugins.added.values() for one in kinds]
    assert len(kinds) == 10
    for kind in kinds:
        check(declared(project, kind))
    ms.testing.check_loss(BinaryCrossentropy, draws=2)
    ms.testing.check_metric(AUC, draws=0)
    ms.testing.check_component(RMSprop, draws=2)


@pytest.mark.parametrize(
    ("kind", "old", "new", "words"),
    [
        ("Quantile", "q=0.9, name", "p=0.9, name", "unexpected keyword argument 'q'"),
        ("Quantile", '"q": self.q', '"p": 3', "does not contain `q`: it is lost"),
        ("Quantile", ", axis=-1)\n\n    def get", ")\n\n    def get", "losses of a batch (6, 4): ()"),
        ("Quantile", "(self.q - 1) * off)", "off / 0.0)", "are not finite"),
        ("Quantile", "off = y_true - y_pred", "off = ops.stop_gradient(y_pred)", "no gradient"),
        ("Within", "<= self.distance", ">= self.distance", "`direction` is up, but perfect"),
        ("Within", "near = ops", "self.reset_state(); near = ops", "in two batches: "),
        ("Tempered", "ops.tanh(x / self", "ops.sum(x / self", "gives float32 ()"),
        ("Striped", 'dtype or "float32") * 2', '"float32") * 2', "expected float16"),
        ("Cauchy", "ops.sum(ops.log", "(ops.log", "gives float32 (4, 3), expected float32 ()"),
        ("Clipped", "ops.clip(w, ", "ops.log(0 * w) + ops.clip(w, ", "not finite"),
        ("SignDescent", "self.assign_sub(variable", "(lambda *a: 0)(variable", "do not change"),
        ("SignDescent", "means = 1", "means = 2", "declare 2"),
        ("Sawtooth", "self.rate * (1 -", "self.rate * (0 -", "the rate of step 1 is -"),
        ("StopAbove", "self.seen", "self.last", "`state` names `seen`"),
    ],
)  # fmt: skip
def test_the_checks_find_wrong_declarations(
    project: Project, kind: str, old: str, new: str, words: str
) -> None:
    assert old in KERAS + PARTS
    project.module("keras_layers", KERAS.replace(old, new))
    project.module("layers", PARTS.replace(old, new))
    with pytest.raises(AssertionError, match="differs from its Keras class") as found:
        check(declared(project, kind))
    assert words in str(found.value)


def test_the_checks_need_settings_of_a_class_that_requires_them(project: Project) -> None:
    with pytest.raises(
        ValueError, match="needs examples of its settings, because it requires rate"
    ):
        check(declared(project, "Sawtooth"), settings=())
    with pytest.raises(ValueError, match="is none of activation, "):
        ms.testing.check_component(declared(project, "Quantile"))


# Bare components ----------------------------------------------------------------------------------

BARE = """
import keras
from keras import ops


class Pinball(keras.losses.Loss):
    def __init__(self, q: float = 0.7, sharp=False):
        super().__init__(name="pinball")  # it takes no name
        print("made")
        self.q, self.sharp = q, sharp

    def call(self, y_true, y_pred):
        off = y_true - y_pred
        return ops.mean(ops.maximum(self.q * off, (self.q - 1) * off), axis=-1)


class Momentum(keras.optimizers.SGD):
    def __init__(self, learning_rate=0.05, momentum=0.5, **kwargs):
        super().__init__(learning_rate=learning_rate, momentum=momentum, **kwargs)


def squashed(x):
    return x / (1 + ops.abs(x))


class Count(keras.metrics.Sum):
    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(ops.ones_like(y_pred), sample_weight)
"""
REGISTER = """
import modelspec as ms
ms.register_loss("LAB.bare:Pinball")
ms.register_metric("LAB.bare:Count")
ms.register("optimizer", "LAB.bare:Momentum")
ms.register("activation", "LAB.bare:squashed")
"""
BARE_SPEC = """\
model:
  inputs: {x: [4]}
  layers:
    - Dense: {units: 2, activation: squashed, name: a}
    - Dense: {units: 1, name: y}
training:
  loss: {Pinball: {q: 0.75}}
  metrics: [Count]
  optimizer: Momentum
  epochs: 1
  batch_size: 32
"""


@pytest.fixture(scope="module", autouse=True)
def _one_process() -> Iterator[None]:
    """One other process for all tests: it loads Keras."""
    yield
    keras_answers.end_probe()


def test_a_bare_component_of_another_kind_is_refused(project: Project) -> None:
    project.module("bare", BARE)
    cases = (
        ("ms.register_loss('LAB.bare:Count')", "is not a subclass of `keras.losses.Loss`"),
        ("ms.register('schedule', 'LAB.bare:squashed')", "`keras.optimizers.schedules.Learning"),
        ("ms.register('activation', 'LAB.bare:ops')", "is not a function or a class"),
        ("ms.register_metric('LAB.bare:Nothing')", "has no class `Nothing`"),
    )
    names = []
    for number, (call, _) in enumerate(cases):
        project.module(f"p{number}", f"import modelspec as ms\n{call}\n")
        names.append(f"{project.name}.p{number}")
    project.names(*names)
    found = plugins_for(project.folder).diagnostics
    assert [one.code for one in found] == ["MS855"] * len(cases)
    for one, (_, words) in zip(found, cases, strict=True):
        assert words in one.message


def test_bare_components_have_the_settings_of_keras(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.module("bare", BARE)
    project.module("layers", REGISTER)
    spec = ms.load_spec(project.spec(BARE_SPEC + DATA))
    assert spec.diagnostics == ()
    training: Any = spec.compiled.training
    assert training.losses["y"].settings.sharp is False
    assert training.optimizer.learning_rate == 0.05
    shown = CliRunner().invoke(main, ["show", "s.yaml"]).output
    assert "optimizer 52 bytes" in shown, shown  # 13 float32 weights, one sum for each
    run = spec.train("run")
    assert run.model.loss.q == 0.75 and run.model.loss.name == "pinball"
    assert run.model.optimizer.momentum == 0.5
    assert run.metrics["count"] == 32
    for wrong, code, words in (
        ("qq: 0.75", "MS202", "has no setting `qq`"),
        ("sharp: 3", "MS204", "must be `true` or `false`"),
        ("q: [1]", "MS204", "must be a number"),
    ):
        (one,) = ms.check(project.spec(BARE_SPEC.replace("q: 0.75", wrong))).diagnostics
        assert one.code == code and words in one.message
    # A later process asks nothing: all answers are in the cache.
    keras_answers.end_probe()
    monkeypatch.setattr(keras_answers, "_Probe", None)
    forget(project, monkeypatch)
    assert ms.check(project.spec(BARE_SPEC)).ok


# configs/own_code ---------------------------------------------------------------------------------


def test_the_example_of_own_code_learns_a_quantile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine of ten weeks are below the predictions, which follow the year: the best constant has a
    loss of 0.894, the function that the data were made with 0.330.
    """
    folder = Path(ms.__file__).parents[1] / "configs/own_code"
    monkeypatch.setenv("MODELSPEC_TRUST", str(folder))
    spec = ms.load_spec(folder / "warm_weeks.yaml")
    assert spec.diagnostics == () and spec.graph.parameters == 64 + 32 + 33
    run = spec.train(tmp_path / "run")
    assert run.metrics["loss"] < 0.4
    assert 0.85 < run.metrics["coverage"] < 0.95
    frequencies = run.model.layers[2].get_weights()[0]
    assert frequencies.shape == (32,) and np.ptp(frequencies) > 0.1, "they are learned"


def test_the_declarations_of_the_example_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(ms.__file__).parents[1] / "configs/own_code"
    monkeypatch.setenv("MODELSPEC_TRUST", str(folder))
    added = plugins_for(folder).plugins.added
    two = [ms.testing.Example({}, ((None, 4),))]
    ms.testing.check_layer(added["layer"]["Snake"], examples=two, draws=5)  # type: ignore[arg-type]
    ms.testing.check_loss(added["loss"]["Pinball"], draws=2)  # type: ignore[arg-type]
    ms.testing.check_metric(added["metric"]["Coverage"], draws=2)  # type: ignore[arg-type]
