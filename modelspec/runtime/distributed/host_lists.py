"""Lists of hosts as Slurm writes them: `node[01-04,07],login`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import Final

_MOST: Final = 10_000
"""The most hosts in a list."""
_PARTS: Final = re.compile(r"\[([^\[\]]*)\]|([^\[\]]+)")
_SPAN: Final = re.compile(r"([0-9]+)(?:-([0-9]+))?")


def expanded(written: str) -> list[str] | None:
    """The hosts of a list, in order; None if it is not one, or has more than 10,000 hosts.

    Ranges keep leading zeros: `n[08-10]` is `n08`, `n09` and `n10`. What follows the bracket is
    kept: `n[1-2]:2222`.
    """
    found: list[str] = []
    for one in _separated(written):
        hosts = _hosts(one.strip())
        if not hosts or len(found) + len(hosts) > _MOST:
            return None
        found += hosts
    return found or None


def _separated(written: str) -> Iterator[str]:
    """The parts between commas that are outside brackets."""
    depth, part = 0, ""
    for sign in written:
        depth += (sign == "[") - (sign == "]")
        if sign == "," and depth == 0:
            yield part
            part = ""
        else:
            part += sign
    yield part


def _hosts(part: str) -> list[str] | None:
    """The hosts of one part; None if its brackets are wrong. `[::1]:2222` is an IPv6 address."""
    if part.startswith("[") and ":" in part.partition("]")[0]:
        return [part]
    choices: list[list[str]] = []
    position = 0
    for match in _PARTS.finditer(part):
        if match.start() != position:
            return None
        position = match.end()
        values = [match[2]] if match[2] is not None else _numbers(match[1])
        if values is None:
            return None
        choices.append(values)
    if position != len(part) or not part or _count(choices) > _MOST:
        return None
    return ["".join(one) for one in product(*choices)]


def _numbers(inside: str) -> list[str] | None:
    """`01`, `02`, `07` of `01-02,07`; None if it is something else."""
    found: list[str] = []
    for one in inside.split(","):
        match = _SPAN.fullmatch(one.strip())
        if match is None:
            return None
        first, last = match[1], match[2] or match[1]
        if int(last) < int(first) or int(last) - int(first) >= _MOST:
            return None
        found += [str(one).zfill(len(first)) for one in range(int(first), int(last) + 1)]
    return found


def _count(choices: list[list[str]]) -> int:
    count = 1
    for one in choices:
        count *= len(one)
    return count
