"""The options of `predict` that write labels of a CTC model, or the nearest items of two towers."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, Final

import click

SEARCHING: Final = (
    *("decode", "beam_width", "top_paths"),
    *("nearest", "items", "item_id", "similarity"),
)
"""Their names, which are those of the options of predictions in Python."""

_OPTIONS: Final = (
    click.option(
        "--decode",
        type=click.Choice(["ctc_greedy", "ctc_beam"]),
        help=(
            "Write the labels that an output with a CTC loss recognizes: those of the most probable"
            " alignment, or the most probable ones by a beam search."
        ),
    ),
    click.option(
        "--beam-width",
        metavar="N",
        type=click.IntRange(min=1),
        help="The number of beams of `ctc_beam`; by default 100.",
    ),
    click.option(
        "--top-paths",
        metavar="N",
        type=click.IntRange(min=1),
        help="Write the N most probable label sequences of `ctc_beam`.",
    ),
    click.option(
        "--nearest",
        metavar="K",
        type=click.IntRange(min=1),
        help=(
            "Write the K items of --items whose vectors are nearest to that of each row. `--layer"
            " USER --layer ITEM` names the tensors that are compared, unless a `Dot` layer compares"
            " them."
        ),
    ),
    click.option(
        "--items", metavar="SOURCE", help="The items of --nearest, with their input columns."
    ),
    click.option(
        "--item-id",
        metavar="COLUMN",
        help="The column that identifies the items; by default their number from 1.",
    ),
    click.option(
        "--similarity",
        type=click.Choice(["dot", "cosine"]),
        help="How --nearest compares vectors; by default as the model does, or by the dot product.",
    ),
)


def search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options to a command."""
    return reduce(lambda found, option: option(found), reversed(_OPTIONS), command)
