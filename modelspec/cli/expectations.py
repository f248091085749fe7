"""Expectations on the command line: options, the table, and the exit status."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from . import status
from .output import report, write

if TYPE_CHECKING:
    from modelspec.compiler.pipeline import Compiled
    from modelspec.runtime.run import Run

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Strictness:
    """What else makes a command fail."""

    time: bool
    """Unmet expectations of `seconds`."""
    baseline: bool
    """Expectations whose baseline does not exist."""


def strictness_options(command: F) -> F:
    """`--strict-time` and `--require-baseline`; the command receives `strict_time` and
    `require_baseline`.
    """
    command = click.option(
        "--strict-time",
        is_flag=True,
        help="Fail if `expect.seconds` does not hold; otherwise it is a warning.",
    )(command)
    return click.option(
        "--require-baseline",
        is_flag=True,
        help="Fail if the baseline of an expectation does not exist; otherwise it is a warning.",
    )(command)


def check_baselines(compiled: Compiled, spec: str | None, strictness: Strictness) -> None:
    """Reports the expectations whose baseline does not exist (MS811): a warning, or with
    `--require-baseline` an error, which ends the command before any training.
    """
    from modelspec.runtime.history.decide import without_baseline

    found = without_baseline(compiled, spec, required=strictness.baseline)
    if found:
        report(found, sys.stderr)
    if found and strictness.baseline:
        sys.exit(status.ERRORS)


def write_expectations(expectations: Mapping[str, Mapping[str, Any]], *, quiet: bool) -> None:
    """The table of expectations; with `quiet` only failures, on standard error."""
    from modelspec.runtime.history.expectation_table import expectations_table

    if quiet:
        failing = {key: one for key, one in expectations.items() if one.get("holds") is False}
        if failing:
            write(expectations_table(failing), sys.stderr)
    elif expectations:
        write(f"\n{expectations_table(expectations)}")


def write_of_folds(compiled: Compiled | None, spec: str | None = None) -> None:
    """A line about expectations over all folds, which a single run does not decide: of a `spec`
    among several on standard error.
    """
    if compiled is None or not compiled.fold_expectations:
        return
    from modelspec.compiler.spec.fold_expectations import decided_by_sweep

    said = f"{decided_by_sweep(compiled.fold_expectations)}, which trains all folds"
    if spec is None:
        write(f"\n{said}")
    else:
        write(f"{spec}: {said}", sys.stderr)


def exit_if_unmet(run: Run, strictness: Strictness, *, quiet: bool) -> None:
    """Prints the expectations of the run, and exits with 4 if one does not hold."""
    write_expectations(run.expectations, quiet=quiet)
    if is_unmet(run.expectations, strictness):
        sys.exit(status.UNMET)


def is_unmet(expectations: Mapping[str, Mapping[str, Any]], strictness: Strictness) -> bool:
    """Whether any expectation makes the command fail."""
    return any(
        one.get("holds") is False and (one.get("severity") == "error" or strictness.time)
        for one in expectations.values()
    )
