"""The plugins that prepare data: their code, which determines prepared data, and their output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modelspec.compiler.spec.data_section import DataSection
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.plugins import Plugins
from modelspec.core.plugins.declared import Declared
from modelspec.core.plugins.working import printed_by

from .columns import Binding, Bound


def code_of(cls: type[object], plugins: Plugins) -> str:
    """The hash of the code of the plugin that adds a class; empty for a class of a program."""
    for plugin in plugins.all:
        if any(cls is one for kinds in plugin.members.values() for one in kinds.values()):
            return plugin.digest
    return ""


def transform_code(bounds: Iterable[Bound], plugins: Plugins) -> dict[str, dict[str, str]]:
    """The hash of the code of each transform of a plugin, by its name; empty without such
    transforms, as in the keys of earlier versions.
    """
    layers = [layer for bound in bounds if bound.chain for layer in bound.chain.layers]
    found = {
        layer.kind(): code_of(type(layer), plugins)
        for layer in layers
        if isinstance(layer, Declared)
    }
    return {"plugins": found} if found else {}


def printed(data: DataSection, binding: Binding) -> Iterator[Diagnostic]:
    """A warning (MS884) for each source and transform of a plugin that has printed."""
    yield from printed_by(*data.sources.values())
    for bound in binding.features.values():
        yield from printed_by(*(bound.chain.layers if bound.chain is not None else ()))
