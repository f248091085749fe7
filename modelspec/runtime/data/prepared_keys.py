"""The parts of a spec that determine prepared data, besides its columns."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from modelspec.compiler.spec.data_features import MEASURED
from modelspec.compiler.spec.data_section import DataSection

from .columns import Bound
from .transforms import needs_adapting


def expected(data: DataSection) -> dict[str, Any]:
    """The contents of `data.expect`; empty without it, as in keys of earlier versions."""
    found = {name: one.model_dump(exclude_defaults=True) for name, one in data.expect.items()}
    return {"expect": found} if found else {}


def vocabularies(bounds: Iterable[Bound]) -> dict[str, Any]:
    """The contents of files that transforms name, and the version of the package that reads some of
    them; empty without such files.
    """
    layers = [layer for bound in bounds if bound.chain for layer in bound.chain.layers]
    named = [getattr(layer, "vocabulary", None) for layer in layers]
    named += [path for layer in layers for path in layer.read_files]
    found: dict[str, str] = {}
    for path in named:
        if isinstance(path, (str, Path)):
            with suppress(OSError):  # reported where the tokens are read
                found[str(path)] = sha256(Path(path).read_bytes()).hexdigest()
    packages = {layer.requires: _version_of(layer.requires) for layer in layers if layer.requires}
    return {
        **({"vocabularies": found} if found else {}),
        **({"packages": packages} if packages else {}),
    }


def _version_of(package: str) -> str:
    """The version of an installed package."""
    with suppress(PackageNotFoundError):
        return version(package)
    return ""


def must_adapt(bound: Bound) -> bool:
    """Whether anything about a feature depends on the training split."""
    layers = bound.chain.layers if bound.chain else ()
    return (
        bound.missing in MEASURED
        or (bound.pad is not None and bound.pad.length is None)
        or any(needs_adapting(layer) for layer in layers)
    )
