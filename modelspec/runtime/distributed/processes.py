"""Processes of modelspec that this process starts: their environment, and their output."""

from __future__ import annotations

import os
from pathlib import Path

from modelspec.core.places import ALLOW_HOSTS, DATA_ROOTS, granted

from .cluster import LAUNCHERS


def environment() -> dict[str, str]:
    """The environment of this process, with the permissions of the command line, and the same
    modelspec package, but not as one process of several.
    """
    places = granted()
    roots = [*map(str, places.folders), *(one.text for one in places.addresses)]
    modules = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]
    variables = {
        **{name: value for name, value in os.environ.items() if name not in LAUNCHERS},
        "PYTHONPATH": os.pathsep.join(filter(None, modules)),
        "PYTHONUNBUFFERED": "1",
    }
    for key, found, mark in (
        (DATA_ROOTS, roots, os.pathsep),
        (ALLOW_HOSTS, [str(one) for one in places.hosts], ","),
    ):
        texts = [one for one in (os.environ.get(key), *found) if one]
        if texts:
            variables[key] = mark.join(texts)
    return variables


def tail(path: Path, most: int) -> str:
    """The last `most` bytes of a file as text; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - most))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
