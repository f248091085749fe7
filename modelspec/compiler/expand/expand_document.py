"""Expands a whole document: names and blocks are read first, then every section."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from typing import TYPE_CHECKING

from modelspec.core.diagnostics import Collector, Fault, Span
from modelspec.core.ignored_keys import is_ignored
from modelspec.core.settings import Context, describe
from modelspec.core.source import Entry, Mapping, Node, plain

from .blocks import is_null, read_blocks
from .detection import GONE
from .expand_model import ModelExpander
from .identifiers import check_variable
from .items import Call, LibraryUse
from .limits import Spent
from .objective_names import with_flat_names
from .scope import Binding, Scope
from .values import Values

if TYPE_CHECKING:
    from .library_kinds import Kind

_SOURCES = ("source", "train", "validation", "test")
_PATHS = ("path", "csv", "root", "files")


def expand_document(
    root: Mapping,
    collector: Collector,
    context: Context | None = None,
    environment: MappingType[str, str] | None = None,
) -> Mapping:
    """The document with plain values and flat lists of layers only.

    Raises `TooMuch` if a limit is exceeded, `TooManyFaults` after too many errors.
    """
    values = Values(collector, Spent(), environment, context)
    scope = read_vars(root, values)
    models = ModelExpander(values, read_blocks(root, collector), scope, _instantiate)
    entries: dict[str, Entry] = {}
    for key, entry in root.entries.items():
        if key in GONE:
            continue
        if is_ignored(key):
            entries[key] = entry
        elif key == "model":
            entries[key] = Entry(entry.key_span, models.expand(entry.value))
        elif key == "data":
            entries[key] = Entry(entry.key_span, _data(entry.value, values, scope))
        elif key == "sweep":
            from .sweep_values import sweep_values

            entries[key] = Entry(entry.key_span, sweep_values(entry.value, values, scope))
        else:
            value = values.node(entry.value, scope, env=key == "runtime")
            entries[key] = Entry(entry.key_span, value)
    if "training" in entries:  # the model may be below it
        training = with_flat_names(entries["training"].value, models.flat_names)
        entries["training"] = entries["training"]._replace(value=training)
    return Mapping(entries, root.span)


def _instantiate(kind: Kind, call: Call, values: Values, level: int) -> LibraryUse | None:
    """A library model; the module is imported only if a spec uses one."""
    from .library_uses import instantiate

    return instantiate(kind, call, values, level)


def read_vars(root: Mapping, values: Values) -> Scope:
    """The names in `vars`, in order: each may use those above it."""
    entry = root.entries.get("vars")
    if entry is None or is_null(entry.value):
        return Scope({})
    if not isinstance(entry.value, Mapping):
        values.collector.report(
            Fault(
                "MS204",
                "`vars` must be a mapping of names to values, found "
                f"{describe(plain(entry.value))}",
            ),
            entry.value.span,
        )
        values.lacks_names = True
        return Scope({})
    later: dict[str, Span] = {name: item.key_span for name, item in entry.value.entries.items()}
    names: dict[str, Binding] = {}
    scope = Scope(names, later=later)
    for name, item in entry.value.entries.items():
        node = values.node(item.value, scope)
        del later[name]
        if check_variable(name, item.key_span, values.collector):
            names[name] = Binding(name, None, node)
    return scope


def _data(node: Node, values: Values, scope: Scope) -> Node:
    """The `data` section, in which paths of sources may use environment variables."""
    if not isinstance(node, Mapping):
        return values.node(node, scope)
    entries: dict[str, Entry] = {}
    for key, entry in node.entries.items():
        if key in _SOURCES and isinstance(entry.value, Mapping):
            kinds = {
                kind: Entry(one.key_span, _source(one.value, values, scope))
                for kind, one in entry.value.entries.items()
            }
            entries[key] = Entry(entry.key_span, Mapping(kinds, entry.value.span))
        else:
            entries[key] = Entry(entry.key_span, values.node(entry.value, scope))
    return Mapping(entries, node.span)


def _source(node: Node, values: Values, scope: Scope) -> Node:
    if not isinstance(node, Mapping):
        return values.node(node, scope, env=True)
    entries = {
        key: Entry(entry.key_span, values.node(entry.value, scope, env=key in _PATHS))
        for key, entry in node.entries.items()
    }
    return Mapping(entries, node.span)
