"""Where caches are. It imports next to nothing: a cached check takes a few milliseconds."""

from __future__ import annotations

import os


def cache_place(part: str) -> str:
    """The folder of one kind of entries: `part` in `MODELSPEC_CACHE` if that is set, else in
    `modelspec` in the user's cache folder.
    """
    named = os.environ.get("MODELSPEC_CACHE")
    if not named:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
        named = os.path.join(base, "modelspec")  # noqa: PTH118  # pathlib takes as long as the rest
    return os.path.join(named, part)  # noqa: PTH118
