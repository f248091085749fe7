"""`training.objective`: named terms that are added to the loss, each a formula over tensors of the
model and over targets.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from typing import Any, Final

from modelspec.catalog.formula.formula_setting import formula_of, gives_truth, read_formula
from modelspec.catalog.formula.grammar import TERMS, Grammar
from modelspec.catalog.formula.scalars import evaluate
from modelspec.catalog.formula.tree import Formula
from modelspec.core.diagnostics import Collector, Fault, Span, listed, nearest
from modelspec.core.records import dataclass
from modelspec.core.sections import begun, known_keys, located
from modelspec.core.settings import Unfit, describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain, walk
from modelspec.core.source.offsets import place

from .entries import Reference

KEYS: Final = ("formula", "from", "weight")
TARGET: Final = "target"
"""The first part of a reference to a target: `target.label`."""
PLACE_NAMES: Final = ("epoch", "step")
"""The names in the formula of a weight: both count from 0 over the whole run."""
_WEIGHTS: Final = Grammar("minimum(1, epoch / 10)", False)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY: Final = ("objective",)
_NAMED_TARGET: Final = re.compile(rf"\b{TARGET}\.([A-Za-z_][A-Za-z0-9_]*)")
PARTS: Final = ("val_", "test_", "train_")
"""Prefixes of logged names for the parts of the data."""


@dataclass(frozen=True)
class Term:
    """One term of an objective."""

    name: str
    """The name under which it is logged."""
    span: Span
    node: Node
    formula: Formula
    references: MappingType[str, Reference]
    """By name in the formula: the tensor or target as written."""
    weight: float | Formula = 1.0
    """A number, or a formula over `epoch` and `step`."""

    @property
    def targets(self) -> dict[str, str]:
        """By name in the formula: the target that it reads."""
        found = {name: target_in(one.text) for name, one in self.references.items()}
        return {name: target for name, target in found.items() if target is not None}

    @property
    def counts(self) -> bool:
        """Whether its weight can be other than 0."""
        return self.weight != 0


def target_in(reference: str) -> str | None:
    """The target that a reference names; None for a tensor of the model."""
    first, dot, name = reference.partition(".")
    return name if dot and first == TARGET else None


def read_objective(node: Node | None, report: Collector) -> dict[str, Term]:
    """The terms by name, without those with errors, which are reported."""
    if node is None or plain(node) is None:
        return {}
    if not isinstance(node, Mapping):
        report.error(
            "MS204",
            f"`objective` must be a mapping of names to terms, found {describe(plain(node))}",
            node.span,
            help='write e.g. `objective: {kl: {formula: "mean(square(m))", from: {m: mean}}}`',
        )
        return {}
    found: dict[str, Term] = {}
    for name, entry in node.entries.items():
        if _is_log_name(name, entry.key_span, report):
            term = _term(name, entry.key_span, entry.value, report)
            found |= {name: term} if term is not None else {}
    return found


def named_tensors(node: Node | None) -> frozenset[str]:
    """The layers and inputs that the terms of all objectives in a section name."""
    return frozenset(
        reference.text.partition(".")[0]
        for one in _objectives(node)
        for term in read_objective(one, Collector()).values()
        for reference in term.references.values()
        if target_in(reference.text) is None
    )


def named_targets(node: Node | None) -> tuple[str, ...]:
    """The targets that the terms of all objectives in a section name, each once; also those of
    terms with errors.
    """
    found = (
        target
        for objective in _objectives(node)
        for one in walk(objective)
        if isinstance(one, Scalar) and isinstance(one.value, str)
        for target in _NAMED_TARGET.findall(one.value)
    )
    return tuple(dict.fromkeys(found))


def _objectives(node: Node | None) -> Iterator[Node]:
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _objectives(item)
    elif isinstance(node, Mapping):
        for key, entry in node.entries.items():
            # A misspelt or half-written one too, which is reported with its section.
            if nearest(key, _KEY) is not None or begun(key, entry.key_span, _KEY, ()):
                yield entry.value
            else:
                yield from _objectives(entry.value)


def is_identifier(name: str) -> bool:
    """Whether a name consists of letters, digits and `_`, and begins with a letter or `_`."""
    return _NAME.fullmatch(name) is not None


def _is_log_name(name: str, span: Span, report: Collector) -> bool:
    if is_identifier(name) and not name.startswith(PARTS):
        return True
    start = next((one for one in PARTS if name.startswith(one)), None)
    why = f": logged names that begin with `{start}` are those of a part of the data"
    report.error(
        "MS839",
        f"`{name[:40]}` is not a valid name of a term{why if start else ''}",
        span,
        help="use letters, digits and `_`, and begin with a letter",
    )
    return False


def _term(name: str, span: Span, node: Node, report: Collector) -> Term | None:
    body = node
    if not isinstance(node, Mapping):
        node = Mapping({"formula": Entry(node.span, node)}, node.span)
    node = known_keys(node, KEYS, f"objective.{name}", report)
    if "formula" not in node.entries:
        report.error(
            "MS203",
            f"the term `{name}` requires `formula`",
            span,
            help=f'write e.g. `{name}: {{formula: "mean(square(x), axis=-1)"}}`',
        )
        return None
    formula = _formula(node, report)
    weight = _weight(name, node, report)
    if formula is None or weight is None:
        return None
    references = _references(name, formula, node, report)
    return None if references is None else Term(name, span, body, formula, references, weight)


def _formula(node: Mapping, report: Collector) -> Formula | None:
    """The formula of a term; None, with a report, if it is invalid."""
    written = node.entries["formula"].value
    try:
        formula = read_formula(plain(written), TERMS)
        if not formula.names:
            raise Fault(
                "MS146",
                "the formula names no tensor and no target",
                part=formula.root.place,
                help="name at least one tensor of the model, or `target.NAME`",
            )
        return formula
    except Unfit as unfit:
        message = f"`formula` must be {unfit.expected}, found {describe(plain(written))}"
        report.error("MS204", message, written.span, help=unfit.help)
    except Fault as fault:
        report.add(located(fault, written, written.span))
    return None


# Weights -----------------------------------------------------------------------------------------


def _weight(name: str, node: Mapping, report: Collector) -> float | Formula | None:
    """The weight of a term; None, with a report, if it is invalid."""
    entry = node.entries.get("weight")
    if entry is None:
        return 1.0
    written = entry.value
    if isinstance(written, Mapping) and list(written.entries) == ["formula"]:
        written = written.entries["formula"].value
    value: Any = plain(written)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if isinstance(value, str):
        return _weight_formula(value, written, report)
    report.error(
        "MS204",
        f"`weight` of the term `{name}` must be a number, or a formula over `epoch` and `step`,"
        f" found {describe(value)}",
        written.span,
        help=f"write e.g. `{_WEIGHTS.example}`",
    )
    return None


def _weight_formula(value: str, written: Node, report: Collector) -> Formula | None:
    try:
        formula = formula_of(value, PLACE_NAMES, grammar=_WEIGHTS)
        if gives_truth(formula):
            raise Fault(
                "MS143",
                "the formula gives a boolean, but a weight must be a number",
                part=formula.root.place,
                help="write e.g. `1 if epoch > 5 else 0`",
            )
        evaluate(formula, dict.fromkeys(PLACE_NAMES, 0))  # where a run begins
        return formula
    except Fault as fault:
        report.add(located(fault, written, written.span))
        return None


# References --------------------------------------------------------------------------------------


def _references(
    name: str, formula: Formula, node: Mapping, report: Collector
) -> dict[str, Reference] | None:
    """By name in the formula: what it refers to, by `from`, or by that name itself."""
    written = node.entries["formula"].value
    direct = {one.name: Reference(one.name, _part(written, one.place)) for one in formula.names}
    entry = node.entries.get("from")
    if entry is None:
        return direct
    given = _given(name, formula, entry.value, report)
    return None if given is None else direct | given


def _part(written: Node, part: tuple[int, int]) -> Span:
    is_text = isinstance(written, Scalar) and isinstance(written.value, str)
    return place(written, *part) if is_text else written.span  # type: ignore[arg-type]  # a string


def _given(
    name: str, formula: Formula, node: Node, report: Collector
) -> dict[str, Reference] | None:
    """What `from` gives: a mapping by name, a list in the order of the formula, or one tensor."""
    names = [one for one in formula.arguments if target_in(one) is None]
    items: list[tuple[str, Node]]
    if isinstance(node, Mapping):
        items = [(key, entry.value) for key, entry in node.entries.items()]
        for key, entry in node.entries.items():
            if key not in formula.arguments:
                report.error(
                    "MS146",
                    f"the formula of the term `{name}` does not name `{key}`",
                    entry.key_span,
                    help=f"remove it, or use it in `{formula}`",
                )
                return None
    else:
        several = node.items if isinstance(node, Sequence) else (node,)
        if len(several) != len(names):
            report.error(
                "MS310",
                f"`from` has {len(several)} tensors, but the formula of the term `{name}` names"
                f" {len(names)}",
                node.span,
                help=f"write a mapping with {listed(names)}" if names else "remove `from`",
            )
            return None
        items = list(zip(names, several, strict=True))
    found: dict[str, Reference] = {}
    for key, item in items:
        text = plain(item)
        if not isinstance(text, str):
            report.error(
                "MS204",
                f"`from` of the term `{name}` must name a tensor, found {describe(text)}",
                item.span,
                help="write the name of an input, of a layer, or `target.NAME`",
            )
            return None
        found[key] = Reference(text, item.span)
    return found
