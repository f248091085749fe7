"""Corrects misspelled sections and keys of models before the following stages use them. Each is
reported here, once.
"""

from __future__ import annotations

from modelspec.core.diagnostics import Collector
from modelspec.core.ignored_keys import is_ignored
from modelspec.core.sections import known_keys
from modelspec.core.source import Entry, Mapping

from ..spec.model_section import MODEL_KEYS, SUBMODEL_KEYS, is_layer
from ..spec.moving_average import is_average
from ..spec.spec_file import EXPANDED, KEYS


def with_meant_sections(root: Mapping, collector: Collector) -> Mapping:
    """The document with its sections, and the keys of its models, corrected."""
    own = {key: entry for key, entry in root.entries.items() if not _is_aside(key)}
    found = known_keys(Mapping(own, root.span), (*KEYS, *EXPANDED), "a spec", collector)
    model = found.entries.get("model")
    entries = found.entries
    if model is not None and isinstance(model.value, Mapping):
        meant = _model(model.value, MODEL_KEYS, collector)
        if meant is not model.value:
            entries = {**entries, "model": Entry(model.key_span, meant)}
    if entries is own:
        return root
    aside = {key: entry for key, entry in root.entries.items() if _is_aside(key)}
    return Mapping({**entries, **aside}, root.span)


def _is_aside(key: str) -> bool:
    """Whether a section is ignored: no misspelt key is read as it."""
    return is_ignored(key)


def _model(node: Mapping, keys: tuple[str, ...], collector: Collector) -> Mapping:
    """A model with its keys, and those of its shared models, corrected."""
    node = known_keys(node, keys, "model", collector)
    shared = node.entries.get("shared")
    if shared is None or not isinstance(shared.value, Mapping):
        return node
    meant = {
        name: _model(definition, SUBMODEL_KEYS, collector)
        for name, entry in shared.value.entries.items()
        if isinstance(definition := entry.value, Mapping)
        and not (is_layer(definition) or is_average(definition))
    }
    if all(shared.value.entries[name].value is definition for name, definition in meant.items()):
        return node
    definitions = {
        name: Entry(entry.key_span, meant.get(name, entry.value))
        for name, entry in shared.value.entries.items()
    }
    value = Mapping(definitions, shared.value.span)
    return Mapping({**node.entries, "shared": Entry(shared.key_span, value)}, node.span)
