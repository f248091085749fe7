"""`resolved.yaml`: the fully resolved spec of a run: expanded, with known `auto` sizes and columns.

`evaluate` and `predict` read it instead of the spec. It has the output of `modelspec resolve`
(`modelspec.views.resolve`), and facts that are only known from the data.
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
    model, data = spec["model"], spec.get("data") or _of_a_program(prepared)
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


def _of_a_program(prepared: Prepared) -> dict[str, Any]:
    """The sources of a spec without a `data` section, which is trained on data of a program: one
    for each part of the data, because callbacks may monitor the validation.
    """
    given = prepared.compiled.data
    parts = () if given is None else tuple(given.sources)
    names = parts if len(parts) > 1 else ("source",)
    return dict.fromkeys(names, python.kind())


def paths_start(compiled: Compiled) -> Path:
    """The folder that paths of the resolved spec are relative to: that of the spec, or the project
    if a path leaves the spec's folder, so that no path leaves the folder in the manifest.
    """
    context = compiled.file.context
    folder = context.folder or Path.cwd()
    if context.project is None or not leaves_folder(compiled.file.document.root):
        return folder
    return context.project


def _from(folder: Path, spec: dict[str, Any], compiled: Compiled) -> dict[str, Any]:
    """The spec with paths relative to a folder."""
    own = compiled.file.context.folder or Path.cwd()
    if folder == own:
        return spec
    root = node_of(spec, compiled.file.document.root.span)
    assert isinstance(root, Mapping)
    found = plain(rebase(root, replace(compiled.file.context, folder=folder), own))
    assert isinstance(found, dict)
    return found


def _features(features: MappingType[str, Bound], written: Any) -> dict[str, Any]:
    """The data of every input or target: its columns, and its other settings in the spec."""
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
    """The inputs without columns."""
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
