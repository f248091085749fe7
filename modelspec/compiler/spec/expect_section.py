"""The `expect` section as written: conditions on a model, and on a finished run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from modelspec.core.diagnostics import Collector, Fault, Span, listed
from modelspec.core.records import dataclass
from modelspec.core.sections import known_keys, located
from modelspec.core.settings import describe, is_int
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from .slice_names import MARK

if TYPE_CHECKING:
    from .comparison import Comparison

Over: TypeAlias = Literal["best", "last", "mean"]
OVERS: Final[tuple[Over, ...]] = get_args(Over)
STATIC: Final = ("parameters", "trainable_parameters", "multiply_adds", "memory")
"""Quantities that `check` knows."""
OF_RUN: Final = ("size", "seconds", "epochs")
"""Quantities of every run."""
COUNTS: Final = ("parameters", "trainable_parameters", "multiply_adds", "epochs")
BYTES: Final = ("memory", "size")
PREFIXES: Final = {"train_": "train", "val_": "validation", "test_": "test"}
"""The prefix of a metric, and the part of the data that it is measured on."""
_MOST: Final = 16
"""The most comparisons of one quantity."""
_EXAMPLE: Final = 'write e.g. `expect: {test_accuracy: ">= 0.95"}`'


@dataclass(frozen=True)
class Expectation:
    """The condition on one quantity; all of its comparisons must hold."""

    key: str
    """As written: `test_accuracy`, `parameters`, `test_loss@island=Dream`."""
    comparisons: tuple[Comparison, ...]
    over: Over | None
    """Which value over the epochs is compared; None: that of the saved model (`train_`: of the last
    epoch).
    """
    key_span: Span
    over_span: Span | None = None
    """Where `best`, `last` or `mean` is written."""

    @property
    def name(self) -> str:
        """The key with the choice of epoch: `val_loss.best`."""
        return f"{self.key}.{self.over}" if self.over else self.key

    @property
    def quantity(self) -> str:
        """The key without its slice."""
        return self.key.partition(MARK)[0]

    @property
    def slice(self) -> str | None:
        """The slice, `island=Dream`; None: all examples."""
        return self.key.partition(MARK)[2] if MARK in self.key else None

    @property
    def part(self) -> str | None:
        """The part of the data that it is measured on; None if it is not a metric."""
        return next((part for front, part in PREFIXES.items() if self.key.startswith(front)), None)

    @property
    def metric(self) -> str:
        """The name under which training logs the quantity, without `val_`."""
        front = next((one for one in PREFIXES if self.key.startswith(one)), "")
        return self.quantity.removeprefix(front)

    @property
    def text(self) -> str:
        """All comparisons, as written."""
        return ", ".join(one.text for one in self.comparisons)


Expectations: TypeAlias = tuple[Expectation, ...]


def read_expect(entry: Entry | None, report: Collector) -> Expectations:
    """The expectations of a spec. Invalid ones are reported and skipped; `null` disables those of
    an extended file.
    """
    if entry is None or plain(entry.value) is None:
        return ()
    if not isinstance(entry.value, Mapping):
        found = describe(plain(entry.value))
        message = f"`expect` must be a mapping of quantities to comparisons, found {found}"
        report.error("MS204", message, entry.value.span, help=_EXAMPLE)
        return ()
    read: list[Expectation] = []
    for key, one in entry.value.entries.items():
        read += _of_key(key, one, report)
    return tuple(read)


def _of_key(key: str, entry: Entry, report: Collector) -> list[Expectation]:
    node = entry.value
    if plain(node) is None:
        return []
    if not isinstance(node, Mapping):
        comparisons = _comparisons(key, node, report)
        return [Expectation(key, comparisons, None, entry.key_span)] if comparisons else []
    read = []
    if not node.entries:
        message = f"the mapping has no comparison; the allowed keys are {listed(OVERS)}"
        report.error("MS800", message, node.span, help=_EXAMPLE)
    node = known_keys(node, OVERS, f"expect.{key}", report)
    for over in OVERS:
        if (one := node.entries.get(over)) and plain(one.value) is not None:
            comparisons = _comparisons(key, one.value, report)
            if comparisons:
                read.append(Expectation(key, comparisons, over, entry.key_span, one.key_span))
    return read


def _comparisons(key: str, node: Node, report: Collector) -> tuple[Comparison, ...]:
    """One comparison or a list of them; empty if any is invalid."""
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        report.error("MS800", "the list is empty", node.span, help=_EXAMPLE)
    if len(items) > _MOST:
        message = f"{len(items):,} comparisons of one quantity, expected at most {_MOST}"
        report.error("MS800", message, node.span, help="remove those that follow from others")
        return ()
    read = [_comparison(key, item, report) for item in items]
    return tuple(one for one in read if one) if all(read) else ()


def _comparison(key: str, node: Node, report: Collector) -> Comparison | None:
    value = plain(node)
    if not isinstance(node, Scalar) or not isinstance(value, str):
        report.report(_not_a_text(key, value), node.span)
        return None
    from .comparison import parse_comparison  # most specs have no expectations

    try:
        return parse_comparison(value, node.span)
    except Fault as fault:
        report.add(located(fault, node, node.span))
        return None


def _not_a_text(key: str, value: object) -> Fault:
    """A bare number does not tell whether it is an upper or a lower bound."""
    message = f"a comparison must be a string, found {describe(value)}"
    if not is_int(value) and not isinstance(value, float):
        return Fault("MS800", message, help=_EXAMPLE)
    if key in (*STATIC, *OF_RUN):
        return Fault(
            "MS800",
            f"{message}, which could be an upper or a lower bound",
            help=f'write `"<= {value}"` for an upper bound, or `"== {value}"`',
            suggestion=f'"<= {value}"',
        )
    return Fault(
        "MS800",
        f"{message}, which could be an upper or a lower bound",
        help=f'write `">= {value}"` for a lower bound, or `"<= {value}"` for an upper bound',
    )
