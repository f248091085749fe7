"""What the documents show is true: specs check clean, commands print what they are said to print, Python runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main

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


def blocks(language: str) -> list[str]:
    """The fenced texts of the README in a language."""
    return [text for found, text in FENCE.findall((ROOT / "README.md").read_text("utf-8")) if found == language]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the example specs in it, to work in."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "faulty.yaml").write_text(FAULTY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", blocks("yaml"), ids=range(len(blocks("yaml"))))
def test_a_spec_in_the_readme_has_no_fault(text: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    assert [str(d) for d in ms.check(path).diagnostics] == []


@pytest.mark.parametrize("text", blocks("console"), ids=range(len(blocks("console"))))
def test_a_command_in_the_readme_prints_what_is_shown(text: str, project: Path) -> None:
    command, _, expected = text.partition("\n")
    result = CliRunner().invoke(main, command.removeprefix("$ modelspec ").split())
    assert result.output.strip() == expected.strip()


@pytest.mark.parametrize("config", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_an_example_spec_has_no_fault(config: Path) -> None:
    assert [str(d) for d in ms.check(config).diagnostics] == []


@pytest.mark.tensorflow
@pytest.mark.parametrize("text", blocks("python"), ids=range(len(blocks("python"))))
def test_the_python_in_the_readme_runs(text: str, project: Path) -> None:
    names: dict[str, object] = {}
    exec(compile(text, "README.md", "exec"), names)
    assert (project / "runs/a/model.keras").is_file()
