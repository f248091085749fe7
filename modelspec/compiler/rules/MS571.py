"""Inputs and outputs whose first axis does not match the window, or whose rows have another
shape.
"""

from __future__ import annotations

from modelspec.core.diagnostics import Note, Span
from modelspec.core.shapes import Shape, Tensor, show

from ..spec.arrangement import match
from ..spec.data_section import DataSection, Feature
from ..spec.data_window import Window, input_row, target_row
from ..spec.known_columns import is_open
from ..spec.past_columns import with_past_columns
from .case import Case

_CLASSES = ("indices", "identities")
"""Encodings whose targets have no axis for the classes."""
_OF_CLASSES = (*_CLASSES, "one_hot")
_OTHER = ("sequences", "any")
"""Encodings that do not determine the shape of a target."""


def check(case: Case) -> None:
    """Check every input with columns, and every trained output with a target column."""
    data = case.data
    if data is None or data.window is None or case.typed is None:
        return
    for name, wanted in case.typed.inputs.items():
        feature = (data.inputs or {}).get(name)
        if data.inputs is not None and (feature is None or not feature.names):
            continue
        if data.window.input_row(wanted.shape[1:]) is None:
            _report_axis(case, data, name, wanted, feature)
        elif feature is not None:
            _check_row(case, data, name, wanted, feature)
    for name, feature in (data.targets or {}).items():
        output = case.typed.outputs.get(name)
        if output is not None and data.window.horizon:
            _check_target(case, data, name, output, feature)


def _report_axis(
    case: Case, data: DataSection, name: str, wanted: Tensor, feature: Feature | None
) -> None:
    window = data.window
    assert window is not None
    row = _row(feature, data) if feature is not None else None
    help = f"declare it as `{_listed(window.of_rows(row))}`" if row is not None else None
    case.report.error(
        "MS571",
        f"input `{name}` has the shape {_shown(wanted)}, but a window has {window.length} rows",
        _input_place(case, name),
        notes=[Note("the window", data.spans.get(("window", "length")))],
        help=help or f"start its shape with {window.length}, or change `length`",
    )


def _input_place(case: Case, name: str) -> Span | None:
    assert case.typed is not None
    given = (one for one in case.typed.graph.inputs or () if one.name == name)
    return next((one.span for one in given), None)


def _check_row(case: Case, data: DataSection, name: str, wanted: Tensor, feature: Feature) -> None:
    """Compare a row of an input with its columns, if there is no transform."""
    row = _row(feature, data)
    if row is None or match(_sizes(row), input_row(wanted, data.window).shape[1:]) is not None:
        return
    assert data.window is not None
    case.report.error(
        "MS571",
        f"the windows of input `{name}` have the shape {_listed(data.window.of_rows(row))}, but it"
        f" takes {_shown(wanted)}",
        data.spans.get(("inputs", name)) or _input_place(case, name),
        notes=[Note("the input", _input_place(case, name))],
        help=f"declare it as `{_listed(data.window.of_rows(row))}`",
    )


def _row(feature: Feature, data: DataSection) -> Shape | None:
    """The shape of a row of the columns; None if it depends on the data or on a transform."""
    source = data.sources.get("train")
    read = with_past_columns(feature)
    if read.prepared or source is None or not source.one_value_cells or is_open(feature):
        return None
    return () if read.column is not None else (len(read.names),)


def _sizes(row: Shape) -> tuple[int, ...]:
    return tuple(size for size in row if isinstance(size, int))


def _check_target(
    case: Case, data: DataSection, name: str, output: Tensor, feature: Feature
) -> None:
    """Compare a target of several rows with the output that it trains."""
    window = data.window
    assert window is not None
    encoding, axis = _loss(case, name, output)
    if window.target_row(output.shape[1:]) is None:
        _report_horizon(case, data, name, output, window)
        return
    if axis == 1 and encoding in _OF_CLASSES:
        _report_classes(case, data, name, output, window)
        return
    row = _row(feature, data)
    if row is None or encoding in _OTHER:
        return
    expected = target_row(output, window).shape[1:]
    if encoding in _CLASSES:
        expected = (*output.shape[2:axis], *output.shape[axis + 1 :])
    if match(_sizes(row), expected) is None:
        case.report.error(
            "MS571",
            f"the target of output `{name}` has the shape {_listed((window.horizon, *row))}, but it"
            f" is compared with {_listed((window.horizon, *expected))}",
            data.spans.get(("targets", name)),
            notes=[Note("the output", _output_place(case, name))],
            help=f"give the output the shape `{_listed((window.horizon, *row))}`, or change the"
            " columns",
        )


def _report_classes(
    case: Case, data: DataSection, name: str, output: Tensor, window: Window
) -> None:
    case.report.error(
        "MS571",
        f"output `{name}` has the shape {_shown(output)}, and its loss uses the axis of the"
        f" {window.horizon} rows of the target as classes",
        _output_place(case, name) or data.spans.get(("targets", name)),
        notes=[Note("the window", data.spans.get(("window", "horizon")))],
        help=f"add an axis for the classes, `[{window.horizon}, classes]`, or write `horizon: 0`",
    )


def _report_horizon(
    case: Case, data: DataSection, name: str, output: Tensor, window: Window
) -> None:
    horizon = window.horizon
    rows = f"{horizon} rows" if horizon > 1 else "1 row"
    help = f"make its first axis {horizon}, e.g. with `Dense: {horizon}`"
    if horizon == 1:
        help += ", or write `horizon: 0` for the target of the window's last row"
    case.report.error(
        "MS571",
        f"output `{name}` has the shape {_shown(output)}, but a target has {rows}",
        _output_place(case, name) or data.spans.get(("targets", name)),
        notes=[Note("the window", data.spans.get(("window", "horizon")))],
        help=help,
    )


def _output_place(case: Case, name: str) -> Span | None:
    head = case.heads.get(name)
    return head.call.call.use.kind_span if head is not None else None


def _loss(case: Case, name: str, output: Tensor) -> tuple[str, int]:
    """The targets that the loss of an output expects, and its class axis, counting the batch
    axis.
    """
    chosen = case.training.losses.get(name) if case.training is not None else None
    settings = chosen.settings if chosen is not None else None
    axis = getattr(settings, "axis", -1)
    rank = max(output.rank, 1)
    return getattr(settings, "targets", "any"), axis % rank if isinstance(axis, int) else rank - 1


def _shown(tensor: Tensor) -> str:
    return show(tensor.shape)


def _listed(shape: Shape) -> str:
    return f"[{', '.join(str(size) for size in shape)}]"
