"""`resolved.yaml`: the spec as it was run, nothing left to be worked out: expanded, `auto` sizes
and columns known.

`evaluate` and `predict` read it in place of the spec. What `modelspec resolve` prints
(`modelspec.views.resolve`), and what only the data showed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelspec.views.resolve import dump, escaped
from modelspec.views.resolve import resolved as resolved_spec

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
    model, data = spec["model"], spec["data"]
    spec["model"] = {**model, "inputs": _inputs(prepared)} if isinstance(model, dict) else model
    spec["data"] = {
        **data,
        "inputs": _features(prepared.binding.inputs, data.get("inputs")),
        "targets": _features(prepared.binding.targets, data.get("targets")),
    }
    return spec


def _features(features: Mapping[str, Bound], written: Any) -> dict[str, Any]:
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
