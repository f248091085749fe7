"""The help of the commands: the first commands, examples, completion."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from modelspec.cli import command_modules, main, status
from modelspec.cli.examples import START

from .test_project_files import rows

COMMANDS = sorted(command_modules())
SHELLS = {"bash 4.4 or newer": "bash", "zsh": "zsh", "fish": "fish"}


def command_named(name: str) -> click.Command:
    command = import_module(command_modules()[name]).command
    assert isinstance(command, click.Command)
    return command


def shown_examples(name: str) -> list[str]:
    """The command lines in the help of a command; a line that ends with a backslash continues."""
    result = CliRunner().invoke(main, [name, "--help"], terminal_width=100)
    below = result.output.partition("Examples:\n")[2]
    lines = [line.strip() for line in below.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line]


# Start --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [(), ("--help",)], ids=["alone", "help"])
def test_the_first_commands_are_shown(arguments: tuple[str, ...]) -> None:
    output = CliRunner().invoke(main, list(arguments)).output
    assert len(START) == 3
    for line, effect in START:
        assert f"  {line} " in output and effect in output


def test_modelspec_alone_is_short_and_wrong_usage() -> None:
    result = CliRunner().invoke(main, [])
    assert result.exit_code == status.USAGE
    assert len(result.output.splitlines()) <= 10


def test_the_first_commands_work_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but the training, which `tests/test_cli.py` does."""
    monkeypatch.chdir(tmp_path)
    for line, _ in START[:2]:
        result = CliRunner().invoke(main, shlex.split(line)[1:])
        assert result.exit_code == 0, result.output
    assert shlex.split(START[2][0])[1:] == ["train", "model.yaml"]


# Examples -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_has_examples_of_it(name: str) -> None:
    lines = shown_examples(name)
    assert lines
    assert all(f"modelspec {name}" in line or line.startswith("curl ") for line in lines), lines


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_a_command_can_be_parsed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = command_named(name)
    known = {option for parameter in command.params for option in parameter.opts}
    for line in shown_examples(name):
        if line.startswith("curl "):
            continue
        words = shlex.split(line.rpartition(f"modelspec {name}")[2].partition(" > ")[0])
        options = [re.split("=", word)[0] for word in words if re.match(r"--?[a-z]", word)]
        assert set(options) <= known, line
        context = click.Context(command, info_name=name, resilient_parsing=True)
        _, rest, _ = command.make_parser(context).parse_args(list(words))
        assert rest == [], line


# Completion ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row", rows("docs/commands.md", "Shell completion"), ids=lambda row: row[0]
)
def test_the_completion_of_a_shell_works(row: list[str]) -> None:
    shell = SHELLS[row[0]]
    variables = dict(re.findall(r"(_MODELSPEC_COMPLETE)=(\w+)", row[2]))
    assert variables == {"_MODELSPEC_COMPLETE": f"{shell}_source"}
    printed = CliRunner().invoke(main, [], prog_name="modelspec", env=variables)
    assert printed.exit_code == 0 and f"{shell}_complete" in printed.output


@pytest.mark.parametrize(
    ("words", "expected"),
    [("modelspec ch", {"check"}), ("modelspec check --f", {"--format", "--fix"})],
)
def test_commands_and_options_are_completed(words: str, expected: set[str]) -> None:
    environment = {
        "_MODELSPEC_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    printed = CliRunner().invoke(main, [], prog_name="modelspec", env=environment)
    assert {line.partition(",")[2] for line in printed.output.split()} == expected
