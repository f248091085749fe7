"""`WordPiece` and `BPE`: learned from the training rows, the same in every process, or read from the
JSON of the package tokenizers, which is the oracle of what a vocabulary gives.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from modelspec.catalog.layers.tokenizers import BPE, Tokenizer, WordPiece
from modelspec.cli import main
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.runtime.data import Prepared, RunError, prepare

tokenizers = pytest.importorskip("tokenizers", reason="requires modelspec[text]")

WORDS = ["run", "running", "runner", "jump", "jumping", "jumped", "über", "größe", "東京", "don't"]
TEXTS = [
    " ".join(WORDS[(i * j + j) % len(WORDS)] for j in range(1, 2 + i % 7)) + "?!."[i % 3]
    for i in range(60)
]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))
    lines = [
        json.dumps({"t": one, "u": one[::-1], "y": i % 2, "o": i}) for i, one in enumerate(TEXTS)
    ]
    Path("t.jsonl").write_text("\n".join(lines), encoding="utf-8")


def spec(inputs: dict[str, Any], lengths: dict[str, Any], **data: Any) -> dict[str, Any]:
    names = list(inputs)
    ends = [f"p_{name}" for name in names]
    joined = [{"Concatenate": {"from": ends}}] if len(names) > 1 else []
    return {
        "model": {
            "inputs": {name: {"shape": [lengths[name]], "dtype": "int64"} for name in names},
            "layers": [
                *(
                    layer
                    for name in names
                    for layer in (
                        {"Embedding": {"input_dim": 400, "output_dim": 2, "from": name}},
                        {"GlobalAveragePooling1D": {"name": f"p_{name}"}},
                    )
                ),
                *joined,
                {"Dense": {"units": 1, "name": "y", "activation": "sigmoid"}},
            ],
        },
        "data": {
            "source": {"jsonl": "t.jsonl"},
            "inputs": inputs,
            "targets": {"y": {"column": "y"}},
            **data,
        },
        "training": {"loss": "binary_crossentropy", "batch_size": 30, "epochs": 1},
    }


def without_keras() -> None:
    """Tokenizers are not computed by Keras, so that nothing has to be loaded."""


def prepared_of(values: dict[str, Any]) -> Prepared:
    return prepare(compiled(values), load=without_keras)


def compiled(values: dict[str, Any]) -> Compiled:
    checked = compile_spec(values)
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    return checked.value


def prepared(kind: str, length: Any = 12, steps: tuple[Any, ...] = (), **settings: Any) -> Prepared:
    """The data of a spec with one input `t`."""
    given = {**settings, **({} if length == "auto" else {"length": length})}
    feature = {"column": "t", "transform": [*steps, {kind: given}]}
    return prepared_of(spec({"t": feature}, {"t": length}))


def values(found: Prepared, name: str = "t") -> Any:
    return found.parts["train"].examples.inputs[name]


def layer_of(found: Prepared, name: str = "t") -> Tokenizer:
    layer = found.state.features["inputs", name].layers(found.binding.inputs[name])[-1]
    assert isinstance(layer, Tokenizer)
    return layer


def by_package(layer: Tokenizer) -> Any:
    """The tokenizer of a layer, as any program would load it from its JSON."""
    from modelspec.runtime.data.tokenizers import content_of

    return tokenizers.Tokenizer.from_str(content_of(layer))


# Learned ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "size"), [("WordPiece", 90), ("BPE", 320)])
def test_indices_are_those_of_the_package(kind: str, size: int) -> None:
    found = prepared(kind, vocabulary_size=size)
    oracle = by_package(layer_of(found))
    rows = values(found)
    assert rows.shape == (60, 12) and rows.min() == 0 and rows.max() < size
    for row, text in zip(rows.tolist(), TEXTS, strict=True):
        ids = oracle.encode(text).ids
        assert row == (ids + [0] * 12)[:12]
    assert oracle.get_vocab_size() <= size
    assert oracle.token_to_id("[PAD]") == 0


def test_what_is_learned_is_what_the_package_learns() -> None:
    """The same tokens, for a vocabulary in which no two parts of words are equally frequent."""
    found = prepared("BPE", vocabulary_size=300)
    plain = tokenizers.Tokenizer(tokenizers.models.BPE())
    plain.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.train_from_iterator(
        TEXTS,
        tokenizers.trainers.BpeTrainer(
            vocab_size=300,
            special_tokens=["[PAD]"],
            initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    assert by_package(layer_of(found)).get_vocab() == plain.get_vocab()


def test_words_are_split_as_by_bert() -> None:
    found = prepared("WordPiece", steps=("Lowercase",), vocabulary_size=400)
    oracle = by_package(layer_of(found))
    assert oracle.encode("running jumped!").tokens == ["running", "jumped", "!"]
    assert oracle.encode("jumpinging").tokens[0] == "jumping"
    assert oracle.encode("jumpinging").tokens[1].startswith("##")
    assert oracle.encode("Ω").tokens == ["[UNK]"]


LEARN = """
import sys
from modelspec.catalog.layers.tokenizers import BPE, WordPiece
from modelspec.runtime.data.tokenizer_learning import learned
texts = open("texts.txt", encoding="utf-8").read().split("\\n")
for layer in (WordPiece(vocabulary_size=80), BPE(vocabulary_size=300)):
    sys.stdout.buffer.write(learned(layer, texts, layer.specials).encode())
"""


def test_every_process_learns_the_same() -> None:
    """Whatever the seed of Python's hashes, and the order of the rows."""
    texts = [*TEXTS, "aab aabb abab ba bb"]  # many parts are equally frequent
    found = []
    for seed, ordered in (("1", texts), ("2", texts[::-1])):
        Path("texts.txt").write_text("\n".join(ordered), encoding="utf-8")
        one = subprocess.run(
            [sys.executable, "-c", LEARN],
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
        )
        found.append(one.stdout)
    assert found[0] == found[1] and len(found[0]) > 1000


def test_more_characters_than_the_vocabulary_has_room_for() -> None:
    """The most frequent ones; the size is never exceeded."""
    from modelspec.runtime.data.tokenizer_learning import learned

    texts = ["".join(chr(0x4E00 + i) for i in range(400)), "一一丁"]
    for size in (10, 100):
        layer = WordPiece(vocabulary_size=size)
        made = tokenizers.Tokenizer.from_str(learned(layer, texts, layer.specials))
        assert made.get_vocab_size() <= size
        assert made.encode("一").tokens == ["一"]


def test_marks_lengths_and_sides() -> None:
    marked: dict[str, Any] = {"start": "<s>", "end": "</s>"}
    first = values(prepared("BPE", 4, vocabulary_size=300, **marked))
    assert (first[:, 0] == 1).all() and (first.max(axis=1) <= 299).all()
    long = first[5]
    assert long[-1] == 2
    front = values(
        prepared("BPE", 4, vocabulary_size=300, padding="pre", truncating="pre", **marked)
    )
    assert front[5][-1] == 2 and front[5][0] == 1
    assert front[5][2] != long[2] or front[5][1] != long[1]
    whole = values(prepared("WordPiece", "auto", vocabulary_size=90))
    oracle = by_package(layer_of(prepared("WordPiece", "auto", vocabulary_size=90)))
    assert whole.shape[1] == max(len(oracle.encode(text).ids) for text in TEXTS)
    before = values(prepared("WordPiece", 40, vocabulary_size=90, padding="pre"))
    assert before[0][0] == 0 and before[0][-1] != 0


def test_training_rows_alone() -> None:
    feature = {"column": "t", "transform": [{"WordPiece": {"vocabulary_size": 90, "length": 5}}]}
    split = {"split": {"test": 0.5, "order": "o"}}
    half = prepared_of(spec({"t": feature}, {"t": 5}, **split))
    everything = prepared_of(spec({"t": feature}, {"t": 5}))
    lines = Path("t.jsonl").read_text(encoding="utf-8").splitlines()
    Path("t.jsonl").write_text("\n".join(lines[:30]), encoding="utf-8")
    alone = prepared_of(spec({"t": feature}, {"t": 5}))
    assert half.state.digest() == alone.state.digest() != everything.state.digest()


def test_two_columns_share_a_vocabulary() -> None:
    """Also with marks that only one of them has."""
    first = [{"WordPiece": {"vocabulary_size": 120, "length": 9}}]
    other = [{"WordPiece": {"vocabulary": {"of": "t"}, "length": 7, "start": "<s>"}}]
    found = prepared_of(
        spec(
            {
                "t": {"column": "t", "transform": first},
                "u": {"column": "u", "transform": other},
            },
            {"t": 9, "u": 7},
        )
    )
    t, u = layer_of(found, "t"), layer_of(found, "u")
    assert t.state == u.state
    oracle = by_package(t)
    assert oracle.token_to_id("<s>") == 2
    assert (values(found, "u")[:, 0] == 2).all()
    assert values(found, "t")[0].tolist() == (oracle.encode(TEXTS[0]).ids + [0] * 9)[:9]


# Files --------------------------------------------------------------------------------------------


def write_tokenizer(name: str = "tok.json", **padding: Any) -> Any:
    made = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=60, special_tokens=["<unk>", "<eos>", "<pad>"], show_progress=False
    )
    made.train_from_iterator(TEXTS, trainer)
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", 1)]
    )
    made.save(name)
    return made


def test_a_file_of_the_package() -> None:
    """Its own marks apply, unless the spec sets others; its padding token is found."""
    oracle = write_tokenizer()
    rows = values(prepared("BPE", 8, file="tok.json")).tolist()
    for row, text in zip(rows, TEXTS, strict=True):
        body = oracle.encode(text, add_special_tokens=False).ids[:7]
        assert row == [*body, 1, *[2] * (7 - len(body))]
    marked = values(prepared("BPE", 8, file="tok.json", start="<eos>", padding_token="<unk>"))
    assert marked[0][0] == 1 and marked[0][-1] == 0


def test_the_file_is_part_of_the_cache_key() -> None:
    from modelspec.runtime.data.prepared_keys import vocabularies

    write_tokenizer()
    found = prepared("BPE", 8, file="tok.json")
    before = vocabularies(found.binding.features.values())
    Path("tok.json").write_text(Path("tok.json").read_text() + "\n")
    after = vocabularies(found.binding.features.values())
    assert before != after and before["packages"] == {"tokenizers": tokenizers.__version__}


def test_the_package_is_part_of_the_fingerprint() -> None:
    """Only of a run that uses it; so is the file."""
    from modelspec.runtime.history.fingerprint import fingerprint

    write_tokenizer()
    feature = {"column": "t", "transform": [{"BPE": {"file": "tok.json", "length": 5}}]}
    found = fingerprint(compiled(spec({"t": feature}, {"t": 5})))
    assert found is not None
    assert found.parts["versions/tokenizers"] == tokenizers.__version__
    assert "data/tok.json" in found.parts
    plain = {"column": "t", "transform": [{"TextVectorization": {"output_sequence_length": 5}}]}
    other = fingerprint(compiled(spec({"t": plain}, {"t": 5})))
    assert other is not None and "versions/tokenizers" not in other.parts


def changed(change: Any) -> None:
    write_tokenizer()
    content = json.loads(Path("tok.json").read_text())
    change(content)
    Path("tok.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("not json", "is not the JSON"),
        ("[1]", "is not the JSON"),
        ('{"model": {"type": "WordPiece"}}', "not `BPE`"),
        ('{"model": {"type": "BPE", "vocab": 3}}', "cannot be loaded"),
        ("[" * 100_000, "is not the JSON"),
        (
            '{"model": {"type": "BPE"}, "normalizer": ' + "[" * 900 + "]" * 900 + "}",
            "tokenizer file",
        ),
        (None, "cannot be read"),
    ],
)
def test_files_that_cannot_be_used(content: str | None, words: str) -> None:
    if content is not None:
        Path("tok.json").write_text(content)
    with pytest.raises(RunError) as raised:
        prepared("BPE", 8, file="tok.json")
    (found,) = raised.value.diagnostics
    assert found.code == "MS690" and words in found.message


def test_a_file_with_a_hostile_expression() -> None:
    pattern = {"Regex": "(a+)+$"}
    split = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}
    changed(lambda content: content.update(pre_tokenizer=split))
    with pytest.raises(RunError) as raised:
        prepared("BPE", 8, file="tok.json")
    assert "repeats a repetition" in raised.value.diagnostics[0].message


def test_a_file_that_would_fill_memory() -> None:
    step = {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 200}
    changed(
        lambda content: content.update(normalizer={"type": "Sequence", "normalizers": [step] * 3})
    )
    with pytest.raises(RunError) as raised:
        prepared("BPE", 8, file="tok.json")
    assert "times as long" in raised.value.diagnostics[0].message


def test_a_template_that_would_fill_memory() -> None:
    """Each part of a template gives the tokens of the text once more."""
    part = {"Sequence": {"id": "A", "type_id": 0}}
    template = {"type": "TemplateProcessing", "pair": [], "special_tokens": {}}
    changed(lambda content: content.update(post_processor={**template, "single": [part] * 1_000}))
    with pytest.raises(RunError) as raised:
        prepared("BPE", 8, file="tok.json")
    assert "times as long" in raised.value.diagnostics[0].message


def test_tokens_that_a_file_does_not_have() -> None:
    write_tokenizer()
    given: list[dict[str, Any]] = [{"start": "<s>"}, {"padding_token": "<nothing>"}]
    for settings in given:
        with pytest.raises(RunError) as raised:
            prepared("BPE", 8, file="tok.json", **settings)
        assert raised.value.diagnostics[0].code == "MS690"


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` does not require it."""
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(RunError) as raised:
        prepared("WordPiece", vocabulary_size=90)
    (found,) = raised.value.diagnostics
    assert found.code == "MS689" and "modelspec[text]" in str(found.help)


# Runs ---------------------------------------------------------------------------------------------


@pytest.mark.tensorflow
def test_a_run_applies_its_tokenizer_to_raw_texts() -> None:
    """And nothing else: the data it was learned from may be gone."""
    import modelspec as ms

    steps = ["Lowercase", {"Replace": {"pattern": "[0-9]", "replacement": "#"}}]
    first = [*steps, {"BPE": {"vocabulary_size": 300, "length": 6}}]
    other = [{"BPE": {"vocabulary": {"of": "t"}, "length": 5}}]
    features = {"t": {"column": "t", "transform": first}, "u": {"column": "u", "transform": other}}
    Path("spec.json").write_text(json.dumps(spec(features, {"t": 6, "u": 5})))
    trained = CliRunner().invoke(main, ["train", "spec.json", "--run-dir", "r"])
    assert trained.exit_code == 0, trained.output
    rows = [{"t": "RUN über 42", "u": "x"}, {"t": "run ÜBER 42", "u": "x"}, {"t": "a", "u": "x"}]
    Path("new.jsonl").write_text("\n".join(map(json.dumps, rows)))
    Path("t.jsonl").unlink()
    found = CliRunner().invoke(main, ["predict", "r", "--data", "new.jsonl", "-o", "p.csv"])
    assert found.exit_code == 0, found.output
    lines = [line.split(",", 1)[1] for line in Path("p.csv").read_text().splitlines()[1:]]
    assert lines[0] == lines[1] != lines[2]
    explained = ms.open_run("r").explain_row(rows[0]).inputs["t"]
    assert explained.read == "RUN über 42"
    assert explained.steps[:2] == (("Lowercase", "run über 42"), ("Replace", "run über ##"))
    assert explained.steps[2][0] == "BPE" and explained.given.shape == (6,)
    exported = CliRunner().invoke(
        main, ["export", "r", "-o", "m.keras", "--to", "keras", "--data", "new.jsonl"]
    )
    assert exported.exit_code == 0, exported.output
    assert "`BPE`" in exported.output and "`Lowercase`" in exported.output


def test_tokens_back_to_text() -> None:
    from modelspec.runtime.data.tokenizers import decoded

    found = prepared("BPE", 30, vocabulary_size=300, end="</s>")
    layer = layer_of(found)
    assert isinstance(layer, BPE)
    assert [decoded(layer, row) for row in values(found)] == TEXTS
    assert np.asarray(layer.state["tokenizer"]).dtype == np.uint8
