"""An optimizer that divides 0 by 0 for table rows that a step does not look up."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.components.optimizer import Gradient
from modelspec.catalog.layers.layer import LOW_RANK
from modelspec.core.diagnostics import Note
from modelspec.core.dtypes import rounded
from modelspec.core.shapes import Tensor
from modelspec.core.source import locate

from ..infer import TypedCall
from ..infer.shared import nested
from ..infer.trained_weights import TrainedWeight
from .case import Case
from .graph_walk import layer_of


def check(case: Case) -> None:
    """Report each optimizer once, with the first table that it trains."""
    if case.fitting is None or not case.layers.stating("table"):
        return
    tables = dict(_tables(case))
    seen = set[int]()
    for one, optimizer in case.optimized if tables else ():
        call = tables.get(one.path)
        setting = _zero(one, optimizer) if call is not None else None
        if call is not None and setting is not None and id(optimizer) not in seen:
            seen.add(id(optimizer))
            _report(case, one, optimizer, setting, call)


def _tables(case: Case) -> Iterator[tuple[str, TypedCall]]:
    """By path: the weights that calls use only to look up rows."""
    for typed in case.graphs:
        whole = set[str]()
        found: dict[str, TypedCall] = {}
        for call in typed.alive:
            for path, looks_up in _rows(call):
                if looks_up:
                    found.setdefault(path, call)
                else:
                    whole.add(path)
        yield from ((path, call) for path, call in found.items() if path not in whole)


def _rows(call: TypedCall) -> Iterator[tuple[str, bool]]:
    """The tables of a call, and whether only looked-up rows have gradients: with a penalty all
    rows have.
    """
    layer = layer_of(call)
    for one in nested(layer) if layer is not None else ():
        if one.table is None or one.looks_up({}) == 1:
            continue
        rows = one.looks_up(call.call.use.options) is not None
        penalized = getattr(one, f"{one.table}_regularizer", None) is not None
        for weight in call.weights:
            name = weight.name.rpartition("/")[2]
            if name in (one.table, f"{LOW_RANK}{one.table}_a"):
                yield f"{call.shared or call.name}/{weight.name}", rows and not penalized


def _zero(one: TrainedWeight, optimizer: Gradient) -> str | None:
    """The setting that causes the division in the dtype of the weight. MS593 reports a setting that
    is rounded to 0 where this fails for every weight.
    """
    setting = optimizer.zero_by_zero(one.path, Tensor(one.weight.shape, one.weight.dtype))
    if setting is None:
        return None
    known = getattr(optimizer, setting) != 0 and setting in optimizer.rounded_to_zero
    return None if known else setting


def _report(
    case: Case, one: TrainedWeight, optimizer: Gradient, setting: str, call: TypedCall
) -> None:
    assert case.fitting is not None
    node, kind, dtype = case.fitting.node, optimizer.kind(), one.weight.dtype
    value: float = getattr(optimizer, setting)
    to = rounded(value, dtype)
    rounds = f" is {to:g} in {dtype}, and" if value and to in (0, 1) else ""
    other = "smaller" if to == 1 else "larger"
    number = 0.99 if to == 1 else 1e-4 if dtype == "float16" else 1e-7
    written = f"write a {other} `{setting}`, e.g. {number:g}"
    case.report.error(
        "MS586",
        f"`{setting}: {value:g}` of `{kind}`{rounds} makes it divide 0 by 0 for the rows of"
        f" `{one.path}` that a step does not look up",
        locate(node, ("optimizer", kind, setting))
        or locate(node, ("optimizer",))
        or case.fitting.span,
        notes=[Note(f"`{call.name}` looks rows up", call.call.use.kind_span)],
        help=written if not value else f"{written}, or keep the weights in float32",
    )
