"""Types of the settings for reading audio files."""

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field

from modelspec.core.shapes import Shape

Rate: TypeAlias = Annotated[int, Field(ge=1, le=10_000_000)]
"""Samples per second."""
Length: TypeAlias = Annotated[int, Field(ge=1, le=1_000_000_000)]
"""A number of samples."""
Channels: TypeAlias = Literal["mono", "stereo"]
MOST_SAMPLES: Final = 100_000_000
"""The default of `max_samples`."""


def sound_shape(length: int | None, channels: str) -> Shape:
    """The shape of an example: samples, or samples and channels."""
    return (length,) if channels == "mono" else (length, 2)
