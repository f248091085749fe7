"""The options of `predict --generate`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from .output import write

if TYPE_CHECKING:
    from pathlib import Path

    from modelspec.runtime.run import Stream

_OPTIONS: Final = (
    click.option(
        "--generate",
        "count",
        metavar="N",
        type=click.IntRange(min=1),
        help=(
            "Generate N tokens of text, or N examples if the spec of the run has a `generate`"
            " section (for each row of --data)."
        ),
    ),
    click.option(
        "--prompt",
        "prompts",
        metavar="TEXT",
        multiple=True,
        help="A text to continue (or to translate), in place of --data; can be repeated.",
    ),
    click.option(
        "--temperature",
        metavar="T",
        type=click.FloatRange(min=0),
        help="Divide the logits by T; 0 always takes the most probable token. By default 1.",
    ),
    click.option(
        "--top-k",
        metavar="K",
        type=click.IntRange(min=1),
        help="Draw from the K most probable tokens.",
    ),
    click.option(
        "--top-p",
        metavar="P",
        type=click.FloatRange(min=0, max=1, min_open=True),
        help="Draw from the fewest most probable tokens whose probability is at least P.",
    ),
    click.option(
        "--stop",
        metavar="TEXT",
        multiple=True,
        help="End a text at this token, which is not written; can be repeated.",
    ),
    click.option(
        "--start",
        metavar="TEXT",
        help="The text that the answers of a sequence-to-sequence model begin with.",
    ),
    click.option(
        "--beams",
        metavar="N",
        type=click.IntRange(min=1),
        help="Search the most probable text with N beams instead of drawing tokens.",
    ),
    click.option(
        "--length-penalty",
        metavar="P",
        type=float,
        help=(
            "Divide the scores of --beams by the number of tokens to the power of P; by default 1."
        ),
    ),
    click.option(
        "--seed",
        metavar="N",
        type=click.IntRange(min=0),
        help="The seed of --generate; by default that of the spec.",
    ),
)
_FLAGS: Final = {"prompts": "--prompt", "count": "--generate"}


def generation_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options; the command receives them as keywords."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def is_generating(given: Mapping[str, Any], source: str | None, others: Mapping[str, Any]) -> bool:
    """Whether the command generates; `others` are its options that only predictions have. Raises
    `click.UsageError` for options that do not fit together.
    """
    written = [name for name, value in given.items() if value not in (None, ())]
    if given["count"] is None:
        if written:
            raise click.UsageError(f"`{_flag(written[0])}` requires `--generate N`.")
        if source is None:
            raise click.UsageError("Missing option `--data`.")
        return False
    if source is not None and given["prompts"]:
        raise click.UsageError("`--prompt` takes the place of `--data`: omit one of them.")
    unfit = [name for name, value in others.items() if value not in (None, (), "stop")]
    if unfit:
        raise click.UsageError(f"`{_flag(unfit[0])}` does not apply to `--generate`.")
    return True


def _flag(name: str) -> str:
    return _FLAGS.get(name, f"--{name.replace('_', '-')}")


def stream_for(
    run: Path, source: str | None, given: Mapping[str, Any], named: Mapping[str, Any]
) -> Stream:
    """What is generated. `named` are the options that identify the rows, and the batch size."""
    from modelspec.runtime.run.generation import generate

    prompts = tuple(given["prompts"])
    options = {name: value for name, value in given.items() if name != "prompts"}
    return generate(
        run,
        prompts or source,
        **options,
        batch_size=named["batch_size"],
        id=named["id"],
        keep=named["keep"],
    )


def alone(stream: Stream) -> Iterator[str]:
    """The text of each prompt of the command line. Prints the seed that it follows from."""
    from modelspec.runtime.run.generation import SEED, TEXT

    for number, batch in enumerate(stream):
        if number == 0 and SEED in batch.outputs:
            write(f"seed {batch.outputs[SEED][0]}", sys.stderr)
        yield from batch.outputs[TEXT]
