"""Presets of KerasHub: folders of the project, and names that the user allowed to download."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from modelspec.core.diagnostics import Fault
from modelspec.core.paths import outside, reached, require_granted
from modelspec.core.places import is_address
from modelspec.core.run_names import PRESETS
from modelspec.core.settings import Context, Unfit

from .config import CONFIG, Config, config_of, config_of_file

HOST: Final = "www.kaggle.com"
"""The host of the presets that KerasHub offers by name."""
_PORT: Final = 443
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,100}")


def read_preset(value: Any, context: Context) -> Path | str:
    """The folder of a preset, or its name if the user allowed the download. Raises `Unfit` or
    `Fault`: MS210 outside the project and the allowed places, MS682 and MS756 if the download is
    not allowed.
    """
    if not isinstance(value, str) or not value or "\0" in value:
        raise Unfit("the folder of a preset of KerasHub, or its name")
    if is_address(value):
        _require_allowed(value, context)
        return value
    if context.run is not None and (copied := _of_run(value, context)) is not None:
        return copied
    try:
        found = reached(value, context)
        is_there = found is not None and found.exists()
    except (OSError, RuntimeError, ValueError):
        found, is_there = None, False
    if found is None:
        raise outside(value, context)
    if is_there or not _NAME.fullmatch(value):
        return found
    _require_host(value, context)
    return value


def _of_run(value: str, context: Context) -> Path | None:
    """The copy of the preset in a run folder; the preset itself if it is the same, as only that has
    weights. None if the run has no copy.
    """
    assert context.run is not None
    copied = copy_of(context.run, value)
    if not copied.is_dir():
        return None
    try:
        found = reached(value, context)
        files = [one for one in copied.rglob("*") if one.is_file()]
        same = found is not None and all(
            (found / one.relative_to(copied)).read_bytes() == one.read_bytes() for one in files
        )
    except (OSError, RuntimeError, ValueError):
        return copied
    return found if same else copied


def copy_of(run: Path, written: str) -> Path:
    """The place of the copy of a preset in a run folder."""
    return run / PRESETS / sha256(written.encode()).hexdigest()[:16]


def _require_allowed(value: str, context: Context) -> None:
    scheme = value.partition("://")[0].lower()
    if scheme == "hf":
        require_granted(value, context)
    elif scheme == "kaggle":
        _require_host(value, context)
    else:
        raise Unfit("the folder of a preset, its name, or an address `hf://` or `kaggle://`")


def _require_host(value: str, context: Context) -> None:
    places = context.places
    if places.everywhere or places.when_opened or places.allow_host(HOST, _PORT):
        return
    if is_address(value):
        message = f"the preset `{value}` is not downloaded: the host {HOST} is not allowed"
    else:
        message = (
            f"the folder `{value}` does not exist, and KerasHub may not download a preset of that"
            f" name: the host {HOST} is not allowed"
        )
    raise Fault(
        "MS756",
        message,
        help=f"correct the path; or, to allow the download, pass `--allow-host {HOST}`",
    )


def config_of_preset(preset: Path | str) -> Config:
    """The configuration of a preset, downloaded if it is not in the cache. Raises `Fault` (MS748,
    MS749, MS755, MS756).
    """
    if isinstance(preset, Path):
        return config_of(preset, preset.name)
    return _downloaded(preset)


def folder_of(preset: Path | str, name: str) -> Path:
    """The folder of a preset with a file, downloaded if it is not in the cache. Raises `Fault`
    (MS755, MS756).
    """
    return preset if isinstance(preset, Path) else _downloaded_folder(preset, name)


@lru_cache(maxsize=32)
def _downloaded_folder(preset: str, name: str) -> Path:
    from .asked import file_of

    return file_of(preset, name).parent


@lru_cache(maxsize=32)
def _downloaded(preset: str) -> Config:
    from .asked import file_of

    return config_of_file(file_of(preset, CONFIG), preset)
