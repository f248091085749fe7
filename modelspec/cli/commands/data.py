"""`modelspec data FILE`: shows the data of a spec."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import status
from ..examples import examples
from ..options import data_root_option, plugin_option, set_option, spec_file
from ..output import report, write

if TYPE_CHECKING:
    from modelspec.compiler.pipeline import Compiled
    from modelspec.runtime.data import Prepared

ORDER = 20


@click.command(
    epilog=examples(
        "modelspec data flowers.yaml",
        "modelspec data masks.yaml --picture sheet.png",
        "modelspec data flowers.yaml --explain-cache",
    )
)
@spec_file
@set_option
@data_root_option
@plugin_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output format.",
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    metavar="PNG",
    help=(
        "Draw images of the training split to this file, or for several image inputs to this"
        " folder."
    ),
)
@click.option(
    "--explain-cache",
    is_flag=True,
    help=(
        "Show the cache key of the prepared data, whether they were cached, and if not, what "
        "differs."
    ),
)
def command(
    file: str, overrides: dict[str, Any], form: str, picture: Path | None, explain_cache: bool
) -> None:
    """Show the data of a spec: parts, columns, classes, examples.

    Opens and prepares the data of the spec in FILE as training does. Shows for each input and
    target: its columns, their types, missing values, ranges, classes and their counts, examples,
    and what its transform learned. Requires no `training` section. Loads TensorFlow if a transform
    requires it.

    Exit status: 1 the spec has errors, 3 the data cannot be used.
    """
    compiled = with_data(file, overrides)
    from modelspec.runtime.run.run_data import inspected

    from ..data_json import as_json
    from ..data_text import as_text, cache_text

    facts, prepared = inspected(compiled)
    write(as_json(facts) if form == "json" else as_text(compiled.name, facts))
    if form == "text":
        if explain_cache:
            write("\n" + cache_text(facts.cache))
        if facts.diagnostics:
            report(facts.diagnostics, sys.stderr)
    if prepared is not None and picture is not None:
        _draw(prepared, picture)
    if not facts.ok:
        sys.exit(status.FAILED)


def with_data(file: str, overrides: dict[str, Any]) -> Compiled:
    """A spec without errors that has a `data` section; its warnings are reported. Exits
    otherwise.
    """
    from modelspec.compiler.pipeline import compile_spec

    checked = compile_spec(file, overrides)
    found = [*checked.diagnostics]
    if checked.ok and checked.value is not None:
        from modelspec.runtime.run.run_data import without_data

        found += without_data(checked.value)
    if found:
        report(found, sys.stderr)
    if checked.value is None or any(one.severity == "error" for one in found):
        sys.exit(status.of_spec(found))
    return checked.value


def _draw(prepared: Prepared, target: Path) -> None:
    """A contact sheet of each image input, with its masks beside it if it has any. Exits if there
    is no image input, or the file cannot be written.
    """
    from modelspec.runtime.data.contact_sheet import draw, is_images, with_masks

    examples = prepared.parts["train"].examples
    images = {name: values for name, values in examples.inputs.items() if is_images(values)}
    if not images:
        raise click.UsageError("--picture draws images, but this spec has no image input")
    rows = _rows_to_draw(prepared)
    try:
        if len(images) > 1:
            target.mkdir(parents=True, exist_ok=True)
        for name, values in images.items():
            values, shown = with_masks(values, examples.targets, rows)
            draw(values, shown, target / f"{name}.png" if len(images) > 1 else target)
    except OSError as error:
        raise click.ClickException(
            f"`{target}` cannot be written: {error.strerror or error}"
        ) from error


def _rows_to_draw(prepared: Prepared) -> list[list[int]]:
    """Examples of the training split, row by row of a contact sheet: one class per row if there is
    one target.
    """
    from modelspec.runtime.data.contact_sheet import rows_of

    examples, positions = prepared.parts["train"].examples, prepared.parts["train"].positions
    targets = [
        values
        for values in examples.targets.values()
        if values.ndim == 1 or values.shape[1:] == (1,)
    ]
    classes = targets[0].reshape(-1)[positions] if len(targets) == 1 else None
    return [[int(positions[index]) for index in row] for row in rows_of(len(positions), classes)]
