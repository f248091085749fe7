"""The number of replicas of a run, as the manifest records it."""

from __future__ import annotations

from typing import Final


def replicas_of(workers: int, devices: int) -> str:
    """`2 processes with 1 device each`."""
    return (
        f"{workers} process{'' if workers == 1 else 'es'} with {devices}"
        f" device{'' if devices == 1 else 's'} each"
    )


ALONE: Final = replicas_of(1, 1)
"""That of a run on one device, and of a run of an earlier version."""
