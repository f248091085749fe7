"""Text that runs generate, against loops around their models that are written out here."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.runtime.data import RunError
from modelspec.runtime.data.adapted_state import State
from modelspec.runtime.run import Run

pytestmark = pytest.mark.tensorflow

SIZE = 8
"""The tokens that the models take."""
NEXT = {
    "the": ("cat", "dog", "dog"),
    "cat": ("sees", "likes", "sleeps"),
    "dog": ("sees", "bites"),
    "sees": ("the",),
    "likes": ("the",),
    "bites": ("the",),
}
CAUSAL = """\
    - Embedding: {input_dim: 14, output_dim: 8, name: embedded}
    - LSTM: {units: 12, return_sequences: true}
    - Dense: {units: 14, name: next}
"""
SPEC = """\
seed: 3
model:
  inputs: {tokens: {shape: [TAKEN], dtype: int32}}
  layers:
LAYERS
data:
  source: {csv: tales.csv}
  inputs: {tokens: {column: text, transform: [TOKENS, INPUT]}}
  targets: {next: {column: text, transform: [TOKENS, TARGET]}}
training:
  optimizer: {Adam: 0.02}
  loss: {SparseCategoricalCrossentropy: {from_logits: true}}
  epochs: 10
  batch_size: 16
"""
MARKED = "Marks, {TextVectorization: {standardize: null, output_sequence_length: 9}}"


def tales(rng: np.random.Generator, count: int) -> list[str]:
    found = []
    for _ in range(count):
        words = ["the"]
        while words[-1] != "sleeps" and len(words) < 7:
            words.append(str(rng.choice(NEXT[words[-1]])))
        found.append(" ".join(words))
    return found


def trained(folder: Path, text: str) -> Run:
    with (folder / "tales.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["question", "text"])
        told = tales(np.random.default_rng(1), 64)
        writer.writerows([" ".join(reversed(one.split()[:4])), one] for one in told)
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return ms.load_spec(path).train(run_dir=folder / "run")


def spec(layers: str, tokens: str, given: str, target: str, taken: object = SIZE) -> str:
    found = SPEC.replace("LAYERS\n", layers).replace("TOKENS", tokens).replace("TAKEN", str(taken))
    return found.replace("INPUT", given).replace("TARGET", target)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The targets are one step ahead of the inputs."""
    text = spec(CAUSAL, MARKED, '{Expression: "x[:, :-1]"}', '{Expression: "x[:, 1:]"}')
    return trained(tmp_path_factory.mktemp("ahead"), text)


def vocabulary(run: Run) -> tuple[str, ...]:
    """The tokens in the run folder: by number, padding and unknown words first."""
    state = json.loads((run.directory / "preprocessing" / "state.json").read_text("utf-8"))
    learned = state["features"]["inputs"]["tokens"]["learned"]
    words = next(one["vocabulary"] for one in learned if one and "vocabulary" in one)
    words = words["value"] if isinstance(words, dict) else words
    return ("", "[UNK]", *(word for word in words if word not in ("", "[UNK]")))


def logits(run: Run, words: Sequence[str]) -> np.ndarray:
    """Those of the token after some words, by the plain model; without padding."""
    known = vocabulary(run)
    numbers = [known.index(word) for word in words][-SIZE:]
    padded = np.array([numbers + [0] * (SIZE - len(numbers))], np.int32)
    found = np.asarray(run.model(padded))[0, len(numbers) - 1].astype(np.float64)
    found[0] = -np.inf
    found[len(known) :] = -np.inf
    made: np.ndarray = found
    return made


def greedy(run: Run, words: list[str], count: int) -> str:
    made: list[str] = []
    for _ in range(count):
        word = vocabulary(run)[int(logits(run, ["[start]", *words, *made]).argmax())]
        if word == "[end]":
            break
        made.append(word)
    return " ".join(made)


PROMPTS = ["the cat", "the dog sees the", "the", "the dog bites the cat likes the dog sees the"]


def test_greedy_text_is_that_of_a_loop_around_the_model(run: Run) -> None:
    """The last prompt is longer than the model: its last tokens count."""
    found = run.generate(PROMPTS, length=12, temperature=0)
    assert found == [greedy(run, one.split(), 12) for one in PROMPTS]
    assert run.generate(PROMPTS[0], length=12, temperature=0) == found[0]


def test_the_first_token_has_the_distribution_of_the_model(run: Run) -> None:
    count = 3_000
    found = run.generate(["the cat"] * count, length=1, temperature=0.7, top_k=4, batch_size=1_000)
    scores = logits(run, ["[start]", "the", "cat"]) / 0.7
    shares = np.exp(scores - scores.max())
    shares[np.argsort(-shares)[4:]] = 0
    shares /= shares.sum()
    for word, share in zip(vocabulary(run), shares, strict=False):
        shown = "" if word == "[end]" else word
        if share > 0:
            assert found.count(shown) / count == pytest.approx(share, abs=0.04)
    assert len(set(found)) <= 4


def test_the_seed_decides_and_the_batch_does_not(run: Run) -> None:
    prompts = PROMPTS * 3
    found = run.generate(prompts, length=6, seed=7, batch_size=12)
    assert run.generate(prompts, length=6, seed=7, batch_size=5) == found
    assert run.generate(prompts, length=6, seed=8) != found
    assert found[:4] != found[4:8]  # equal prompts have separate draws
    assert run.generate(prompts, length=6) == run.generate(prompts, length=6, seed=3)


def test_beams_find_a_text_at_least_as_probable_as_the_greedy_one(run: Run) -> None:
    def total(words: list[str], answer: str) -> float:
        made, found = answer.split(), 0.0
        for at in range(4):
            scores = logits(run, ["[start]", *words, *made[:at]])
            word = made[at] if at < len(made) else "[end]"
            found += scores[vocabulary(run).index(word)] - np.logaddexp.reduce(scores)
            if word == "[end]":
                break
        return float(found)

    wide = run.generate(PROMPTS[:3], length=4, beams=6, length_penalty=0.0)
    best = run.generate(PROMPTS[:3], length=4, temperature=0)
    for prompt, one, other in zip(PROMPTS, wide, best, strict=False):
        assert total(prompt.split(), one) >= total(prompt.split(), other) - 1e-5


def test_a_text_ends_at_a_stop_mark_of_one_or_several_tokens(run: Run) -> None:
    whole = run.generate("the", length=30, seed=1, stop="sleeps")
    assert "sleeps" not in whole
    long = run.generate("the", length=6, temperature=0).split()
    pairs = [long[at : at + 2] for at in range(len(long) - 1)]
    stop = pairs[1]
    found = run.generate("the", length=6, temperature=0, stop=[" ".join(stop)]).split()
    assert found == long[: pairs.index(stop)]


def test_the_command_writes_texts_with_their_seed(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "prompts.csv"
    data.write_text("id,text\na,the cat\nb,the dog\n", encoding="utf-8")
    out = tmp_path / "out.jsonl"
    call(run, "--generate 5 --seed 2 --id id -o", str(out), "--data", str(data))
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    expected = run.generate(["the cat", "the dog"], length=5, seed=2)
    assert rows == [
        {"id": "a", "text": "the cat", "generated": expected[0], "seed": 2},
        {"id": "b", "text": "the dog", "generated": expected[1], "seed": 2},
    ]
    shown = call(run, "--generate 5 --seed 2", "--prompt", "the cat")
    assert shown.stdout == f"{expected[0]}\n"
    assert "seed 2" in shown.stderr


def call(run: Run, options: str, *more: str, status: int = 0) -> Any:
    arguments = ["predict", str(run.directory), *options.split(), *more]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == status, result.output
    return result


WRONG: list[tuple[str, tuple[str, ...], str]] = [
    ("--generate 5", (), "MS798"),
    ("--generate 5 --stop [finish]", ("--prompt", "the"), "MS794"),
    ("--generate 5 --beams 2 --seed 1 --top-k 2", ("--prompt", "the"), "MS796"),
    ("--generate 5 --start the", ("--prompt", "the"), "MS796"),
    ("--generate 0", ("--prompt", "the"), "Invalid value"),
    ("--generate 5 --top 3", ("--prompt", "the"), "--top"),
    ("--generate 5 --data tales.csv", ("--prompt", "the"), "--prompt"),
    ("--top-p 0.5 --data tales.csv", (), "--generate"),
    ("", (), "--data"),
]


@pytest.mark.parametrize(("options", "more", "words"), WRONG)
def test_wrong_use_has_status_2_and_a_reason(
    run: Run, options: str, more: tuple[str, ...], words: str
) -> None:
    assert words in call(run, options, *more, status=2).stderr


def test_unknown_words_are_counted(run: Run) -> None:
    found = call(run, "--generate 2 --temperature 0", "--prompt", "the zebra sees")
    assert "MS797" in found.stderr
    assert "1 of 4 tokens" in found.stderr


# Other forms --------------------------------------------------------------------------------------


def test_a_model_that_moves_its_tokens_generates_the_same_way(tmp_path: Path) -> None:
    """Input and target are the same tokens: the output at a token is a prediction of it."""
    layers = (
        "    - Embedding: {input_dim: 14, output_dim: 8}\n    - ZeroPadding1D: [1, 0]\n"
        "    - Cropping1D: {cropping: [0, 1]}\n    - LSTM: {units: 8, return_sequences: true}\n"
        "    - Dense: {units: 14, name: next}\n"
    )
    text = spec(layers, MARKED.replace("Marks, ", ""), "", "", 9).replace(", ]", "]")
    text = text.replace("epochs: 10", "epochs: 2")
    run = trained(tmp_path, text)
    known = vocabulary(run)
    made: list[str] = []
    for _ in range(5):
        numbers = [known.index(word) for word in ["the", "dog", *made]]
        padded = np.array([numbers + [0] * (9 - len(numbers))], np.int32)
        scores = np.asarray(run.model(padded))[0, len(numbers)].copy()
        scores[0] = scores[len(known) :] = -np.inf
        made.append(known[int(scores.argmax())])
    assert run.generate("the dog", length=5, temperature=0) == " ".join(made)


def test_lists_that_are_padded_before_their_words(tmp_path: Path) -> None:
    """Words that are separated in the file, with a lookup each, and the padding of Keras."""
    feature = (
        '{column: text, separator: " ", pad: PAD, transform: [{StringLookup: {vocabulary: [the, '
        "cat, dog, sees, likes, bites, sleeps]}}, CUT]}"
    )
    text = spec(CAUSAL, "TOKENS", "INPUT", "TARGET").replace("  epochs: 10", "  epochs: 2")
    given = feature.replace("PAD", "9").replace("CUT", '{Expression: "x[:, :-1]"}')
    wanted = feature.replace("PAD", "9").replace("CUT", '{Expression: "x[:, 1:]"}')
    lines = [line for line in text.splitlines() if "column: text" not in line]
    at = next(place for place, line in enumerate(lines) if "source:" in line) + 1
    lines[at:at] = [f"  inputs: {{tokens: {given}}}", f"  targets: {{next: {wanted}}}"]
    run = trained(tmp_path, "\n".join(lines) + "\n")
    words = ["", "[UNK]", "the", "cat", "dog", "sees", "likes", "bites", "sleeps"]
    made: list[str] = []
    for _ in range(4):
        numbers = [words.index(word) for word in ["the", "dog", *made]]
        padded = np.array([[0] * (8 - len(numbers)) + numbers], np.int32)
        scores = np.asarray(run.model(padded))[0, -1]  # a target has no class for padding alone
        made.append(words[1:][int(scores[: len(words) - 1].argmax())])
    assert run.generate("the dog", length=4, temperature=0) == " ".join(made)


def test_parts_of_words_are_joined_by_their_tokenizer(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    tokens = '{BPE: {vocabulary_size: 300, length: 17, start: "<s>", end: "</s>"}}'
    layers = CAUSAL.replace("14", "300")
    cut = ('{Expression: "x[:, :-1]"}', '{Expression: "x[:, 1:]"}')
    text = spec(layers, tokens, *cut, 16).replace("epochs: 10", "epochs: 3")
    run = trained(tmp_path, text)
    learned = State.load(run.directory).features["inputs", "tokens"].learned
    content = next(one["state"]["tokenizer"] for one in learned if one and "state" in one)
    made = tokenizers.Tokenizer.from_str(bytes(content).decode("utf-8"))
    made.no_padding()
    made.no_truncation()
    start, end = made.token_to_id("<s>"), made.token_to_id("</s>")
    numbers = [start, *made.encode("the cat", add_special_tokens=False).ids]
    first = len(numbers)
    for _ in range(8):
        padded = np.zeros((1, 16), np.int32)
        padded[0, : len(numbers)] = numbers
        scores = np.asarray(run.model(padded))[0, len(numbers) - 1].copy()
        scores[0] = scores[made.get_vocab_size() :] = -np.inf
        if int(scores.argmax()) == end:
            break
        numbers.append(int(scores.argmax()))
    assert run.generate("the cat", length=8, temperature=0) == made.decode(numbers[first:])


SEQ2SEQ = """\
seed: 5
model:
  inputs: {question: {shape: [time], dtype: int32}, answer: {shape: [SIZE], dtype: int32}}
  layers:
    - Embedding: {input_dim: 14, output_dim: 8, mask_zero: true, from: question}
    - LSTM: {units: 10, return_state: true, name: encoder}
    - Embedding: {input_dim: 14, output_dim: 8, from: answer, name: embedded}
    - LSTM:
        units: 10
        return_sequences: true
        from: {sequences: embedded, initial_state: [encoder.hidden, encoder.cell]}
    - Dense: {units: 14, activation: softmax, name: next}
data:
  source: {csv: tales.csv}
  inputs:
    question: {column: question, transform: [TextVectorization]}
    answer:
      column: text
      transform:
        - {Marks: {end: null}}
        - {TextVectorization: {standardize: null, output_sequence_length: SIZE}}
  targets:
    next:
      column: text
      transform:
        - {Marks: {start: null}}
        - {TextVectorization: {standardize: null, output_sequence_length: SIZE}}
training: {optimizer: {Adam: 0.02}, loss: sparse_categorical_crossentropy, epochs: 2, batch_size: 16}
"""


def test_a_translator_begins_with_the_start_mark_and_ends_with_the_end_mark(
    tmp_path: Path,
) -> None:
    run = trained(tmp_path, SEQ2SEQ.replace("SIZE", "8"))
    state = json.loads((run.directory / "preprocessing" / "state.json").read_text("utf-8"))

    def words(kind: str, name: str) -> list[str]:
        learned = state["features"][kind][name]["learned"]
        found = next(one["vocabulary"] for one in learned if one and "vocabulary" in one)
        return ["", "[UNK]", *(one for one in found if one not in ("", "[UNK]"))]

    source, given, wanted = (
        words("inputs", "question"),
        words("inputs", "answer"),
        words("targets", "next"),
    )
    question = "the cat sees the"
    made: list[str] = []
    for _ in range(6):
        tokens = [given.index(word) for word in ["[start]", *made]]
        inputs = {
            "question": np.array([[source.index(word) for word in question.split()]], np.int32),
            "answer": np.array([tokens + [0] * (8 - len(tokens))], np.int32),
        }
        shares = np.asarray(run.model(inputs))[0, len(tokens) - 1].copy()
        shares[0] = shares[len(wanted) :] = 0
        word = wanted[int(shares.argmax())]
        if word == "[end]":
            break
        made.append(word)
    assert run.generate(question, length=6, temperature=0) == " ".join(made)
    beam = run.generate([question, "the dog"], length=6, beams=3)
    assert all(set(one.split()) <= set(wanted) for one in beam)


def refused(make: Callable[[], object]) -> list[str]:
    with pytest.raises(RunError) as caught:
        make()
    return [one.code for one in caught.value.diagnostics]


def test_a_run_without_tokens_says_why_it_cannot_generate(tmp_path: Path) -> None:
    numbers = (
        "model:\n  inputs: {x: [4]}\n  layers: [{Dense: {units: 3, activation: softmax}}]\n"
        "data: {source: {dataset: iris}}\n"
        "training: {loss: sparse_categorical_crossentropy, epochs: 1}\n"
    )
    run = trained(tmp_path, numbers)
    assert refused(lambda: run.generate("the", length=3)) in (["MS792"], ["MS793"])
    assert refused(lambda: run.generate("the", examples=3)) == ["MS796"]
