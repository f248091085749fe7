"""A SOURCE on the command line: a path whose extension determines its kind, `kind=path`, or
`kind={settings}`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from modelspec.catalog.sources import SOURCES, endings, kind_of, read_source
from modelspec.catalog.sources.common.source import Source
from modelspec.core.diagnostics import nearest
from modelspec.core.settings import Context, Faults
from modelspec.core.source import Value, plain, read_text

from ..data import RunError
from .row_sources import is_folder


def source_of(written: str, alike: Iterable[Source], context: Context) -> Source:
    """The settings of a SOURCE. Settings of the spec for a source of the same kind (a delimiter,
    the size of images) apply too.

    Raises `RunError`: MS601 if its kind cannot be inferred, and the errors of the settings.
    """
    alike = tuple(alike)
    kind, equals, value = written.partition("=")
    if not equals or kind not in SOURCES:
        _refuse_misspelt(kind if equals else "", written)
        kind, value = _kind(written, alike), written
    settings = _inline(kind, value) if value.startswith("{") else _of_path(kind, value, alike)
    try:
        return read_source({kind: settings}, context)
    except Faults as error:
        raise RunError([fault.at(None) for fault in error.faults]) from None


def _refuse_misspelt(kind: str, written: str) -> None:
    """Raises `RunError` (MS601) for `cvs=new.csv`, if no file with this name exists."""
    near = nearest(kind, SOURCES.kinds()) if kind.isidentifier() else None
    if near is None:
        return
    try:
        if Path(written).exists():
            return
    except (OSError, ValueError):
        pass
    raise RunError.of("MS601", f"unknown kind of source `{kind}`", help=f"did you mean `{near}=`?")


def _kind(path: str, alike: tuple[Source, ...]) -> str:
    """The kind that the spec reads if that is decisive (a folder, a text file), otherwise by
    extension.
    """
    if is_folder(path):
        found = next((one.kind() for one in alike if one.of_folders), None)
    else:
        suffix = Path(path.removesuffix(".gz")).suffix.lower()
        meant = (one.kind() for one in alike if suffix in one.shared_endings)
        found = next(meant, None) or kind_of(path)
    if found is None:
        others = ", ".join(kind for kind in SOURCES.kinds() if kind != "csv")
        raise RunError.of(
            "MS601",
            f"cannot infer the format from the extension of `{path}`",
            help=(
                f"write `csv=...` or another kind ({others}), or use one of the extensions"
                f" {', '.join(endings())}"
            ),
        )
    return found


def _inline(kind: str, text: str) -> Value:
    """Settings in YAML."""
    read = read_text(text, f"{kind}=")
    errors = [one for one in read.diagnostics if one.severity == "error"]
    if errors or read.value is None:
        raise RunError(errors)
    return plain(read.value.root)


def _of_path(kind: str, path: str, alike: tuple[Source, ...]) -> Value:
    """The settings for a path: those of the spec's source of this kind, if it has one, except those
    that are detected for each file.
    """
    found = cast("type[Source] | None", SOURCES.find(kind))
    by_name = found.settings_for(path) if found is not None else path
    known = next((one for one in alike if one.kind() == kind), None)
    if known is None:
        return by_name
    own = by_name if isinstance(by_name, dict) else {}
    return {**known.settings_like(path), **own}


def with_own_header(source: Source, columns: tuple[str, ...], context: Context) -> Source:
    """The CSV source of a run for another file: the delimiter is detected from the file if
    possible, and the `header` of the spec is omitted if the first line names one of the input
    `columns` or of the header.
    """
    from modelspec.catalog.sources.csv import csv

    if not isinstance(source, csv) or (source.delimiter is None and source.header is None):
        return source
    from ..data.sources.formats.csv_beginning import beginning

    first = beginning(source.model_copy(update={"delimiter": None}), context)
    if first is None:
        return source
    update: dict[str, object] = {}
    if first.delimiter not in (None, source.decimal, source.thousands):
        update["delimiter"] = first.delimiter
    names = {cell.strip() for cell in first.cells(update.get("delimiter") or source.delimiter)}
    if source.header is not None and names & {*columns, *source.header}:
        update["header"] = None
    return source.model_copy(update=update)
