"""A signal ends a run even if the exception that it raises is caught: by an import, a finalizer, or
any other code of a library.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms
from modelspec.runtime.run import train
from modelspec.runtime.run.signals import Signals

pytestmark = pytest.mark.tensorflow  # the model is built before the training begins

SPEC: dict[str, Any] = {
    "model": {"inputs": {"x": [2]}, "layers": [{"Dense": 1}]},
    "data": {"source": {"csv": "t.csv"}, "inputs": {"x": ["a", "b"]}, "targets": "y"},
    "training": {"loss": "mse"},
}


def swallowed(number: int) -> None:
    """Sends a signal to this process, and loses the exception."""
    try:
        os.kill(os.getpid(), number)
        for _ in range(1000):  # Python calls the handler between two instructions
            pass
    except KeyboardInterrupt:
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_a_library_catches_is_not_lost(number: int) -> None:
    program = signal.signal(number, signal.default_int_handler)
    try:
        with Signals() as signals:
            signals.require_none()
            swallowed(number)
            assert signals.asked == signal.Signals(number).name
            with pytest.raises(KeyboardInterrupt):
                signals.require_none()
    finally:
        signal.signal(number, program)


def test_a_signal_while_data_are_prepared_ends_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("a,b,y\n" + "1,2,0\n" * 8)
    with pytest.raises(KeyboardInterrupt):
        train(ms.load_spec(SPEC), Path("run"), look=lambda prepared: swallowed(signal.SIGINT))
    assert not Path("run").exists()  # nothing was trained: the command can be run again
