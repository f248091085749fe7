"""A whole spec as written: `Document` to `SpecFile`, one section after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from modelspec.core.diagnostics import MOST, Checked, Collector
from modelspec.core.sections import known_keys, read_section
from modelspec.core.settings import Context, describe, is_int
from modelspec.core.source import Document, Mapping, Scalar, plain

from .augment_section import for_model
from .data_section import DataSection, read_data
from .layer_names import check_name
from .model_section import ModelSection, read_model
from .runtime_section import Runtime
from .seeds import MAX_SEED as MAX_SEED
from .switched_off import without_switched_off
from .training_section import Training, read_training

VERSION = 1
KEYS = ("modelspec", "name", "description", "seed", "model", "data", "training", "runtime")
EXPANDED = ("extends", "vars", "blocks")
"""Sections that are gone once the spec is expanded: a misspelt one is still offered."""
LATER = ("expect", "sweep")


@dataclass(frozen=True)
class SpecFile:
    """A spec's own keys and its model. `training` and `data` speak of the model's inputs and
    outputs by name, so they are read (`read_sections`) when those are known.
    """

    document: Document
    root: Mapping
    """The sections, misspelt ones under the names that they were meant to have."""
    name: str | None
    description: str | None
    seed: int
    model: ModelSection | None
    runtime: Runtime
    context: Context


def validate(document: Document, context: Context) -> Checked[SpecFile]:
    """Every section of a file. `context` says which folder its paths are relative to."""
    report = Collector(MOST)
    root = _own_keys(document.root, report)
    _version(root, report)
    runtime = _runtime(root, context, report)
    context = replace(context, precision=runtime.precision)
    model = (
        read_model(root.entries["model"].value, context, report)
        if "model" in root.entries
        else None
    )
    spec = SpecFile(
        document,
        root,
        _text(root, "name", report),
        _text(root, "description", report),
        _seed(root, report),
        model,
        runtime,
        context,
    )
    return Checked(spec, report.diagnostics)


@dataclass(frozen=True)
class Sections:
    """The sections that train a model; None where a spec has none, or where it is in error."""

    training: Training | None
    data: DataSection | None


def read_sections(
    spec: SpecFile, inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> Checked[Sections]:
    """`training` and `data`, which name the inputs and outputs of the model.

    With none known (the model is in error) nothing is said about their names.
    """
    report = Collector(MOST)
    root = spec.root
    training = data = None
    if entry := root.entries.get("training"):
        training = read_training(entry.value, entry.key_span, outputs, spec.context, report)
    if entry := root.entries.get("data"):
        of_model = for_model(root, spec.context)
        data = read_data(entry.value, inputs, outputs, spec.context, report, of_model)
    return Checked(Sections(training, data), report.diagnostics)


def _own_keys(root: Mapping, report: Collector) -> Mapping:
    """The sections of a file, without what is ignored (`x-...`)."""
    own = Mapping(
        {key: entry for key, entry in root.entries.items() if not key.startswith("x-")}, root.span
    )
    root = known_keys(own, (*KEYS, *EXPANDED, *LATER), "a spec", report)
    for key in LATER:
        if entry := root.entries.get(key):
            report.error(
                "MS209", f"`{key}` is not part of this version of modelspec", entry.key_span
            )
    if "model" not in root.entries:
        report.error(
            "MS315",
            "a spec needs a `model`",
            root.span,
            help="`modelspec init` writes one to start from",
        )
    return root


def _version(root: Mapping, report: Collector) -> None:
    entry = root.entries.get("modelspec")
    if entry and not (
        is_int(plain(entry.value)) and plain(entry.value) == VERSION
    ):  # `true` equals 1 in Python
        report.error(
            "MS205",
            f"`modelspec` must be {VERSION}, the version of the language, found "
            f"{describe(plain(entry.value))}",
            entry.value.span,
            suggestion=str(VERSION),
        )


def _runtime(root: Mapping, context: Context, report: Collector) -> Runtime:
    entry = root.entries.get("runtime")
    if entry is None:
        return Runtime()
    values: dict[str, Any] | None = None
    if isinstance(entry.value, Mapping):
        node = without_switched_off(entry.value, tuple(Runtime.model_fields))
        values = _without_later(node, ("distribution",), report)
    return read_section(Runtime, entry.value, entry.key_span, context, report, values) or Runtime()


def _without_later(node: Mapping, later: tuple[str, ...], report: Collector) -> dict[str, Any]:
    for key in later:
        if found := node.entries.get(key):
            report.error(
                "MS209", f"`{key}` is not part of this version of modelspec", found.key_span
            )
    values = plain(node)
    assert isinstance(values, dict)
    return {key: value for key, value in values.items() if key not in later}


def _text(root: Mapping, key: str, report: Collector) -> str | None:
    entry = root.entries.get(key)
    if entry is None:
        return None
    value = plain(entry.value)
    if not isinstance(value, str):
        report.error(
            "MS204",
            f"`{key}` must be a text, found {describe(value)}",
            entry.value.span,
            help="put it in quotes" if isinstance(entry.value, Scalar) else None,
        )
        return None
    if key == "name" and not check_name(value, entry.value.span, report):
        return None
    return value


def _seed(root: Mapping, report: Collector) -> int:
    entry = root.entries.get("seed")
    if entry is None:
        return 0
    value: Any = plain(entry.value)
    if not is_int(value):
        report.error(
            "MS204", f"`seed` must be a whole number, found {describe(value)}", entry.value.span
        )
        return 0
    if not 0 <= value <= MAX_SEED:
        report.error(
            "MS205",
            f"`seed` must be from 0 to {MAX_SEED}, found {describe(value)}",
            entry.value.span,
        )
        return 0
    return int(value)
