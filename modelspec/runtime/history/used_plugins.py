"""The plugins that a spec uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelspec.compiler.pipeline import Compiled
from modelspec.core.plugins import Plugin
from modelspec.core.plugins.declared import KerasDeclared
from modelspec.core.source import plain


def used_plugins(compiled: Compiled) -> tuple[Plugin, ...]:
    """The plugins with a name that occurs in the expanded spec, sorted by module."""
    plugins = compiled.file.context.plugins
    if not plugins.all:
        return ()
    return plugins.used(set(_words(plain(compiled.file.document.root))))


def keras_paths(compiled: Compiled, *, in_model: bool = False) -> dict[str, str]:
    """The import paths of the Keras classes of plugins that the spec uses, sorted, each with what
    it is (`a layer`); with `in_model`, only of those that a saved model contains.
    """
    words = set(_words(plain(compiled.file.document.root)))
    found = {
        cls.keras: cls.registry().one
        for kinds in compiled.file.context.plugins.added.values()
        for kind, cls in kinds.items()
        if kind in words and issubclass(cls, KerasDeclared) and (cls.in_model() or not in_model)
    }
    return dict(sorted(found.items()))


def _words(value: Any) -> Iterator[str]:
    """Every key, and every value that is a string."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _words(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _words(item)


def plugin_hashes(compiled: Compiled) -> dict[str, str]:
    """The hash of the code of every plugin that the spec uses, by module."""
    return {one.module: one.digest for one in used_plugins(compiled)}


def recorded(manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The plugins in a manifest, by module; empty for runs of earlier versions."""
    found = manifest.get("plugins")
    if not isinstance(found, dict):
        return {}
    return {str(name): one for name, one in found.items() if isinstance(one, dict)}
