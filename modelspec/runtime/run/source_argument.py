"""A SOURCE of the command line: a path whose ending tells its kind, or `kind=path`, or
`kind={settings}`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from modelspec.catalog.sources import SOURCES, endings, kind_of, read_source
from modelspec.catalog.sources.common.source import Source
from modelspec.core.settings import Context, Faults
from modelspec.core.source import Value, plain, read_text

from ..data import RunError


def source_of(written: str, alike: Iterable[Source], context: Context) -> Source:
    """The settings of a SOURCE. Those that a spec gives a source of the same kind (a delimiter, the
    size of images) hold for it too.

    Raises `RunError`: MS601 where it does not tell its kind, and what settings raise.
    """
    alike = tuple(alike)
    kind, equals, value = written.partition("=")
    if not equals or kind not in SOURCES:
        kind, value = _kind(written, alike), written
    settings = _inline(kind, value) if value.startswith("{") else _of_path(kind, value, alike)
    try:
        return read_source({kind: settings}, context)
    except Faults as error:
        raise RunError([fault.at(None) for fault in error.faults]) from None


def _kind(path: str, alike: tuple[Source, ...]) -> str:
    """By what the spec reads where that decides (a folder, a text file), else by the ending."""
    if Path(path).is_dir():
        found = next((one.kind() for one in alike if one.of_folders), None)
    else:
        ending = Path(path.removesuffix(".gz")).suffix.lower()
        meant = (one.kind() for one in alike if ending in one.shared_endings)
        found = next(meant, None) or kind_of(path)
    if found is None:
        others = ", ".join(kind for kind in SOURCES.kinds() if kind != "csv")
        raise RunError.of(
            "MS601",
            f"the ending of `{path}` does not tell what it is",
            help=(
                f"write `csv=...`, or another kind ({others}), or name a file that ends in"
                f" {', '.join(endings())}"
            ),
        )
    return found


def _inline(kind: str, text: str) -> Value:
    """Settings as YAML has them."""
    read = read_text(text, f"{kind}=")
    errors = [one for one in read.diagnostics if one.severity == "error"]
    if errors or read.value is None:
        raise RunError(errors)
    return plain(read.value.root)


def _of_path(kind: str, path: str, alike: tuple[Source, ...]) -> Value:
    """The settings for a path: those of the spec's source of this kind, where it has one."""
    known = next((one for one in alike if one.kind() == kind), None)
    if known is not None:
        return known.settings_like(path)
    found = cast("type[Source] | None", SOURCES.find(kind))
    return found.settings_for(path) if found is not None else path
