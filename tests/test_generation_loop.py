"""Examples by the `generate` section of a run, against the same loop in NumPy."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.runtime.data import RunError
from modelspec.runtime.run import Run

pytestmark = pytest.mark.tensorflow

MEAN, DEVIATION, STEPS = 1.5, 0.4, 25
MODEL = f"""\
seed: 4
model:
  inputs: {{point: [2], angle: [1], shift: [2]}}
  layers:
    # The noise in a point of a normal distribution, as an ideal model predicts it.
    - Expression:
        formula: "sin(a) * (x - cos(a) * {MEAN}) / ({DEVIATION}**2 * cos(a)**2 + sin(a)**2)"
        from: {{x: point, a: angle}}
        name: predicted
    - Add: {{from: [predicted, shift], name: moved}}
    - Parameter: {{shape: [2], initializer: ones, name: extra}}
    - Add: {{from: [moved, extra], name: summed}}
    - Dense: {{units: 1, name: score}}
  outputs: [score, predicted, moved]
data:
  source: {{csv: points.csv}}
  inputs:
    point: {{columns: [x, y]}}
    angle: {{random: uniform}}
    shift: {{columns: [y, x]}}
  targets: {{score: {{column: score}}}}
training: {{loss: {{score: mse}}, epochs: 1, batch_size: 64, optimizer: {{Adam: 0.01}}}}
"""
DDIM = """\
generate:
  initial: {x: {random: normal}, first: {value: 0, shape: [2]}}
  steps: STEPS
  values:
    now: "1.5 * (1 - step / steps)"
    then: "1.5 * (1 - (step + 1) / steps)"
    clean: "(x - sin(now) * predicted) / cos(now)"
  inputs: {point: x, angle: now}
  update:
    x: "cos(then) * clean + sin(then) * predicted"
    first: "where(step < 1, x, first)"
""".replace("STEPS", str(STEPS))


def trained(folder: Path, section: str) -> Run:
    rng = np.random.default_rng(0)
    with (folder / "points.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "x", "y", "score"])
        writer.writerows([f"P{at}", *rng.normal(size=3).round(3)] for at in range(64))
    path = folder / "spec.yaml"
    path.write_text(MODEL + section, encoding="utf-8")
    return ms.load_spec(path).train(run_dir=folder / "run")


@pytest.fixture(scope="module")
def ddim(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(tmp_path_factory.mktemp("ddim"), DDIM)


def test_an_ideal_model_gives_the_distribution_that_the_steps_define(ddim: Run) -> None:
    """With a prediction that is linear in the point, so is every step: mean and variance of the
    samples are known.
    """
    slope, offset = 1.0, 0.0
    for step in range(STEPS):
        now, then = (1.5 * (1 - at / STEPS) for at in (step, step + 1))
        of_point = np.sin(now) / (DEVIATION**2 * np.cos(now) ** 2 + np.sin(now) ** 2)
        at_zero = -of_point * np.cos(now) * MEAN
        clean, constant = (
            (1 - np.sin(now) * of_point) / np.cos(now),
            -np.sin(now) * at_zero / np.cos(now),
        )
        a = np.cos(then) * clean + np.sin(then) * of_point
        b = np.cos(then) * constant + np.sin(then) * at_zero
        slope, offset = a * slope, a * offset + b
    found = ddim.generate(examples=2_000, batch_size=2_000)
    x, first = found["x"], found["first"]
    assert x == pytest.approx(slope * first.astype(np.float64) + offset, abs=2e-5)
    assert first.mean() == pytest.approx(0, abs=0.06)
    assert first.std() == pytest.approx(1, abs=0.04)
    # The distribution that the model was made for, as far as so many steps reach it.
    assert x.mean() == pytest.approx(MEAN, abs=0.08)
    assert x.std() == pytest.approx(DEVIATION, abs=0.06)


def test_examples_follow_from_the_seed_and_not_from_the_batch(ddim: Run) -> None:
    found = ddim.generate(examples=7, seed=11, batch_size=7)
    again = ddim.generate(examples=7, seed=11, batch_size=3)
    assert found["first"].tolist() == again["first"].tolist()
    assert found["x"] == pytest.approx(again["x"], abs=1e-5)
    assert ddim.generate(examples=7, seed=12)["first"].tolist() != found["first"].tolist()
    assert ddim.generate(examples=7, seed=11, batch_size=7)["x"].tolist() == found["x"].tolist()
    assert (
        ddim.generate(examples=2, seed=4)["x"].tolist() == ddim.generate(examples=2)["x"].tolist()
    )


def test_the_command_writes_examples(ddim: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.npz"
    call(ddim, "--generate 5 --seed 11 -o", str(out))
    with np.load(out) as written:
        assert sorted(written) == ["example", "first", "seed", "x"]
        assert written["example"].tolist() == [1, 2, 3, 4, 5]
        expected = ddim.generate(examples=5, seed=11)
        assert written["x"] == pytest.approx(expected["x"], abs=1e-5)
    shown = json.loads(call(ddim, "--generate 2 --format json").stdout)
    assert [len(row["x"]) for row in shown] == [2, 2]


def call(run: Run, options: str, *more: str, status: int = 0) -> Any:
    arguments = ["predict", str(run.directory), *options.split(), *more]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == status, result.output
    return result


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--generate 5 --temperature 0.5", "MS796"),
        ("--generate 5 --stop .", "MS796"),
        ("--generate 5 --prompt the", "MS798"),
        ("--generate 5 --data points.csv", "MS798"),
        ("--generate 5 --threshold 0.5", "--threshold"),
    ],
)
def test_wrong_use_has_status_2_and_a_reason(
    ddim: Run, options: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ddim.directory.parent)
    assert words in call(ddim, options, status=2).stderr


WALK = """\
generate:
  initial:
    x: {random: uniform, scale: 3, shape: [2]}
    count: {value: 0, shape: [], dtype: int32}
    given: {input: shift}
  steps: 6
  values: {noise: "random_normal(x, stddev=0.5)"}
  inputs: {point: x, angle: "step / steps"}
  update: {x: "0.9 * x + noise + 0.1 * moved", count: "count + 1"}
  result: {x: "x + random_uniform(x)", count: count, last: moved, given: given}
"""


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(tmp_path_factory.mktemp("walk"), WALK)


def walked(shift: np.ndarray, seed: int, row: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """One example of `WALK`, with the random numbers that the documentation defines."""
    sequence = np.random.SeedSequence(seed, spawn_key=(9, row, number))
    rng = np.random.Generator(np.random.Philox(sequence))
    x, moved = 3 * rng.random(2), np.zeros(2)
    for step in range(6):
        noise, angle = 0.5 * rng.standard_normal(2), step / 6
        variance = DEVIATION**2 * np.cos(angle) ** 2 + np.sin(angle) ** 2
        moved = np.sin(angle) * (x - np.cos(angle) * MEAN) / variance + shift
        x = 0.9 * x + noise + 0.1 * moved
    return x + rng.random(2), moved


def test_rows_give_the_other_inputs_and_each_example_has_its_draws(
    walk: Run, tmp_path: Path
) -> None:
    data = tmp_path / "rows.csv"
    data.write_text("name,x,y\nA,1,2\nB,-1,0.5\n", encoding="utf-8")
    out = tmp_path / "out.jsonl"
    call(walk, "--generate 3 --seed 5 --id name -o", str(out), "--data", str(data))
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [(row["name"], row["example"], row["seed"]) for row in rows] == [
        (name, number, 5) for name in "AB" for number in (1, 2, 3)
    ]
    shifts = [np.array([2, 1]), np.array([0.5, -1])]  # `shift` has the columns y and x
    for at, row in enumerate(rows):
        x, moved = walked(shifts[at // 3], 5, at // 3, at % 3)
        assert row["x"] == pytest.approx(x, abs=1e-4)
        assert row["last"] == pytest.approx(moved, abs=1e-4)
        assert row["count"] == 6
        assert row["given"] == shifts[at // 3].tolist()


def test_rows_are_required_where_an_input_comes_from_them(walk: Run) -> None:
    assert "MS798" in call(walk, "--generate 3", status=2).stderr
    with pytest.raises(RunError, match="shift"):
        walk.generate(examples=3)
    frame = [{"x": 1.0, "y": 2.0}]
    assert walk.generate(frame, examples=2, seed=5)["x"].shape == (2, 2)


def test_a_decoder_makes_examples_of_drawn_codes(tmp_path: Path) -> None:
    """One step from an inner tensor, in half precision: the layers after it, in the same model."""
    section = (
        "generate:\n  initial: {code: {random: normal}}\n  inputs: {moved: code}\n"
        "  result: {score: score, code: code}\nruntime: {precision: mixed_bfloat16}\n"
    )
    run = trained(tmp_path, section)
    found = run.generate(examples=6)
    kernel, bias = (np.asarray(one) for one in run.model.get_layer("score").get_weights())
    (extra,) = run.model.get_layer("extra").get_weights()
    expected = ((found["code"] + np.asarray(extra)) @ kernel + bias)[:, 0]
    assert found["score"] == pytest.approx(expected, abs=0.05)


def test_the_diffusion_config_learns_the_ring_of_its_points(tmp_path: Path) -> None:
    """The points of the file have a distance of about 1 from the origin; noise has not."""
    config = Path(__file__).parent.parent / "configs" / "diffusion.yaml"
    faster: dict[str, Any] = {
        "data.split": None,
        "training.epochs": 60,
        "vars.units": 64,
        "generate.steps": 15,
        "training.optimizer": {"Adam": 0.01},
    }
    run = ms.load_spec(config, overrides=faster).train(run_dir=tmp_path / "run")
    distance = np.linalg.norm(run.generate(examples=200, batch_size=200)["point"], axis=-1)
    assert np.mean(np.abs(distance - 1) < 0.3) > 0.8
    noise = np.linalg.norm(np.random.default_rng(0).normal(size=(200, 2)), axis=-1)
    assert np.mean(np.abs(noise - 1) < 0.3) < 0.6
