"""`resolved.yaml`: the spec as it was run, nothing left to be worked out: expanded, `auto` sizes
and columns known.

`evaluate` and `predict` read it in place of the spec. What `modelspec resolve` prints
(`modelspec.views.resolve`), and what only the data showed.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelspec.catalog.sources.python import python
from modelspec.compiler.expand.rebase import leaves_folder, rebase
from modelspec.compiler.pipeline import Compiled
from modelspec.core.source import Mapping, plain
from modelspec.views.resolve import dump, escaped
from modelspec.views.resolve import resolved as resolved_spec
from modelspec.views.resolve.defaults import node_of

from ..data import Prepared
from ..data.columns import Bound


def resolved_text(prepared: Prepared) -> str:
    """The spec as YAML."""
    return dump(resolved(prepared))


def resolved(prepared: Prepared) -> dict[str, Any]:
    """The spec as plain values, a literal `$` written `$$`."""
    compiled = prepared.compiled
    spec = resolved_spec(compiled)
    first = {"modelspec": spec["modelspec"], "name": compiled.name}
    first |= {"description": spec["description"]} if "description" in spec else {}
    spec = {**first, "seed": compiled.file.seed, **spec, "name": compiled.name}
    # Data of a program feed a spec without a `data` section too.
    model, data = spec["model"], spec.get("data", {"source": python.kind()})
    spec["model"] = {**model, "inputs": _inputs(prepared)} if isinstance(model, dict) else model
    spec["data"] = {
        **data,
        "inputs": {
            **_features(prepared.binding.inputs, data.get("inputs")),
            **_random(prepared),
        },
        "targets": _features(prepared.binding.targets, data.get("targets")),
    }
    return _from(paths_start(compiled), spec, compiled)


def paths_start(compiled: Compiled) -> Path:
    """The folder that paths of the resolved spec are relative to: that of the spec, or the project
    where a path leads out of that, so that none leads out of the folder that the manifest names.
    """
    context = compiled.file.context
    folder = context.folder or Path.cwd()
    if context.project is None or not leaves_folder(compiled.file.document.root):
        return folder
    return context.project


def _from(folder: Path, spec: dict[str, Any], compiled: Compiled) -> dict[str, Any]:
    """The spec with paths that start in a folder."""
    own = compiled.file.context.folder or Path.cwd()
    if folder == own:
        return spec
    root = node_of(spec, compiled.file.document.root.span)
    assert isinstance(root, Mapping)
    found = plain(rebase(root, replace(compiled.file.context, folder=folder), own))
    assert isinstance(found, dict)
    return found


def _features(features: MappingType[str, Bound], written: Any) -> dict[str, Any]:
    """What feeds every input or target: its columns, and whatever else the spec says of it."""
    found: dict[str, Any] = {}
    for name, bound in features.items():
        one = written.get(name) if isinstance(written, dict) else None
        rest = (
            {key: value for key, value in one.items() if key not in ("column", "columns")}
            if isinstance(one, dict)
            else {}
        )
        found[name] = {**escaped(bound.feature()), **rest}
    return found


def _random(prepared: Prepared) -> dict[str, Any]:
    """The inputs that no column feeds."""
    found = prepared.parts["train"].examples.random
    return {name: {"random": one.kind} for name, one in found.items()}


def _inputs(prepared: Prepared) -> dict[str, Any]:
    """The inputs in their long form."""
    graph = prepared.compiled.graph
    assert graph is not None
    found: dict[str, Any] = {}
    for one in graph.graph.inputs or ():
        found[one.name] = {"shape": list(one.shape or ()), "dtype": one.dtype}
        if one.batch_size is not None:
            found[one.name]["batch_size"] = one.batch_size
        if one.optional:
            found[one.name]["optional"] = True
    return found
