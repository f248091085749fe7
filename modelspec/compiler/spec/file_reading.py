"""A feature whose column names files: `{column: photo, read: image, size: 224}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from modelspec.catalog.sources.common.picture_settings import CHANNELS
from modelspec.catalog.sources.common.sound_settings import sound_shape as shape_of_sounds
from modelspec.core.diagnostics import listed
from modelspec.core.settings import refuse
from modelspec.core.shapes import Shape

if TYPE_CHECKING:
    from modelspec.catalog.sources.common.source import Source

    from .feature import Feature

_OF_PICTURES: Final = ("size", "crop_to_aspect_ratio", "pad_to_aspect_ratio", "max_pixels")
_SETTINGS_OF: Final = {
    "image": (*_OF_PICTURES, "color_mode", "interpolation"),
    "mask": (*_OF_PICTURES, "mask_values"),
    "audio": ("sampling_rate", "output_sequence_length", "channels", "max_samples"),
}
"""The settings for reading files, named as those of the sources `images` and `audio`."""
SETTINGS: Final = (
    *("size", "color_mode", "interpolation", "crop_to_aspect_ratio", "pad_to_aspect_ratio"),
    *("mask_values", "max_pixels", *_SETTINGS_OF["audio"]),
)
_OF_CELLS: Final = ("dtype", "lowercase", "separator", "positive", "coordinates")


def without_effect(feature: Feature) -> tuple[str, ...]:
    """The keys that do not affect how a feature reads its files or cells."""
    if feature.read is None:
        return SETTINGS
    own = _SETTINGS_OF[feature.read]
    return (*_OF_CELLS, *(key for key in SETTINGS if key not in own))


def check_reading(feature: Feature) -> None:
    """Raises `Fault` (MS208) if settings do not match what is read."""
    given = feature.model_fields_set
    if feature.read is None:
        for key in without_effect(feature):
            if key in given:
                refuse(
                    f"`{key}` applies to files, but `read` is missing",
                    "MS208",
                    key,
                    help=f"add {listed([f'read: {kind}' for kind in _readers(key)], 'or')}",
                )
        return
    if feature.columns is not None:
        refuse(
            "`read` requires a single `column`",
            "MS208",
            "read",
            help="write an input or target for each column",
        )
    for key in without_effect(feature):
        if key in given:
            refuse(f"`{key}` does not apply to `read: {feature.read}`", "MS208", key)
    if feature.missing != "error":
        refuse(
            "a missing file cannot be filled in",
            "MS208",
            "missing",
            help="drop rows without a file: `where: path is not missing`",
        )
    if feature.crop_to_aspect_ratio and feature.pad_to_aspect_ratio:
        refuse("an image can be cropped or padded, not both", "MS208", "pad_to_aspect_ratio")


def _readers(key: str) -> list[str]:
    """What a setting applies to."""
    return [kind for kind, settings in _SETTINGS_OF.items() if key in settings]


def picture_shape(feature: Feature, source: Source | None) -> Shape | None:
    """The height, width and channels of the images of an input or target, as far as they are known;
    None if no files are read.
    """
    if feature.read == "audio":
        return None
    if feature.read is not None:
        channels = 1 if feature.read == "mask" else CHANNELS[feature.color_mode]
        return (*(feature.size or (None, None)), channels)
    if source is None or feature.column is None:
        return None
    return source.picture_shape(feature.column)


def sound_shape(feature: Feature, source: Source | None) -> Shape | None:
    """The shape of the sounds of an input or target, as far as it is known; None if no audio files
    are read.
    """
    if feature.read == "audio":
        return shape_of_sounds(feature.output_sequence_length, feature.channels)
    if feature.read is not None or source is None or feature.column is None:
        return None
    return source.sound_shape(feature.column)


def file_shape(feature: Feature, source: Source | None) -> Shape | None:
    """The shape of the examples of an input or target that are files; None for other examples."""
    found = picture_shape(feature, source)
    return sound_shape(feature, source) if found is None else found


def file_columns(features: Mapping[str, Feature]) -> dict[str, Feature]:
    """Each feature that reads files, by the name of its column of images."""
    return {name_of(one): one for one in features.values() if one.read is not None}


def name_of(feature: Feature) -> str:
    """The name of a column of images: the column of paths, and how the files are read."""
    settings = written(feature)
    size = settings.pop("size", None)
    what = f"{settings.pop('read')}{' {}x{}'.format(*size) if size else ''}"
    return f"{feature.column} ({', '.join([what, *(f'{k}: {v}' for k, v in settings.items())])})"


def written(feature: Feature) -> dict[str, Any]:
    """How files are read, as written in a spec: the settings that are not defaults."""
    if feature.read is None:
        return {}
    found: dict[str, Any] = {
        key: getattr(feature, key) for key in SETTINGS if key in feature.model_fields_set
    }
    return {"read": feature.read, **found}
