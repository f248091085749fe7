"""Options of commands that train with several processes, and what these commands do with them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar, cast

import click

from .expectations import Strictness
from .failures import failures
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

    return cast(F, _with(_TRAINING, called))


def sharing_options(command: F) -> F:
    """The same options for a command that uses a finished run. They have no effect inside the
    command: `Shared` starts the processes before it is called.
    """
    return cast(F, _with(_SHARING, command))


def _with(options: tuple[Any, ...], command: Any) -> Any:
    for option in reversed((*options, *_OPTIONS)):
        command = option(command)
    return command


def _workers(text: str) -> Any:
    return click.option("--workers", type=click.IntRange(1, _MOST), metavar="N", help=text)


def _restarts(text: str) -> Any:
    return click.option(
        "--restarts",
        type=click.IntRange(min=0),
        default=3,
        show_default=True,
        metavar="N",
        help=text,
    )


_TRAINING: Final = (
    _workers("Train with N processes on this host; each trains on its share of every batch."),
    _restarts(
        "With --workers: how often all processes are restarted from the last checkpoint after one"
        " of them died."
    ),
)
_SHARING: Final = (
    _workers("Use N processes on this host; each computes its share of the rows."),
    _restarts("With --workers: how often all processes are restarted after one of them died."),
)
_OPTIONS: Final = (
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


class Shared(click.Command):
    """A command that `--workers N` starts N times, with the same arguments: the processes do its
    work together. Its function gets no `--workers`, `--restarts`, `--ray` and `--wait`.
    """

    alone: ClassVar[Mapping[str, str]] = {}
    """The options of work that is not divided, by their parameters."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keeps the arguments for the processes."""
        ctx.meta[_WORDS] = _without_workers(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Starts the processes and ends with their status, or calls the function."""
        given = {name: ctx.params.pop(name) for name in ("workers", "restarts", "ray", "wait")}
        processes = Processes(given["workers"], given["restarts"], given["ray"])
        if given["wait"] is not None:
            os.environ[WAIT] = str(given["wait"])
        if processes.workers is None:
            if processes.ray is not None:
                raise click.UsageError("--ray requires --workers N")
            return super().invoke(ctx)
        self._require_divided(ctx)
        words = (str(ctx.info_name), *ctx.meta[_WORDS])
        with failures():
            status = _repeated(processes, ctx.params["run"], words)
        return ctx.exit(status)

    def _require_divided(self, ctx: click.Context) -> None:
        for name, option in self.alone.items():
            if ctx.params.get(name) not in (None, (), False):
                raise click.UsageError(f"`--workers` cannot be combined with `{option}`")
        if str(ctx.params.get("source") or "").rpartition("=")[2] == "-":
            raise click.UsageError("standard input cannot be read by several workers")


_WORDS: Final = "modelspec.words"
_VALUED: Final = ("--workers", "--restarts", "--ray", "--wait")


def _without_workers(words: Sequence[str]) -> list[str]:
    """The arguments without those that start the processes."""
    kept: list[str] = []
    left = iter(words)
    for word in left:
        if word in _VALUED:
            next(left, None)
        elif word.partition("=")[0] not in _VALUED:
            kept.append(word)
    return kept


def _repeated(processes: Processes, run: Path, words: tuple[str, ...]) -> int:
    """The exit status of several processes with the same arguments. Raises `RunError`."""
    from modelspec.runtime.distributed.supervisor import Job, supervise

    job = Job(run, words, words, processes.workers or 1, processes.restarts, continues=False)
    if processes.ray is None:
        return supervise(job, _say)
    from modelspec.runtime.distributed.ray_workers import on_ray

    with on_ray(processes.ray) as start:
        return supervise(job, _say, start)


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
