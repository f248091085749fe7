"""The tokenizer and the image converter of a preset: which files they are, and what their
configuration contains.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from modelspec.core.diagnostics import Fault
from modelspec.core.source.regular_files import read_regular

from .config import CONFIG, MOST_BYTES
from .known import OTHERS, POLICIES

TOKENIZER: Final = "tokenizer.json"
IMAGES: Final = "image_converter.json"
_ASSETS: Final = "assets/tokenizer"
_MOST_ASSETS: Final = 256 * 1024 * 1024
"""The most bytes of the files of a vocabulary."""
_REGISTERED: Final = re.compile(r"keras_hub>([A-Za-z0-9]+?)(Tokenizer|ImageConverter)")


_OF_FILES: Final = ("vocabulary", "merges", "proto")
"""Settings of tokenizers that are the path of a file, or its content."""


class Part(NamedTuple):
    """A part of a preset: the name of its class, and the settings."""

    kind: str
    settings: Mapping[str, Any]


def tokenizer_of(folder: Path) -> Part:
    """The tokenizer of a preset. Raises `Fault` (MS757) if it has none, or one that is not
    allowed.
    """
    found = _part(folder, TOKENIZER, "tokenizer")
    tokenizer_files(folder)
    return found


def image_converter_of(folder: Path) -> Part:
    """The image converter of a preset. Raises `Fault` (MS757)."""
    return _part(folder, IMAGES, "image converter")


def tokenizer_files(folder: Path) -> tuple[Path, ...]:
    """The files that determine the tokens of a text. Raises `Fault` (MS757) if one leads out of
    the preset, or they are too large.
    """
    files = (folder / CONFIG, folder / TOKENIZER, *sorted(_assets(folder)))
    total = 0
    for file in files:
        total += _inside(folder, file).stat().st_size if file.exists() else 0
    if total > _MOST_ASSETS:
        raise _none(folder, f"its files have {total:,} bytes; the maximum is {_MOST_ASSETS:,}")
    return files


def vocabulary_hash(folder: Path) -> str | None:
    """The hash of the vocabulary of a preset; None if it has none that can be read."""
    digest = sha256()
    try:
        files = tokenizer_files(folder)[2:]
        for file in files:
            digest.update(f"{file.name}\0".encode() + file.read_bytes())
    except (Fault, OSError):
        return None
    return digest.hexdigest() if files else None


def _assets(folder: Path) -> Iterator[Path]:
    place = folder / _ASSETS
    if place.is_dir():
        yield from (one for one in place.iterdir() if one.is_file())


def _inside(folder: Path, file: Path) -> Path:
    found = file.resolve()
    if not found.is_relative_to(folder.resolve()):
        raise _none(folder, f"`{file.name}` is a link that leads out of the preset")
    return found


def _part(folder: Path, name: str, noun: str) -> Part:
    file = folder / name
    try:
        place = _inside(folder, file)
        changed = place.stat()
    except (OSError, RuntimeError):
        raise _none(folder, f"it has no {noun} (`{name}`)") from None
    return _read(place, folder, changed.st_mtime_ns, changed.st_size)


@lru_cache(maxsize=32)
def _read(file: Path, folder: Path, _changed: int, _size: int) -> Part:
    try:
        found = json.loads(read_regular(file, MOST_BYTES).decode("utf-8"))
        match = _REGISTERED.fullmatch(found["registered_name"])
        settings = found["config"]
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        raise _none(folder, f"`{file.name}` is not a configuration that Keras wrote") from None
    if match is None or match[1] not in OTHERS:
        raise Fault(
            "MS749",
            f"`{file.name}` of the preset `{folder.name}` names the class"
            f" `{str(found['registered_name'])[:80]}`, which is not one of KerasHub",
            help="a preset from `save_to_preset` of KerasHub names its own classes",
        )
    if not isinstance(settings, dict):
        raise _none(folder, f"`{file.name}` has no `config`")
    _check_settings(settings, file, folder)
    return Part(f"{match[1]}{match[2]}", settings)


def _check_settings(settings: Mapping[str, Any], file: Path, folder: Path) -> None:
    """Raises `Fault` (MS757) for settings that would read other files, or build other objects."""
    for name, value in settings.items():
        if isinstance(value, dict) and value.get("class_name") not in POLICIES:
            raise _none(folder, f"`{name}` in `{file.name}` is an object")
        if name in _OF_FILES and value is not None:
            raise _none(folder, f"`{name}` in `{file.name}` must be null: it may name any file")
    if settings.get("config_file", TOKENIZER) not in (TOKENIZER, IMAGES):
        raise _none(folder, f"`config_file` in `{file.name}` names another file")


def _none(folder: Path, why: str) -> Fault:
    return Fault("MS757", f"the preset `{folder.name}` cannot prepare data: {why}")
