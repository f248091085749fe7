"""`huggingface`: the Arrow files of a data set saved by `datasets`, with its class names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from modelspec.catalog.sources.huggingface import huggingface
from modelspec.core.diagnostics import Fault, Span, listed, nearest
from modelspec.core.settings import Context

from ..table import Table
from .arrow import ArrowTable
from .formats import files
from .formats.joined_files import JoinedTable

_STATE, _INFO, _SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
_LIMIT = 10_000_000
"""The most bytes of a file that describes a data set."""
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
"""The suffix of files in a cache: `imdb-train.arrow`, `imdb-train-00000-of-00002.arrow`."""


class _Saved(NamedTuple):
    """A data set on disk."""

    names: list[str]
    """Its Arrow files, in order."""
    labels: dict[str, tuple[str, ...]]
    """The names of classes, by column."""
    examples: int | None = None
    """The number of examples that it states."""


class LabelledTable(ArrowTable):
    """An Arrow file with columns of class numbers that have names."""

    def __init__(
        self, found: files.Found, labels: Mapping[str, tuple[str, ...]], span: Span | None
    ) -> None:
        """Raises `Fault`: MS601, MS604, MS642; MS687 for classes that are not integers."""
        super().__init__(found, span)
        self._labels = {name: names for name, names in labels.items() if name in self.names}
        if self._labels:
            import pyarrow as pa

            for name in self._labels:
                if not pa.types.is_integer(self._types[name]):
                    raise Fault(
                        "MS687",
                        f"`{name}` of {self.name} contains {self._types[name]}, not numbers of"
                        " classes",
                        help="save the data set again",
                    )
            text = json.dumps(self._labels, sort_keys=True)
            self.fingerprint = files.fingerprint_of_all([self.fingerprint, text])
            self._types |= dict.fromkeys(self._labels, pa.string())

    def batches(self, names: Sequence[str], rows: int) -> Iterator[Any]:
        for batch in super().batches(names, rows):
            for at, name in enumerate(names):
                if name in self._labels:
                    batch = batch.set_column(at, name, self._named(batch.column(at), name))
            yield batch

    def _named(self, column: Any, name: str) -> Any:
        """The names of classes by number; null for -1. Raises `Fault` (MS687)."""
        import pyarrow as pa
        import pyarrow.compute as pc

        names = self._labels[name]
        span = pc.min_max(column).as_py()
        if span["min"] is not None and (span["min"] < -1 or span["max"] >= len(names)):
            worst = span["max"] if span["max"] >= len(names) else span["min"]
            raise Fault(
                "MS687",
                f"`{name}` of {self.name} has the class {worst}, and {len(names)} classes have"
                " names",
                help="save the data set again",
            )
        known = pc.if_else(pc.equal(column, -1), None, column)
        return pc.take(pa.array(names, pa.string()), known.cast(pa.int64()))


def open_table(source: huggingface, context: Context, span: Span | None) -> Table:
    """The table of a `huggingface` source. Raises `Fault`: MS210, MS601 for paths, MS687 for a
    folder without a data set.
    """
    path, root = _folder(source.path, source.split, context)
    state = _read(f"{path}/{_STATE}", context) if (root / _STATE).exists() else None
    saved = (
        _of_state(path, state, context)
        if state is not None
        else _of_cache(path, root, source.split, context)
    )
    found = [files.Found.at(one, files.locate(one, context)) for one in saved.names]
    tables = [LabelledTable(one, saved.labels, span) for one in found]
    count = sum(table.count for table in tables)
    if saved.examples is not None and saved.examples != count:
        raise Fault(
            "MS687",
            f"`{path}` states {saved.examples:,} examples, but its files contain {count:,}",
            help="save or load the data set again",
        )
    return tables[0] if len(tables) == 1 else JoinedTable(path, tables, span)


def _folder(path: str, split: str | None, context: Context) -> tuple[str, Path]:
    """The folder of the split, as written and resolved."""
    root = files.locate(path, context, folder=True)
    if not root.is_dir():
        raise _no_data_set(path, "it is a file", "use the folder that `save_to_disk` wrote")
    if not (root / _SPLITS).exists():
        return path, root
    splits = _texts(_read(f"{path}/{_SPLITS}", context).get("splits"), f"{path}/{_SPLITS}")
    chosen = _chosen(split, splits, path)
    return f"{path}/{chosen}", files.locate(f"{path}/{chosen}", context, folder=True)


def _chosen(split: str | None, splits: Sequence[str], path: str) -> str:
    """Raises `Fault` (MS687) if the split does not exist."""
    if split is None and len(splits) == 1:
        return splits[0]
    if split is None or split not in splits:
        said = f"has no split `{split}`" if split is not None else "has several splits"
        near = nearest(split, splits) if split is not None else None
        raise Fault(
            "MS687",
            f"the data set in `{path}` {said}",
            help=f"did you mean `{near}`?" if near else f"set `split` to one of {listed(splits)}",
        )
    return split


def _of_state(path: str, state: dict[str, Any], context: Context) -> _Saved:
    """A data set written by `save_to_disk`."""
    if state.get("_indices_files"):
        raise _no_data_set(
            path, "its rows are selected by an indices file", "call `flatten_indices()` first"
        )
    listing = state.get("_data_files")
    entries = listing if isinstance(listing, list) else []
    names = _texts([e.get("filename") if isinstance(e, dict) else None for e in entries], path)
    if not names:
        raise _no_data_set(path, f"`{_STATE}` lists no files", "save the data set again")
    info = _read(f"{path}/{_INFO}", context)
    return _Saved([f"{path}/{name}" for name in names], _labels(info))


def _of_cache(path: str, root: Path, split: str | None, context: Context) -> _Saved:
    """A data set in the cache of `datasets`."""
    if not (root / _INFO).exists():
        raise _no_data_set(
            path,
            f"it has neither `{_STATE}` nor `{_INFO}`",
            "use the folder that `save_to_disk` wrote",
        )
    info = _read(f"{path}/{_INFO}", context)
    by_split: dict[str, list[str]] = {}
    for one in sorted(root.glob("*.arrow")):
        _, dash, name = _SHARD.sub("", one.stem).rpartition("-")
        if dash and not one.name.startswith("cache-"):
            by_split.setdefault(name, []).append(f"{path}/{one.name}")
    if not by_split:
        raise _no_data_set(path, "it has no Arrow files", "load the data set again")
    chosen = _chosen(split, tuple(by_split), path)
    splits = info.get("splits")
    said = splits.get(chosen) if isinstance(splits, dict) else None
    count = said.get("num_examples") if isinstance(said, dict) else None
    return _Saved(by_split[chosen], _labels(info), count if isinstance(count, int) else None)


def _labels(info: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The names of classes, by column."""
    features = info.get("features")
    found: dict[str, tuple[str, ...]] = {}
    for column, one in features.items() if isinstance(features, dict) else ():
        if isinstance(one, dict) and one.get("_type") == "ClassLabel":
            names = one.get("names")
            if isinstance(names, list) and all(isinstance(name, str) for name in names):
                found[column] = tuple(names)
    return found


def _texts(value: Any, shown: str) -> tuple[str, ...]:
    """Plain names of files or folders, without links to other places."""
    names = value if isinstance(value, list) else []
    for name in names:
        plain = isinstance(name, str) and name not in ("", ".", "..") and "\0" not in name
        if not plain or PurePosixPath(name).name != name:
            raise _no_data_set(shown, "it lists files outside its folder", "save it again")
    return tuple(names)


def _read(path: str, context: Context) -> dict[str, Any]:
    """A file that describes a data set. Raises `Fault`: MS210, MS601, MS687."""
    file = files.locate(path, context)
    try:
        with file.open("rb") as opened:
            raw = opened.read(_LIMIT + 1)
        found = json.loads(raw) if len(raw) <= _LIMIT else None
    except OSError as error:
        raise files.cannot_read(path, error) from None
    except (ValueError, RecursionError) as error:
        raise _no_data_set(path, f"it is not JSON: {files.said(error)}", "save it again") from None
    if not isinstance(found, dict):
        raise _no_data_set(path, "it is not a JSON object", "save the data set again")
    return found


def _no_data_set(path: str, why: str, help: str) -> Fault:
    return Fault("MS687", f"`{path}` is not a data set saved by `datasets`: {why}", help=help)
