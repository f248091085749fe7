"""A command loads TensorFlow by `framework.load`, which sets it up first, and without what Keras
does without.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelspec.core.quick_import import quick_import

SPEC = {
    "model": {"inputs": {"x": [2]}, "layers": [{"Dense": 1}]},
    "data": {"source": {"npz": "d.npz"}, "inputs": {"x": "x"}, "targets": "y"},
    "training": {"loss": "mse"},
}
COMMAND = """
import json, sys
from importlib.abc import MetaPathFinder

class Seen(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "keras":
            found.append("tensorflow" in sys.modules)

found = []
sys.meta_path.insert(0, Seen())
from modelspec.cli import run
try:
    run()
finally:
    print(json.dumps([all(found), "sklearn" in sys.modules, "keras" in sys.modules]))
"""
COMMANDS = (
    "train s.json --run-dir run",
    "evaluate run --data d.npz",
    "predict run --data d.npz -o out.npz",
)


@pytest.mark.tensorflow
def test_a_command_loads_tensorflow_first_without_messages_and_without_scikit_learn(
    tmp_path: Path,
) -> None:
    """Keras would load TensorFlow with its messages, and before the threads of the run are set."""
    import numpy as np

    np.savez(tmp_path / "d.npz", x=np.zeros((4, 2)), y=np.zeros(4))
    (tmp_path / "s.json").write_text(json.dumps(SPEC))
    variables = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    for command in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, *command.split()],
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1]) == [True, False, True], command
        assert "WARNING" not in done.stderr and "cpu_feature_guard" not in done.stderr, command


def test_the_garbage_collector_is_as_it_was_afterwards() -> None:
    enabled = gc.isenabled()
    with quick_import():
        assert not gc.isenabled()
    assert gc.isenabled() == enabled
    gc.disable()
    try:
        with quick_import():
            pass
        assert not gc.isenabled()
    finally:
        if enabled:
            gc.enable()
