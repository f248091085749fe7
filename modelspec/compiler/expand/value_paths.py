"""Paths into a spec, as `--set` and Python's `overrides` write them: `training.epochs`,
`model.layers[3].Dense.units`.

path    = key, then any number of `.key` and `[index]`
index   = an integer (negative: from the end), a name (`layers[stem]`), or a key in quotes, for
one that contains a dot: `x["a.b"]`
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from modelspec.core.diagnostics import Fault

_TOKEN = re.compile(
    r"""(?P<dot>\.)?(?P<key>[^.\[\]=\s"']+(?:[ ]+[^.\[\]=\s"']+)*)"""
    r"""|\[(?:(?P<index>-?[0-9]{1,9})|(?P<name>[^\W\d][\w-]*)|"(?P<double>[^"]*)"|'(?P<single>[^']*)')\]"""
)
_MOST_STEPS: Final = 100


class Step(NamedTuple):
    """One step of a path, and its place in the text."""

    key: str | int
    start: int
    end: int


def parse_path(text: str) -> tuple[Step, ...]:
    """The steps of a path. Raises `Fault` (MS130), with an empty `path`, if it is not a
    valid path.
    """
    steps: list[Step] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if (
            not found
            or bool(found["dot"]) != bool(steps and found["key"])
            or len(steps) == _MOST_STEPS
        ):
            raise _malformed(text, at)
        steps.append(_step(found, at))
        at = found.end()
    if not steps or isinstance(steps[0].key, int):
        raise _malformed(text, 0)
    return tuple(steps)


def _step(found: re.Match[str], at: int) -> Step:
    if found["key"]:
        return Step(found["key"], at + bool(found["dot"]), found.end())
    if found["index"]:
        return Step(int(found["index"]), at, found.end())
    return Step(found["name"] or found["double"] or found["single"] or "", at, found.end())


def _malformed(text: str, at: int) -> Fault:
    where = f" at `{text[at : at + 20]}`" if 0 < at < len(text) else ""
    return Fault(
        "MS130",
        f"invalid path into a spec{where}",
        help="write e.g. `training.epochs` or `model.layers[3].Dense.units`",
    )
