"""Command lines to copy, in the help of the commands."""

from __future__ import annotations

START = (
    ("modelspec init", "write a commented spec: model.yaml"),
    ("modelspec check model.yaml", "find its errors, without TensorFlow"),
    ("modelspec train model.yaml", "train it, and save a run in runs/"),
)
"""The first commands of a new user, with their effects."""


def start() -> str:
    """The first commands, one on a line."""
    width = max(len(line) for line, _ in START)
    lines = (f"  {line:{width}}  {effect}" for line, effect in START)
    return "\n".join(["Start with:", *lines])


def examples(*lines: str) -> str:
    """The end of a command's help: the lines below "Examples", as they are written here."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
