"""The data sets of an HDF5 file, as its process describes them: claimed sizes are checked here."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from modelspec.core.diagnostics import Fault

from . import hdf5_process
from .files import Found, believe


class DataSet(NamedTuple):
    """A data set, inspected without its numbers."""

    shape: tuple[int, ...]
    example: int
    """Bytes."""
    chunk: int
    """Rows of a chunk; 0 if it is not chunked."""
    fault: Fault | None
    """Why it cannot be used."""


def data_sets(found: Found) -> dict[str, DataSet]:
    """The data sets of a file by their paths. Raises `Fault`: MS605, MS643."""
    try:
        answer, _ = hdf5_process.ask("inspect", str(found.path.absolute()))
    except hdf5_process.Broken as error:
        raise Fault(
            "MS605",
            f"`{found.shown}` is not a valid HDF5 file: {error}",
            help="write or copy the file again",
        ) from None
    if answer["many"]:
        raise Fault("MS605", f"`{found.shown}` has too many objects to be a data file")
    if answer["link"] is not None:
        raise Fault(
            "MS643",
            f"`{answer['link']}` of `{found.shown}` is a link to another file, which is not "
            "allowed",
            help="copy its target into the file",
        )
    held = found.path.stat().st_size
    return {one["name"]: _data_set(one, found.shown, held) for one in answer["sets"]}


def _data_set(facts: dict[str, Any], shown: str, held: int) -> DataSet:
    shape, fault = tuple(facts["shape"]), None
    try:
        _check(facts, f"`{facts['name']}` of `{shown}`", held)
    except Fault as error:
        fault = error
    chunk = facts["chunks"][0] if facts["chunks"] else 0
    return DataSet(shape, prod(shape[1:]) * facts["item"], chunk, fault)


def _check(facts: dict[str, Any], what: str, held: int) -> None:
    """Raises `Fault`: MS606, MS643."""
    if facts["elsewhere"]:
        raise Fault(
            "MS643",
            f"{what} has its numbers in other files, which are not read",
            help="copy them into one file, e.g. with `h5repack`",
        )
    if not facts["shape"]:
        raise Fault("MS606", f"{what} is a single value; expected one value per example")
    if facts["kind"] == "V":
        raise Fault(
            "MS606",
            f"{what} is a compound data set with the fields {', '.join(facts['fields'])}",
            help="save every field as a separate data set",
        )
    _check_size(facts, what, held)


def _check_size(facts: dict[str, Any], what: str, held: int) -> None:
    shape, stored, chunks = tuple(facts["shape"]), facts["stored"], facts["chunks"]
    if chunks is None:
        if facts["kind"] != "O":
            claimed = prod(shape) * facts["item"]
            believe(claimed, min(stored, held), what, f" (shape {shape})")
        return
    believe(stored, held, what)
    count = prod(-(-size // chunk) for size, chunk in zip(shape, chunks, strict=True))
    if facts["written"] < count:  # HDF5 would return zeros for the others
        raise Fault(
            "MS606",
            f"{what} has the shape {shape}, but only {facts['written']:,} of its {count:,} "
            "chunks were written",
            help="write all chunks, or create it with a smaller shape",
        )
