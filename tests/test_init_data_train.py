"""Specs that `modelspec init --data` writes train at once, and learn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main

from .drawn_tables import FORMS
from .example_data import rng, write_pictures
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
    assert trained(written(linked("penguins.csv")), epochs=40)["accuracy"] >= 0.94


def test_survivors_of_the_titanic_without_the_column_that_gives_them_away() -> None:
    metrics = trained(written(linked("titanic.csv")), epochs=25)
    assert 0.75 <= metrics["accuracy"] <= 0.92


def test_prices_of_diamonds_from_a_few_of_them() -> None:
    lines = real("diamonds.csv").read_text("utf-8").splitlines()
    Path("diamonds.csv").write_text("\n".join([lines[0], *lines[1::30]]), "utf-8")
    assert trained(written("diamonds.csv"), epochs=25)["r2_score"] >= 0.9


def test_messages_without_a_header() -> None:
    lines = real("sms-spam.tsv").read_text("utf-8").splitlines()
    Path("sms.tsv").write_text("\n".join(lines[:2500]), "utf-8")
    assert trained(written("sms.tsv"), epochs=12)["accuracy"] >= 0.94


def test_a_folder_of_images_trains() -> None:
    for number, label in enumerate(("dark", "light")):
        values = rng(number).integers(0, 120, (40, 24, 24), "uint8") + 130 * number
        write_pictures(Path("shades", label), values.astype("uint8"))
    assert trained(written("shades"), epochs=12)["accuracy"] >= 0.9
