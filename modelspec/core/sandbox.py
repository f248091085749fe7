"""Runs work in a separate process: a crash of a library written in C ends that process only.

The HDF5 library has had flaws that crafted files exploit. Files of unknown origin are therefore
parsed in a process that can write no file and dump no core, and returns only strings and numbers.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from .posix import require_posix

_MEMORY = 16 * 2**30
"""Bytes of address space, most of it never used: libraries reserve it when they are loaded."""


def start(module: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """A process that runs a module of modelspec. A Ctrl-C for this process does not reach it.

    `options` are those of `subprocess.Popen`. Raises `UnsupportedPlatform` on Windows.
    """
    require_posix()
    # Without `-P`, Python would look for every module in the current folder first.
    command = [sys.executable, "-P", "-m", module, *arguments]
    return subprocess.Popen(command, env=_environment(), start_new_session=True, **options)  # noqa: S603


def limit() -> None:
    """From now on this process writes no file, dumps no core, and has limited memory."""
    import resource  # not on Windows, where `start` has refused

    for what, most in (
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, _MEMORY),
    ):
        _, hard = resource.getrlimit(what)
        bounded = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bounded, bounded))


def _environment() -> dict[str, str]:
    """The environment: the same modelspec, wherever it is imported from, and no accelerators."""
    places = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, places)),
        "CUDA_VISIBLE_DEVICES": "-1",
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
