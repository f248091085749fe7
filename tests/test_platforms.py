"""Where the operating system has no file locks and process limits, as Windows: what needs none
works, and the rest says so in a sentence.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SPEC = """\
model: {inputs: {x: [4]}, layers: [{Dense: 1}]}
data: {source: {csv: t.csv}, inputs: {x: {columns: [a, b, c, d]}}, targets: {dense: {column: y}}}
training: {loss: mse, epochs: 1}
"""
SENTENCE = (
    "modelspec requires Linux or macOS: file locks and process limits of Windows are not supported;"
    " use WSL"
)
WITHOUT = "import sys\nsys.modules['fcntl'] = sys.modules['resource'] = None\n"


NEED_NOTHING = [
    ("--help",),
    ("check", "spec.yaml"),
    ("show", "spec.yaml"),
    ("resolve", "spec.yaml"),
    ("diff", "spec.yaml", "spec.yaml"),
    ("explain", "Conv2D"),
    ("schema",),
    ("init", "new"),
]
RUN_SOMETHING = [
    ("check", "--data", "spec.yaml"),
    ("data", "spec.yaml"),
    ("train", "spec.yaml"),
    ("resume", "runs/spec/1"),
    ("evaluate", "runs/spec/1"),
    ("predict", "runs/spec/1", "--data", "t.csv"),
    ("export", "runs/spec/1", "--to", "keras", "-o", "a.keras"),
    ("runs", "."),
    ("reproduce", "runs/spec/1"),
    ("weights", "a.keras"),
]
COMMANDS = """
import json
from click.testing import CliRunner
from modelspec.cli import main

answers = []
for arguments in {commands!r}:
    found = CliRunner().invoke(main, arguments)
    answers.append((found.exit_code, found.stdout, found.stderr))
print(json.dumps(answers))
"""
Answer = tuple[int, str, str]
"""The exit status of a command, and its texts on both streams."""


def without_posix(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """A process in which the modules of POSIX cannot be imported."""
    (folder / "spec.yaml").write_text(SPEC)
    (folder / "runs/spec/1").mkdir(parents=True)
    (folder / "a.keras").write_bytes(b"")
    (folder / "model.json").write_text('{"class_name": "Sequential", "config": {"layers": []}}')
    return subprocess.run(
        [sys.executable, "-c", f"{WITHOUT}sys.path.insert(0, {str(ROOT)!r})\n{code}"],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
    )


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], Answer]:
    """What every command answers: one after the other in one process, in which a module of POSIX
    cannot be imported at any time.
    """
    commands = [*NEED_NOTHING, *RUN_SOMETHING]
    done = without_posix(tmp_path_factory.mktemp("posix"), COMMANDS.format(commands=commands))
    assert (done.returncode, done.stderr) == (0, "")
    found = [tuple(one) for one in json.loads(done.stdout)]
    return dict(zip(commands, found, strict=True))


@pytest.mark.parametrize("args", NEED_NOTHING)
def test_what_runs_nothing_needs_no_posix(
    args: tuple[str, ...], answers: dict[tuple[str, ...], Answer]
) -> None:
    status, printed, error = answers[args]
    assert (status, error) == (0, "") and printed


@pytest.mark.parametrize("args", RUN_SOMETHING)
def test_what_runs_something_says_what_it_needs(
    args: tuple[str, ...], answers: dict[tuple[str, ...], Answer]
) -> None:
    assert answers[args] == (3, "", f"Error: {SENTENCE}\n")


def test_the_python_functions_say_it_too(tmp_path: Path) -> None:
    code = (
        "import modelspec\n"
        "spec = modelspec.load_spec('spec.yaml')\n"
        "assert modelspec.check('spec.yaml').ok and spec.graph.parameters == 5\n"
        "for function in (spec.train, lambda: modelspec.export):\n"
        "    try:\n"
        "        function()\n"
        "    except ImportError as error:\n"
        "        print(error)"
    )
    done = without_posix(tmp_path, code)
    assert (done.stdout.splitlines(), done.stderr) == ([SENTENCE] * 2, "")


def test_a_file_that_needs_a_process_of_its_own_is_refused(tmp_path: Path) -> None:
    """Files of strangers are never parsed without the limits."""
    code = (
        "from modelspec.core import sandbox\n"
        "try:\n"
        "    sandbox.start('modelspec.importers.hdf5_attributes')\n"
        "except ImportError as error:\n"
        "    print(error)"
    )
    assert without_posix(tmp_path, code).stdout == f"{SENTENCE}\n"
