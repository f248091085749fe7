"""A SOURCE of the command line: a path whose ending tells its kind, or `kind=path`, or
`kind={settings}`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from modelspec.catalog.sources.kinds import SOURCES
from modelspec.core.settings import Context, Faults, Settings, read_form
from modelspec.core.source import Value, plain, read_text

from ..data import RunError
from ..data.sources.endings import ENDINGS, kind_of

_OF_FOLDERS = ("images", "text")
_OF_THEIR_OWN_FILE = {"rows": None, "part": None}
"""Settings that say which part of a file is meant: those of a spec do not hold for another file."""


def source_of(written: str, alike: Iterable[Settings], context: Context) -> Settings:
    """The settings of a SOURCE. Those that a spec gives a source of the same kind (a delimiter, the
    size of images) hold for it too.

    Raises `RunError`: MS601 where it does not tell its kind, and what settings raise.
    """
    alike = tuple(alike)
    kind, equals, value = written.partition("=")
    if not equals or kind not in SOURCES:
        kind, value = _kind(written, alike), written
    settings: Value = _inline(kind, value) if value.startswith("{") else value
    known = next((one for one in alike if one.kind() == kind), None)
    if known is not None and isinstance(settings, str):
        settings = _like(known, settings)
    elif (
        kind == "csv"
        and isinstance(settings, str)
        and _plain_name(settings).suffix.lower() == ".tsv"
    ):
        settings = {"path": settings, "delimiter": "\t"}
    try:
        return read_form(SOURCES, {kind: settings}, context)
    except Faults as error:
        raise RunError([fault.at(None) for fault in error.faults]) from None


def _kind(path: str, alike: tuple[Settings, ...]) -> str:
    """By the ending; of a folder, and of a text file, by what the spec reads."""
    of_spec = [one.kind() for one in alike]
    if Path(path).is_dir():
        found = next((kind for kind in of_spec if kind in _OF_FOLDERS), None)
    elif _plain_name(path).suffix.lower() == ".txt":
        found = next((kind for kind in of_spec if kind in ("text", "skipgrams")), "csv")
    else:
        found = kind_of(path)
    if found is None:
        raise RunError.of(
            "MS601",
            f"the ending of `{path}` does not tell what it is",
            help=(
                f"write `csv=...`, or another kind ({', '.join(list(SOURCES.kinds())[1:])}), or"
                f" name a file that ends in {', '.join(ENDINGS)}"
            ),
        )
    return found


def _plain_name(path: str) -> Path:
    return Path(path.removesuffix(".gz"))


def _inline(kind: str, text: str) -> Value:
    """Settings as YAML has them."""
    read = read_text(text, f"{kind}=")
    errors = [one for one in read.diagnostics if one.severity == "error"]
    if errors or read.value is None:
        raise RunError(errors)
    return plain(read.value.root)


def _like(known: Settings, path: str) -> Value:
    """The settings of a source with another path."""
    fields = type(known).model_fields
    settings: dict[str, Any] = {name: getattr(known, name) for name in known.model_fields_set}
    settings.update({name: value for name, value in _OF_THEIR_OWN_FILE.items() if name in fields})
    if known.kind() == "dataset":
        return {"name": path}
    if "files" in fields:
        files = settings["files"]
        return {"files": path if isinstance(files, str) else {next(iter(files)): path}}
    if known.kind() == "images":
        of_table = Path(path).suffix.lower() == ".csv"
        for name in ("path", "csv") if of_table else ("path", "csv", "column", "root"):
            settings.pop(name, None)
        return {**settings, "csv" if of_table else "path": path}
    if "features" in fields:
        settings["features"] = {
            name: one.model_dump() for name, one in settings["features"].items()
        }
    return {**settings, "path": path}
