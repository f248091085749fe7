"""A sweep whose workers run on a Ray cluster, here one of this host."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("optuna")
pytest.importorskip("ray")

from .sweeps import spec
from .tools import kill_sweeps

pytestmark = pytest.mark.tensorflow

SEARCH = """
objective: {minimize: val_loss}
sampler: grid
parameters: {vars.units: [2, 4, 8]}
"""


def test_workers_of_a_cluster_share_the_trials(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(spec(SEARCH))
    words = ["sweep", "small.yaml", "--storage", "sqlite:///sweeps.db", "--ray", "local", "-j", "2"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "modelspec", *words],
        cwd=tmp_path,
        env={**kill_sweeps.environment(), "RAY_USAGE_STATS_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "runs/small/sweep-1/trials.json").read_text())["trials"]
    assert [one["values"]["vars.units"] for one in found] == [2, 4, 8]
    assert {one["state"] for one in found} == {"completed"}
