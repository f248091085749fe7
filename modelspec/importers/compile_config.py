"""The compile settings of a model as the section `training`, as far as the language supports
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelspec.catalog.components import METRICS, OPTIMIZERS
from modelspec.compiler.legacy import modernize
from modelspec.compiler.pipeline import compile_spec
from modelspec.core.source import plain as plain_nodes
from modelspec.core.source import read_mapping

from .architecture import Unreadable
from .component_names import NAMED, title, with_names
from .short_settings import short_training
from .spec_names import clean
from .tidy import as_lists
from .value_forms import plain, shortest

_REGISTERED = "Custom>"
_MEASURES = ("metrics", "weighted_metrics")
_PARTS = ("optimizer", "loss", "loss_weights", *_MEASURES)
_OF_OTHERS = ("is_legacy_optimizer", "jit_compile", "dtype", "fn", "reduction")
"""Settings of some versions that have no effect with their usual value."""
_NOT_KEPT: Mapping[str, tuple[Any, str]] = {
    "steps_per_execution": (1, "modelspec chooses the number of steps per call"),
    "run_eagerly": (False, "modelspec always compiles its steps"),
}
"""Arguments of `compile` that a spec does not have: the usual value, and the behavior instead."""


def training_of(
    config: Any, spec: Mapping[str, Any], outputs: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    """The section, empty if no part is supported, and a sentence for each unsupported part."""
    if not isinstance(config, dict):
        return {}, []
    optimizer = _of_keras(config.get("optimizer", config.get("optimizer_config")))
    given = {**config, "optimizer": optimizer}
    found: dict[str, Any] = {}
    notes = list(_not_kept(config))
    for part in _PARTS:
        try:
            value = _part(part, given.get(part), outputs, notes)
        except Unreadable as error:
            notes.append(_left_out(f"`{part}`", str(error), part))
            continue
        if value not in (None, [], {}, ""):
            found[part] = value
    section = _checked(found, spec, outputs, notes)
    if not section and any(one not in (None, "", [], {}) for one in map(given.get, _PARTS)):
        why = "" if given.get("loss") else ": the model was compiled without a loss"
        notes.append(f"the spec has no `training` section{why}")
    return section, notes


def _of_keras(value: Any) -> Any:
    """An optimizer under its own name: Keras 2.11 to 2.15 wrote `Custom>Adam`."""
    kind = value.get("class_name") if isinstance(value, dict) else None
    name = kind.removeprefix(_REGISTERED) if isinstance(kind, str) else ""
    return {**value, "class_name": name} if kind != name and name in OPTIMIZERS else value


def _not_kept(config: Mapping[str, Any]) -> Iterator[str]:
    for name, (usual, instead) in _NOT_KEPT.items():
        if config.get(name, usual) not in (usual, None):
            yield f"`{name}={config[name]}` of the model's `compile` is not imported: {instead}"


def _left_out(what: str, why: str, part: str) -> str:
    then = "; the spec has the default optimizer, `rmsprop`" if part == "optimizer" else ""
    return f"the model's {what} is not imported: {why}{then}"


def _part(part: str, value: Any, outputs: Sequence[str], notes: list[str]) -> Any:
    """An argument of `compile` as a spec contains it. Raises `Unreadable`."""
    value = with_names(_unwrapped(value) if part in _MEASURES else value)
    found = _measures(part, value, notes) if part in _MEASURES else plain(value)
    found = _component(found)
    if part == "optimizer":
        return found
    if isinstance(found, dict):
        found = {_cleaned(key, outputs): one for key, one in found.items()}
    if len(outputs) == 1:
        return _of_one_output(found, outputs[0])
    if isinstance(found, list) and len(found) == len(outputs):
        return {name: one for name, one in zip(outputs, found, strict=True) if one is not None}
    return found


def _unwrapped(value: Any) -> Any:
    """Metrics with the class of the function in a `MeanMetricWrapper`."""
    if isinstance(value, list):
        return [_unwrapped(one) for one in value]
    if not isinstance(value, dict):
        return value
    config = value.get("config")
    if value.get("class_name") != "MeanMetricWrapper" or not isinstance(config, dict):
        return {key: _unwrapped(one) for key, one in value.items()}
    fn = config.get("fn")
    kind = METRICS.aliases.get(fn) if isinstance(fn, str) else None
    if kind is None:
        return value
    own = {key: one for key, one in config.items() if key != "fn"}
    return {"class_name": kind, "config": own}


def _measures(part: str, value: Any, notes: list[str]) -> Any:
    """Metrics without those that contain Python code."""
    if isinstance(value, list):
        found = [_measures(part, one, notes) for one in value]
        return [one for one, was in zip(found, value, strict=True) if one is not None or not was]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _measures(part, one, notes) for key, one in value.items()}
    try:
        return plain(value)
    except Unreadable as error:
        notes.append(_left_out(f"metric `{title(value)}`", str(error), part))
        return None


def _cleaned(key: str, outputs: Sequence[str]) -> str:
    """The name of an output in the spec."""
    return key if key in outputs or clean(key) not in outputs else clean(key)


def _of_one_output(found: Any, output: str) -> Any:
    """The value of a single output, without the mapping or list around it."""
    if isinstance(found, dict) and set(found) == {output}:
        found = found[output]
    while isinstance(found, list) and len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    return found


def _component(value: Any) -> Any:
    """The value with short numbers, and without settings that have no effect."""
    if isinstance(value, float):
        return shortest(value)
    if isinstance(value, list):
        return [_component(one) for one in value]
    if isinstance(value, dict):
        return {
            "name" if key == NAMED else key: _component(one)
            for key, one in value.items()
            if not _says_nothing(key, one)
        }
    return value


def _says_nothing(key: str, value: Any) -> bool:
    if key not in _OF_OTHERS or isinstance(value, dict):
        return False
    return key == "fn" or value in _USUAL


_USUAL = (None, True, False, "float32", "auto", "sum_over_batch_size")


def _checked(
    found: dict[str, Any], spec: Mapping[str, Any], outputs: Sequence[str], notes: list[str]
) -> dict[str, Any]:
    """The parts that the language supports; without a loss there is no section."""
    kept: dict[str, Any] = {}
    for part in ("loss", *(part for part in found if part != "loss")):
        if part not in found:
            return {}
        section = _modern({**kept, part: found[part]})
        wrong = _wrong(spec, section)
        if wrong is None:
            kept = section
        elif part in _MEASURES:
            kept = _with_measures(kept, part, found[part], spec, outputs, notes)
        else:
            notes.append(_left_out(f"`{part}`", wrong, part))
            if part == "loss":
                return {}
    short = short_training(kept)
    return short if compile_spec({**spec, "training": short}).ok else kept


def _wrong(spec: Mapping[str, Any], section: Mapping[str, Any]) -> str | None:
    """The first error of a section."""
    checked = compile_spec({**spec, "training": section})
    return next((one.message for one in checked.diagnostics if one.severity == "error"), None)


def _with_measures(
    kept: dict[str, Any],
    part: str,
    given: Any,
    spec: Mapping[str, Any],
    outputs: Sequence[str],
    notes: list[str],
) -> dict[str, Any]:
    """The section with the supported metrics, tested one by one."""
    by_output = isinstance(given, dict) and set(given) <= set(outputs)
    groups = given if by_output else {"": given}
    for output, value in groups.items():
        for one in value if isinstance(value, list) else [value]:
            before = kept.get(part, {} if by_output else [])
            if by_output:
                more: Any = {**before, output: [*before.get(output, []), one]}
            else:
                more = [*before, one]
            section = _modern({**kept, part: more})
            wrong = _wrong(spec, section)
            if wrong is None:
                kept = section
            else:
                notes.append(_left_out(f"metric `{title(one)}`", wrong, part))
    return kept


def _modern(section: dict[str, Any]) -> dict[str, Any]:
    document = read_mapping({"model": [], "training": section}).value
    if document is None:
        return section
    found: Any = plain_nodes(modernize(document).value.root)
    modern: dict[str, Any] = as_lists(found["training"])
    return modern
