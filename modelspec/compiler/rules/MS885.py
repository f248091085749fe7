"""Columns of a source of a plugin whose declared type does not fit an input or a transform."""

from __future__ import annotations

from modelspec.catalog.sources.common.source import ColumnType
from modelspec.core.shapes import Shape, show

from ..spec.arrangement import match
from ..spec.data_section import DataSection, Feature
from .case import Case
from .data_chains import Key, features, is_text


def check(case: Case) -> None:
    """Check every input and target whose columns have a declared type."""
    source = case.data.sources.get("train") if case.data is not None else None
    if case.data is None or source is None or not source.known_types:
        return
    known = source.known_types
    for key, feature in features(case.data):
        types = [known[name] for name in feature.names if name in known]
        if len(types) < len(feature.names) or not types or feature.read is not None:
            continue
        if not _check_dtypes(case, case.data, key, feature, types) and key[0] == "inputs":
            _check_shape(case, case.data, key[1], feature, types)


def _check_dtypes(
    case: Case, data: DataSection, key: Key, feature: Feature, types: list[ColumnType]
) -> bool:
    """Report a column of strings where numbers are read; whether there is one."""
    if is_text(case.typed, key, feature) is not False:
        return False
    if feature.number_format is not None or feature.separator is not None:
        return False
    for name, one in zip(feature.names, types, strict=True):
        if one.dtype == "string":
            case.report.error(
                "MS885",
                f"`{name}` contains strings, but {_place(key)} takes numbers",
                data.spans.get((*key, name)) or data.spans.get(key),
                help="encode it, e.g. `transform: [StringLookup: {output_mode: one_hot}]`",
            )
            return True
    return False


def _check_shape(
    case: Case, data: DataSection, name: str, feature: Feature, types: list[ColumnType]
) -> None:
    """Report a shape that cannot be arranged as the input."""
    wanted = case.typed.inputs.get(name) if case.typed is not None else None
    shape = _row(feature, types)
    if wanted is None or shape is None or data.window is not None or feature.prepared:
        return
    if feature.pad is not None or match(tuple(shape), wanted.shape[1:]) is not None:
        return
    what = f"`{feature.column}` is" if feature.column is not None else "the columns are"
    case.report.error(
        "MS885",
        f"{what} read as {show((None, *shape))}, but input `{name}` takes {show(wanted.shape)}",
        data.spans.get(("inputs", name)),
        help=f"declare the input as `[{', '.join(map(str, shape))}]`, or change the columns",
    )


def _row(feature: Feature, types: list[ColumnType]) -> tuple[int, ...] | None:
    """The shape of an example of all columns together; None if a size is unknown."""
    shapes: set[Shape] = {one.shape for one in types}
    if len(shapes) > 1:
        return None
    shape = shapes.pop()
    sizes = tuple(size for size in shape if isinstance(size, int))
    if len(sizes) < len(shape):
        return None
    return sizes if feature.column is not None else (*sizes, len(types))


def _place(key: Key) -> str:
    return f"{'input' if key[0] == 'inputs' else 'target'} `{key[1]}`"
