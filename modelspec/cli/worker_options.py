"""Options of commands that train with several processes, and what these commands do with them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import click

from .expectations import Strictness
from .output import write

F = TypeVar("F", bound=Callable[..., Any])

WAIT: Final = "MODELSPEC_WAIT"
_MOST: Final = 1024


@dataclass(frozen=True)
class Processes:
    """The processes that a command starts."""

    workers: int | None
    """None: this process trains, alone or with those of a scheduler."""
    restarts: int
    ray: str | None
    """The address of a Ray cluster that starts them."""


def workers_options(command: F) -> F:
    """`--workers`, `--restarts`, `--ray` and `--wait`: the command receives `processes`."""

    @wraps(command)
    def called(
        *args: Any,
        workers: int | None,
        restarts: int,
        ray: str | None,
        wait: float | None,
        **more: Any,
    ) -> Any:
        if ray is not None and workers is None:
            raise click.UsageError("--ray requires --workers N")
        if wait is not None:
            os.environ[WAIT] = str(wait)  # also for the processes that are started
        return command(*args, processes=Processes(workers, restarts, ray), **more)

    found: Any = called
    for option in reversed(_OPTIONS):
        found = option(found)
    return cast(F, found)


_OPTIONS: Final = (
    click.option(
        "--workers",
        type=click.IntRange(1, _MOST),
        metavar="N",
        help="Train with N processes on this host; each trains on its share of every batch.",
    ),
    click.option(
        "--restarts",
        type=click.IntRange(min=0),
        default=3,
        show_default=True,
        metavar="N",
        help="With --workers: how often all processes are restarted from the last checkpoint"
        " after one of them died.",
    ),
    click.option(
        "--ray",
        metavar="ADDRESS",
        help="Start the processes on the Ray cluster at this address, e.g. `10.0.0.1:6379`.",
    ),
    click.option(
        "--wait",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="How long processes wait for each other before the first step; by default 300.",
    ),
)


def leads() -> bool:
    """Whether this process trains alone, or is the one that writes and reports. Connects it with
    its supervisor, if it has one. Raises `RunError` (MS938).
    """
    from modelspec.runtime.distributed.cluster import current_cluster
    from modelspec.runtime.distributed.supervised import attach

    attach()
    cluster = current_cluster()
    return cluster is None or cluster.is_chief


def train_with(
    processes: Processes,
    file: str,
    name: str,
    overrides: Mapping[str, Any],
    run_dir: Path | None,
    strictness: Strictness,
    *,
    quiet: bool,
) -> int:
    """The exit status of a run of several workers. Raises `RunError`."""
    from modelspec.runtime.distributed.run_places import place_of_run

    if file == "-":
        raise click.UsageError("a spec on standard input cannot be read by several workers")
    with place_of_run(name, run_dir) as directory:
        words = ("train", file, "--run-dir", str(directory), *_set(overrides))
        return _supervised(processes, directory, words, (), strictness, quiet=quiet)


def resume_with(
    processes: Processes,
    run: Path,
    overrides: Mapping[str, Any],
    strictness: Strictness,
    allow_inexact: bool,
    *,
    quiet: bool,
) -> int:
    """The exit status of a run that several workers continue. Raises `RunError`."""
    more = (*_set(overrides), *(["--allow-inexact"] if allow_inexact else []))
    return _supervised(processes, run, (), more, strictness, quiet=quiet)


def _supervised(
    processes: Processes,
    directory: Path,
    train: tuple[str, ...],
    of_resume: tuple[str, ...],
    strictness: Strictness,
    *,
    quiet: bool,
) -> int:
    from modelspec.runtime.distributed.supervisor import Job, supervise

    flags = {
        "--quiet": quiet,
        "--strict-time": strictness.time,
        "--require-baseline": strictness.baseline,
    }
    common = (*_plugins(), *(flag for flag, on in flags.items() if on))
    job = Job(
        directory,
        (*train, *common) if train else (),
        ("resume", str(directory), *of_resume, *common),
        processes.workers or 1,
        processes.restarts,
    )
    if processes.ray is None:
        return supervise(job, _say)
    from modelspec.runtime.distributed.ray_workers import on_ray

    with on_ray(processes.ray) as start:
        return supervise(job, _say, start)


def _say(text: str) -> None:
    if text.strip():
        write(text, sys.stderr)


def _set(overrides: Mapping[str, Any]) -> list[str]:
    """The overrides as arguments. JSON is YAML."""
    return [
        f"--set={path}={json.dumps(value, ensure_ascii=False, default=str)}"
        for path, value in overrides.items()
    ]


def _plugins() -> list[str]:
    from modelspec.core.plugins.requests import given

    return [f"--plugin={module}" for module in given()]
