"""Loads the weights of presets of KerasHub: of one file, or of several listed in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelspec.core.source.regular_files import read_regular
from modelspec.runtime.data.errors import RunError

from .wanted import Wanted
from .weight_files import opened

if TYPE_CHECKING:
    import keras

_WHOLE: Final = "model.weights.h5"
_LISTING: Final = "model.weights.json"
_MOST_BYTES: Final = 64 * 1024 * 1024
_MOST_FILES: Final = 1_000


def preset_weights(backbone: keras.Model, preset: Path | str) -> None:
    """Load the weights of a preset into a backbone, cast to its dtypes.

    Raises `RunError`: MS750 if a file cannot be read, MS751 if it uses features that no weight file
    needs, MS752 for every layer that it does not fit, MS756 if it cannot be downloaded.
    """
    from . import assign, does_not_fit
    from .layout import matched

    shown = preset.name if isinstance(preset, Path) else preset
    names = _files(preset, shown)
    problems: dict[int, Any] = {}
    loaded: set[int] = set()
    for name in names:
        with opened(_place(preset, name, shown), f"{shown}/{name}") as file:
            for given in matched(file, backbone, Wanted()):
                if not given.problem:
                    assign(given)
                    loaded.add(id(given.owner))
                elif id(given.owner) not in loaded:
                    problems.setdefault(id(given.owner), given)
    left = [one for one in problems.values() if id(one.owner) not in loaded]
    if left:
        help = "write `load_weights: false` to begin with random weights"
        raise does_not_fit(left, shown, None, help)


def _files(preset: Path | str, shown: str) -> list[str]:
    """The names of the files with weights: one, or those of the listing."""
    if isinstance(preset, Path) and not (preset / _LISTING).is_file():
        return [_WHOLE]
    if isinstance(preset, str):
        try:
            _place(preset, _WHOLE, shown)
            return [_WHOLE]
        except RunError:
            pass  # a preset of several files
    try:
        listing = json.loads(read_regular(_place(preset, _LISTING, shown), _MOST_BYTES))
        held = listing["weight_map"].values()
        found = sorted(
            {one for item in held for one in ([item] if isinstance(item, str) else item)}
        )
    except (OSError, ValueError, RecursionError, KeyError, AttributeError, TypeError):
        raise _unread(shown, _LISTING, "it is not a listing of files that Keras wrote") from None
    plain = all(isinstance(one, str) and Path(one).name == one for one in found)
    if not plain or not 1 <= len(found) <= _MOST_FILES:
        raise _unread(shown, _LISTING, "it lists other paths than files of the preset")
    return found


def _place(preset: Path | str, name: str, shown: str) -> Path:
    """A file of the preset, downloaded if it is not in the cache."""
    if isinstance(preset, str):
        from ..preset_files import downloaded

        try:
            return downloaded(preset, name)
        except Exception as error:  # networks and hubs raise many types
            raise RunError.of(
                "MS756",
                f"`{name}` of the preset `{preset}` cannot be downloaded: {error}",
                help="without network access, copy the folder of the preset into the project",
            ) from error
    try:
        found = (preset / name).resolve(strict=True)
    except (OSError, RuntimeError):
        raise _unread(shown, name, "it does not exist", random=True) from None
    if not found.is_relative_to(preset.resolve()):
        raise _unread(shown, name, "it is a link that leads out of the preset")
    return found


def _unread(shown: str, name: str, why: str, *, random: bool = False) -> RunError:
    help = "write `load_weights: false` to begin with random weights" if random else None
    return RunError.of(
        "MS750", f"`{name}` of the preset `{shown}` cannot be read: {why}", help=help
    )
