"""`modelspec export RUN --to FORMAT -o PATH`: writes a trained model in another format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..examples import examples
from ..failures import failures
from ..options import LateChoice, data_root_option, plugin_option, writable
from ..output import write
from ..run_argument import run_argument

if TYPE_CHECKING:
    from modelspec.runtime.exporters.export_run import Exported
    from modelspec.runtime.exporters.formats import Format

ORDER = 100


class _Export(click.Command):
    """Lists the formats and examples below the options."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Formats"):
            formatter.write_dl([(one.name, _described(one)) for one in _formats().values()])
        super().format_epilog(ctx, formatter)


def _formats() -> Mapping[str, Format]:
    from modelspec.runtime.exporters.formats import formats

    return formats()


def _quantizations() -> Iterable[str]:
    from modelspec.runtime.exporters.formats import quantizations

    return quantizations()


def _described(form: Format) -> str:
    """`ONNX, .onnx; requires modelspec[onnx]`."""
    facts = [f"{form.title}, {' or '.join(form.endings) or 'a folder'}"]
    if form.quantizations:
        facts.append(f"--quantize {', '.join(form.quantizations)}")
    if form.extra is not None:
        facts.append(f"requires modelspec[{form.extra}]")
    return "; ".join(facts)


@click.command(
    cls=_Export,
    epilog=examples(
        "modelspec export last --to onnx -o model.onnx",
        "modelspec export runs/flowers/1 --to saved_model -o models/flowers/1",
        "modelspec export last --to litert --quantize int8 -o model.tflite",
    ),
)
@run_argument
@data_root_option
@plugin_option
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
    help="Use fewer bits per weight, if the format supports it.",
)
@click.option(
    "--preprocessing/--no-preprocessing",
    default=True,
    show_default=True,
    help="Include the preprocessing of columns, if the format supports it.",
)
@click.option(
    "--data",
    "source",
    metavar="SOURCE",
    help="Rows to check the export with: a path, or `kind=path`; by default those of the run.",
)
@click.option(
    "--tolerance",
    type=float,
    metavar="X",
    help="The largest allowed difference from the predictions of the run.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output format.",
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
    """Export a trained model to Keras, ONNX, LiteRT, a script, ...

    Exports the model of the run folder RUN (or `last`), loads the result and compares it with the
    predictions of the run, in batches of several sizes and with sequences of several lengths. An
    export that differs by more than the tolerance is not written. Steps of `predict` that the
    export does not include are listed as `left out`.
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
            f"largest difference from the predictions of the run on {made.examples:,} rows"
            f"{_covered(made)}: {made.difference:.2g} (tolerance: {made.tolerance:.2g})"
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
