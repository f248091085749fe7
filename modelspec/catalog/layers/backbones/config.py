"""The configuration of a preset: `config.json` in its folder, or the settings in a spec.

It is as untrusted as a spec: nothing in it is imported, and only classes of `known` are built.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from modelspec.core.diagnostics import Fault, did_you_mean, nearest
from modelspec.core.source.regular_files import read_regular

from .known import BACKBONES, POLICIES

CONFIG: Final = "config.json"
MOST_BYTES: Final = 4 * 1024 * 1024
MOST: Final = 2**31 - 1
"""The largest size in a configuration."""
MOST_LAYERS: Final = 1_000
_DEEPEST: Final = 20
_OF_KERAS_HUB: Final = "keras_hub>"
_COMMON: Final = ("name", "trainable", "dtype")


@dataclass(frozen=True)
class Config:
    """The class of a backbone, and the settings of its constructor."""

    kind: str
    text: str
    """The settings as JSON with sorted keys: without the name and the dtype, which a spec sets."""
    where: str
    """What contains it, for messages: `config.json of ./bert-tiny`."""

    @property
    def settings(self) -> dict[str, Any]:
        """A new copy of the settings."""
        found: dict[str, Any] = json.loads(self.text)
        return found

    def size(self, name: str, default: int | None = None) -> int:
        """A setting that is an integer of at least 1. Raises `Fault` (MS748)."""
        found = self.settings.get(name, default)
        if type(found) is not int or not 1 <= found <= MOST:
            raise self._wrong(name, "an integer of at least 1", found)
        return found

    def count(self, name: str) -> int:
        """The number of layers. Raises `Fault` (MS748)."""
        found = self.size(name)
        if found > MOST_LAYERS:
            raise self._wrong(name, f"at most {MOST_LAYERS:,}", found)
        return found

    def flag(self, name: str, default: bool) -> bool:
        """A setting that is true or false. Raises `Fault` (MS748)."""
        found = self.settings.get(name, default)
        if type(found) is not bool:
            raise self._wrong(name, "`true` or `false`", found)
        return found

    def sizes(self, name: str, count: int) -> tuple[int, ...]:
        """A setting that is a list of sizes, or one for all. Raises `Fault` (MS748)."""
        found = self.settings.get(name)
        items = [found] * count if type(found) is int else found
        if not isinstance(items, list) or len(items) != count:
            raise self._wrong(name, f"{count} sizes", found)
        if not all(type(one) is int and 1 <= one <= MOST for one in items):
            raise self._wrong(name, f"{count} sizes", found)
        return tuple(items)

    def divided(self, name: str, by: str) -> int:
        """One size divided by another. Raises `Fault` (MS748) if there is a remainder."""
        size, parts = self.size(name), self.size(by)
        if size % parts:
            raise self._wrong(name, f"a multiple of `{by}` ({parts})", size)
        return size // parts

    def _wrong(self, name: str, expected: str, found: Any) -> Fault:
        missing = name not in self.settings
        what = "it does not exist" if missing else f"found {json.dumps(found)[:60]}"
        return Fault(
            "MS748",
            f"`{name}` of `{self.kind}` must be {expected}: {what} in {self.where}",
            help=f"the settings are those of `keras_hub.models.{self.kind}`",
        )


def config_of(folder: Path, written: str) -> Config:
    """The configuration in the folder of a preset. Raises `Fault`: MS748 if it cannot be read,
    MS749 if it names a class that is not allowed.
    """
    file = folder / CONFIG
    try:
        place = file.resolve(strict=True)
        changed = place.stat()
    except (OSError, RuntimeError):
        raise _missing(folder, written) from None
    if not place.is_relative_to(folder.resolve()):
        raise _unread(written, "it is a link that leads out of the preset")
    return _read(place, written, changed.st_mtime_ns, changed.st_size)


def config_of_file(file: Path, written: str) -> Config:
    """The configuration in a file of the cache of a download. Raises `Fault` as `config_of`."""
    try:
        found = file.stat()
    except OSError:
        raise _unread(written, "it does not exist") from None
    return _read(file, written, found.st_mtime_ns, found.st_size)


def _missing(folder: Path, written: str) -> Fault:
    what = f"the folder `{written}` contains no `{CONFIG}`"
    if not folder.is_dir():
        what = f"the folder `{written}` does not exist"
    return Fault(
        "MS748",
        f"{what}, so it is not a preset of KerasHub",
        help="`backbone.save_to_preset(FOLDER)` of KerasHub writes one",
    )


def _unread(written: str, why: str, help: str | None = None) -> Fault:
    return Fault("MS748", f"`{CONFIG}` of the preset `{written}` cannot be read: {why}", help=help)


@lru_cache(maxsize=32)
def _read(file: Path, written: str, _changed: int, _size: int) -> Config:
    try:
        found = json.loads(read_regular(file, MOST_BYTES).decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise _unread(written, why or "it is not a file") from None
    if not isinstance(found, dict) or not isinstance(found.get("registered_name"), str):
        what = "it is not a configuration that Keras wrote (no `registered_name`)"
        hub = isinstance(found, dict) and ("model_type" in found or "architecture" in found)
        help = "load it with KerasHub, and write it with `save_to_preset`" if hub else None
        raise _unread(written, what, help)
    settings = found.get("config")
    if not isinstance(settings, dict):
        raise _unread(written, "it has no `config`")
    kind = allowed(found["registered_name"].removeprefix(_OF_KERAS_HUB), written)
    if not found["registered_name"].startswith(_OF_KERAS_HUB):
        raise _refused(found["registered_name"], written)
    return made(kind, settings, f"`{CONFIG}` of `{written}`", written)


def made(kind: str, settings: Mapping[str, Any], where: str, written: str) -> Config:
    """The configuration of a backbone with these settings. Raises `Fault` (MS748, MS749)."""
    own = {name: one for name, one in settings.items() if name not in _COMMON}
    policy = settings.get("dtype")
    if isinstance(policy, dict) and "Map" in str(policy.get("class_name")):
        raise Fault(
            "MS749",
            f"the weights of the preset `{written}` are quantized, which `KerasHub` does not"
            " support",
            help="use the preset without quantization",
        )
    _check_classes(own, written, 0)
    try:
        text = json.dumps(own, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError):
        raise _unread(written, "a setting is not a number, a string, a list or a mapping") from None
    return Config(kind, text, where)


def allowed(kind: str, written: str) -> str:
    """The class, if it is a backbone of KerasHub. Raises `Fault` (MS749)."""
    if kind in BACKBONES:
        return kind
    raise _refused(kind, written)


def _refused(kind: str, written: str) -> Fault:
    near = nearest(kind, BACKBONES)
    help = did_you_mean(near, "`KerasHub` builds backbones of KerasHub, and no other classes")
    return Fault(
        "MS749",
        f"the preset `{written}` names the class `{kind[:80]}`, which is not a backbone of"
        " KerasHub",
        help=help,
    )


def _check_classes(value: Any, written: str, depth: int) -> None:
    """Raises `Fault` (MS749) if a value names a class other than a backbone or a dtype policy."""
    if depth > _DEEPEST:
        raise _unread(written, "its values are nested too deeply")
    if isinstance(value, dict):
        if named := value.get("class_name") or value.get("registered_name"):
            _check_class(value, str(named), written)
        for one in value.values():
            _check_classes(one, written, depth + 1)
    elif isinstance(value, (list, tuple)):
        for one in value:
            _check_classes(one, written, depth + 1)


def _check_class(value: Mapping[str, Any], named: str, written: str) -> None:
    module, registered = str(value.get("module")), str(value.get("registered_name"))
    if named in POLICIES and module == "keras":
        return
    if named in BACKBONES and registered == f"{_OF_KERAS_HUB}{named}":
        return
    raise _refused(named, written)
