"""Copies of presets in a run folder: their configurations and vocabularies, without the weights.

A run can then be used where the preset is not, and after the preset has changed.
"""

from __future__ import annotations

from pathlib import Path

from modelspec.catalog.layers.backbones.config import config_of
from modelspec.catalog.layers.backbones.preprocessing import IMAGES, tokenizer_files
from modelspec.catalog.layers.backbones.presets import copy_of
from modelspec.compiler.expand.rebase import named_paths
from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Fault
from modelspec.core.paths import reached

from .atomic_files import cannot_write, write_bytes


def save_presets(compiled: Compiled, run: Path) -> None:
    """Copy the presets that the spec names. Raises `RunError` (MS703) if they cannot be written."""
    for written in named_paths(compiled.file.document.root):
        copied = copy_of(run, written)
        try:
            folder = reached(written, compiled.file.context)
            if folder is None or not folder.is_dir() or copied.exists():
                continue
            config_of(folder, written)
            files = [*tokenizer_files(folder), folder / IMAGES]
        except (Fault, OSError, RuntimeError, ValueError):
            continue  # a folder of data
        _copy(folder, [one for one in files if one.is_file()], copied)


def _copy(folder: Path, files: list[Path], copied: Path) -> None:
    try:
        for file in files:
            place = copied / file.relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(place, file.read_bytes())
    except OSError as error:
        raise cannot_write(copied, error) from None
