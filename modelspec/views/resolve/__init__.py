"""A resolved spec, with all expressions, blocks and defaults expanded: the output of `modelspec
resolve`.

    order     sections and settings in the order of the language's reference
    defaults  every omitted setting, filled in
    text      YAML of either version, or JSON
    origin    where a value comes from: `--explain`

A resolved spec is a spec: it checks, builds and trains like the original, and resolves to itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.layer_names import check_name
from modelspec.compiler.spec.spec_file import VERSION
from modelspec.core.diagnostics import Collector
from modelspec.core.source import Entry, Mapping, Scalar, plain

from .dump import as_json, dump
from .key_order import in_order

__all__ = ["as_json", "dump", "escaped", "resolved", "resolved_node", "resolved_text"]


def resolved_node(compiled: Compiled, *, defaults: bool = False) -> Mapping:
    """The resolved document, every value with its place. `compiled` must have no errors.

    It has no `sweep`, whose parameters are paths of the document as it is written.
    """
    root = _without_sweep(compiled)
    if defaults:
        from .sections import filled

        with compiled.file.context.plugins.active():
            root = filled(compiled, root)
    entries = {**_own(compiled, root), **root.entries}
    return in_order(replace_entries(root, entries))


def _without_sweep(compiled: Compiled) -> Mapping:
    """The document without its sweep, and without what only a sweep decides."""
    root = compiled.file.document.root
    if "sweep" not in root.entries:
        return root
    if compiled.fold_expectations:
        from modelspec.compiler.spec.fold_expectations import without_fold_expectations

        root = without_fold_expectations(root)
    return replace_entries(root, {key: one for key, one in root.entries.items() if key != "sweep"})


def resolved(compiled: Compiled, *, defaults: bool = False) -> dict[str, Any]:
    """The resolved spec as plain values for `dump`; a literal `$` is written `$$`."""
    found = escaped(plain(resolved_node(compiled, defaults=defaults)))
    assert isinstance(found, dict)
    return found


def resolved_text(compiled: Compiled, *, defaults: bool = False, form: str = "yaml") -> str:
    """The resolved spec as YAML or JSON."""
    found = resolved(compiled, defaults=defaults)
    return dump(found) if form == "yaml" else as_json(found)


def escaped(value: Any) -> Any:
    """Plain values as in a spec, where `$` starts an expression and `$$` is a dollar sign."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: escaped(item) for key, item in value.items()}
    return [escaped(item) for item in value] if isinstance(value, (tuple, list)) else value


def replace_entries(node: Mapping, entries: dict[str, Entry]) -> Mapping:
    return node._replace(entries=entries)


def _own(compiled: Compiled, root: Mapping) -> dict[str, Entry]:
    """The version of the language, and the name: the default name is that of the file, which may be
    renamed.
    """
    found = {"modelspec": Entry(root.span, Scalar(VERSION, root.span, True))}
    file = root.span.file
    name = Path(file).stem
    if not file.startswith("<") and check_name(name, root.span, Collector()):
        found["name"] = Entry(root.span, Scalar(name, root.span))
    return found
