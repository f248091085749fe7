"""`modelspec test SPEC...`: checks specs, trains those with expectations, and compares; for CI."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import status
from ..compiling import compile_file
from ..examples import examples
from ..expectations import strictness_options, write_of_folds
from ..options import allow_host_option, data_root_option, jobs_option, plugin_option, writable
from ..output import write
from ..spec_files import spec_files

if TYPE_CHECKING:
    from modelspec.runtime.testing.outcome import Outcome
    from modelspec.runtime.testing.session import Options
    from modelspec.runtime.testing.specs import Spec

ORDER = 65


@click.command(
    epilog=examples(
        "modelspec test specs/",
        "modelspec test specs/ -k flowers --explain-reuse",
        "modelspec test specs/ --changed-since origin/main --junit junit.xml",
    )
)
@click.argument("files", nargs=-1, required=True, metavar="SPEC...", type=click.Path())
@jobs_option("Train N specs at once, each in a separate process.")
@click.option(
    "-k",
    "pattern",
    metavar="PATTERN",
    help="Test only specs whose path or name contains PATTERN, or matches it (`*`, `?`, `[...]`).",
)
@click.option(
    "--changed-since",
    "ref",
    metavar="REF",
    help=(
        "Test only specs with a file that changed in git since the branch diverged from REF: the"
        " spec, the files it extends, data, vocabularies, weights, its baseline."
    ),
)
@click.option("--smoke", is_flag=True, help="Train only one batch of each spec.")
@click.option(
    "--no-reuse", is_flag=True, help="Also train specs that have a run with the same fingerprint."
)
@click.option("--explain-reuse", is_flag=True, help="Show why each spec was trained or not.")
@strictness_options
@click.option(
    "--junit",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=writable,
    metavar="FILE",
    help="Also write a JUnit report.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "gitlab", "markdown"]),
    default="text",
    show_default=True,
    help="The output format.",
)
@data_root_option
@plugin_option
@allow_host_option
def command(
    files: tuple[str, ...],
    jobs: int,
    pattern: str | None,
    ref: str | None,
    smoke: bool,
    no_reuse: bool,
    explain_reuse: bool,
    require_baseline: bool,
    strict_time: bool,
    junit: Path | None,
    form: str,
) -> None:
    """Check specs, train those with measured expectations, and compare.

    SPEC is a file, a folder, or a quoted pattern. Checks every spec, and trains those with
    expectations of a run (`test_accuracy: ">= 0.95"`), unless a run with the same fingerprint was
    completed or accepted.

    Exit status: the first that applies of 1 (a spec has errors), 3 (a run failed), 4 (an
    expectation does not hold), else 0; 75 interrupted, the next test resumes the runs.
    """
    from modelspec.runtime.testing.session import Options

    options = Options(jobs, not no_reuse, smoke, require_baseline, strict_time)
    found = spec_files(files)
    if found.remark:
        write(found.remark, sys.stderr)
    specs = _selected(found.files, pattern, ref)
    outcomes, stopped = _tested(specs, options)
    _write(outcomes, form, junit, explain=explain_reuse)
    for one in specs:
        write_of_folds(one.compiled, one.file)
    sys.exit(_status(outcomes, stopped=stopped))


def _selected(files: Sequence[str], pattern: str | None, ref: str | None) -> list[Spec]:
    """The specs to test, checked. Raises `click.UsageError` where a selection matches nothing."""
    from modelspec.runtime.testing.changed import NotKnown, changes_since
    from modelspec.runtime.testing.specs import Spec, is_selected

    if "-" in files:
        raise click.UsageError("`test` cannot read standard input: a baseline is beside its spec")
    specs = [Spec(file, compile_file(file, {})) for file in files]
    if pattern is not None:
        specs = [one for one in specs if is_selected(one, pattern)]
        if not specs:
            raise click.UsageError(f"-k: `{pattern}` matches no path or name of a spec")
    if ref is not None:
        try:
            changes = changes_since(ref, Path.cwd())
        except NotKnown as error:
            raise click.UsageError(f"--changed-since: {error}") from None
        specs = [one for one in specs if changes.concern(one.file, one.compiled)]
        if not specs:
            write(f"no spec changed since {ref}", sys.stderr)
    return specs


def _tested(specs: Sequence[Spec], options: Options) -> tuple[list[Outcome], bool]:
    from modelspec.runtime.testing.session import test_specs
    from modelspec.runtime.testing.specs import with_one_name

    from ..testing import Progress

    shared = with_one_name(specs)
    return test_specs(
        specs,
        options,
        Progress(len(specs)),
        lambda spec: (shared[spec.file],) if spec.file in shared else (),
    )


def _write(outcomes: Sequence[Outcome], form: str, file: Path | None, *, explain: bool) -> None:
    from ..testing import write_report, write_summary

    write_report(outcomes, form, explain=explain)
    write_summary(outcomes, explain=explain)
    if file is not None:
        from modelspec.runtime.testing.reports import junit

        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(junit.render(outcomes), encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"`{file}` cannot be written: {error.strerror}") from error


def _status(outcomes: Sequence[Outcome], *, stopped: bool) -> int:
    """The first of 1, 3 and 4 that applies; a signal takes precedence, since the remaining results
    are unknown.
    """
    states = {one.state for one in outcomes}
    if stopped or "interrupted" in states:
        return status.INTERRUPTED if "interrupted" in states else status.KILLED_BY_INTERRUPT
    for state, found in (
        ("errors", status.ERRORS),
        ("failed", status.FAILED),
        ("unmet", status.UNMET),
    ):
        if state in states:
            unread = [one for one in outcomes if one.state == state]
            return (
                status.of_spec([said for one in unread for said in one.diagnostics])
                if state == "errors"
                else found
            )
    return status.OK
