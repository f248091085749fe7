"""The versions of packages that only some layers require."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_section import transform_of


def package_versions(compiled: Compiled) -> dict[str, str]:
    """The versions of the packages that layers of transforms, or of the model, require."""
    data = compiled.data
    features = [*(data.inputs or {}).values(), *(data.targets or {}).values()] if data else []
    chains = [chain for one in features if (chain := transform_of(one)) is not None]
    packages = {layer.requires for chain in chains for layer in chain.layers}
    packages |= {layer.requires for layer in _layers(compiled.graph)}
    found: dict[str, str] = {}
    for package in packages - {None}:
        assert package is not None
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _layers(typed: TypedGraph | None) -> Iterator[Layer]:
    """The layers of a model, those of its sub-models included."""
    for call in typed.layers if typed is not None else ():
        if isinstance(call.call.callee, Layer):
            yield call.call.callee
        yield from _layers(call.inside)
