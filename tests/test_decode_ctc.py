"""Decoding of CTC outputs: against a sum over every alignment, TensorFlow, and in a run."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.runtime.run.ctc import beam, greedy

TENSORFLOW = pytest.mark.tensorflow


def log_softmax(scores: Any) -> Any:
    x = np.asarray(scores, np.float64)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def labels_of(alignment: Sequence[int]) -> tuple[int, ...]:
    """The labels of one alignment, by the definition of CTC."""
    return tuple(one for one, _ in itertools.groupby(alignment) if one)


def every_alignment(scores: Any) -> tuple[dict[tuple[int, ...], float], tuple[float, Any]]:
    """The probability of each label sequence, and the most probable alignment."""
    shares = log_softmax(scores)
    steps, classes = shares.shape
    sums: dict[tuple[int, ...], float] = {}
    best: tuple[float, Any] = (-np.inf, ())
    for one in itertools.product(range(classes), repeat=steps):
        total = float(sum(shares[step, class_] for step, class_ in enumerate(one)))
        sums[labels_of(one)] = sums.get(labels_of(one), 0.0) + float(np.exp(total))
        best = max(best, (total, one), key=lambda pair: pair[0])
    return sums, best


@pytest.mark.parametrize("seed", range(6))
def test_both_are_those_of_a_sum_over_every_alignment(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(scale=2, size=(5, 3)).astype("float32")
    sums, (total, alignment) = every_alignment(scores)
    assert greedy(scores).classes == labels_of(alignment)
    assert greedy(scores).score == pytest.approx(total)
    found = beam(scores, width=500, paths=500)
    ordered = sorted(sums.items(), key=lambda one: -one[1])
    assert [one.classes for one in found] == [classes for classes, _ in ordered]
    assert np.allclose([one.score for one in found], np.log([share for _, share in ordered]))
    assert sum(np.exp(one.score) for one in found) == pytest.approx(1)


def test_a_repeated_label_requires_a_blank() -> None:
    sure = 20 * np.eye(3)
    assert greedy(sure[[1, 1, 2, 2]]).classes == (1, 2)
    assert greedy(sure[[1, 0, 1, 0]]).classes == (1, 1)
    assert beam(sure[[1, 0, 1, 0]], 10, 1)[0].classes == (1, 1)


def test_no_steps_and_few_paths() -> None:
    nothing = np.zeros((0, 3))
    assert greedy(nothing) == ((), 0.0)
    assert beam(nothing, 10, 3) == [((), 0.0)]
    assert len(beam(np.zeros((1, 2)), 10, 5)) == 2


def test_equal_probabilities_are_in_the_order_of_the_classes() -> None:
    """Of one step with equal scores: nothing, the first class, the second one."""
    assert [one.classes for one in beam(np.zeros((1, 3)), 3, 3)] == [(), (1,), (2,)]
    assert greedy(np.zeros((2, 3))).classes == ()


def test_steps_of_padding_are_not_decoded() -> None:
    from modelspec.runtime.run.decoding import Decoder, Vocabulary
    from modelspec.runtime.run.prediction_rows import Predictions

    rng = np.random.default_rng(0)
    scores = rng.normal(scale=2, size=(2, 6, 4)).astype("float32")
    steps = np.array([[True] * 6, [False, True, True, True, False, False]])
    given = Predictions({"text": scores, "size": np.ones(2)}, {}, steps={"text": steps})
    decoder = Decoder("ctc_beam", 100, 2, {"text": Vocabulary(("", "a", "b", "c"), (), "")})
    found = decoder.named(given)
    alone = beam(scores[1, 1:4], 100, 2)
    assert [*found.outputs] == [
        *("text", "text_score", "text_top1", "text_top1_score", "text_top2", "text_top2_score"),
        "size",
    ]
    texts = ["".join("_abc"[one] for one in path.classes) for path in alone]
    assert [found.outputs["text"][1], found.outputs["text_top2"][1]] == texts
    assert found.outputs["text_top2_score"][1] == alone[1].score
    assert found.steps == {}


@TENSORFLOW
def test_a_wide_search_is_that_of_tensorflow() -> None:
    import keras

    rng = np.random.default_rng(1)
    scores = rng.normal(scale=2, size=(4, 12, 4)).astype("float32")
    lengths = [12] * 4
    for width in (100,):
        paths, totals = keras.ops.ctc_decode(
            scores, lengths, strategy="beam_search", beam_width=width, top_paths=3
        )
        for row in range(4):
            for place, one in enumerate(beam(scores[row], width, 3)):
                other = tuple(int(label) for label in paths[place][row] if label >= 0)
                assert one.classes == other
                assert one.score == pytest.approx(float(totals[row][place]), rel=1e-4)


# Runs ---------------------------------------------------------------------------------------------

CHARACTERS = [
    {
        "TextVectorization": {
            "split": "character",
            "standardize": None,
            "vocabulary": ["a", "b", "c"],
        }
    }
]
ROWS = [
    ([1, 2, 3, 4, 5, 1], "ab"),
    ([2, 2, 1], "b"),
    ([5, 4, 3, 2, 1], "cab"),
    ([3, 1, 4, 4], "ca"),
]


def spec(target: dict[str, Any], classes: int) -> dict[str, Any]:
    return {
        "model": {
            "inputs": {"x": {"shape": [None], "dtype": "int32"}},
            "layers": [
                {"Embedding": {"input_dim": 6, "output_dim": 4}},
                {"Dense": {"units": classes, "name": "text"}},
            ],
        },
        "data": {
            "source": {"jsonl": "d.jsonl"},
            "split": {"validation": 0.25},
            "inputs": {"x": {"column": "x", "pad": {"padding": "post"}}},
            "targets": {"text": target},
        },
        "training": {"loss": "ctc", "epochs": 1, "batch_size": 2},
    }


def write(path: Path, ids: bool) -> None:
    rows = [
        {"x": x, "y": ["abc".index(one) + 1 for one in text] if ids else text} for x, text in ROWS
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def expected(model: Any, method: str, names: dict[int, str], between: str) -> list[Any]:
    """The labels and scores of each row; Keras's loss takes padding as steps too."""
    found = []
    for row, _ in ROWS:
        x = row + [0] * (6 - len(row))
        scores = np.asarray(model(np.array([x], "int32")))[0]
        sums, (total, alignment) = every_alignment(scores)
        classes, score = labels_of(alignment), total
        if method == "ctc_beam":
            classes, share = max(sums.items(), key=lambda one: one[1])
            score = float(np.log(share))
        found.append((between.join(names[one] for one in classes), score))
    return found


@TENSORFLOW
@pytest.mark.parametrize("ids", [False, True])
def test_predictions_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ids: bool) -> None:
    """With the characters of the target, or the numbers of classes."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "d.jsonl", ids)
    target = {"column": "y", **({"pad": {"padding": "post"}} if ids else {"transform": CHARACTERS})}
    run = ms.load_spec(spec(target, 4 if ids else 5)).train(run_dir="run")
    characters = {1: "[UNK]", 2: "a", 3: "b", 4: "c"}
    names, between = ({1: "1", 2: "2", 3: "3"}, " ") if ids else (characters, "")
    for method in ("ctc_greedy", "ctc_beam"):
        found = run.predict("d.jsonl", decode=method)
        wanted = expected(run.model, method, names, between)
        assert list(found["text"]) == [text for text, _ in wanted]
        assert np.allclose(found["text_score"], [score for _, score in wanted], rtol=1e-4)
    paths = run.predict("d.jsonl", decode="ctc_beam", top_paths=3, beam_width=50)
    assert [*paths][-6:] == [
        f"text_top{place}{part}" for place in (1, 2, 3) for part in ("", "_score")
    ]
    assert (paths["text_top1_score"] >= paths["text_top2_score"]).all()

    if not ids:
        return
    for name in ("out.csv", "out.jsonl", "out.npz"):
        done = CliRunner().invoke(
            main,
            ["predict", "run", "--data", "d.jsonl", "-o", name, "--decode", "ctc_greedy"],
        )
        assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    greedy_ = run.predict("d.jsonl", decode="ctc_greedy")
    assert [line["text"] for line in lines] == list(greedy_["text"])
    head = (tmp_path / "out.csv").read_text().splitlines()[0]
    assert head == "row,text,text_score"
    assert list(np.load("out.npz")["text"]) == list(greedy_["text"])

    wrong = [
        (["--decode", "ctc_best"], ""),
        (["--decode", "ctc_greedy", "--beam-width", "5"], "MS788"),
        (["--decode", "ctc_greedy", "--top-paths", "5"], "MS788"),
        (["--beam-width", "5"], "MS788"),
        (["--decode", "ctc_beam", "--beam-width", "2", "--top-paths", "5"], "MS788"),
        (["--decode", "ctc_beam", "--layer", "embedding"], "MS788"),
    ]
    for options, code in wrong:
        done = CliRunner().invoke(main, ["predict", "run", "--data", "d.jsonl", *options])
        assert done.exit_code == 2 and code in done.output, done.output
