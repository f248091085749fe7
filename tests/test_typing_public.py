"""Types of the public names: a user's script passes strict checkers, and completion lists public
names.
"""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms

ROOT = Path(__file__).parents[1]

# Signatures ---------------------------------------------------------------------------------------

ALLOWED = {
    "Run.predict": "a data frame of pandas or polars, for one of the same library",
    "SpecClassifier.predict": "labels are of any dtype",
    "SpecRegressor.predict": "numbers are of any dtype",
    "SpecClassifier.predict_proba": "as other arrays",
    "SpecClassifier.get_params": "scikit-learn's own signature",
    "SpecRegressor.get_params": "scikit-learn's own signature",
    "SpecClassifier.set_params": "scikit-learn's own signature",
    "SpecRegressor.set_params": "scikit-learn's own signature",
}
"""Where a value really can be anything, and why."""


def public() -> list[Any]:
    from modelspec.runtime.run import Run

    # What `Layer` and the other base classes of plugins inherit is for the compiler; plugins call
    # the methods that these declare themselves.
    others = ("__version__", "Layer", "testing", "Logger", "Source", "Transform")
    others += ("Component", "Loss", "Metric")
    return [*(getattr(ms, name) for name in ms.__all__ if name not in others), Run]


def signatures(thing: Any) -> Iterator[tuple[str, str]]:
    """The annotations of a function, or of the public methods, properties and fields of a class."""
    if not inspect.isclass(thing):
        yield thing.__name__, str(inspect.signature(thing))
        return
    for base in thing.__mro__:
        if not base.__module__.startswith("modelspec"):
            continue
        for name, text in inspect.get_annotations(base).items():
            if not name.startswith("_"):
                yield f"{thing.__name__}.{name}", str(text)
        for name, member in vars(base).items():
            found = function_of(member)
            if found is not None and (name == "__init__" or not name.startswith("_")):
                yield f"{thing.__name__}.{name}", str(inspect.signature(found))


def function_of(member: Any) -> Any:
    """What a method or a property runs."""
    if isinstance(member, property):
        return member.fget
    if isinstance(member, cached_property):
        return member.func
    found = getattr(member, "__func__", getattr(member, "fn", member))  # `fn`: scikit-learn's
    return found if inspect.isfunction(found) else None


def test_no_public_signature_has_any() -> None:
    found = dict(pair for thing in public() for pair in signatures(thing))
    assert len(found) > 60
    having = {name for name, text in found.items() if re.search(r"\bAny\b", text)}
    assert having == {name for name in ALLOWED if name in having}
    assert set(ALLOWED) <= having, "allowed, and not needed"


def test_every_public_parameter_has_a_type() -> None:
    for thing in public():
        functions = (
            [thing]
            if not inspect.isclass(thing)
            else [
                found
                for base in thing.__mro__
                if base.__module__.startswith("modelspec")
                for name, member in vars(base).items()
                if not name.startswith("_") and (found := function_of(member)) is not None
            ]
        )
        for one in functions:
            signature = inspect.signature(one)
            assert signature.return_annotation is not signature.empty, one
            for parameter in signature.parameters.values():
                given = parameter.annotation is not parameter.empty
                assert given or parameter.name in ("self", "cls"), (one, parameter)


# Checkers -----------------------------------------------------------------------------------------

SCRIPT = """
from pathlib import Path

import numpy as np

import modelspec as ms

SPEC = {
    "model": {"inputs": {"x": [4]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
    "training": {"loss": "mse", "epochs": 2},
}


def trained(folder: Path, rows: dict[str, list[float]]) -> ms.Spec:
    spec = ms.load_spec(SPEC, {"training.epochs": 3})
    run = spec.train(folder / "run", data=rows)
    loss: float = run.metrics["loss"]
    last: list[float] = run.history["loss"]
    predictions = run.predict({"x": [1.0]}, batch_size=4)
    total = float(predictions["y"].sum()) + loss + last[-1]
    again = ms.open_run(run.directory)
    tensors = again.outputs(["y"], np.ones((2, 4)))
    print(total, again.spec.name, again.spec.graph.parameters, tensors)
    for one in again.warnings:
        print(one.code, one.message, one.line)
    return run.spec


def checked(path: Path) -> list[str]:
    try:
        return [str(one) for one in ms.check(path).diagnostics]
    except ms.SpecError as error:
        return [f"{one.severity} {one.help}" for one in error.diagnostics]


def resumed(path: Path) -> dict[str, float]:
    try:
        return dict(ms.resume(path).metrics)
    except ms.Interrupted as error:
        print(error.directory, error.epochs, error.to_dict()["signal"])
    except ms.RunError as error:
        print(error.errors[0].code)
    return {}


def converted(path: Path) -> str:
    model = ms.load_model(path)
    spec = ms.from_keras(model)
    return ms.dump(spec)


def estimated() -> float:
    x, y = np.random.default_rng(0).random((30, 3)), np.arange(30) % 2
    classifier = ms.SpecClassifier(epochs=1, random_state=1)
    labels = classifier.fit(x, y).predict(x)
    shares = classifier.predict_proba(x)
    searched = classifier.set_params(epochs=2).fit(x, y)
    return float(labels.sum()) + float(shares.sum()) + len(searched.history_)


def exported(run: Path) -> Path:
    return ms.export(run, "keras", run / "model.keras").path


class Pinball(ms.Loss):
    q: float = 0.5
    takes = "numbers"
    keras = "ourlab.keras_parts:Pinball"


class Tempered(ms.Component, kind="activation"):
    keras = "ourlab.keras_parts:Tempered"
"""

MISTAKES = """
import modelspec as ms

ms.lod_spec("a.yaml")
ms.load_spec("a.yaml", overrides=3)
ms.load_spec("a.yaml").bild()
ms.open_run("run").predict({"x": [1.0]}, tops=3)
number: int = ms.dump(ms.load_spec("a.yaml"))
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with nothing but the package in it, as where packages are installed."""
    (tmp_path / "modelspec").symlink_to(ROOT / "modelspec")
    return tmp_path


def mypy(folder: Path, text: str) -> str:
    (folder / "script.py").write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "script.py"]
    command += ["--cache-dir", str(ROOT / ".mypy_cache" / "user"), "--config-file", ""]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    return done.stdout + done.stderr


def test_a_script_of_a_user_passes_mypy_in_strict_mode(installed: Path) -> None:
    found = mypy(installed, SCRIPT)
    assert found.startswith("Success"), found


def test_mypy_finds_mistakes_in_a_script(installed: Path) -> None:
    """It really sees the types: names that are not there, wrong arguments, wrong results."""
    lines = {int(line.split(":")[1]) for line in mypy(installed, MISTAKES).splitlines()[:-1]}
    assert lines == {4, 5, 6, 7, 8}


@pytest.mark.skipif(shutil.which("pyright") is None, reason="pyright is not installed")
def test_a_script_of_a_user_passes_pyright_in_strict_mode(installed: Path) -> None:
    (installed / "script.py").write_text(SCRIPT)
    (installed / "pyrightconfig.json").write_text(
        '{"typeCheckingMode": "strict", "include": ["script.py"]}'
    )
    done = subprocess.run(
        ["pyright", "--pythonpath", sys.executable],
        cwd=installed,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr


# Completion ---------------------------------------------------------------------------------------


def test_completion_lists_public_names_only() -> None:
    run = ms.open_run(ROOT / "tests" / "stored" / "completed")
    assert dir(ms) == sorted(ms.__all__)
    for thing, some in (
        (
            ms.load_spec({"model": {"inputs": [4], "layers": ["Flatten"]}}),
            {"build", "train", "graph"},
        ),
        (ms.check({"model": {"layers": [1]}}), {"ok", "diagnostics"}),
        (run, {"predict", "evaluate", "model", "spec", "history", "outputs"}),
    ):
        names = dir(thing)
        assert some <= set(names)
        assert not [name for name in names if name.startswith("_")]
        modules = [
            name
            for name in names
            if name not in ("model",) and inspect.ismodule(getattr(thing, name))
        ]
        assert not modules
