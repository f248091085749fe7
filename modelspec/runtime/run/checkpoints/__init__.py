"""Atomic checkpoints: whenever and however the process ends, either the old or the new one exists.

    checkpoints/
      000007-step-350/
        tensors.safetensors     every tensor of the training, no pickle, no HDF5
        index.json              position, state, and the SHA-256 of every tensor

A checkpoint is written to a temporary folder, synced to disk file by file, and renamed. When it is
read, everything is verified: every byte is covered by a hash, and the index names the folder that
it belongs to. Loads no framework.
"""

from .store import Checkpoint, Store
from .writer import Writer

__all__ = ["Checkpoint", "Store", "Writer"]
