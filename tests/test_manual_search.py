"""`modelspec explain` finds topics by the words that people type."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from modelspec.cli import main
from modelspec.views.manual import find
from modelspec.views.manual.page import Page
from modelspec.views.manual.search import page

COMMANDS = {"predict": "Predict with a run."}


def explain(*args: str) -> Result:
    return CliRunner().invoke(main, ["explain", *args])


def found(query: str) -> dict[str, list[str]]:
    """The topics by table."""
    made = page(query, COMMANDS)
    return (
        {table.heading: [row.name for row in table.rows] for table in made.tables} if made else {}
    )


def test_words_list_the_topics_that_have_them() -> None:
    result = explain("learning rate")
    assert result.exit_code == 0
    assert "  Adam.learning_rate " in result.output
    assert "  LearningRateScheduler " in result.output
    assert "  ReduceLROnPlateau " in result.output
    assert "  MS551 " in result.output
    assert explain("--markdown", "learning rate").output.startswith("# learning rate\n")


@pytest.mark.parametrize(
    ("query", "table", "first"),
    [
        ("learning rate", "Settings", "Adam.learning_rate"),
        ("learning_rate", "Settings", "Adam.learning_rate"),
        ("Class Weights", "Keys", "training.class_weight"),
        ("early stopping", "Callbacks", "EarlyStopping"),
        ("how to freeze layers?", "Keys", "training.freeze"),
        ("regularization", "Regularizers", "OrthogonalRegularizer"),
        ("batch size", "Keys", "training.batch_size"),
        ("batch normalization", "Layers", "BatchNormalization"),
        ("predictions", "Commands", "predict"),
    ],
)
def test_the_topic_that_is_named_so_comes_first(query: str, table: str, first: str) -> None:
    assert found(query)[table][0] == first


@pytest.mark.parametrize("query", ["learning rate", "kernel", "class weights", "image size"])
def test_every_topic_of_the_list_has_a_page(query: str) -> None:
    topics = [name for names in found(query).values() for name in names if name not in COMMANDS]
    assert topics
    assert [name for name in topics if not find(name)] == []


def test_all_words_are_in_the_name_or_the_sentence() -> None:
    made = page("momentum", COMMANDS)
    assert isinstance(made, Page)
    rows = [row for table in made.tables for row in table.rows]
    assert rows
    assert [row.name for row in rows if "momentum" not in f"{row.name} {row.takes}".lower()] == []


def test_a_long_list_is_cut_and_says_so() -> None:
    made = page("initializer", COMMANDS)
    assert isinstance(made, Page)
    assert max(len(table.rows) for table in made.tables) == 10
    assert any("more settings" in note for note in made.notes)


@pytest.mark.parametrize("query", ["", "  ", "the", "qqqq", "Conv2DD", "MS999", "predcit"])
def test_what_nothing_has_gives_no_list(query: str) -> None:
    assert page(query, COMMANDS) is None


def test_what_nothing_has_gives_the_nearest_topic() -> None:
    assert explain("lerning rate").exit_code == 2
    assert "did you mean `learning_rate`?" in explain("lerning rate").output
    assert "did you mean `Conv2D`?" in explain("Conv2DD").output
    assert "did you mean" not in explain("MS999").output
    assert "`modelspec explain` lists the topics" in explain("qqqq").output
