"""Answers `modelspec check` from the cache, before click, YAML or pydantic are imported."""

from __future__ import annotations

import os
import sys

from . import entry
from .arguments import asked

TYPE_CHECKING = False  # as `typing.TYPE_CHECKING`, without the import of typing
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def cached_status(arguments: Sequence[str]) -> int | None:
    """The exit status of a check whose results are all cached, after they are printed. None for
    any other command line: nothing is printed then.
    """
    wanted = asked(arguments)
    if wanted is None or not wanted.cached or not wanted.plain or os.name != "posix":
        return None
    results = _found(wanted.files, wanted.options)
    if results is None:
        return None
    if wanted.format == "text" and not any(one.details for one in results.values()):
        _write("".join(f"{file}: no faults{one.size}\n" for file, one in results.items()))
        return 0
    from ..check_output import show
    from ..output import prepare
    from .stored import load

    prepare()
    return show({name: load(one) for name, one in results.items()}, wanted.format)


def _found(files: Sequence[str], options: Sequence[str]) -> Mapping[str, entry.Result] | None:
    """The cached results of every file; None unless all of them are cached."""
    results: dict[str, entry.Result] = {}
    try:
        for file in files:
            found = entry.find(entry.path_of(file, options))
            if found is None:
                return None
            results[file] = found
    except (OSError, ValueError):
        return None
    return results


def _write(text: str) -> None:
    """As `output.write`, which would import more than all of this."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        from ..output import silence

        silence()
