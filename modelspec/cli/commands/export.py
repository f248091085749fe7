"""`modelspec export RUN --to FORMAT -o PATH`: a trained model as what others use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..failures import failures
from ..options import LateChoice, data_root_option, writable
from ..output import write
from ..run_argument import run_argument

if TYPE_CHECKING:
    from modelspec.runtime.exporters.export_run import Exported
    from modelspec.runtime.exporters.formats import Format

ORDER = 100


class _Export(click.Command):
    """Lists the formats below its options."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Formats"):
            formatter.write_dl([(one.name, _described(one)) for one in _formats().values()])


def _formats() -> Mapping[str, Format]:
    from modelspec.runtime.exporters.formats import formats

    return formats()


def _quantizations() -> Iterable[str]:
    from modelspec.runtime.exporters.formats import quantizations

    return quantizations()


def _described(form: Format) -> str:
    """`ONNX, .onnx; needs modelspec[onnx]`."""
    facts = [f"{form.title}, {' or '.join(form.endings) or 'a folder'}"]
    if form.quantizations:
        facts.append(f"--quantize {', '.join(form.quantizations)}")
    if form.extra is not None:
        facts.append(f"needs modelspec[{form.extra}]")
    return "; ".join(facts)


@click.command(cls=_Export)
@run_argument
@data_root_option
@click.option("--to", "to", type=LateChoice(_formats), required=True, help="The format.")
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    type=click.Path(path_type=Path),
    callback=writable,
    required=True,
    help="The file, or the folder of a SavedModel.",
)
@click.option(
    "--quantize",
    type=LateChoice(_quantizations),
    help="Fewer bits for each number, where the format has them.",
)
@click.option(
    "--preprocessing/--no-preprocessing",
    default=True,
    show_default=True,
    help="What the spec does to columns inside, where the format can hold it.",
)
@click.option(
    "--data",
    "source",
    metavar="SOURCE",
    help="Rows to check the export with: a path, or `kind=path`; the run's own by default.",
)
@click.option(
    "--tolerance", type=float, metavar="X", help="How far it may be from the run's own predictions."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(
    run: Path,
    to: str,
    output: Path,
    quantize: str | None,
    preprocessing: bool,
    source: str | None,
    tolerance: float | None,
    form: str,
) -> None:
    """The trained model in another format: Keras, ONNX, LiteRT, a script, ...

    What was written of the model of the run folder RUN is loaded again and compared with the run's
    own predictions before it takes its place, in batches of several sizes and with sequences of
    several lengths: an export that differs by more than its tolerance is not written. What
    `predict` does and the export does not is said as `left out`.
    """
    with failures():
        from modelspec.runtime.exporters.export_run import export

        made = export(
            run,
            to,
            output,
            quantize=quantize,
            preprocessing=preprocessing,
            data=source,
            tolerance=tolerance,
        )
    write(_json(made) if form == "json" else _text(made))


def _text(made: Exported) -> str:
    inside = ", preprocessing inside" if made.preprocessing else ""
    lines = [
        f"written to {made.path} ({made.size / 1e3:,.1f} kB{inside})",
        (
            f"largest difference to the run's own predictions on {made.examples:,} rows"
            f"{_covered(made)}: {made.difference:.2g} (let pass: {made.tolerance:.2g})"
        ),
        f"inputs: {_some(made.inputs)}; outputs: {_some(made.outputs)}",
        *(f"left out: {what}" for what in made.left_out),
        *(f"note: {notice}" for notice in made.notices),
    ]
    return "\n".join(lines)


def _covered(made: Exported) -> str:
    """` in batches of 1, 2 and 33, with sequences of 1, 8 and 19`."""
    batches = f" in batches of {_numbers(made.batches)}"
    return f"{batches}, with sequences of {_numbers(made.lengths)}" if made.lengths else batches


def _numbers(values: tuple[int, ...]) -> str:
    *first, last = map(str, values)
    return f"{', '.join(first)} and {last}" if first else last


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _json(made: Exported) -> str:
    import json

    return json.dumps(
        {
            "path": str(made.path),
            "to": made.to,
            "size": made.size,
            "difference": made.difference,
            "tolerance": made.tolerance,
            "examples": made.examples,
            "batches": list(made.batches),
            "lengths": list(made.lengths),
            "preprocessing": made.preprocessing,
            "inputs": list(made.inputs),
            "outputs": list(made.outputs),
            "left_out": list(made.left_out),
            "notices": list(made.notices),
        },
        indent=2,
    )
