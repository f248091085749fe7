"""What a model was compiled with, as the section `training`: as much of it as the language can
say.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from modelspec.compiler.legacy import modernize
from modelspec.compiler.pipeline import compile_spec
from modelspec.core.source import plain as plain_nodes
from modelspec.core.source import read_mapping

from .architecture import Unreadable
from .short_settings import short_training
from .tidy import as_lists
from .value_forms import plain

_PARTS = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")
_OF_OTHERS = ("is_legacy_optimizer", "jit_compile", "dtype", "fn", "reduction")
"""Settings of some versions that say nothing where they have their usual value."""


def training_of(
    config: Any, spec: Mapping[str, Any], outputs: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    """The section, empty where nothing can be said, and a sentence for each part that could not."""
    if not isinstance(config, dict):
        return {}, []
    given = {**config, "optimizer": config.get("optimizer", config.get("optimizer_config"))}
    found: dict[str, Any] = {}
    notes = []
    for part in _PARTS:
        try:
            value = _part(given.get(part), outputs, per_output=part != "optimizer")
        except Unreadable:
            notes.append(f"the model's `{part}` holds code of its author's, and is left out")
            continue
        if value not in (None, [], {}, ""):
            found[part] = value
    return _checked(found, spec, notes)


def _part(value: Any, outputs: Sequence[str], *, per_output: bool) -> Any:
    said = _component(plain(value))
    if not per_output:
        return said
    if len(outputs) == 1:
        return _of_one_output(said, outputs[0])
    if isinstance(said, list) and len(said) == len(outputs):
        return {name: one for name, one in zip(outputs, said, strict=True) if one is not None}
    return said


def _of_one_output(said: Any, output: str) -> Any:
    """Without the mapping or the list around what one output has."""
    if isinstance(said, dict) and set(said) == {output}:
        said = said[output]
    while isinstance(said, list) and len(said) == 1 and isinstance(said[0], list):
        said = said[0]
    return said


def _component(value: Any) -> Any:
    """The value with numbers as somebody would write them, and without what says nothing."""
    if isinstance(value, float):
        return _shortest(value)
    if isinstance(value, list):
        return [_component(one) for one in value]
    if isinstance(value, dict):
        return {key: _component(one) for key, one in value.items() if not _says_nothing(key, one)}
    return value


def _says_nothing(key: str, value: Any) -> bool:
    if key not in _OF_OTHERS or isinstance(value, dict):
        return False
    return key == "fn" or value in _USUAL


_USUAL = (None, True, False, "float32", "auto", "sum_over_batch_size")


def _shortest(value: float) -> float:
    """The number with the fewest digits that is the same in float32: 0.001 for
    0.0010000000474974513.
    """
    if not math.isfinite(value) or abs(value) > 1e38:
        return value
    single = struct.pack("f", value)
    if struct.unpack("f", single)[0] != value:
        return value
    for digits in range(1, 10):
        short = float(f"{value:.{digits}g}")
        if struct.pack("f", short) == single:
            return short
    return value


def _checked(
    found: dict[str, Any], spec: Mapping[str, Any], notes: list[str]
) -> tuple[dict[str, Any], list[str]]:
    """What the language takes of the parts; without a loss there is no section."""
    kept: dict[str, Any] = {}
    for part in ("loss", *(part for part in found if part != "loss")):
        if part not in found:
            return {}, notes
        section = _modern({**kept, part: found[part]})
        checked = compile_spec({**spec, "training": section})
        wrong = next((one for one in checked.diagnostics if one.severity == "error"), None)
        if wrong is None:
            kept = section
            continue
        notes.append(f"the model's `{part}` is left out: {wrong.message}")
        if part == "loss":
            return {}, notes
    short = short_training(kept)
    return (short if compile_spec({**spec, "training": short}).ok else kept), notes


def _modern(section: dict[str, Any]) -> dict[str, Any]:
    document = read_mapping({"model": [], "training": section}).value
    if document is None:
        return section
    found: Any = plain_nodes(modernize(document).value.root)
    modern: dict[str, Any] = as_lists(found["training"])
    return modern
