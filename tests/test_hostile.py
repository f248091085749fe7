"""Hostile files end in a documented exit status, with nothing executed: the cases that cost little.
`tests/tools/hostile.py` runs all of them, under strace, and measures memory and time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.fuzz_runs import call
from tests.tools.hostile import STATUSES
from tests.tools.hostile_case import EXECUTED, Case
from tests.tools.hostile_cases import cases

COSTLY = (
    *("text:", "bytes:"),  # in tests/test_source_files.py
    *("archive: a large", "data: a bomb", "data: a pipe", "data: a million", "hdf5", "run "),
)
CHEAP = [one for one in cases() if not one.name.startswith(COSTLY)][::3]
"""Every third of the others."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a secret that no case may read."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "outside").mkdir()
    (folder / "outside" / "secret.csv").write_text("a,b,y\n7,7,SECRET\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder / "home"))
        patch.setenv("MODELSPEC_CACHE", str(folder / "cache"))
        yield folder


def test_there_are_330_of_them() -> None:
    assert len(cases()) >= 330


@pytest.mark.parametrize("case", CHEAP, ids=lambda case: case.name[:60])
def test_a_hostile_file_is_refused_or_read(
    case: Case, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place / f"case-{len(os.listdir(place))}"  # noqa: PTH208 - names, not paths
    folder.mkdir()
    case.write(folder)
    monkeypatch.chdir(folder)
    status, printed = call(case.command, "")
    assert status in STATUSES, printed
    assert "SECRET" not in printed
    assert "Traceback" not in printed
    assert not any((one / EXECUTED).exists() for one in (folder, place))
