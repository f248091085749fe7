"""The cache of `modelspec check`: an unchanged file is answered without a check, a change of
anything that the check depended on is noticed, and nothing that happens to the cache is an error.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from modelspec.cli import plain_check
from modelspec.cli.check_cache import entry, recorder
from modelspec.cli.check_cache.arguments import asked
from modelspec.cli.check_cache.quick import cached_status
from modelspec.cli.check_cache.stored import dump, load
from modelspec.cli.check_output import FileResult
from modelspec.core.diagnostics import Diagnostic, Edit, Note, Source, Span

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the cache needs POSIX")

BASE = "vars: {width: 8}\n"
SPEC = """\
extends: base.yaml
model:
  inputs: {x: [4]}
  layers:
    - Dense: {units: $width, from: x}
    - Constant: {file: table.npy, name: table}
    - Multiply: {from: [dense, table]}
    - Dense: 1
data:
  source: {csv: "$(env('TABLE', 'rows.csv'))"}
  split: {validation: 0.5}
  inputs: {x: {columns: {all_but: [y]}}}
  targets: {column: y}
training: {loss: mse, optimizer: adam}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose spec depends on another spec, a table, an array and a variable."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TABLE", raising=False)
    monkeypatch.setattr(sys, "argv", ["modelspec", "check", "spec.yaml"])
    monkeypatch.setattr(recorder, "_FRESH", 0)  # the files of a test are as old as the test
    monkeypatch.delitem(sys.modules, "modelspec.core.plugins.loading", raising=False)
    Path("base.yaml").write_text(BASE)
    Path("spec.yaml").write_text(SPEC)
    Path("rows.csv").write_text("a,b,c,d,y\n1,2,3,4,5\n2,3,4,5,6\n")
    table(8)
    return folder


def table(size: int) -> None:
    np.save("table.npy", np.ones(size, "float32"))


def checked(*, cached: bool = True) -> FileResult:
    return plain_check.check_files(["spec.yaml"], {}, cached=cached)["spec.yaml"]


def is_cached() -> bool:
    wanted = asked(sys.argv[1:])
    assert wanted is not None
    return entry.find(entry.path_of("spec.yaml", wanted.options)) is not None


@pytest.mark.parametrize(
    "text", [SPEC, SPEC.replace("mse", "mes"), "model: [", BASE], ids=["clean", "fault", "yaml", ""]
)
def test_the_second_answer_is_the_first_without_a_check(
    project: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    Path("spec.yaml").write_text(text)
    first = checked()
    monkeypatch.setattr(plain_check, "compile_file", None)  # calling it would fail
    if first.size is None:  # the file could not be read: it is checked again
        assert not is_cached()
    else:
        assert checked() == first


def replaced(path: str, before: str, after: str) -> Callable[[], object]:
    return lambda: Path(path).write_text(Path(path).read_text().replace(before, after))


def linked() -> None:
    Path("other.csv").write_text("a,b,c,y\n1,2,3,5\n")
    Path("rows.csv").unlink()
    Path("rows.csv").symlink_to("other.csv")


CHANGES: dict[str, Callable[[], object]] = {
    "the spec": replaced("spec.yaml", "mse", "mes"),
    "a file that it extends, of the same size": replaced("base.yaml", "8", "0"),
    "the columns of its table": replaced("rows.csv", "c,d,", "c,"),
    "a table that is removed": lambda: Path("rows.csv").unlink(),
    "a link to another table": linked,
    "an array that is removed": lambda: Path("table.npy").unlink(),
    "an array of another shape": lambda: table(7),
    "a variable that the spec reads": lambda: os.environ.__setitem__("TABLE", "absent.csv"),
    "allowed places": lambda: os.environ.__setitem__("MODELSPEC_DATA_ROOTS", "s3:/wrong"),
    "a project that appears": lambda: Path("pyproject.toml").write_text(
        "[tool.modelspec]\ndata_roots = ['/srv']\n"
    ),
    "a project above, that cannot be read": lambda: Path("../pyproject.toml").write_text("["),
}


WITHOUT_EFFECT = [
    CHANGES[name]
    for name in (
        "a link to another table",
        "a project above, that cannot be read",
    )
]
"""What a check looks at, but does not report."""


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_noticed(
    project: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]
) -> None:
    for name in ("TABLE", "MODELSPEC_DATA_ROOTS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    before = checked()
    assert is_cached()
    change()
    assert not is_cached()
    after = checked()
    assert after == checked(cached=False)
    assert (after != before) == (change not in WITHOUT_EFFECT)


def test_what_has_no_meaning_is_not_noticed(project: Path) -> None:
    """A file that is written again with the same content, and other files of the folder."""
    checked()
    Path("spec.yaml").write_text(SPEC)
    Path("notes.txt").write_text("x")
    assert is_cached()


def test_a_file_of_the_program_that_changes_is_noticed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For those who work on modelspec: its files are compared where they are not installed."""
    module = project / "part.py"
    module.write_text("")
    os.utime(module, (1, 1))
    monkeypatch.setitem(sys.modules, "part", type(sys)("part"))
    monkeypatch.setattr(sys.modules["part"], "__file__", str(module), raising=False)
    checked()
    assert is_cached()
    os.utime(module, (2, 2))
    assert not is_cached()


def test_each_set_of_options_has_its_own_result(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked()
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--set", "vars.width=3"])
    assert not is_cached()
    monkeypatch.setattr(sys, "argv", [*sys.argv[:3], "--format", "json"])
    assert is_cached()  # the format is not part of the result


def test_a_file_that_two_specs_use_is_a_dependency_of_both(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if it is checked itself in the same command, before the other one."""
    Path("base.yaml").write_text(BASE + SPEC.partition("\n")[2])
    Path("spec.yaml").write_text("extends: base.yaml\n")
    files = ["base.yaml", "spec.yaml"]
    monkeypatch.setattr(sys, "argv", ["modelspec", "check", *files])
    plain_check.check_files(files, {}, cached=True)
    assert is_cached()
    Path("spec.yaml").write_text("extends: base.yaml\n# changed\n")
    assert entry.find(entry.path_of("base.yaml", [])) is not None
    plain_check.check_files(files, {}, cached=True)
    Path("base.yaml").write_text("vars: {width: 0}\n")
    assert not is_cached()


def test_a_change_during_the_check_is_not_kept(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compiled(file: str, overrides: object) -> object:
        found = compile_file(file, {})
        Path("base.yaml").write_text("vars: {width: 0}\n")
        return found

    compile_file = plain_check.compile_file
    monkeypatch.setattr(plain_check, "compile_file", compiled)
    checked()
    assert not is_cached()


def test_a_file_that_was_written_just_now_is_not_kept(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could be written once more within the same tick of the clock of the file system."""
    monkeypatch.setattr(recorder, "_FRESH", 10**12)
    checked()
    assert not is_cached()


def test_a_check_with_plugins_is_not_kept(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "modelspec.core.plugins.loading", type(sys)("loading"))
    checked()
    assert not is_cached()


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "a.yaml"],
        ["check", "-"],
        ["check", "a.yaml", "--data"],
        ["check", "a.yaml", "--fix"],
        ["check", "a.yaml", "--plugin", "mine"],
        ["check", "a.yaml", "--format", "xml"],
        ["check", "a.yaml", "--set"],
        ["check", "a.yaml", "--help"],
        [],
    ],
)
def test_other_command_lines_are_left_to_the_full_command(arguments: list[str]) -> None:
    assert asked(arguments) is None


def test_damaged_entries_are_ignored(project: Path) -> None:
    checked()
    path = Path(entry.path_of("spec.yaml", []))
    whole = path.read_bytes()
    forged = zlib.compress(b"result\0\0 (1 layer)")
    for data in (b"", whole[:-1], whole[:40], b"0" * 40 + whole[40:], b"0" * 40 + forged):
        path.write_bytes(data)
        assert entry.find(str(path)) is None
    path.write_bytes(whole)
    assert entry.find(str(path)) is not None


def test_writers_do_not_disturb_readers(project: Path) -> None:
    """A reader finds a whole entry at any time, while two threads write it again and again."""
    path = entry.path_of("spec.yaml", [])
    entry.write(path, {}, entry.Result("", " (1)"))
    done = threading.Event()

    def write_on() -> None:
        while not done.is_set():
            entry.write(path, {}, entry.Result("x" * 5000, " (1)"))

    writers = [threading.Thread(target=write_on) for _ in range(2)]
    for one in writers:
        one.start()
    try:
        assert all(entry.find(path) is not None for _ in range(300))
    finally:
        done.set()
        for one in writers:
            one.join()
    assert [one.name for one in Path(entry.folder()).iterdir()] == [Path(path).name]


def test_a_folder_that_cannot_be_written_is_no_cache(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").write_text("")
    monkeypatch.setenv("MODELSPEC_CACHE", str(project / "file"))
    assert checked().ok
    assert not is_cached()


def test_a_full_disk_leaves_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda handle, data: 3)
        checked()
    assert list(Path(entry.folder()).iterdir()) == []


def test_the_cache_is_bounded(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "ENTRIES", 3)
    monkeypatch.setattr(entry, "BYTES", 1000)
    folder = Path(entry.folder())
    folder.mkdir(parents=True)
    for at, size in enumerate([10, 10, 10, 10, 10]):
        (folder / str(at)).write_bytes(b"x" * size)
        os.utime(folder / str(at), (at, at))
    entry.prune()
    assert sorted(one.name for one in folder.iterdir()) == ["2", "3", "4"]
    (folder / "4").write_bytes(b"x" * 995)
    os.utime(folder / "4", (4, 4))
    entry.prune()
    assert [one.name for one in folder.iterdir()] == ["4"]


def test_an_entry_contains_no_value_of_a_variable(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be a password; only a hash of it is kept."""
    name = "rows-of-hunter2.csv"
    Path("rows.csv").rename(name)
    monkeypatch.setenv("TABLE", name)
    checked()
    kept = Path(entry.path_of("spec.yaml", [])).read_bytes()
    parts = zlib.decompress(kept[40:]).split(b"\0")
    assert b"ETABLE" in parts
    assert name.encode() not in parts[parts.index(b"ETABLE") + 1]


def test_a_result_survives_storage() -> None:
    source = Source("a.yaml", "model: 1\0\ud800")
    span = Span(source, 0, 5)
    one = Diagnostic(
        "MS202", "error", "message", span, (Note("why", span), Note("else")), "help", "x",
        (Edit(span, "y"),),
    )  # fmt: skip
    result = FileResult((one,), " (2 layers)", {"trials": 3})
    assert load(dump(result)) == result
    assert load(dump(FileResult((), ""))) == FileResult((), "")


def test_the_program_answers_without_its_libraries(project: Path) -> None:
    """A cached check imports no click, YAML, pydantic, typing or json; `--no-cache` checks anew."""
    command = [sys.executable, "-X", "importtime", "-m", "modelspec", "check", "spec.yaml"]

    def run(*options: str) -> tuple[str, set[str]]:
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
        lines = done.stderr.splitlines()
        return done.stdout, {line.rpartition("|")[2].strip() for line in lines}

    os.environ.pop("MODELSPEC_DATA_ROOTS", None)
    first, imported = run()
    assert {"yaml", "pydantic"} <= imported
    assert "click" not in imported
    second, imported = run()
    after_start = {name for name in imported if name.startswith("modelspec") or name == "click"}
    assert second == first
    assert not {"yaml", "pydantic", "click", "modelspec.compiler"} & imported
    assert len(after_start) < 12
    assert "yaml" in run("--no-cache")[1]


def test_faults_from_the_cache_are_printed_in_every_format(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("spec.yaml").write_text(SPEC.replace("mse", "mes"))
    checked()
    assert cached_status(["check", "spec.yaml"]) == 1
    assert "did you mean `mse`" in capsys.readouterr().out
    assert cached_status(["check", "spec.yaml", "--format=json"]) == 1
    assert '"ok": false' in capsys.readouterr().out
    assert cached_status(["check", "other.yaml"]) is None
