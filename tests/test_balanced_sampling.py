"""`data.balance`: each epoch draws the same number of training examples of every class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from modelspec.cli import main
from modelspec.compiler.pipeline import compile_spec
from modelspec.runtime.data import DataError, prepare
from modelspec.runtime.data.balanced_sampling import Sampling
from modelspec.runtime.data.examples import Part

COUNTS = {"common": 60, "usual": 21, "rare": 4}
SEED = 3


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    kinds = random.permutation(np.repeat(list(COUNTS), list(COUNTS.values())))
    numbers = np.array([list(COUNTS).index(kind) for kind in kinds])
    lines = [f"{row},{'' if row in (5, 9) else kinds[row]},{numbers[row]}" for row in range(85)]
    (tmp_path / "t.csv").write_text("x,kind,number\n" + "\n".join(lines) + "\n")
    np.savez(
        tmp_path / "t.npz",
        x=np.arange(len(kinds)).astype(np.float32),
        kind=kinds,
        site=np.array(list("ab" * 43)[: len(kinds)]),
        number=numbers,
        one_hot=np.eye(3, dtype=np.float32)[numbers],
        place=random.normal(size=(len(kinds), 2, 2)),
        each=np.arange(len(kinds)),
        same=np.ones(len(kinds), int),
    )
    monkeypatch.chdir(tmp_path)


def spec(balance: Any, target: str = "number", source: str = "npz", **data: Any) -> dict[str, Any]:
    one_hot = target == "one_hot"
    return {
        "seed": SEED,
        "model": {
            "inputs": {"x": [1]},
            "layers": [{"Dense": {"units": 3, "activation": "softmax", "name": "y"}}],
        },
        "data": {
            "source": {source: f"t.{source}"},
            "inputs": {"x": {"column": "x"}},
            "targets": {"y": {"column": target}},
            "balance": balance,
            **data,
        },
        "training": {
            "loss": f"{'' if one_hot else 'sparse_'}categorical_crossentropy",
            "batch_size": 16,
            "epochs": 2,
        },
    }


def train_of(given: dict[str, Any]) -> Part:
    checked = compile_spec(given)
    assert checked.ok, [str(one) for one in checked.diagnostics]
    return prepare(checked.value).parts["train"]


def classes_of(part: Part, positions: Any) -> Any:
    values = part.examples.table.column("kind")
    rows = positions if part.examples.rows is None else part.examples.rows[positions]
    return values[rows]


# The draws ----------------------------------------------------------------------------------------


def test_an_epoch_has_as_many_examples_of_every_class() -> None:
    part = train_of(spec("kind"))
    for epoch in range(5):
        drawn = part.in_epoch(SEED, epoch)
        assert len(drawn) == part.epoch_size == sum(COUNTS.values())
        _, counts = np.unique(classes_of(part, drawn).astype(str), return_counts=True)
        assert sorted(counts) == [28, 28, 29]


def test_an_epoch_depends_on_the_seed_and_its_number_alone() -> None:
    part, again = train_of(spec("kind")), train_of(spec("kind"))
    epochs = [part.in_epoch(SEED, epoch) for epoch in range(4)]
    np.testing.assert_array_equal(epochs[3], again.in_epoch(SEED, 3))
    assert not np.array_equal(epochs[0], epochs[1])
    assert not np.array_equal(epochs[0], part.in_epoch(SEED + 1, 0))


def test_over_the_epochs_no_example_of_a_class_is_used_twice_as_often() -> None:
    part = train_of(spec("kind"))
    used = np.bincount(np.concatenate([part.in_epoch(SEED, epoch) for epoch in range(30)]))
    kinds = classes_of(part, np.arange(len(used))).astype(str)
    for kind in COUNTS:
        times = used[kinds == kind]
        assert times.max() - times.min() <= 1
        assert times.min() > 0


def test_the_draws_of_a_class_are_permutations_one_after_the_other() -> None:
    """Against a sequence that is written out."""
    sampling = Sampling(np.array([0, 0, 0, 1, 1, 1, 1, 1]), 4)
    positions = np.arange(8)
    drawn = [sampling.drawn(positions, 9, epoch) for epoch in range(15)]
    for kind in (0, 1):
        sequence = np.concatenate([one[sampling.classes[one] == kind] for one in drawn])
        size = np.count_nonzero(sampling.classes == kind)
        for start in range(0, 30, size):
            np.testing.assert_array_equal(
                np.sort(sequence[start : start + size]), positions[sampling.classes == kind]
            )


def test_the_number_of_examples_of_an_epoch_may_be_given() -> None:
    part = train_of(spec({"column": "kind", "examples": 9}))
    assert part.epoch_size == 9
    _, counts = np.unique(classes_of(part, part.in_epoch(SEED, 0)).astype(str), return_counts=True)
    assert list(counts) == [3, 3, 3]
    assert train_of(spec({"column": "kind", "examples": 900})).in_epoch(SEED, 1).shape == (900,)


@pytest.mark.parametrize(("column", "target"), [("number", "number"), ("one_hot", "one_hot")])
def test_classes_may_be_numbers_or_one_hot(column: str, target: str) -> None:
    part = train_of(spec(column, target))
    numbers = np.load("t.npz")["number"][part.in_epoch(SEED, 0)]
    assert sorted(np.bincount(numbers)) == [28, 28, 29]


def test_only_the_training_part_is_balanced() -> None:
    given = spec("kind", split={"validation": 0.2, "test": 0.2, "stratify": "kind"})
    parts = prepare(compile_spec(given).value).parts
    train = parts["train"]
    assert set(train.in_epoch(SEED, 0)) <= set(train.positions)
    for name in ("validation", "test"):
        kinds = classes_of(parts[name], parts[name].positions).astype(str)
        assert np.count_nonzero(kinds == "common") > 2 * np.count_nonzero(kinds == "rare")


def test_rows_that_are_left_out_are_not_drawn() -> None:
    part = train_of(spec("kind", where="site == 'a' and kind != 'rare'"))
    drawn = part.in_epoch(SEED, 0)
    kinds, counts = np.unique(classes_of(part, drawn).astype(str), return_counts=True)
    assert list(kinds) == ["common", "usual"]
    assert abs(counts[0] - counts[1]) <= 1


def test_a_window_has_the_class_of_its_last_row() -> None:
    given = spec("kind", window={"length": 4, "order": "x"})
    given["model"]["inputs"] = {"x": [4]}
    part = train_of(given)
    kinds = classes_of(part, part.in_epoch(SEED, 0)).astype(str)
    counts = [np.count_nonzero(kinds == kind) for kind in COUNTS]
    assert max(counts) - min(counts) <= 1


# What is reported ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("balance", "code", "words"),
    [
        ("same", "MS696", "all 85 training examples have the same value"),
        ("each", "MS696", "each of the 85 training examples has another value"),
        ("place", "MS696", "has the shape (85, 2, 2)"),
        ({"column": "number", "examples": 2}, "MS696", "2 examples, too few for the 3 values"),
        ("numbr", "MS607", "no column `numbr`"),
    ],
)
def test_columns_that_are_no_classes(balance: Any, code: str, words: str) -> None:
    with pytest.raises(DataError) as error:
        prepare(compile_spec(spec(balance)).value)
    assert [one.code for one in error.value.diagnostics] == [code]
    assert words in str(error.value.diagnostics[0])


def test_a_missing_class_is_reported_with_its_rows() -> None:
    with pytest.raises(DataError) as error:
        prepare(compile_spec(spec("kind", source="csv")).value)
    (found,) = error.value.diagnostics
    assert found.code == "MS696"
    assert "`kind` has no value at t.csv:7" in found.message
    assert [one.message for one in found.notes] == ["also at t.csv:11"]
    part = train_of(spec("kind", source="csv", where="kind is not missing"))
    assert part.epoch_size == 83


def test_the_settings_are_checked() -> None:
    found = compile_spec(spec({"column": "kind", "examples": 0, "by": 3})).diagnostics
    assert sorted(one.code for one in found) == ["MS201", "MS205"]


def test_the_data_command_states_the_examples_of_an_epoch() -> None:
    import yaml

    given = spec({"column": "kind", "examples": 45}, split={"validation": 0.2, "test": 0.2})
    Path("spec.yaml").write_text(yaml.safe_dump(given))
    found = CliRunner().invoke(main, ["data", "spec.yaml"])
    assert found.exit_code == 0, found.output
    assert "balance: 45 training examples in each epoch" in found.output


@pytest.mark.tensorflow
def test_batches_and_the_steps_of_a_run_follow_from_the_draws() -> None:
    import yaml

    from modelspec.runtime.data.batches import Feed

    given = spec({"column": "kind", "examples": 45}, split={"validation": 0.2})
    part = train_of(given)
    feed = Feed(part.examples)
    every = [np.asarray(x)[:, 0] for x, _ in feed.training(part.positions, SEED, 16, 2)]
    assert [len(one) for one in every] == [16, 16, 13] * 2
    x = part.examples.inputs["x"][:, 0]
    for epoch in (0, 1):
        found = np.concatenate(every[3 * epoch : 3 * epoch + 3])
        np.testing.assert_array_equal(found, x[part.in_epoch(SEED, epoch)])
    later = [np.asarray(x)[:, 0] for x, _ in feed.training(part.positions, SEED, 16, 2, 1, 1)]
    for one, other in zip(later, every[4:], strict=True):
        np.testing.assert_array_equal(one, other)
    Path("spec.yaml").write_text(yaml.safe_dump(given))
    found = CliRunner().invoke(main, ["train", "spec.yaml", "--dry-run"])
    assert found.exit_code == 0, found.output
    assert "68 to train on (45 in each epoch, balanced)" in found.output
    assert "training would take 2 x 3 steps" in found.output
