"""One audio file to an array, with `soundfile`, and resampled with `soxr`. The claimed size is
checked before it is decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from modelspec.core.diagnostics import Fault
from modelspec.runtime.data.table import Array

from .class_folders import Member
from .decoded_files import Expected

if TYPE_CHECKING:
    from soundfile import SoundFile

ENDINGS: Final = frozenset({".wav", ".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff"})
_FORMATS: Final = frozenset({"WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3", "AIFF"})
_UNKNOWN_SIZE: Final = (0, 0xFFFFFFFF)
"""The sizes in the header of a WAV file that was written without knowing its length."""


class Hearing(NamedTuple):
    """How audio files become arrays: the settings of the `audio` source with these names."""

    sampling_rate: int | None = None
    output_sequence_length: int | None = None
    channels: str = "mono"
    max_samples: int = 0

    @classmethod
    def of(cls, settings: Any) -> Hearing:
        """The settings of a source, or of a feature that reads files."""
        return cls(*(getattr(settings, name) for name in cls._fields))


def require_packages() -> None:
    """Raises `Fault` (MS717) if a package that reads audio is missing."""
    lacking = [name for name in ("soundfile", "soxr") if find_spec(name) is None]
    if lacking:
        raise Fault(
            "MS717",
            f"reading audio requires the package `{lacking[0]}`, which is not installed",
            help="`pip install 'modelspec[audio]'`",
        )


class AudioDecoder:
    """Sounds of one sampling rate, number of channels and length."""

    def __init__(self, settings: Hearing, found: Sequence[Member]) -> None:
        require_packages()
        self.settings = settings
        self._found = found

    @cached_property
    def _rate(self) -> tuple[str, int] | None:
        """The first readable file and its sampling rate, which all files must have."""
        for one in self._found:
            try:
                with opened(one.path, one.shown, self.settings) as file:
                    return one.shown, file.samplerate
            except (Fault, OSError):
                continue
        return None

    @property
    def assumed(self) -> Expected:
        length = self.settings.output_sequence_length or 1
        shape = (length,) if self.settings.channels == "mono" else (length, 2)
        return Expected("", shape, np.dtype(np.float32))

    def misfit(self, member: Member, found: Array, first: Expected) -> Fault:
        return Fault(
            "MS718",
            f"`{member.shown}` has {len(found):,} samples, but `{first.shown}` has"
            f" {first.shape[0]:,}",
            help="set `output_sequence_length`, to which every sound is cut or padded",
        )

    def quiet(self) -> AbstractContextManager[None]:
        return nullcontext()

    def __call__(self, member: Member) -> Array:
        """A sound: [samples], or [samples, channels]. Raises `Fault`: MS718 for another sampling
        rate or other channels, MS719 if the file does not decode.
        """
        settings = self.settings
        with opened(member.path, member.shown, settings) as file:
            self._check_rate(file.samplerate, member)
            values = _samples(file, member.shown)
            values = _in_channels(values, settings.channels, member.shown)
            values = _resampled(values, file.samplerate, settings.sampling_rate)
        return _of_length(values, settings.output_sequence_length)

    def _check_rate(self, rate: int, member: Member) -> None:
        if self.settings.sampling_rate is not None or self._rate is None:
            return
        shown, wanted = self._rate
        if rate != wanted:
            raise Fault(
                "MS718",
                f"`{member.shown}` has {rate:,} samples per second, but `{shown}` has {wanted:,}",
                help=f"set `sampling_rate: {wanted}`, to which every file is resampled",
            )


def opened(path: Path, shown: str, settings: Hearing) -> SoundFile:
    """A file whose header is valid. Raises `Fault` (MS719), and `OSError` if it cannot be read."""
    import soundfile

    _check_length(path, shown)
    try:
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        raise Fault(
            "MS719",
            f"`{shown}` is not a readable audio file: {error.error_string.strip(' .')}",
            help="remove the file, or convert it to WAV or FLAC",
        ) from None
    samples = file.frames * file.channels
    if settings.sampling_rate is not None:
        samples = max(samples, -(-samples * settings.sampling_rate // file.samplerate))
    if file.format not in _FORMATS or samples > settings.max_samples or not samples:
        file.close()
        raise _refused(shown, file.format, samples, settings)
    return file


def _refused(shown: str, format: str, samples: int, settings: Hearing) -> Fault:
    if format not in _FORMATS:
        return Fault("MS719", f"`{shown}` is a {format} file", help="convert it to WAV or FLAC")
    if not samples:
        return Fault("MS719", f"`{shown}` contains no samples", help="remove the file")
    return Fault(
        "MS719",
        f"`{shown}` has {samples:,} samples{_after(settings)}, more than"
        f" `max_samples: {settings.max_samples}`",
        help="remove it, shorten it, or increase `max_samples`",
    )


def _after(settings: Hearing) -> str:
    return "" if settings.sampling_rate is None else f" at {settings.sampling_rate:,} per second"


def _check_length(path: Path, shown: str) -> None:
    """Raises `Fault` (MS719) if a WAV file is shorter than its header claims: the library would
    read the part that exists.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        if not start:
            raise Fault("MS719", f"`{shown}` is empty", help="remove the file")
        if start[:4] != b"RIFF" or start[8:12] != b"WAVE":
            return
        while len(chunk := file.read(8)) == 8:
            claimed = int.from_bytes(chunk[4:], "little")
            begin = file.tell()
            if chunk[:4] == b"data" and claimed in _UNKNOWN_SIZE:
                return
            if begin + claimed > size:
                raise Fault(
                    "MS719",
                    f"`{shown}` is truncated: its header claims {begin + claimed:,} bytes, it has"
                    f" {size:,}",
                    help="write or copy it again, or remove it",
                )
            file.seek(begin + claimed + claimed % 2)


def _samples(file: SoundFile, shown: str) -> Array:
    """All samples: [samples, channels]."""
    import soundfile

    try:
        values: Array = file.read(dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise _damaged(shown, error.error_string.strip(" .")) from None
    if len(values) < file.frames:
        raise _damaged(shown, f"it has {len(values):,} of {file.frames:,} samples")
    if not np.isfinite(values).all():
        raise _damaged(shown, "it contains values that are not finite")
    return values


def _damaged(shown: str, reason: str) -> Fault:
    return Fault(
        "MS719",
        f"`{shown}` cannot be decoded: {reason}",
        help="write or copy it again, or remove it",
    )


def _in_channels(values: Array, channels: str, shown: str) -> Array:
    """Samples in the wanted channels: the mean in float64, so that it is rounded once."""
    count = values.shape[1]
    if channels == "mono":
        if count == 1:
            return values[:, 0]
        return np.asarray(values.mean(axis=1, dtype=np.float64), np.float32)
    if count > 2:
        raise Fault(
            "MS718",
            f"`{shown}` has {count} channels, but `channels: stereo` takes files with 1 or 2",
            help="use `channels: mono`, the mean of all channels",
        )
    return np.repeat(values, 2, axis=1) if count == 1 else values


def _resampled(values: Array, rate: int, wanted: int | None) -> Array:
    if wanted is None or wanted == rate:
        return values
    import soxr

    found: Array = soxr.resample(values, rate, wanted)
    return found


def _of_length(values: Array, length: int | None) -> Array:
    """Cut, or padded with zeros, at the end."""
    if length is None or len(values) == length:
        return np.ascontiguousarray(values)
    found = np.zeros((length, *values.shape[1:]), np.float32)
    found[: len(values)] = values[:length]
    return found
