"""The `generate` section: how a trained model makes examples, as a loop of formulas."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from dataclasses import field
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, PlainValidator, model_validator

from modelspec.catalog.formula.formula_setting import read_formula
from modelspec.catalog.formula.grammar import Grammar
from modelspec.catalog.formula.tree import Formula
from modelspec.catalog.layers.setting_types import Number
from modelspec.core.diagnostics import Collector, Fault, Span
from modelspec.core.records import dataclass
from modelspec.core.sections import known_keys, located, read_section
from modelspec.core.settings import Context, Section, Unfit, describe, is_int, refuse
from modelspec.core.shapes import MAX_AXES
from modelspec.core.source import Entry, Mapping, Node, Scalar, plain

KEYS: Final = ("initial", "steps", "values", "inputs", "update", "result")
PLACE_NAMES: Final = ("step", "steps")
"""The names of the place in the loop: `step` counts from 0 to `steps - 1`."""
RESULT: Final = "result"
_GRAMMAR: Final = Grammar("x + 0.1 * random_normal(x)", True, True)
_MOST_STEPS: Final = 100_000
_MOST_NUMBERS: Final = 2**28
"""The most numbers of one example of a tensor of the loop."""


def _shape(value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    items = (value,) if is_int(value) else value
    expected = f"a list of at most {MAX_AXES - 1} sizes, without the batch axis"
    if not isinstance(items, (list, tuple)) or len(items) >= MAX_AXES:
        raise Unfit(expected)
    product = 1
    for index, item in enumerate(items):
        if not is_int(item) or item < 1:
            raise Unfit(f"{expected}; each is an integer of at least 1", path=(index,))
        product *= item
    if product > _MOST_NUMBERS:
        raise Unfit(f"sizes with at most {_MOST_NUMBERS:,} numbers in total", code="MS205")
    return tuple(items)


class Initial(Section):
    """The value of a tensor of the loop before the first step.

    ```yaml
    initial: {x: {random: normal, shape: [28, 28, 1]}}
    initial: {x: {value: 0, shape: [28, 28, 1]}}
    initial: {series: {input: window}}
    ```
    """

    title: ClassVar[str] = "initial"

    random: Literal["normal", "uniform"] | None = None
    """Random numbers: `normal` with mean 0 and standard deviation 1, or `uniform` from 0 to 1. Each
    example has separate draws.
    """
    scale: Number = 1.0
    """A factor for the random numbers."""
    value: Number | None = None
    """One number for all entries."""
    input: str | None = None
    """An input of the model, whose value is prepared from a row of `predict --data`."""
    shape: Annotated[
        tuple[int, ...] | None,
        PlainValidator(_shape, json_schema_input_type=int | tuple[int, ...] | None),
    ] = None
    """The shape without the batch axis; by default that of the tensor of the model that gets it."""
    dtype: Literal["float32", "int32"] = "float32"
    """The dtype of the tensor."""

    @model_validator(mode="after")
    def _one_kind(self) -> Initial:
        kinds = ("random", "value", "input")
        given = [name for name in kinds if getattr(self, name) is not None]
        if len(given) != 1:
            refuse(
                "the initial value requires exactly one of `random`, `value` and `input`",
                "MS208",
                *given[1:2],
                help="write e.g. `{random: normal, shape: [28, 28, 1]}`",
            )
        if self.random is not None and self.dtype != "float32":
            refuse("random numbers are float32", "MS208", "dtype", help="remove `dtype`")
        if self.random is None and "scale" in self.model_fields_set:
            refuse("`scale` requires `random`", "MS208", "scale", help="remove `scale`")
        if self.input is not None and (self.shape is not None or "dtype" in self.model_fields_set):
            refuse(
                "an `input` sets the shape and the dtype",
                "MS208",
                "shape" if self.shape is not None else "dtype",
                help="remove it",
            )
        return self


class Steps(Section):
    """The keys of `generate` that are plain settings."""

    title: ClassVar[str] = "generate"

    steps: Annotated[int, Field(ge=1, le=_MOST_STEPS)] = 1
    """How many times the model is called."""


@dataclass(frozen=True)
class State:
    """A tensor that is kept from step to step."""

    name: str
    span: Span
    node: Node
    initial: Initial


@dataclass(frozen=True)
class NamedFormula:
    """A formula under a name: a value, an input, an update or a result."""

    name: str
    span: Span
    node: Node
    formula: Formula


@dataclass(frozen=True)
class Generation:
    """The `generate` section as written."""

    span: Span
    states: MappingType[str, State]
    steps: int
    values: MappingType[str, NamedFormula] = field(default_factory=dict)
    """In their order: each may use those before it."""
    inputs: MappingType[str, NamedFormula] = field(default_factory=dict)
    """By tensor of the model: what replaces it."""
    updates: MappingType[str, NamedFormula] = field(default_factory=dict)
    results: MappingType[str, NamedFormula] = field(default_factory=dict)

    @property
    def formulas(self) -> Iterator[NamedFormula]:
        """Every formula, in the order in which they are computed."""
        for group in (self.values, self.inputs, self.updates, self.results):
            yield from group.values()

    @property
    def tensor_names(self) -> frozenset[str]:
        """The layers and inputs of the model that the section names."""
        own = {*self.states, *self.values, *PLACE_NAMES}
        read = {name for one in self.formulas for name in one.formula.arguments} - own
        return frozenset(name.partition(".")[0] for name in (*read, *self.inputs))


def read_generate(entry: Entry | None, context: Context, report: Collector) -> Generation | None:
    """The section; None where it is missing or has errors, which are reported."""
    if entry is None or plain(entry.value) is None:
        return None
    node = entry.value
    if not isinstance(node, Mapping):
        report.error(
            "MS204",
            f"`generate` must be a mapping, found {describe(plain(node))}",
            node.span,
            help="write e.g. `generate: {initial: {x: {random: normal}}, inputs: {noise: x},"
            " result: made}`",
        )
        return None
    mine = Collector()
    node = known_keys(node, KEYS, "generate", mine)
    for key in ("initial", "inputs"):
        if key not in node.entries:
            mine.error("MS203", f"`generate` requires `{key}`", entry.key_span)
    steps = _steps(node, entry.key_span, context, mine)
    found = Generation(
        entry.key_span,
        _states(node.entries.get("initial"), context, mine),
        steps,
        _formulas(node, "values", mine),
        _formulas(node, "inputs", mine),
        _formulas(node, "update", mine),
        _results(node, mine),
    )
    report.extend(mine.diagnostics)
    return None if mine.has_errors else found


def _steps(node: Mapping, span: Span, context: Context, report: Collector) -> int:
    entries = {key: one for key, one in node.entries.items() if key in Steps.model_fields}
    made = read_section(Steps, Mapping(entries, node.span), span, context, report)
    return made.steps if made is not None else 1


def _states(entry: Entry | None, context: Context, report: Collector) -> dict[str, State]:
    found: dict[str, State] = {}
    for name, one in _named(entry, "initial", report):
        made = read_section(Initial, one.value, one.key_span, context, report)
        if made is not None:
            found[name] = State(name, one.key_span, one.value, made)
    return found


def _named(entry: Entry | None, key: str, report: Collector) -> Iterator[tuple[str, Entry]]:
    """The entries of a mapping by name."""
    if entry is None or plain(entry.value) is None:
        return
    if not isinstance(entry.value, Mapping):
        report.error(
            "MS204",
            f"`{key}` must be a mapping of names, found {describe(plain(entry.value))}",
            entry.value.span,
        )
        return
    yield from entry.value.entries.items()


def _formulas(node: Mapping, key: str, report: Collector) -> dict[str, NamedFormula]:
    found: dict[str, NamedFormula] = {}
    for name, entry in _named(node.entries.get(key), key, report):
        formula = _formula(entry.value, report)
        if formula is not None:
            found[name] = NamedFormula(name, entry.key_span, entry.value, formula)
    return found


def _results(node: Mapping, report: Collector) -> dict[str, NamedFormula]:
    """What is written for each example: one formula, formulas by name, by default every state."""
    entry = node.entries.get(RESULT)
    if entry is None or plain(entry.value) is None:
        initial = node.entries.get("initial")
        states = initial.value.entries if initial and isinstance(initial.value, Mapping) else {}
        texts = {
            name: Entry(one.key_span, Scalar(name, one.key_span)) for name, one in states.items()
        }
        made = Mapping({RESULT: Entry(node.span, Mapping(texts, node.span))}, node.span)
        return _formulas(made, RESULT, report)
    if isinstance(entry.value, Mapping):
        return _formulas(node, RESULT, report)
    formula = _formula(entry.value, report)
    if formula is None:
        return {}
    name = formula.text if formula.text.isidentifier() else RESULT
    return {name: NamedFormula(name, entry.key_span, entry.value, formula)}


def _formula(node: Node, report: Collector) -> Formula | None:
    """The formula of a value; None, with a report, if it is invalid. A number is a formula too."""
    value = plain(node)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    try:
        return read_formula(repr(value) if is_number else value, _GRAMMAR)
    except Unfit as unfit:
        message = f"expected {unfit.expected}, found {describe(value)}"
        report.error("MS204", message, node.span, help=unfit.help)
    except Fault as fault:
        report.add(located(fault, node, node.span))
    return None
