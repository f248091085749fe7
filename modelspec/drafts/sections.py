"""The sections of a draft put together as the text of a spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .targets import Target
from .writing import Entry, comment, group, section

_SEED = 7


class Parts(NamedTuple):
    """The contents of the sections."""

    inputs: Sequence[Entry]
    layers: Sequence[Entry]
    data: Sequence[Entry]
    training: Sequence[Entry]
    expect: str


class Draft(NamedTuple):
    """A spec, and what the command prints about it."""

    text: str
    """The YAML."""
    summary: tuple[str, ...]
    """What was chosen and what was left out, one sentence each."""


def assembled(
    file: str,
    heading: Sequence[str],
    left_out: Sequence[str],
    parts: Parts,
    summary: Sequence[str],
    target: Target,
) -> Draft:
    """The text of the spec `file` with the reasons as comments."""
    why = target.why if target.why.startswith("given") else f"{target.why}; --target names another"
    head = [*map(comment, heading), comment(f"Target: `{target.profile.name}` ({why}).")]
    if left_out:
        head += ["#", "# Left out:", *(comment(f"- {one}") for one in left_out)]
    head += [
        "#",
        f"#   modelspec data {file}     shows the columns, and what is learned from them",
        f"#   modelspec train {file}    trains, evaluates, and saves everything in runs/",
    ]
    model = section("model", [group("inputs", parts.inputs), group("layers", parts.layers)])
    text = [
        "\n".join(head) + "\n",
        f"modelspec: 1\nseed: {_SEED}  # makes every random choice reproducible\n",
        model,
        section("data", parts.data),
        section("training", parts.training),
        parts.expect,
    ]
    return Draft("\n".join(text), tuple(summary))
