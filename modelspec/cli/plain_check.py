"""`modelspec check` without click, for files without further options: the most frequent command.

click and the definitions of the options take a tenth of a check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelspec.core.quick_import import import_pydantic, lazy_patterns, owns_process

from .check_cache.arguments import asked
from .check_output import FileResult, show
from .compiling import compile_file
from .output import prepare

if TYPE_CHECKING:
    from modelspec.compiler.pipeline import Compiled
    from modelspec.core.diagnostics import Checked


def status_of_plain(arguments: Sequence[str]) -> int | None:
    """The exit status of a check of files without options of values, after its output. None for any
    other command line, and where something fails: the full command then reports it.
    """
    wanted = asked(arguments)
    if wanted is None or wanted.options or not wanted.plain:
        return None
    try:
        results = check_files(wanted.files, {}, cached=wanted.cached)
    except Exception:  # noqa: BLE001  # nothing is printed yet, and the full command fails as well
        return None
    prepare()
    return show(results, wanted.format)


def check_files(
    files: Sequence[str], overrides: Mapping[str, Any], *, cached: bool
) -> dict[str, FileResult]:
    """The result of each file; with `cached`, of unchanged ones from the cache."""
    cache = None
    if cached:
        from .check_cache.results import cached_results

        cache = cached_results(files)

    def check(file: str) -> FileResult:
        if not owns_process():
            return result_of(compile_file(file, overrides))
        with lazy_patterns():
            import_pydantic()
            return result_of(compile_file(file, overrides))

    if cache is None:
        return {file: check(file) for file in files}
    return {file: cache.of(file, check) for file in files}


def result_of(checked: Checked[Compiled | None]) -> FileResult:
    """What is printed about a file, and kept in the cache."""
    size = None if checked.value is None else _size(checked.value)
    if checked.value is not None and checked.value.sweep is not None:
        from .space_text import with_trials

        checked, text, found = with_trials(checked)
        return FileResult(checked.diagnostics, f"{size}{text}", found)
    return FileResult(checked.diagnostics, size)


def _size(compiled: Compiled) -> str:
    graph = compiled.graph
    if graph is None:
        return ""
    count = len(graph.layers)
    layers = f"{count:,} layer{'' if count == 1 else 's'}"
    return (
        f" ({layers}, {graph.parameters:,} parameters)"
        if graph.parameters is not None
        else f" ({layers})"
    )
