"""What KerasHub answers about backbones that no family describes, and the files of presets that it
downloads: from a cache, or from a separate process.

An entry of the cache belongs to the configuration of a backbone and to the versions of Keras and
KerasHub.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import DTYPES
from modelspec.core.plugins.keras_answers import Answers
from modelspec.core.shapes import PENDING, Tensor, erase

from ..layer import Weight
from .backbone import Backbone, InputOf, OutputOf
from .config import Config

_FORMAT: Final = 2
_ANSWERS: Final = Answers("modelspec.runtime.backend.backbone_probe", "presets")


def require_keras_hub(what: str) -> None:
    """Raises `Fault` (MS755) if KerasHub is not installed."""
    if find_spec("keras_hub") is None:
        raise Fault(
            "MS755",
            f"{what} requires KerasHub, which is not installed",
            help='install it with `pip install "modelspec[hub]"`',
        )


def asked(config: Config) -> Backbone:
    """The description of a backbone. Raises `Fault`: MS748 if KerasHub does not accept the
    settings, MS755 without KerasHub.
    """
    found = _answer(config, task="describe")
    calls = _Calls(config)
    return Backbone(
        tuple(InputOf(name, tuple(shape), dtype) for name, shape, dtype in found["inputs"]),
        tuple(
            Weight(name, tuple(shape), trainable, dtype)
            for name, shape, dtype, trainable, _ in found["weights"]
        ),
        {name: OutputOf(()) for name in found["outputs"]},
        {name: OutputOf(()) for name in found["hidden"]},
        called=calls.types,
        adaptable=frozenset(name for name, *_, adaptable in found["weights"] if adaptable),
    )


class _Calls:
    """The outputs of calls of one backbone."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def types(
        self, given: Mapping[str, Tensor], dtype: str, names: Sequence[str]
    ) -> Mapping[str, Tensor]:
        """The types of some outputs. Raises `Fault`: MS405 for a size that is not known yet, MS748
        if KerasHub does not accept the tensors.
        """
        if any(PENDING in one.shape for one in given.values()):
            raise Fault(
                "MS405",
                f"the shapes of `{self._config.kind}` are computed by Keras, which requires known"
                " sizes",
                help="write the sizes of the inputs instead of `auto`",
            )
        found = _answer(
            self._config,
            task="call",
            inputs={name: [list(erase(x.shape)), x.dtype] for name, x in given.items()},
            dtype=dtype,
            outputs=list(names),
        )
        return {
            name: Tensor(tuple(shape), made)
            for name, (shape, made) in found["outputs"].items()
            if made in DTYPES
        }


def _answer(config: Config, **question: Any) -> dict[str, Any]:
    require_keras_hub(f"the description of `{config.kind}`")
    whole = {"kind": config.kind, "settings": config.settings, **question}
    found = _ANSWERS.to(whole, {**whole, **_versions()})
    if found is None:
        raise Fault("MS748", f"KerasHub gives no answer about `{config.kind}` of {config.where}")
    if "refused" in found:
        raise Fault(
            "MS748",
            f"KerasHub does not accept `{config.kind}` of {config.where}: {found['refused']}",
        )
    return found


def file_of(preset: str, name: str) -> Path:
    """A file of a preset that KerasHub offers, downloaded if it is not in its cache. Raises
    `Fault` (MS755, MS756).
    """
    require_keras_hub(f"the download of the preset `{preset}`")
    whole = {"task": "file", "preset": preset, "file": name}
    found = _ANSWERS.to(whole, {**whole, **_versions()})
    if found is not None and "path" in found and not Path(found["path"]).is_file():
        # The file was removed from the cache of the download.
        found = _ANSWERS.to(whole, {**whole, **_versions()}, fresh=True)
    if found is None or "path" not in found:
        why = (found or {}).get("fault", "the process of the download ended")
        raise Fault(
            "MS756",
            f"`{name}` of the preset `{preset}` cannot be downloaded: {why}",
            help="without network access, copy the folder of the preset into the project",
        )
    return Path(found["path"])


def _versions() -> dict[str, Any]:
    found: dict[str, Any] = {"format": _FORMAT}
    for package in ("keras", "keras-hub"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = ""
    return found
