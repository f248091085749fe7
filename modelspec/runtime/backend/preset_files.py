"""The files of presets that KerasHub offers by name, in the caches of Kaggle and Hugging Face."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from modelspec.runtime.data.errors import RunError

_KAGGLE: Final = "kaggle://"
_HUGGING_FACE: Final = "hf://"


def keras_hub_for(what: str) -> Any:
    """The module of KerasHub. Raises `RunError` (MS755) if it is not installed."""
    try:
        import keras_hub
    except ImportError as error:
        raise RunError.of(
            "MS755",
            f"{what} requires KerasHub, which cannot be imported: {error}",
            help='install it with `pip install "modelspec[hub]"`',
        ) from error
    return keras_hub


def downloaded(preset: str, file: str) -> Path:
    """A file of a preset, downloaded if it is not in the cache. Raises what the hubs raise."""
    offline = bool(os.environ.get("MODELSPEC_OFFLINE"))
    if preset.startswith(_HUGGING_FACE):
        import huggingface_hub

        return Path(
            huggingface_hub.hf_hub_download(
                repo_id=preset.removeprefix(_HUGGING_FACE),
                filename=file,
                local_files_only=offline,
            )
        )
    if offline:
        raise ValueError("`MODELSPEC_OFFLINE` is set")
    import kagglehub

    handle = preset if preset.startswith(_KAGGLE) else _handle(preset)
    return Path(kagglehub.model_download(handle.removeprefix(_KAGGLE), file))


def _handle(name: str) -> str:
    presets = keras_hub_for(f"the preset `{name}`").models.Backbone.presets
    if name not in presets:
        raise ValueError(f"KerasHub offers no preset of the name `{name}`")
    return str(presets[name]["kaggle_handle"])
