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
SECONDS = 60
"""Seconds of processor time for one answer: a damaged file can make the HDF5 library loop."""


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


def limit_time() -> None:
    """From now on this process may take `SECONDS` of processor time; the system ends it then."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.ru_utime + used.ru_stime) + SECONDS
    soft = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def why_ended(process: subprocess.Popen[bytes]) -> str:
    """What the HDF5 library did when a process that reads with it ended without an answer."""
    import signal

    try:
        status = process.wait(1)
    except subprocess.TimeoutExpired:
        status = None  # its answer was invalid
    if status == -signal.SIGXCPU:
        return f"the HDF5 library takes more than {SECONDS} s of processor time to read it"
    return "the HDF5 library crashes when it reads the file"


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
