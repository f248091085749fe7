"""HDF5 restricted to safe features: groups and plain datasets, but no links, no other files, and no
sizes without stored data.

HDF5 lets a file refer to other files (external storage, external and soft links, virtual datasets),
claim sizes that it does not store, and name filters that are loaded as plugins. Weight files need
none of these, so all are rejected before a number is read. Sources: the HDF5 file format
specification (links, data storage, filter pipeline messages).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np

from .entry import Array, Entry, broken, from_bfloat16, refused

MAX_MEMBERS = 100_000
"""Groups and datasets in one group, and names in one attribute."""
_MAX_NAME = 4096
_NUMBERS = "biuf"
_CHECKSUM = 3
"""`H5Z_FILTER_FLETCHER32`: the only filter that does not change the size."""
_BROKEN = (OSError, RuntimeError, ValueError, TypeError, KeyError, OverflowError, MemoryError)
"""What h5py raises on a damaged file, depending on where the damage is."""


class Tree:
    """The groups and datasets of an open file, by paths of names."""

    def __init__(self, file: Any, shown: str) -> None:
        self._file = file
        self.shown = shown

    def group(self, path: str) -> Any | None:
        """The group at a path; None if it does not exist. Raises `RunError` (MS751) for a link in
        the path.
        """
        current = self._file
        for name in filter(None, path.split("/")):
            current = self._member(current, name)
            if not isinstance(current, h5py.Group):
                return None
        return current

    def has(self, path: str) -> bool:
        """Whether a group exists at a path."""
        with self._readable():
            return self.group(path) is not None

    def names(self, path: str) -> tuple[str, ...]:
        """Members of the group at a path."""
        with self._readable():
            group = self.group(path)
            if group is None:
                return ()
            if len(group) > MAX_MEMBERS:
                raise refused(
                    self.shown,
                    f"`{path}` has {len(group):,} members; the limit is {MAX_MEMBERS:,}",
                )
            return tuple(group)

    def entry(self, path: str) -> Entry | None:
        """The array at a path; None if it does not exist."""
        parent, _, name = path.rpartition("/")
        with self._readable():
            group = self.group(parent)
            found = None if group is None else self._member(group, name)
            if not isinstance(found, h5py.Dataset):
                return None
            half = self._check(found, path)
            return Entry(path, tuple(found.shape), lambda: self._read(found, half))

    def texts(self, path: str, attribute: str) -> tuple[str, ...] | None:
        """Names in an attribute of a group; Keras splits long lists into `layer_names0`,
        `layer_names1`, ...
        """
        with self._readable():
            group = self.group(path)
            if group is None:
                return None
            if attribute in group.attrs:
                return self._attribute(group, attribute)
            parts = self._parts(group, attribute)
            if not parts:
                return None
            return tuple(name for part in parts for name in self._attribute(group, part))

    def text(self, path: str, attribute: str) -> str | None:
        """One string in an attribute of a group."""
        with self._readable():
            group = self.group(path)
            if group is None or attribute not in group.attrs:
                return None
            found = self._attribute(group, attribute)
            return found[0] if len(found) == 1 else None

    # Rejections -----------------------------------------------------------------------------------

    def _member(self, group: Any, name: str) -> Any:
        if name not in group:
            return None
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise refused(
                self.shown, f"`{name}` in it is a link, which could point to another file"
            )
        return group[name]

    def _check(self, dataset: Any, path: str) -> bool:
        """Rejects datasets that are not plain numeric arrays in this file; returns whether it holds
        bfloat16.
        """
        half = _is_bfloat16(dataset)
        if not half and (dataset.dtype.kind not in _NUMBERS or dataset.dtype.hasobject):
            raise refused(self.shown, f"`{path}` holds {dataset.dtype}, not numbers")
        if dataset.external or dataset.is_virtual:
            raise refused(self.shown, f"the numbers of `{path}` are in another file")
        filters = dataset.id.get_create_plist()
        if any(filters.get_filter(i)[0] != _CHECKSUM for i in range(filters.get_nfilters())):
            raise refused(
                self.shown,
                f"`{path}` is compressed; Keras stores it uncompressed",
                help="load it with Keras and save it again, or write it with `h5repack -f NONE`",
            )
        if dataset.shape is None:
            raise refused(self.shown, f"`{path}` is empty")
        self._check_size(dataset, path)
        return half

    def _check_size(self, dataset: Any, path: str) -> None:
        """Rejects an array that claims more bytes than the file stores."""
        item, stored = dataset.dtype.itemsize, dataset.id.get_storage_size()
        claimed = math.prod(dataset.shape) * item
        chunk = math.prod(dataset.chunks) * item if dataset.chunks else 0
        if stored < claimed or chunk > max(stored, 1 << 20):
            raise refused(
                self.shown,
                f"`{path}` claims {max(claimed, chunk):,} bytes, but {stored:,} are stored",
            )

    def _read(self, dataset: Any, half: bool) -> Array:
        with self._readable():
            if not half:
                return np.asarray(dataset[()])
            raw = np.empty(dataset.shape, dataset.dtype)
            if raw.size:
                dataset.read_direct(raw)
            return from_bfloat16(raw.view(np.uint16))

    def _parts(self, group: Any, attribute: str) -> list[str]:
        """The attributes that a long list is split into."""
        names: list[str] = []
        while (name := f"{attribute}{len(names)}") in group.attrs and len(names) < MAX_MEMBERS:
            names.append(name)
        return names

    def _attribute(self, group: Any, name: str) -> tuple[str, ...]:
        attribute = group.attrs.get_id(name)
        count = math.prod(attribute.shape)
        if count == 0:  # an empty list, which has no dtype
            return ()
        text = h5py.check_string_dtype(attribute.dtype)
        if text is None or (text.length or 0) > _MAX_NAME or count > MAX_MEMBERS:
            raise refused(self.shown, f"its attribute `{name}` is not a list of names")
        value = group.attrs[name]
        items = value.ravel().tolist() if isinstance(value, np.ndarray) else [value]
        return tuple(map(_text, items))

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            raise broken(self.shown, f"it is damaged ({_reason(error)})") from None


def _is_bfloat16(dataset: Any) -> bool:
    """Keras writes bfloat16 as 2 bytes of an opaque type, and marks it in an attribute."""
    return dataset.dtype.itemsize == 2 and str(dataset.attrs.get("dtype", "")) == "bfloat16"


@contextmanager
def open_tree(file: Path | IO[bytes], shown: str) -> Iterator[Tree]:
    """An HDF5 file, open for reading. Raises `RunError`: MS750 if it is not one."""
    try:
        opened = h5py.File(file, "r")
    except _BROKEN as error:
        raise broken(
            shown, f"it is not an HDF5 file, or it is damaged ({_reason(error)})"
        ) from None
    with opened:
        yield Tree(opened, shown)


def _reason(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _text(item: Any) -> str:
    return item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)
