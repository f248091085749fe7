"""The topics of `modelspec explain`: every word finds its page, and every spec on a page has no
fault, builds, and trains.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import modelspec as ms
from modelspec.cli import main
from modelspec.views.manual import find, near, topic_pages
from modelspec.views.manual.topic_pages import parse, spaced, topic

ROOT = Path(__file__).parent.parent
NAMES = topic_pages.names()
WORDS = [(word, name) for name in NAMES for word in (name, *topic(name).also)]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = set(main.list_commands(None))  # type: ignore[arg-type]
ROWS = 12
"""How often the rows of a table on a page are repeated, so that they can be split."""
TRAINED = ("forecasting", "rl")
"""Specs whose data or terms are not those of a config that is trained elsewhere."""
OF_OTHER_FILES = ("transfer learning", "distillation", "ensemble")
"""Specs that start from weights of another file."""


def blocks(name: str, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(topic(name).text) if found == language]


def written(name: str, folder: Path) -> Path:
    """The spec of a topic in a folder, beside the table that its page shows."""
    (spec,) = blocks(name, "yaml")
    path = folder / "spec.yaml"
    path.write_text(spec, encoding="utf-8")
    for table in blocks(name, "csv"):
        head, *rows = table.splitlines()
        target = re.search(r"csv: (\S+?)\}", spec)
        assert target is not None
        (folder / target[1]).write_text("\n".join([head, *rows * ROWS]) + "\n", encoding="utf-8")
    return path


def explain(*args: str) -> Result:
    return CliRunner().invoke(main, ["explain", *args])


# Pages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_of_a_topic_has_no_fault(name: str, tmp_path: Path) -> None:
    assert [str(found) for found in ms.check(written(name, tmp_path)).diagnostics] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_a_topic_refers_to_exists(name: str) -> None:
    for see in topic(name).see:
        if "/" in see:
            assert (ROOT / see).is_file(), see
        else:
            assert find(see) or see in COMMANDS, see
    named = re.findall(r"`modelspec explain ([^`]+)`", topic(name).text)
    assert [one for one in named if not find(one)] == []
    paths = re.findall(r"`(configs/[\w.]+)`", topic(name).text)
    assert [one for one in paths if not (ROOT / one).is_file()] == []


@pytest.mark.parametrize("name", NAMES)
def test_commands_of_a_topic_exist(name: str) -> None:
    for line in "\n".join(blocks(name, "sh")).splitlines():
        for words in (part.split() for part in re.findall(r"modelspec ([^;]+)", line)):
            command = main.get_command(None, words[0])  # type: ignore[arg-type]
            assert command is not None, line
            known = {option for parameter in command.params for option in parameter.opts}
            used = {word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word)}
            assert used <= known, line


def test_a_page_shows_its_spec_and_where_to_read_more() -> None:
    output = explain("kfold").output
    assert output.startswith("kfold: cross-validation (topic)\n")
    assert "\n      split: {folds: 5, fold: 0," in output
    read_more = (
        "See `modelspec explain data.split`, `modelspec explain sweep.parameters`, `docs/rows"
    )
    assert read_more in " ".join(output.split())


@pytest.mark.parametrize(
    "text", ["", "kfold\n", "# kfold: folds\n\nText.\n", "# kfold: folds\n\nAlso: a\n\nText.\n"]
)
def test_a_topic_of_another_form_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="a topic begins with"):
        parse(text)


# Names --------------------------------------------------------------------------------------------


def test_each_word_belongs_to_one_topic() -> None:
    words = [spaced(word) for word, _ in WORDS]
    assert sorted(words) == sorted(set(words))


@pytest.mark.parametrize("name", NAMES)
def test_every_word_finds_its_topic(name: str) -> None:
    for word in (name, *topic(name).also):
        pages = find(word)
        assert pages and pages[0].title == f"{name}: {topic(name).title}", word
        for other in (word.upper(), word.replace(" ", "_"), f" {word} ", word.replace("-", " ")):
            assert topic_pages.called(other) == name, other


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("k-fold", "kfold"),
        ("KFold", "kfold"),
        ("cross_validation", "kfold"),
        ("fine-tuning", "finetune"),
        ("fine_tune", "finetune"),
        ("FineTuning", "finetune"),
        ("U-Net", "segmentation"),
        ("DCGAN", "gan"),
        ("time_series", "forecasting"),
        ("timeseries", "forecasting"),
        ("multi-GPU", "multi-gpu"),
        ("learning-rate-schedule", "learning rate schedule"),
        ("outofmemory", "memory"),
    ],
)
def test_other_spellings_find_it(written: str, name: str) -> None:
    assert [page.title.partition(":")[0] for page in find(written)] == [name]


def test_a_name_of_the_language_keeps_its_page() -> None:
    assert [page.subtitle for page in find("Attention")] == ["layer"]
    assert [page.subtitle for page in find("attention")] == ["topic", "layer"]
    assert [page.subtitle for page in find("lora")] == ["topic", "key"]
    assert [page.subtitle for page in find("earlystopping")] == ["callback"]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("segmentatoin", "segmentation"), ("destillation", "distillation"), ("k fould", "k-fold")],
)
def test_an_unknown_topic_suggests_one(wrong: str, right: str) -> None:
    assert find(wrong) == []
    assert near(wrong) == right
    result = explain(wrong)
    assert result.exit_code == 2 and f"did you mean `{right}`?" in result.output


def test_topics_are_listed_and_found_by_words() -> None:
    listed = explain("topics").output
    assert all(f"  {name} " in listed for name in NAMES)
    assert all(f"  {name} " in explain().output for name in NAMES)
    found = explain("predict next token").output
    assert found.index("Topics") < found.index("language model")


# JSON ---------------------------------------------------------------------------------------------


def test_a_page_as_json() -> None:
    found = json.loads(explain("kfold", "--format", "json").output)
    assert found["topic"] == "kfold" and found["help"] is None
    (page,) = found["pages"]
    assert page["title"] == "kfold: cross-validation" and "```yaml" in page["text"]
    both = json.loads(explain("resume", "--format", "json").output)
    assert len(both["pages"]) == 1 and both["help"].startswith("Usage: ")
    listed = json.loads(explain("--format", "json").output)
    assert listed["topic"] is None
    rows = {row["name"] for table in listed["pages"][0]["tables"] for row in table["rows"]}
    assert rows >= {*NAMES, "layers", "codes"}


@pytest.mark.parametrize("other", ["--markdown", "--all"])
def test_json_is_not_markdown(other: str) -> None:
    assert explain("--format", "json", other, "kfold").exit_code == 2


# Keras --------------------------------------------------------------------------------------------


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in OF_OTHER_FILES])
def test_the_model_of_a_topic_builds(name: str, tmp_path: Path) -> None:
    spec = ms.load_spec(written(name, tmp_path))
    assert spec.build().count_params() == spec.graph.parameters


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", TRAINED)
def test_the_spec_of_a_topic_trains(name: str, tmp_path: Path) -> None:
    overrides = {"training.epochs": 1, "training.batch_size": 1000, "data.split": None}
    run = ms.load_spec(written(name, tmp_path), overrides).train(run_dir=tmp_path / "run")
    assert run.history["loss"][0] != 0
