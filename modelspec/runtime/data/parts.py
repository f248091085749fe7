"""The examples of each part: cut by the section's `split`, or given as sources of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_section import DataSection, Split
from modelspec.compiler.spec.model_inputs import InputSpec
from modelspec.core.diagnostics import Span

from .checks import check_count
from .errors import Findings, places
from .split import Positions, everything, split
from .table import Array, Table
from .times import Unordered, order_of

PURPOSE = {"train": "training", "validation": "validation", "test": "the test"}


class CountedSource(NamedTuple):
    """A source, and which of its examples are kept."""

    table: Table
    size: int
    """How many are kept."""
    rows: Array | None
    """Their places; None: all are kept."""


def cut(
    compiled: Compiled,
    data: DataSection,
    sources: Mapping[str, CountedSource],
    findings: Findings,
) -> dict[str, Positions]:
    """The positions of every part that has any, among the examples that are kept."""
    if data.split is None:
        return {part: everything(one.size) for part, one in sources.items()}
    source = sources["train"]
    by = _column(data, source, findings)
    findings.stop_if_wrong()
    key = data.split.by[0] if data.split.by else ""
    column = {key: by}
    found = split(
        compiled.file.seed,
        source.size,
        data.split.validation,
        data.split.test,
        column.get("stratify"),
        groups=column.get("group"),
        times=column.get("order"),
        kept=source.rows,
    )
    groups = _few_groups(by) if by is not None and key == "group" else ""
    _check_none_empty(found, data.split, source, groups, data.span, findings)
    return {part: found[part] for part in PURPOSE if len(found[part])}


def _check_none_empty(
    found: Mapping[str, Positions],
    split: Split,
    source: CountedSource,
    groups: str,
    span: Span,
    findings: Findings,
) -> None:
    """MS618: a part that is asked for and has no example."""
    asked = {"train": 1.0, "validation": split.validation, "test": split.test}
    for part, fraction in asked.items():
        if fraction and not len(found[part]):
            findings.error(
                "MS618",
                f"the split leaves nothing for {PURPOSE[part]}: {source.table.name} has "
                f"{source.size} examples{groups}",
                span,
                help="change the fractions, or add examples",
            )


def _few_groups(by: Array) -> str:
    return f" in {len(np.unique(by))} groups"


def _is_text(data: DataSection, column: str) -> bool:
    """Whether a feature says that a column is text, so that `007` and `7` are two classes or
    groups.
    """
    features = (*(data.inputs or {}).values(), *(data.targets or {}).values())
    return any(column in one.names and one.takes_text(None) for one in features)


def _column(data: DataSection, source: CountedSource, findings: Findings) -> Array | None:
    """The values of the column that says how to cut, one for each example that is kept."""
    assert data.split is not None
    if data.split.by is None:
        return None
    key, name = data.split.by
    span = data.spans.get(("split", key), data.span)
    text = key in ("stratify", "group") and _is_text(data, name)
    values = source.table.column(name, span, text=text)
    if not _has_one_value_each(values, source):
        findings.error(
            "MS618",
            f"`{name}` of {source.table.name} has the shape {values.shape}, but `{key}` takes "
            "one value for each example",
            span,
        )
        return None
    values = values if source.rows is None else values[source.rows]
    if key == "stratify":
        _report_single(values, name, span, findings)
    elif not _all_given(values, key, name, source, span, findings):
        return None
    elif key == "order" and values.dtype.kind in "OU":
        return _ordered(values, name, source, span, findings)
    return values.astype(str) if values.dtype.kind == "O" else values


def _has_one_value_each(values: Array, source: CountedSource) -> bool:
    """Whether a column has one value for each example of its source."""
    if values.ndim != 1 or not isinstance(values.flat[0], (str, np.generic)):
        return False
    return source.rows is not None or len(values) == source.size


def _report_single(values: Array, name: str, span: Span, findings: Findings) -> None:
    alone = int(np.count_nonzero(np.unique(values, return_counts=True)[1] == 1))
    if alone:
        findings.warning(
            "MS618",
            f"`stratify: {name}` cannot share out {alone} of its values, which "
            f"{'has' if alone == 1 else 'have'} one example each",
            span,
            help="those examples train; a column of classes is meant, not one of numbers",
        )


def _all_given(
    values: Array, key: str, name: str, source: CountedSource, span: Span, findings: Findings
) -> bool:
    """Whether every example has a group or a time; MS634 where one has none."""
    return not _report_rows(
        _lacking(values),
        lambda place: (
            f"`{name}` has no value at {place}, and `split.{key}` needs one for each example"
        ),
        name,
        source,
        span,
        findings,
        f"remove the row, or leave `{key}` out",
    )


def _lacking(values: Array) -> Array:
    """Which of the values are none."""
    if values.dtype.kind in "OU":
        return np.array([value == "" for value in values])
    if values.dtype.kind in "fmM":
        lacking: Array = values != values  # NaN and NaT are not equal to themselves
        return lacking
    return np.zeros(len(values), bool)


def _ordered(
    texts: Array, name: str, source: CountedSource, span: Span, findings: Findings
) -> Array | None:
    """The ranks of times, or of numbers, that are written as text; None, and MS634, where they
    cannot be compared.
    """
    found = order_of(texts)
    if not isinstance(found, Unordered):
        return found
    bad = int(np.argmax(found.bad))

    def message(place: str) -> str:
        said = f'"{texts[bad]}" of `{name}` at {place} {found.said}'
        if found.other is None:
            return said
        other = _place(name, found.other, source)
        return f'{said}, but "{texts[found.other]}" at {other} {found.of_other}'

    _report_rows(found.bad, message, name, source, span, findings, found.help)
    return None


def _report_rows(
    bad: Array,
    message: Callable[[str], str],
    name: str,
    source: CountedSource,
    span: Span,
    findings: Findings,
    help: str,
) -> bool:
    """MS634 at the rows that are `bad`, where there are any. `message` takes the place of the
    first.
    """
    if not bad.any():
        return False
    found = np.flatnonzero(bad)
    shown = [_place(name, int(row), source) for row in found[:10]]
    findings.error("MS634", message(shown[0]), span, notes=places(shown, len(found)), help=help)
    return True


def _place(name: str, example: int, source: CountedSource) -> str:
    """The place of the value of an example that is kept."""
    row = example if source.rows is None else int(source.rows[example])
    return source.table.place(name, (row,))


def check_batches(
    compiled: Compiled, data: DataSection, parts: Mapping[str, int], findings: Findings
) -> None:
    """The number of examples of each part against the batch size."""
    if (
        compiled.training is None or "train" not in parts
    ):  # a split that leaves nothing was reported already
        return
    assert compiled.graph is not None
    batch_size = compiled.training.batch_size
    check_count(parts["train"], batch_size, data.source_spans.get("train"), findings)
    for one in compiled.graph.graph.inputs or ():
        for part, count in parts.items():
            check_last_batch(one, PURPOSE[part], count, findings)


def check_last_batch(given: InputSpec, name: str, count: int, findings: Findings) -> None:
    """So many examples of what is called `name` against an input whose batches have one size."""
    fixed = given.batch_size
    if fixed is not None and (rest := count % fixed):
        findings.error(
            "MS624",
            f"input `{given.name}` takes batches of {fixed}, but the last one of {name} would have"
            f" {rest} ({count} examples)",
            given.span,
            help="leave `batch_size` out of the input, or change the number of examples",
        )
