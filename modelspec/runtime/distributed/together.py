"""Processes that use a finished run together: `evaluate` and `predict`. They meet as those of a
training do, and if one of them fails, all of them end with an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from modelspec.core.diagnostics import Diagnostic, Note

from ..data.errors import RunError
from ..history.machine import class_of_machine, versions
from ..history.run_files import MANIFEST, RESOLVED
from .agreement import OF_MACHINE, difference, hash_of
from .channel import Channel
from .cluster import current_channel, current_cluster, join, taking_part
from .meeting import meet

_FILES: Final = (MANIFEST, RESOLVED)
"""The files of a run that describe its model."""


@contextmanager
def together(directory: Path, options: Mapping[str, Any]) -> Iterator[bool]:
    """Inside, the processes that a launcher has started use the run in a folder together, each with
    these options; without options the work is not divided. Yields whether this one reports the
    results; one process alone does.

    Raises `RunError`: MS938 to MS941.
    """
    cluster = current_cluster()
    if cluster is None or not options:
        yield cluster is None or cluster.is_chief
        return
    with taking_part():
        join(meet(cluster, _facts(directory, options), difference))
        yield cluster.is_chief


def _facts(directory: Path, options: Mapping[str, Any]) -> dict[str, str]:
    """What must be equal in all processes."""
    machine = class_of_machine()
    return {
        **{f"run: {name}": _content(directory / name) for name in _FILES},
        **{f"option {name}": hash_of(str(value)) for name, value in options.items()},
        **{f"version of {name}": value for name, value in versions().items()},
        **{f"machine: {name}": machine[name] for name in OF_MACHINE},
    }


def _content(path: Path) -> str:
    try:
        return hash_of(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return "absent"


@contextmanager
def same_outcome() -> Iterator[dict[str, str]]:
    """If what is inside this context fails in some of the processes, all of them raise an error:
    their own, or that of the first which failed. Inside, facts may be added that must be equal.

    Raises `RunError`; MS941 for facts that differ.
    """
    channel, facts = current_channel(), dict[str, str]()
    try:
        yield facts
    except RunError as error:
        if channel is not None:
            of_all(channel, {"error": plain(error)})
        raise
    if channel is None:
        return
    found = of_all(channel, {"facts": facts})
    for one in found:
        if "error" in one:
            raise as_error(one["error"])
    wrong = difference({i: one["facts"] for i, one in enumerate(found)}, channel.cluster)
    if wrong is not None:
        raise wrong


def of_all(channel: Channel, value: Any) -> list[Any]:
    """A value of JSON from every process, in their order."""
    content = np.frombuffer(json.dumps(value).encode(), np.uint8)
    sizes = [int(size[0]) for [size] in channel.gather([np.array([len(content)], np.int64)])]
    padded = np.zeros(max(sizes), np.uint8)
    padded[: len(content)] = content
    parts = channel.gather([padded])
    return [json.loads(part[:n].tobytes()) for [part], n in zip(parts, sizes, strict=True)]


def plain(error: RunError) -> list[dict[str, Any]]:
    """An error as JSON: its diagnostics without their places in the spec."""
    return [
        {
            "code": one.code,
            "severity": one.severity,
            "message": one.message,
            "notes": [note.message for note in one.notes],
            "help": one.help,
        }
        for one in error.diagnostics
    ]


def as_error(diagnostics: list[dict[str, Any]]) -> RunError:
    """The error of another process."""
    return RunError(
        [
            Diagnostic(
                one["code"],
                one["severity"],
                one["message"],
                None,
                tuple(Note(text) for text in one["notes"]),
                one["help"],
            )
            for one in diagnostics
        ]
    )
