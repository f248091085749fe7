"""Where real data lies, for the tests that run on it; they skip where it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("MODELSPEC_DATA", Path(__file__).parents[2] / "shared" / "data"))


def real(name: str) -> Path:
    """The path of a file of real data. Skips the test where there is none."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"no {name} (MODELSPEC_DATA says where real data lies)")
    return path
