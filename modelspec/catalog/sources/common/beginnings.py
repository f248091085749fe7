"""The names of the columns of a file, from its beginning: with the standard library alone, so that
a check does not load the packages that read data.
"""

import csv
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

MOST: Final = 2**20
"""The bytes that are read."""
_DELIMITERS: Final = (",", ";", "\t", "|")
_RECORDS: Final = 20
"""Records that must have the same number of cells."""
_BROKEN: Final = (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, csv.Error)


def csv_columns(
    file: Path, delimiter: str | None, encoding: str, comment: str | None
) -> tuple[str, ...] | None:
    """The cells of the first record; None if the delimiter is not certain, or the file cannot be
    read.
    """
    text = _text(file, encoding)
    if text is None:
        return None
    if delimiter is None and file.name.lower().removesuffix(".gz").endswith(".tsv"):
        delimiter = "\t"
    tables = []
    for mark in (delimiter,) if delimiter else _DELIMITERS:
        records = _records(text, mark, comment)
        if records and (delimiter or _is_table(records)):
            tables.append(records[0])
    if not tables and delimiter is None:
        alone = _records(text, ",", comment)
        tables = [alone[0]] if alone and len(alone[0]) == 1 else []
    if len(tables) != 1:
        return None
    names = tuple(cell.strip() for cell in tables[0])
    named = tuple(name for name in names if name)
    usable = len(set(named)) == len(named) and all(names[1:])
    return named if usable else None


def _is_table(records: list[list[str]]) -> bool:
    return len(records[0]) > 1 and len({len(one) for one in records}) == 1


def _records(text: str, delimiter: str, comment: str | None) -> list[list[str]]:
    """The first records that have cells."""
    lines = _without_comments(text, comment)
    try:
        found = (one for one in csv.reader(lines, delimiter=delimiter) if one)
        return list(islice(found, _RECORDS))
    except csv.Error:
        return []


def _without_comments(text: str, comment: str | None) -> Iterator[str]:
    for line in io.StringIO(text, newline=""):
        kept = line.partition(comment)[0] if comment is not None else line
        if kept.strip() or kept == line:
            yield kept if kept.endswith(("\n", "\r")) else f"{kept}\n"


def jsonl_columns(file: Path) -> tuple[str, ...] | None:
    """The keys of the first object; None if it cannot be read."""
    text = _text(file, "utf-8")
    first = next((line for line in (text or "").splitlines() if line.strip()), None)
    if first is None:
        return None
    try:
        found = json.loads(first)
    except (ValueError, RecursionError):
        return None
    return tuple(found) if isinstance(found, dict) else None


def npz_columns(file: Path) -> tuple[str, ...] | None:
    """The names of the arrays of an archive; None if it cannot be read."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except _BROKEN:
        return None
    return tuple(one.removesuffix(".npy") for one in names if one.endswith(".npy")) or None


def _text(file: Path, encoding: str) -> str | None:
    """The first whole lines of a file, plain or compressed; None if it cannot be read."""
    try:
        if not file.is_file():
            return None
        with file.open("rb") as raw:
            is_gzip = raw.read(2) == b"\x1f\x8b"
        with gzip.open(file) if is_gzip else file.open("rb") as opened:
            data = opened.read(MOST + 1)
        whole = len(data) <= MOST
        text = data[:MOST].decode(encoding, errors="strict" if whole else "ignore")
    except _BROKEN:
        return None
    text = text.removeprefix("\ufeff")
    return text if whole else text[: text.rfind("\n") + 1]
