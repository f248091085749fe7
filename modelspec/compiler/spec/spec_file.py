"""A whole spec as written: `Document` to `SpecFile`, section by section."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelspec.core.diagnostics import MOST, Checked, Collector, nearest_unused
from modelspec.core.ignored_keys import is_ignored
from modelspec.core.records import dataclass
from modelspec.core.sections import known_keys, read_section
from modelspec.core.settings import Context, describe, is_int
from modelspec.core.source import Document, Mapping, Node, Scalar, find, plain

from .augment_section import for_model
from .data_section import DataSection, read_data
from .layer_names import check_name
from .model_section import ModelSection, read_model
from .objective_section import named_targets
from .runtime_section import Runtime
from .seeds import MAX_SEED as MAX_SEED
from .stages import Names, read_with_stages
from .switched_off import without_switched_off
from .training_section import Training

if TYPE_CHECKING:
    from .expect_section import Expectations
    from .generate_section import Generation
    from .sweep_section import Sweep

VERSION = 1
KEYS = (
    *("modelspec", "name", "description", "seed"),
    *("model", "data", "training", "generate", "expect", "runtime", "sweep"),
)
EXPANDED = ("extends", "vars", "blocks")
"""Sections removed by the expansion: they are still suggested for misspellings."""
_OPTIONAL = tuple(key for key in KEYS if key not in ("modelspec", "model"))


@dataclass(frozen=True)
class SpecFile:
    """The top-level keys of a spec and its model. `training` and `data` refer to inputs and outputs
    of the model by name, so they are read (`read_sections`) when those are known.
    """

    document: Document
    root: Mapping
    """The sections; misspelled ones are under the names that were meant."""
    name: str | None
    description: str | None
    seed: int
    model: ModelSection | None
    runtime: Runtime
    context: Context
    expectations: Expectations = ()
    """Conditions on the model, and on a finished run."""
    generation: Generation | None = None
    """How the trained model makes examples."""
    sweep: Sweep | None = None
    """A search over values of the spec."""


def validate(document: Document, context: Context) -> Checked[SpecFile]:
    """Every section of a file. `context` sets the folder that its paths are relative to."""
    report = Collector(MOST)
    root = _own_keys(document.root, report)
    _version(root, report)
    runtime = _runtime(root, context, report)
    context = replace(context, precision=runtime.precision)
    model = (
        read_model(root.entries["model"].value, context, report, repaired=document.repaired)
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
        _expectations(root, report),
        _generation(root, context, report),
        _sweep(root, context, report),
    )
    return Checked(spec, report.diagnostics)


@dataclass(frozen=True)
class Sections:
    """The sections that train a model; None if a section is missing or invalid."""

    training: Training | None
    data: DataSection | None


def read_sections(
    spec: SpecFile, inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> Checked[Sections]:
    """`training` and `data`, which name the inputs and outputs of the model.

    With none known (the model is invalid) their names are not checked.
    """
    report = Collector(MOST)
    root = spec.root
    training = data = None
    of_model = for_model(root, spec.context)
    if entry := root.entries.get("training"):
        names = Names(inputs, outputs, spec.context, of_model)
        training = read_with_stages(entry.value, entry.key_span, names, report)
    if entry := root.entries.get("data"):
        section = root.entries.get("training")
        also = _read_targets(section.value if section is not None else None, entry.value)
        data = read_data(entry.value, inputs, outputs, spec.context, report, of_model, also)
    return Checked(Sections(training, data), report.diagnostics)


def _read_targets(training: Node | None, data: Node) -> tuple[str, ...]:
    """The targets that objectives read. A misspelt one is the one of `data` that it most likely
    means.
    """
    written = find(data, ("targets",))
    names = list(written.entries) if isinstance(written, Mapping) else []
    return tuple(
        (None if one in names else nearest_unused(one, names, ())) or one
        for one in named_targets(training)
    )


def _own_keys(root: Mapping, report: Collector) -> Mapping:
    """The sections of a file, without ignored ones, which no misspelt key is read as."""
    own = {key: entry for key, entry in root.entries.items() if not is_ignored(key)}
    root = known_keys(Mapping(own, root.span), (*KEYS, *EXPANDED), "a spec", report)
    root = without_switched_off(root, [key for key in _OPTIONAL if _is_written(root, key)])
    if "model" not in root.entries:
        report.error(
            "MS315",
            "a spec requires a `model`",
            root.span,
            help="`modelspec init` writes an example",
        )
    return root


def _is_written(root: Mapping, key: str) -> bool:
    """Whether a key has a written value: a section without one may have lost its content, so it is
    not switched off by `null`.
    """
    entry = root.entries.get(key)
    return entry is not None and entry.value.span.end > entry.value.span.start


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


# Most specs have none of the next three: their modules are imported where they do.


def _expectations(root: Mapping, report: Collector) -> Expectations:
    entry = root.entries.get("expect")
    if entry is None:
        return ()
    from .expect_section import read_expect

    return read_expect(entry, report)


def _generation(root: Mapping, context: Context, report: Collector) -> Generation | None:
    entry = root.entries.get("generate")
    if entry is None:
        return None
    from .generate_section import read_generate

    return read_generate(entry, context, report)


def _sweep(root: Mapping, context: Context, report: Collector) -> Sweep | None:
    entry = root.entries.get("sweep")
    if entry is None:
        return None
    from .sweep_reading import read_sweep

    return read_sweep(entry, context, report)


def _runtime(root: Mapping, context: Context, report: Collector) -> Runtime:
    entry = root.entries.get("runtime")
    if entry is None:
        return Runtime.model_construct()  # the defaults, which need no validator
    values: dict[str, Any] | None = None
    if isinstance(entry.value, Mapping):
        node = without_switched_off(entry.value, tuple(Runtime.model_fields))
        values = _without_later(node, ("distribution",), report)
    return read_section(Runtime, entry.value, entry.key_span, context, report, values) or Runtime()


def _without_later(node: Mapping, later: tuple[str, ...], report: Collector) -> dict[str, Any]:
    for key in later:
        if found := node.entries.get(key):
            report.error(
                "MS209", f"`{key}` is not supported in this version of modelspec", found.key_span
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
            f"`{key}` must be a string, found {describe(value)}",
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
            "MS204", f"`seed` must be an integer, found {describe(value)}", entry.value.span
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
