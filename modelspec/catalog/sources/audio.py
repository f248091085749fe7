"""`audio`: audio files from class folders."""

from typing import ClassVar

from modelspec.core.paths import ProjectPath
from modelspec.core.shapes import Shape

from .common.sound_settings import MOST_SAMPLES, Channels, Length, Rate, sound_shape
from .common.source import Source

AUDIO = "audio"
"""The column of sounds."""


class audio(Source):
    """Audio files: one folder per class.

    ```yaml
    source: {audio: {path: clips, sampling_rate: 16000, output_sequence_length: 16000}}
    ```

    The columns are `audio` and `label`, the name of the folder; without folders, the files are
    those directly in `path`. A sound is float32 with values from -1 to 1: `[samples]`, or
    `[samples, 2]` with `channels: stereo`. WAV, FLAC, OGG, MP3 and AIFF files are read with the
    package `soundfile`, and resampled with `soxr`: `pip install 'modelspec[audio]'`. The format is
    inferred from the content of a file. Hidden files are ignored, and a link to a path outside of
    the folder is an error. `sampling_rate` and `output_sequence_length` have the same names as in
    Keras (`audio_dataset_from_directory`).

    A column of paths in a table is read with `{column: path, read: audio}`.
    """

    of_folders: ClassVar = True
    own_target: ClassVar = True

    path: ProjectPath
    """The folder with one folder of audio files per class."""
    sampling_rate: Rate | None = None
    """The samples per second that every file is resampled to; without it all files must have the
    same rate.
    """
    output_sequence_length: Length | None = None
    """The number of samples that every sound is cut to, or padded to with zeros at its end; without
    it all must have the same length.
    """
    channels: Channels = "mono"
    """`mono` is the mean of the channels; `stereo` repeats a single channel."""
    max_samples: Length = MOST_SAMPLES
    """The largest number of samples of a file, over its channels; a larger file is refused before
    it is decoded.
    """

    def sound_shape(self, column: str) -> Shape | None:
        if column != AUDIO:
            return None
        return sound_shape(self.output_sequence_length, self.channels)

    @property
    def value_columns(self) -> tuple[str, ...]:
        return ("label",)
