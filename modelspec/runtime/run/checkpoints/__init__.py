"""Checkpoints that commit as one: the old one or the new one is there, whatever ends the process
and whenever.

    checkpoints/
      000007-step-350/
        tensors.safetensors     every tensor of the training, no pickle, no HDF5
        index.json              what belongs to it: position, state, and the SHA-256 of every tensor

A checkpoint is written into a folder beside, forced to disk file by file, and renamed into place.
Nothing of it is trusted when it is read: every byte is covered by a hash, and the index names the
folder that it belongs to. Loads no framework.
"""

from .store import Checkpoint, Store
from .writer import Writer

__all__ = ["Checkpoint", "Store", "Writer"]
