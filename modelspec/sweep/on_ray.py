"""Workers of a sweep on a Ray cluster: each is an ordinary worker that joins by the storage."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from modelspec.errors import RunError

from .engine import Opened, spec_path
from .processes import overrides_of, plugged_words
from .trials import Trial

_LOOK: Final = 2.0
"""Seconds between two looks at the storage."""
_KEPT: Final = 4_000
"""The most characters of the output of a worker that are returned."""


def run_on_ray(
    opened: Opened, address: str, storage: str, changed: Callable[[Sequence[Trial]], None]
) -> None:
    """Runs `jobs` workers on the cluster at an address until the sweep ends. The working directory
    is copied to each host; run folders stay there, unless it is on a shared disk.

    Raises `RunError`: MS915 without Ray, MS926 if the cluster cannot be reached, MS925 for a spec
    without a file, MS924 if all workers failed.
    """
    if find_spec("ray") is None:
        raise RunError.of(
            "MS915",
            "`--ray` requires the package `ray`, which is not installed",
            help="`pip install 'ray[default]'`",
        )
    ray = _connected(address)
    try:
        words = _words(opened, storage)
        cpus = int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 1)
        remote = ray.remote(num_cpus=cpus, max_retries=3)(_work)
        here = str(Path.cwd())
        left = [remote.remote(words, cpus, here) for _ in range(opened.plan.jobs)]
        failures = []
        while left:
            done, left = ray.wait(left, timeout=_LOOK)
            failures += [found for found in map(ray.get, done) if found]
            changed(opened.trials())
    finally:
        ray.shutdown()
    if len(failures) == opened.plan.jobs:
        raise RunError.of(
            "MS924",
            f"all workers of the sweep ended with an error: {failures[-1].strip()}",
            help="run the sweep without `--ray` to see all of it",
        )


def _connected(address: str) -> Any:
    import ray

    runtime = {"working_dir": str(Path.cwd()), "excludes": ["runs", ".git"]}
    try:
        ray.init(
            address=address, runtime_env=runtime, logging_level=logging.ERROR, log_to_driver=False
        )
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()
        raise RunError.of(
            "MS926",
            f"the Ray cluster at `{address}` cannot be reached: {reason[0] if reason else error}",
            help="`ray start --head` starts one on this host; `--ray auto` finds it",
        ) from error
    return ray


def _words(opened: Opened, storage: str) -> list[str]:
    """The arguments of a worker, with the path of the spec below the working directory."""
    path = spec_path(opened.plan.space)
    if path is None or not path.resolve().is_relative_to(Path.cwd()):
        raise RunError.of(
            "MS925",
            "workers on a cluster require a spec file below the working directory",
            help="change to the folder of the project",
        )
    file = str(path.resolve().relative_to(Path.cwd()))
    return [
        *("sweep", file, "--storage", storage, "--quiet"),
        *overrides_of(opened.plan.compiled),
        *plugged_words(),
    ]


def _work(words: list[str], threads: int, folder: str) -> str:
    """A worker in the working directory of the command if this host has it, on a shared disk, else
    in its copy; returns its output if it failed.
    """
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    done = subprocess.run(  # noqa: S603  # this very program
        [sys.executable, "-m", "modelspec", *words],
        cwd=folder if (Path(folder) / words[1]).is_file() else None,
        env={**os.environ, **dict.fromkeys(names, str(threads))},
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode in (0, 4) else (done.stdout + done.stderr)[-_KEPT:]
