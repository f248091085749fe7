"""`resolved.yaml`: the spec as it was run, nothing left to be worked out: expanded, `auto` sizes and columns known.

`evaluate` and `predict` read it in place of the spec.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from ..data import Prepared
from ..data.columns import Bound
from ..source import plain
from ..spec.file import VERSION

_PLAIN = re.compile(r"[A-Za-z_][\w./ -]*[\w]|[A-Za-z_]")
"""Texts that YAML 1.2 and 1.1 read as text without quotes, but for the words below."""
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def resolved_text(prepared: Prepared) -> str:
    """The spec as YAML."""
    return dump(resolved(prepared))


def resolved(prepared: Prepared) -> dict[str, Any]:
    """The spec as a mapping."""
    compiled = prepared.compiled
    spec = {key: value for key, value in _root(prepared).items() if not key.startswith("x-")}
    spec = {"modelspec": VERSION, "name": compiled.name, "seed": compiled.file.seed, **spec}
    model = spec["model"]
    spec["model"] = {**model, "inputs": _inputs(prepared)} if isinstance(model, dict) else model
    spec["data"] = {
        **spec["data"], "inputs": _features(prepared.binding.inputs), "targets": _features(prepared.binding.targets),
    }
    return spec


def _root(prepared: Prepared) -> dict[str, Any]:
    root = plain(prepared.compiled.file.document.root)
    assert isinstance(root, dict)
    return root


def _features(features: Mapping[str, Bound]) -> dict[str, Any]:
    return {name: bound.feature() for name, bound in features.items()}


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


class _Dumper(yaml.SafeDumper):
    """Writes what the YAML 1.2 core schema reads back as it was: PyYAML knows 1.1, where `1e-3` is a text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    bare = _PLAIN.fullmatch(value) is not None and value.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if bare else '"')


def _number(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    text = repr(value)
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")  # without the point YAML 1.1 takes it for a text
    special = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}
    return dumper.represent_scalar("tag:yaml.org,2002:float", special.get(text, text))


def _sequence(dumper: yaml.SafeDumper, values: Any) -> yaml.SequenceNode:
    flat = all(not isinstance(value, (dict, list, tuple)) for value in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=flat)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _number)
_Dumper.add_representer(tuple, _sequence)
_Dumper.add_representer(list, _sequence)


def dump(value: dict[str, Any]) -> str:
    """Plain values as YAML of either version."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
