"""The section of a report about the predictions of a run: one output after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .charts import grid, histogram, line_chart, scatter, xy_chart
from .confusion import embedded
from .findings import Classes, ClassRow, Example, Findings, Labels, Numbers, OutputFindings
from .formatting import brief
from .html_parts import Section, details, image, note, scrolled, share, table, text
from .report_style import HEAT

_MISSING = '<span class="quiet">missing</span>'
_TALL = 40
"""The total characters of all class names of a matrix beyond which they are rotated."""


def sections(findings: Findings) -> Iterator[Section]:
    """A section for each output with findings."""
    several = len(findings.outputs) > 1
    for at, one in enumerate(findings.outputs):
        of = f" of {one.name}" if several else ""
        parts = (_about(findings, one), embedded(findings, one), *_body(one))
        body = "\n".join((*parts, *_examples(findings, one)))
        yield Section(f"predictions-{at + 1}", f"Predictions{of}", body)


def _about(findings: Findings, one: OutputFindings) -> str:
    whole = findings.examples == findings.every
    every = f"All {findings.every:,}" if findings.every > 1 else "The only"
    count = every if whole else f"{findings.examples:,} of {findings.every:,}"
    examples = "example" if findings.every == 1 else "examples"
    drawn = f"{count} {examples} of the {findings.part} part."
    return note(drawn, "Each counts once, regardless of example weights." if _counts(one) else "")


def _counts(one: OutputFindings) -> bool:
    return bool(one.classes or one.labels or one.numbers)


def _body(one: OutputFindings) -> Iterator[str]:
    if one.classes is not None:
        yield from _classes(one.classes)
    if one.labels is not None:
        yield from _labels(one.labels)
    for numbers in one.numbers:
        yield from _numbers(numbers, several=len(one.numbers) > 1)


# Classes ------------------------------------------------------------------------------------------


def _classes(found: Classes) -> Iterator[str]:
    yield "<h3>Confusion matrix</h3>"
    pooled = (
        f"The {len(found.labels) - 1} classes with the most errors; the others are pooled."
        if found.pooled
        else ""
    )
    yield note(
        f"{found.accuracy:.1%} of {found.counted:,} {found.unit} are right.",
        "Rows are the true classes, columns the predicted ones; shading is the share of the row.",
        pooled,
    )
    yield matrix(found.labels, found.confusion)
    yield "<h3>Classes</h3>"
    yield _class_table(found.rows, found.every, found.unit)
    charts = [*_calibration(found), *_curves(found)]
    if charts:
        yield "<h3>Probabilities</h3>"
        yield grid(charts)
    if found.calibration is not None:
        yield details("Calibration as a table", _bins(found))


def _calibration(found: Classes) -> Iterator[str]:
    """The accuracy of decisions, by the probability from the model."""
    if found.calibration is None:
        return
    right = "share that is right"
    yield xy_chart(
        "Calibration",
        {right: [(mean, share_right) for mean, share_right, _ in found.calibration.bins]},
        x_title="probability of the chosen class",
        y_title=right,
        diagonal=True,
        dots=True,
        notes={right: f"(expected calibration error {found.calibration.error:.3f})"},
    )


def _curves(found: Classes) -> Iterator[str]:
    """The rates for each threshold on the probability of a class."""
    if not found.roc:
        return
    areas = {row.label: row for row in found.rows}
    yield xy_chart(
        "ROC curve" if len(found.roc) == 1 else "ROC curves, each class against the others",
        found.roc,
        x_title="false positive rate",
        y_title="true positive rate",
        diagonal=True,
        notes={name: _area(areas[name].area) for name in found.roc},
    )
    yield xy_chart(
        "Precision and recall",
        found.precision_recall,
        x_title="recall",
        y_title="precision",
        notes={
            name: _area(areas[name].average_precision, "average precision")
            for name in found.precision_recall
        },
    )


def _area(value: float | None, name: str = "area") -> str:
    return "" if value is None else f"({name} {value:.3f})"


def _bins(found: Classes) -> str:
    assert found.calibration is not None
    rows = [
        [share(mean), share(right), f"{count:,}"] for mean, right, count in found.calibration.bins
    ]
    return table(
        ["mean probability", "share that is right", found.unit], rows, label="Calibration", left=0
    )


def matrix(labels: Sequence[str], confusion: Sequence[Sequence[int]]) -> str:
    """A confusion matrix; shading is the share of the row."""
    tall = " tall" if sum(map(len, labels)) > _TALL else ""
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in labels)
    rows = []
    for at, (name, counts) in enumerate(zip(labels, confusion, strict=True)):
        total = sum(counts)
        cells = "".join(
            f"<td{_heat(count, total, right=at == other)}>{count:,}</td>"
            for other, count in enumerate(counts)
        )
        rows.append(f'<tr><th scope="row">{text(name)}</th>{cells}</tr>')
    inner = (
        f'<table class="matrix{tall}"><thead><tr><td class="quiet">true \\ predicted</td>{head}'
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )
    return scrolled(inner, label="Confusion matrix")


def _heat(count: int, total: int, *, right: bool) -> str:
    step = -(-count * HEAT // total) if count else 0
    return f' class="{"r" if right else "w"}{step}"' if step else ""


def _class_table(rows: Sequence[ClassRow], every: int, unit: str) -> str:
    header = ["class", unit, "precision", "recall", "F1"]
    columns = {
        "IoU": [row.iou for row in rows],
        "ROC area": [row.area for row in rows],
        "average precision": [row.average_precision for row in rows],
    }
    shown = {name: values for name, values in columns.items() if _any_known(values)}
    body = [
        [
            row.label,
            f"{row.support:,}",
            *(share(value) for value in (row.precision, row.recall, row.f1)),
            *(_three(values[at]) for values in shown.values()),
        ]
        for at, row in enumerate(rows)
    ]
    written = table([*header, *shown], body, label="Classes")
    left_out = every - len(rows)
    if left_out <= 0:
        return written
    return written + note(f"{left_out:,} more classes are left out: they do not occur in these"
    " examples or have a higher F1.")  # fmt: skip


def _any_known(values: Sequence[float | None]) -> bool:
    return any(value is not None for value in values)


def _three(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _labels(found: Labels) -> Iterator[str]:
    yield "<h3>Labels</h3>"
    yield note(f"Every label is right for {found.exact:.1%} of {found.counted:,} examples.")
    yield _class_table(found.rows, found.every, "examples")


# Numbers ------------------------------------------------------------------------------------------


def _numbers(found: Numbers, *, several: bool) -> Iterator[str]:
    yield f"<h3>{text(found.name)}</h3>" if several else "<h3>Errors</h3>"
    rows = [
        ("mean absolute error", found.mean_absolute_error),
        ("root mean squared error", found.root_mean_squared_error),
        ("mean of predicted less true", found.bias),
        ("R2", found.r2),
    ]
    yield table(
        ["", found.name], [[name, brief(value)] for name, value in rows if value is not None],
        label=f"Errors of {found.name}",
    )  # fmt: skip
    yield grid([*_errors(found)])
    if found.ranges:
        ranges = [
            [f"{one.low:.6g} to {one.high:.6g}", f"{one.count:,}", brief(one.error),
             brief(one.bias)]
            for one in found.ranges
        ]  # fmt: skip
        header = ["true value", "values", "mean absolute error", "predicted less true"]
        yield details("Error by true value as a table", table(header, ranges, label="Errors"))


def _errors(found: Numbers) -> Iterator[str]:
    """The charts of predicted and true numbers."""
    some = f", {len(found.points):,} drawn" if len(found.points) < found.counted else ""
    true = f"true {_short(found.name)}"
    yield scatter(
        f"Predicted against true{some}",
        found.points,
        x_title=true,
        y_title="predicted",
        diagonal=True,
    )
    yield histogram(
        "Residuals", found.edges, found.counts, x_title="predicted less true", y_title="values"
    )
    if found.ranges:
        edges = [found.ranges[0].low, *(one.high for one in found.ranges)]
        errors = [one.error for one in found.ranges]
        yield histogram(
            "Error by true value", edges, errors, x_title=true, y_title="mean absolute error"
        )
    if found.by_position:
        curves = {"mean absolute error": found.by_position}
        yield line_chart("Error by position", curves, x_title="position in the output")


def _short(name: str) -> str:
    return name if len(name) <= 24 else name[:21] + "..."


# Examples -----------------------------------------------------------------------------------------


def _examples(findings: Findings, one: OutputFindings) -> Iterator[str]:
    if one.worst:
        yield "<h3>The worst predictions</h3>"
        yield _listed(findings, one.worst)
    if one.drawn:
        yield details("Others, drawn at random", _listed(findings, one.drawn))


def _listed(findings: Findings, examples: Sequence[Example]) -> str:
    inner = "\n".join(_example(findings, one) for one in examples)
    return f'<ul class="examples">{inner}</ul>'


def _example(findings: Findings, one: Example) -> str:
    shots = "".join(
        f"<figure>{image(content, f'{name} of {one.id}')}<figcaption>{text(name)}</figcaption>"
        "</figure>"
        for name, content in one.images
    )
    parts = [f'<div class="shots">{shots}</div>' if shots else ""]
    if one.true or one.predicted:
        parts.append(f"<p>true <b>{text(one.true)}</b>, predicted <b>{text(one.predicted)}</b></p>")
    parts.append(f'<p class="quiet">{text(_place(findings, one))}</p>')
    cells = "".join(
        f"<dt>{text(name)}</dt><dd>{text(value) or _MISSING}</dd>" for name, value in one.cells
    )
    parts.append(f"<dl>{cells}</dl>" if cells else "")
    return f"<li>{''.join(parts)}</li>"


def _place(findings: Findings, one: Example) -> str:
    where = f"{findings.id_name} {one.id}" if one.id else ""
    return "; ".join(filter(None, (one.error, where)))
