"""The draft for a folder of images, one folder per class."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from modelspec.core.diagnostics import Fault
from modelspec.runtime.data.profile import ColumnFacts
from modelspec.runtime.data.sources.formats.class_folders import Member, members
from modelspec.runtime.data.sources.formats.image_decoder import Decoding, opened
from modelspec.runtime.data.sources.formats.wide_images import has_16_bits
from modelspec.runtime.data.sources.images import ENDINGS

from .networks import image_layers
from .problem import NoDraft
from .profile import Profile
from .sections import Draft, Parts, assembled
from .targets import Target
from .trainings import expect_comment, training_entries
from .writing import Entry, Written, group, item, keyed

_LOOKED_AT = 300
"""The most images whose headers are read."""
_LARGEST = 224
_STEP = 32
_AS_THEY_ARE = 160
"""Images of one size up to this one are not resized."""
_GRAY = frozenset({"1", "L", "LA", "I;16", "I;16B", "I"})
_ORIENTED = re.compile(r"[0-9]+|[a-zA-Z]|.*(?:left|right|digit|letter|number).*", re.I)
"""Names of classes whose images have a direction: digits, letters, left and right."""
_PART_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid", "dev"),
    "test": ("test", "testing"),
}


@dataclass(frozen=True)
class Looks:
    """What the images of a folder have in common."""

    size: tuple[int, int]
    size_reason: str
    gray: bool
    color_reason: str
    wide: bool
    """Whether some have 16 bits per channel."""
    pad: bool
    """Whether their aspect ratios differ."""


@dataclass(frozen=True)
class Folders:
    """The folders of the parts, relative to the folder that was named."""

    parts: dict[str, str]
    """By part; only `train` and `""` if the folder is not divided into parts."""


def parts_of(folder: Path) -> Folders:
    """The parts that a folder is divided into: `train` and `test`, or none."""
    names = {one.name.lower(): one.name for one in folder.iterdir() if one.is_dir()}
    found = {
        part: names[name] for part, known in _PART_NAMES.items() for name in known if name in names
    }
    return Folders(found if "train" in found and len(found) > 1 else {"train": ""})


def class_members(folder: Path, shown: str) -> list[Member]:
    """The images of the class folders. Raises `NoDraft`."""
    try:
        found = members(shown, folder, ENDINGS)
    except Fault as fault:
        raise NoDraft(f"{fault.message} ({fault.code})", fault.help) from None
    if found[0].label is None:
        raise NoDraft(
            f"`{shown}` has images, but no folder for each class, so that their labels are unknown",
            "move the images of each class into a folder with the name of the class",
        )
    return found


def image_draft(folder: Path, path: str, file: str) -> Draft:
    """The spec for a folder of images that `path` names in the spec `file`. Raises `NoDraft`."""
    folders = parts_of(folder)
    train = folder / folders.parts["train"]
    found = class_members(train, PurePosixPath(path, folders.parts["train"]).as_posix())
    target = _target([one.label or "" for one in found])
    looks = _looks(found)
    height, width = looks.size
    channels = 1 if looks.gray else 3
    rows = len(found)
    transform = keyed(
        "transform",
        [{"Rescaling": Written(f"$(1 / {65535 if looks.wide else 255})")}],
        "pixels from 0 to 1",
    )
    parts = Parts(
        inputs=[keyed("image", [height, width, channels], "height, width, channels")],
        layers=image_layers(height, width, rows, target, "label"),
        data=[
            *_sources(folders, path, looks),
            group("inputs", [group("image", [keyed("column", "image"), transform])]),
            group("targets", [_label()]),
            _augment([str(one) for one in target.profile.labels], gray=looks.gray),
        ],
        training=list(training_entries(target, rows, images=True)),
        expect=expect_comment(target),
    )
    heading = [f"{PurePosixPath(path).name}: {rows:,} images in {target.classes} classes."]
    return assembled(file, heading, _tested_later(folders, path), parts, _summary(target), target)


def _label() -> Entry:
    lookup = [{"StringLookup": {"num_oov_indices": 0}}]
    entries = [
        keyed("column", "label", "the name of the folder"),
        keyed("transform", lookup, "the index of each class, in sorted order"),
    ]
    return group("label", entries)


def _target(labels: Sequence[str]) -> Target:
    """The classes. Raises `NoDraft` if there is one only."""
    counts = Counter(labels)
    if len(counts) < 2:
        raise NoDraft(
            f"all images are in one class folder, `{next(iter(counts))}`",
            "a model requires at least two classes",
        )
    facts = ColumnFacts("label", "text", (), 0, 0, None, None, ())
    profile = Profile(facts, "string", np.array(labels, dtype=object))
    task = "binary" if len(counts) == 2 else "classes"
    return Target(profile, "the names of the folders", task, "")  # type: ignore[arg-type]


def _summary(target: Target) -> list[str]:
    return [f"target: `label` (the names of the folders), {target.classes} classes"]


# Sources ------------------------------------------------------------------------------------------


def _sources(folders: Folders, path: str, looks: Looks) -> list[Entry]:
    """One source and its split, or a source for each part."""
    parts = folders.parts
    if "validation" not in parts:
        share = {"validation": 0.15} if "test" in parts else {"validation": 0.15, "test": 0.15}
        folder = PurePosixPath(path, parts["train"]).as_posix()
        reason = "the same share of each class in every part"
        return [
            _images("source", folder, looks),
            keyed("split", {**share, "stratify": "label"}, reason),
        ]
    return [
        _images(part, PurePosixPath(path, folder).as_posix(), looks)
        for part, folder in parts.items()
    ]


def _images(key: str, path: str, looks: Looks) -> Entry:
    settings: list[Entry] = [
        keyed("path", path),
        keyed("size", list(looks.size), looks.size_reason),
        keyed("color_mode", "grayscale" if looks.gray else "rgb", looks.color_reason),
    ]
    if looks.pad:
        settings.append(
            keyed("pad_to_aspect_ratio", True, "the images have different aspect ratios")
        )
    return group(key, [group("images", settings)])


def _tested_later(folders: Folders, path: str) -> list[str]:
    """How the test images are used, without validation images beside them."""
    parts = folders.parts
    if "test" not in parts or "validation" in parts:
        return []
    test = PurePosixPath(path, parts["test"]).as_posix()
    return [
        f"{test}: validation images are split from the training ones; after the training,"
        f" `modelspec evaluate RUN --data {test}` measures the test images"
    ]


# What the images look like ------------------------------------------------------------------------


def _looks(found: Sequence[Member]) -> Looks:
    """From the headers of images from all classes. Raises `NoDraft` if one cannot be read."""
    step = max(1, len(found) // _LOOKED_AT)
    some = found[::step]
    sizes: list[tuple[int, int]] = []
    gray = wide = 0
    for one in some:
        try:
            with opened(one.path, one.shown, Decoding(), load=False) as image:
                sizes.append((image.size[1], image.size[0]))
                gray += image.mode in _GRAY
        except Fault as fault:
            raise NoDraft(f"{fault.message} ({fault.code})", fault.help) from None
        wide += has_16_bits(one.path)
    size, why, pad = _size(sizes)
    color = _color_reason(gray, len(some))
    return Looks(size, why, gray == len(some), color, wide > 0, pad)


def _color_reason(gray: int, count: int) -> str:
    if gray == count:
        return "all images are grayscale"
    return "some images are grayscale, some in color: all get three channels" if gray else ""


def _size(sizes: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], str, bool]:
    """The size of the input, its reason, and whether borders keep the aspect ratio."""
    first = sizes[0]
    if set(sizes) == {first} and max(first) <= _AS_THEY_ARE:
        return first, "the size of all images", False
    heights, widths = (np.array(one, float) for one in zip(*sizes, strict=True))
    ratios = widths / heights
    side = float(np.median(np.sqrt(heights * widths)))
    rounded = int(min(_LARGEST, max(_STEP, round(side / _STEP) * _STEP)))
    low, high = np.quantile(ratios, [0.1, 0.9])
    what = "the images have different sizes" if len(set(sizes)) > 1 else "the images are large"
    return (rounded, rounded), f"{what}, about {side:.0f} pixels", bool(high > 1.25 * low)


def _augment(labels: Sequence[str], *, gray: bool) -> Entry:
    """Changes that keep the class of an image: no mirror images of what may be a character."""
    reason = "other images in every epoch, in training only"
    shift = {"height_factor": 0.1, "width_factor": 0.1, "fill_mode": "nearest"}
    found = [
        item({"RandomTranslation": shift}),
        item({"RandomRotation": {"factor": 0.03, "fill_mode": "nearest"}}, "up to 11 degrees"),
        item({"RandomZoom": {"height_factor": 0.1, "fill_mode": "nearest"}}),
    ]
    if all(_ORIENTED.fullmatch(label) for label in labels):
        return group("augment", found, reason)
    if gray:
        direction = "no mirror images: characters and scans, often grayscale, have a direction"
        return group("augment", found, f"{reason}; {direction}")
    why = "remove it if a mirror image can be of another class"
    return group("augment", [item({"RandomFlip": "horizontal"}, why), *found], reason)
