"""Specs that `modelspec init --data` writes train at once, and learn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.datasets import load_digits

import modelspec as ms
from modelspec.cli import main

from .drawn_tables import FORMS
from .example_data import write_pictures
from .real_data import real

pytestmark = pytest.mark.tensorflow


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(data: str, *options: str) -> Path:
    """The spec for some data, whose check with the data finds nothing."""
    runner = CliRunner()
    result = runner.invoke(main, ["init", "spec", "--data", data, *options])
    assert result.exit_code == 0, result.output
    checked = runner.invoke(main, ["check", "spec.yaml", "--data"])
    assert checked.output.startswith("spec.yaml: no faults"), checked.output
    return Path("spec.yaml")


def linked(name: str) -> str:
    """A file of real data in the working directory."""
    Path(name).write_bytes(real(name).read_bytes())
    return name


def trained(spec: Path, **training: object) -> dict[str, float]:
    """The metrics of the test part."""
    overrides = {f"training.{name}": value for name, value in training.items()}
    run = ms.load_spec(spec, overrides=overrides).train(run_dir="run")
    return dict(run.metrics)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_a_written_spec_fits_its_data(form: Callable[[], str]) -> None:
    written(form())


def test_the_species_of_penguins() -> None:
    assert trained(written(linked("penguins.csv")), epochs=20)["accuracy"] >= 0.94


def test_survivors_of_the_titanic_without_the_column_that_gives_them_away() -> None:
    metrics = trained(written(linked("titanic.csv")), epochs=12)
    assert 0.75 <= metrics["accuracy"] <= 0.92


def test_prices_of_diamonds_from_a_few_of_them() -> None:
    lines = real("diamonds.csv").read_text("utf-8").splitlines()
    Path("diamonds.csv").write_text("\n".join([lines[0], *lines[1::30]]), "utf-8")
    assert trained(written("diamonds.csv"), epochs=25)["original_r2_score"] >= 0.9


def test_messages_without_a_header() -> None:
    lines = real("sms-spam.tsv").read_text("utf-8").splitlines()
    Path("sms.tsv").write_text("\n".join(lines[:2500]), "utf-8")
    assert trained(written("sms.tsv"), epochs=18)["accuracy"] >= 0.94


def test_few_steps_are_enough_for_images_of_digits() -> None:
    """Validation uses the averages of batch normalization, which few steps change."""
    digits = load_digits()
    images = np.kron(digits.images * 15.9, np.ones((1, 2, 2))).astype("uint8")
    for label in range(10):
        write_pictures(Path("digits", str(label)), images[digits.target == label][:90])
    assert trained(written("digits"), epochs=4)["accuracy"] >= 0.8
