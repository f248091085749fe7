"""`modelspec compare RUN...`: runs side by side."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from .. import status
from ..examples import examples
from ..options import writable
from ..output import in_colour, report, write
from ..run_argument import RunPath

if TYPE_CHECKING:
    from modelspec.runtime.history.compare import Comparison

ORDER = 115
_FORMS: Final = ("text", "markdown", "json")
_ENDINGS: Final = {
    ".html": "html",
    ".htm": "html",
    ".md": "markdown",
    ".json": "json",
    ".txt": "text",
}


class _Runs(RunPath):
    """The folder of a run, a folder with runs below it, or a pattern: a list of paths."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from modelspec.runtime.history.compare.open_runs import expanded

        found = expanded(str(value))
        if not found:
            self.fail(f"no folder of a run matches `{value}`", param, ctx)
        return [super(_Runs, self).convert(str(one), param, ctx) for one in found]


def _form(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """Raises `click.BadParameter` for a file with an unknown extension."""
    if path is not None and path.suffix.lower() not in _ENDINGS:
        known = ", ".join(one for one in _ENDINGS if one != ".htm")
        raise click.BadParameter(f"the extension of `{path}` must be one of {known}", ctx, param)
    return writable(ctx, param, path)


@click.command(
    epilog=examples(
        "modelspec compare runs/churn/1 runs/churn/2",
        "modelspec compare runs/churn -o compare.html",
        "modelspec compare 'runs/*/1' --reference last --format markdown",
    )
)
@click.argument("runs", metavar="RUN...", type=_Runs(), nargs=-1, required=True)
@click.option(
    "--reference",
    metavar="RUN",
    type=RunPath(),
    help="The run to compare the others with; by default the first.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMS),
    help="The output format; `text` by default.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_form,
    help="Write a file: .html (a self-contained page), .md, .json or .txt.",
)
def command(
    runs: Sequence[Sequence[Path]], reference: Path | None, form: str | None, output: Path | None
) -> None:
    """Compare settings, metrics and curves of runs side by side.

    RUN is a run folder, a folder that contains runs, or a pattern. Compares the settings that
    differ, the data, versions and machine, metrics with their differences to the first run, slices
    and curves. Runs of different models are compared in what they have in common. Loads no
    framework.

    Exit status: 2 fewer than two runs, 3 a run cannot be read.
    """
    if output is not None and form is not None:
        raise click.UsageError(
            "`-o` infers the format from the extension of FILE; remove `--format`"
        )
    found, broken = _compared([one for each in runs for one in each], reference)
    text = _shown(found, _ENDINGS[output.suffix.lower()] if output else form or "text", output)
    if output is None:
        write(text)
    else:
        _write_file(output, text)
        write(f"{len(found.records)} runs compared in {output}")
    if broken:
        sys.exit(status.FAILED)


def _write_file(path: Path, text: str) -> None:
    """Raises `click.UsageError` if it cannot be written. (The atomic files of `runtime.run` would
    load NumPy.)
    """
    beside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        beside.write_text(text, encoding="utf-8", errors="backslashreplace")
        beside.replace(path)
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise click.UsageError(f"`{path}` cannot be written: {reason}") from None
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _compared(paths: Sequence[Path], reference: Path | None) -> tuple[Comparison, bool]:
    """The comparison, and whether a given run cannot be read."""
    from modelspec.runtime.history.compare import compare, too_few
    from modelspec.runtime.history.compare.open_runs import open_runs

    opened = open_runs([*([reference] if reference else []), *paths])
    said = list(opened.diagnostics)
    found = None
    if len(opened.value) < 2:
        said.append(too_few(opened.value))
    else:
        compared = compare(opened.value)
        found = compared.value
        said += compared.diagnostics
    if said:
        report(said, sys.stderr)
    if found is None:
        sys.exit(status.USAGE if opened.ok else status.FAILED)
    return found, not opened.ok


def _shown(found: Comparison, form: str, output: Path | None) -> str:
    if form == "json":
        from modelspec.runtime.history.compare.as_json import as_json

        return json.dumps(as_json(found), indent=2) + "\n"
    if form == "markdown":
        from modelspec.runtime.history.compare.markdown import as_markdown

        return as_markdown(found)
    if form == "html":
        from modelspec.runtime.history.compare.page import page

        return page(found)
    from modelspec.runtime.history.compare.text import as_text

    on_terminal = output is None and sys.stdout.isatty()
    width = shutil.get_terminal_size((100, 24)).columns if on_terminal else 100
    return as_text(found, width=width, colour=on_terminal and in_colour(sys.stdout))
