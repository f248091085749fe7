"""What the documents show is true: specs check clean, commands print what they are said to print,
Python runs.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main

from .trainings_here import trained_here

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FAULTY = """\
model:
  inputs: {image: [28, 28, 1]}
  layers:
    - Conv2D: {filters: 32, kernal_size: 3, activation: relu}
    - Conv2D: {filters: 64, kernel_size: 15, from: image, name: wide}
    - MaxPooling2D: {pool_size: 16}
    - Flatten
    - Dense: {units: 10, activation: softmax, from: image}
training:
  optimizer: {Adam: {learning_rate: -0.001}}
  loss: binary_crossentropy
"""


DOCUMENTS = [
    "README.md",
    *sorted(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "docs").rglob("*.md")
        if path.name not in ("reference.md", "runs.md", "tutorial.md")
    ),
]  # which have tests of their own


def fences(document: str) -> list[tuple[str, str]]:
    """The fenced texts of a document, each with its language."""
    return FENCE.findall((ROOT / document).read_text("utf-8"))


def blocks(language: str) -> list[Any]:
    """The fenced texts in a language, in all the documents, named by the document and their number
    in it.
    """
    return [
        pytest.param(text, id=f"{document}-{number}")
        for document in DOCUMENTS
        for number, text in enumerate(text for found, text in fences(document) if found == language)
    ]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the example specs in it, to work in."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "faulty.yaml").write_text(FAULTY, encoding="utf-8")
    flowers = next(text for language, text in fences("README.md") if language == "yaml")
    mistake = flowers.replace("sparse_categorical_crossentropy", "binary_crossentropy")
    (tmp_path / "flowers.yaml").write_text(flowers, encoding="utf-8")
    (tmp_path / "mistake.yaml").write_text(mistake, encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path.parent / "configuration"))  # of `trust`
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", blocks("yaml"))
def test_a_spec_that_is_shown_has_no_fault(text: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    assert [str(d) for d in ms.check(path).diagnostics] == []


def trains(block: Any) -> bool:
    """Whether a block shows a training, whose numbers differ from machine to machine."""
    return str(block.values[0]).startswith("$ modelspec train ")


@pytest.mark.parametrize("text", [block for block in blocks("console") if not trains(block)])
def test_a_command_prints_what_is_shown(text: str, project: Path) -> None:
    command, _, expected = text.partition("\n")
    result = CliRunner().invoke(main, command.removeprefix("$ modelspec ").split())
    assert result.output.strip() == expected.strip()


@pytest.mark.tensorflow
@pytest.mark.parametrize("text", [block for block in blocks("console") if trains(block)])
def test_a_training_prints_what_is_shown(text: str, project: Path) -> None:
    command, _, expected = text.partition("\n")
    result = CliRunner().invoke(main, command.removeprefix("$ modelspec ").split())
    assert is_shown(shape(result.output), shape(expected)), f"{command}\n{result.output}"


@pytest.mark.parametrize(
    "config", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.stem
)
def test_an_example_spec_has_no_fault(config: Path) -> None:
    assert [str(d) for d in ms.check(config).diagnostics] == []


def runnable(document: str) -> list[tuple[str, str]]:
    """What a reader of a document would run, in order: Python, and commands of modelspec."""
    return [
        (language, text)
        for language, text in fences(document)
        if language == "python" or (language == "sh" and text.startswith("modelspec "))
    ]


@pytest.mark.tensorflow
@pytest.mark.parametrize("document", [name for name in DOCUMENTS if runnable(name)])
def test_what_a_document_says_to_run_runs(
    document: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From top to bottom in one folder, as its reader would: what one block makes, the next ones
    may use.
    """
    trained_here(monkeypatch)  # what `modelspec test` trains
    names: dict[str, object] = {}
    for language, text in runnable(document):
        if language == "python":
            exec(compile(text, document, "exec"), names)
            continue
        for command in text.replace("\\\n", " ").splitlines():
            words = shlex.split(command, comments=True)
            result = CliRunner().invoke(main, words[1:])
            assert result.exit_code == 0, f"{command}\n{result.output}"


def test_layers_that_the_table_of_older_keras_names_exist() -> None:
    from modelspec.catalog.layers import LAYERS

    text = (ROOT / "docs/preprocessing.md").read_text("utf-8")
    tables = "\n".join(
        line.partition("|")[2].partition("|")[2]
        for line in text.splitlines()
        if line.startswith("|")
    )
    kinds = r"`(Random\w+|\w+(?:Normalization|Encoding|Lookup|Vectorization)|Hashing|Rescaling)\b"
    named = set(re.findall(kinds, tables))
    assert len(named) > 10 and {name for name in named if name not in LAYERS} == set()


def test_the_picture_of_the_readme_is_what_the_command_draws(project: Path) -> None:
    result = CliRunner().invoke(main, ["show", "configs/siamese.yaml", "--picture", "drawn.svg"])
    assert result.exit_code == 0, result.output
    assert (project / "drawn.svg").read_text("utf-8") == (ROOT / "docs/siamese.svg").read_text(
        "utf-8"
    )


# Runs ---------------------------------------------------------------------------------------------

TOUR = FENCE.findall((ROOT / "docs/runs.md").read_text("utf-8"))
NUMBER = re.compile(
    r"(?<=sha256 )[0-9a-f]+|(?<![\w/.])-?\d[\d,.:]*(?:e[+-]\d+)?(?: s\b)?|[▁▂▃▄▅▆▇█]+"
)
SIZE = re.compile(r"\b(bytes|kB|MB)\b")


def shape(text: str) -> list[str]:
    """Lines without what differs from machine to machine: digits, sizes, curves, and how wide
    columns are.
    """
    return [
        " ".join(SIZE.sub("B", NUMBER.sub("N", line)).split()) for line in text.strip().splitlines()
    ]


def is_shown(printed: list[str], shown: list[str]) -> bool:
    """Whether lines are those of a document, in which `...` stands for any lines."""
    if not shown:
        return not printed
    if shown[0] == "...":
        return any(is_shown(printed[count:], shown[1:]) for count in range(len(printed) + 1))
    return bool(printed) and printed[0] == shown[0] and is_shown(printed[1:], shown[1:])


def test_what_is_shown_is_compared() -> None:
    assert is_shown(shape("a 1.5 s\nb\nc  2 kB"), shape("a 0.1 s\n...\nc 17 bytes"))
    assert not is_shown(shape("a 1.5 s\nb"), shape("a 0.1 s"))
    assert not is_shown(shape("a 1.5 s\nb"), shape("a 0.1 s\n...\nc"))
    assert shape("hidden/kernel all 4 are") != shape("hidden/bias all 4 are")


@pytest.mark.tensorflow
def test_the_tour_of_runs_prints_what_is_shown(project: Path) -> None:
    """All of its blocks in their order, in one folder."""
    assert [language for language, _ in TOUR].count("console") >= 10
    for language, text in TOUR:
        if language in ("yaml", "csv"):
            (project / {"yaml": "iris.yaml", "csv": "new.csv"}[language]).write_text(
                text, encoding="utf-8"
            )
        elif language == "console":
            command, _, expected = text.partition("\n")
            result = CliRunner().invoke(main, command.removeprefix("$ modelspec ").split())
            assert result.exit_code == 0, result.output
            assert is_shown(shape(result.output), shape(expected)), f"{command}\n{result.output}"
        elif language == "python":
            exec(compile(text, "runs.md", "exec"), {})
    names = set(
        re.findall(r"^\| `([\w.]+)/?` \|", (ROOT / "docs/runs.md").read_text("utf-8"), re.MULTILINE)
    )
    written = {one.name for one in (project / "runs/iris/1").iterdir()} - {".lock"}
    assert names - {"presets"} == written  # it uses none
