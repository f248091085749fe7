"""`report.html`: the results of a run as a self-contained page: no script, no font, no other file.

All text from a spec, a manifest or the data is escaped, and the page forbids itself to load or run
anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

from modelspec.compiler.infer import TypedGraph
from modelspec.views.picture import picture
from modelspec.views.summary import table as summary

from . import slices as sliced
from .charts import STYLE as CHARTS
from .expectation_table import rows as expectation_rows
from .findings import Findings
from .formatting import duration, moment, number
from .html_findings import sections as of_findings
from .html_page import document
from .html_parts import Cell, Section, details, facts, image, note, scrolled, table, text
from .html_training import RATE, curves, training
from .listing import is_better_small
from .record import Record
from .tables import counted_rows, facts_of, metric_rows

_LARGE: Final = 400
"""The number of layers beyond which the picture is left out: it would be unreadable, and slow."""
_CARDS: Final = 6
"""Metrics at the top of the page."""
_RUN: Final = ".ms-run th,.ms-run td{padding:.15em .7em;text-align:right}"
_UNMET: Final = "not met"
_STATES: Final = ("completed", "failed", "killed", "interrupted", "running")
_TOLD: Final = ("versions", "resumed", "fault", "help")
"""Facts that are shown elsewhere."""


def page(
    record: Record,
    graph: TypedGraph | None,
    spec: str,
    findings: Findings | None = None,
    is_small: sliced.SmallerIsBetter = is_better_small,
) -> str:
    """The report of a run; `spec` is its text as written, and `findings` the known facts about its
    predictions. `is_small` returns whether a smaller value of a metric is better.
    """
    found = [one for one in _sections(record, graph, spec, findings, is_small) if one.body]
    return document(record.name, found, header=_header(record))


def run_html(
    title: str,
    history: Mapping[str, Sequence[float]],
    by_part: Mapping[str, Mapping[str, float]],
) -> str:
    """The HTML fragment of a run for a notebook, with separate styles."""
    parts = [f"<style>{CHARTS}{_RUN}</style><p><code>{escape(title)}</code></p>"]
    if by_part:
        parts.append(table(["", *by_part], metric_rows(by_part), label="Metrics"))
    parts.append(curves({name: values for name, values in history.items() if values}, ()))
    return f'<div class="ms-run">{"".join(parts)}</div>'


def _sections(
    record: Record,
    graph: TypedGraph | None,
    spec: str,
    findings: Findings | None,
    is_small: sliced.SmallerIsBetter,
) -> Iterator[Section]:
    yield Section("expectations", "Expectations", _expectations(record))
    yield Section("metrics", "Metrics", _metrics(record))
    yield Section("slices", "Slices", "\n".join(_slices(record, is_small)))
    yield Section("training", "Training", "\n".join(training(record)))
    if findings is not None:
        yield from of_findings(findings)
    if graph is not None:
        yield Section("model", "The model", "\n".join(_model(record.name, graph)))
    yield Section("run", "The run", _facts(record))
    spec_text = scrolled(f"<pre>{escape(spec)}</pre>", label="The spec") if spec else ""
    yield Section("spec", "The spec", spec_text)
    yield Section("versions", "Versions", _versions(record))


def _header(record: Record) -> Iterator[str]:
    state = record.state if record.state in _STATES else "unknown"
    yield f"<header><h1>{text(record.name)}</h1>"
    yield f'<p><span class="state {state}">{text(record.state)}</span> {text(_took(record))}</p>'
    for one in record.entries("faults"):
        help = f"<p>{text(one.get('help'))}</p>" if one.get("help") else ""
        said = text(f"{one.get('code')}: {one.get('message')}")
        yield f'<div class="fault"><p><b>{said}</b></p>{help}</div>'
    cards = "".join(
        f"<li><b>{number(value)}</b><span>{text(name)}</span></li>"
        for name, value in _headline(record)
    )
    yield f'<ul class="cards">{cards}</ul></header>' if cards else "</header>"


def _took(record: Record) -> str:
    parts = [
        moment(record.started) if record.started else "",
        f"{record.epochs:,} epoch{'' if record.epochs == 1 else 's'}" if record.epochs else "",
    ]
    trained = record.number("seconds")
    if trained is not None:
        parts.append(f"{duration(trained)} of training")
    return ", ".join(filter(None, parts))


def _headline(record: Record) -> list[tuple[str, float]]:
    """Metrics of the first measured part, with those other than losses first; for a run that did
    not finish, those of its last epoch.
    """
    if record.by_part:
        part, values = next(iter(record.by_part.items()))
        found = [(f"{part} {name}", value) for name, value in values.items()]
    else:
        names = [name for name in record.history if name != RATE]
        found = [(f"{name}, last epoch", record.history[name][-1]) for name in names]
    return sorted(found, key=lambda one: "loss" in one[0])[:_CARDS]


# Sections -----------------------------------------------------------------------------------------


def _metrics(record: Record) -> str:
    if not record.by_part:
        return ""
    counted = counted_rows(record.mapping("counted", part) for part in record.by_part)
    rows = [*metric_rows(record.by_part), *counted]
    return table(["", *record.by_part], rows, label="Metrics")


def _expectations(record: Record) -> str:
    """The expectations of the spec, the measured values, and whether they are met."""
    rows: list[list[str | Cell]] = []
    for key, expected, measured, margin, verdict in expectation_rows(record.expectations):
        is_unmet = verdict.partition(":")[0] == _UNMET  # and not only a warning
        kind = "met" if verdict == "met" else "unmet" if is_unmet else "unsure"
        rows.append([key, expected, Cell(verdict, kind), measured, margin])
    if not rows:
        return ""
    header = ["", "expected", "", "measured", "margin"]
    return table(header, rows, label="Expectations", left=3)


def _slices(record: Record, is_small: sliced.SmallerIsBetter) -> Iterator[str]:
    """A table for each part, with the slices that are furthest behind first."""
    found = sliced.by_part_of(record.slices, record.slice_examples, record.few_slices)
    few = any(one.few for each in found.values() for one in each)
    for at, (part, ones) in enumerate(found.items()):
        whole = record.by_part.get(part, {})
        metric = sliced.ranking_metric(whole, is_small)
        others = [name for name in whole if name != metric]
        header = ["slice", "examples", *([metric, "difference"] if metric else []), *others]
        rows = [
            _slice_row(one, whole, metric, others, is_small)
            for one in sliced.worst_first(ones, whole, is_small)
        ]
        if len(found) > 1:
            yield f"<h3>{text(part)}</h3>"
        if at == 0:
            by = f"Sorted by the gap in {metric} to the whole part."
            marked = "Slices marked * have too few examples to be judged."
            yield note(by if metric else "", marked if few else "")
        yield table(header, rows, label=f"Slices of {part}")


def _slice_row(
    one: sliced.SliceResult,
    whole: Mapping[str, float],
    metric: str | None,
    others: Sequence[str],
    is_small: sliced.SmallerIsBetter,
) -> list[str | Cell]:
    row: list[str | Cell] = [one.label, f"{one.examples:,}{' *' * one.few}"]
    if metric is not None:
        value = one.metrics.get(metric)
        worse = value is not None and sliced.behind(metric, whole[metric], value, is_small) > 0
        row.append("" if value is None else number(value))
        gap = sliced.difference(one, whole, metric)
        row.append(Cell(gap, "unmet" if worse and not one.few else ""))
    return row + [number(one.metrics[name]) if name in one.metrics else "" for name in others]


def _facts(record: Record) -> str:
    return facts((title, value) for title, value in facts_of(record) if title not in _TOLD)


def _versions(record: Record) -> str:
    versions = {**record.mapping("versions"), **record.mapping("dependencies")}
    if not versions:
        return ""
    return f"<p>{text(', '.join(f'{name} {version}' for name, version in versions.items()))}</p>"


def _model(name: str, graph: TypedGraph) -> Iterator[str]:
    yield scrolled(f"<pre>{escape(summary(name, graph, width=120))}</pre>", label="The layers")
    if graph.depth_first_calls <= _LARGE:
        drawn = image(picture(name, graph, "svg"), "the layers of the model", "svg+xml")
        yield details(
            "A picture of the layers",
            scrolled(f'<div class="picture">{drawn}</div>', label="A picture of the layers"),
        )
