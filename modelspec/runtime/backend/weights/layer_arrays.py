"""Arrays by layer, from files that are not HDF5, in the layout of Keras 2 files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from ..hdf5.entry import Array, Entry
from ..hdf5.process import Tree


class LayerArrays:
    """The arrays of each layer, in the order in which Keras 2 lists its weights. They are read like
    the tree of an HDF5 file of Keras 2: a group for each layer, whose attribute lists its arrays.
    """

    def __init__(self, shown: str, layers: Mapping[str, Sequence[Entry]]) -> None:
        self.shown = shown
        self.layers = layers
        self._entries = {
            f"{layer}/{entry.name}": entry for layer, found in layers.items() for entry in found
        }

    def has(self, path: str) -> bool:
        """Whether a group exists at a path."""
        return not path or path in self.layers

    def names(self, path: str) -> tuple[str, ...]:
        """Members of the group at a path."""
        if not path:
            return tuple(self.layers)
        return tuple(entry.name for entry in self.layers.get(path, ()))

    def entry(self, path: str) -> Entry | None:
        """The array at a path; None if it does not exist."""
        return self._entries.get(path)

    def texts(self, path: str, attribute: str) -> tuple[str, ...] | None:
        """The names of the layers, or of the arrays of one."""
        if not path:
            return tuple(self.layers) if attribute == "layer_names" else None
        return self.names(path) if attribute == "weight_names" and path in self.layers else None

    def text(self, path: str, attribute: str) -> str | None:
        """None: the files have no attributes of this kind."""
        return None


Groups: TypeAlias = Tree | LayerArrays
"""Arrays in groups of layers, from any file."""


def loaded(name: str, array: Array) -> Entry:
    """The entry of an array that is already read."""

    def read() -> Array:
        return array

    return Entry(name, tuple(array.shape), read)
