"""Initial weights from a `.safetensors` file that do not fit the model, by the file's header."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from modelspec.core.diagnostics import Span, did_you_mean, listed, nearest
from modelspec.core.shapes import Shape, erase
from modelspec.core.source.safetensors_header import Shapes

from ..infer.weight_names import NamedWeight
from ..spec.initial_weights import covers, matches
from .case import Case
from .starting_weights import Starting, shapes_in, starting

_SHOWN = 5


def check(case: Case) -> None:
    """Compare the shapes of tensors with those of the weights that they are loaded into."""
    found = starting(case)
    shapes = shapes_in(case, found.settings.path) if found is not None else None
    if found is None or shapes is None or found.settings.skip_mismatch:
        return
    if found.settings.names:
        _named(case, found, shapes)
    else:
        _by_path(case, found, shapes)


def _named(case: Case, found: Starting, shapes: Shapes) -> None:
    known = {name: one for one in found.weights for name in one.names}
    for name, tensor in found.settings.names.items():
        span = found.span_of(case, "names", name)
        if tensor not in shapes:
            near = nearest(tensor, shapes)
            help = did_you_mean(near, _tensors(shapes))
            message = f"`{found.settings.path}` has no tensor `{tensor}`"
            case.report.error("MS544", message, span, suggestion=near, help=help)
        elif name in known and not _fits(known[name].weight.shape, shapes[tensor]):
            case.report.error(
                "MS544",
                f"the tensor `{tensor}` of `{found.settings.path}` has the shape"
                f" {_plain(shapes[tensor])}, and the weight `{name}` has"
                f" {_plain(known[name].weight.shape)}",
                span,
                help="use sizes in the model that fit the file",
            )


def _by_path(case: Case, found: Starting, shapes: Shapes) -> None:
    """Whole layers by the names of their weights, each fault at the pattern that selects it."""
    settings = found.settings
    layers = {
        path: list(weights) for path, weights in groupby(found.weights, lambda one: one.layer)
    }
    wanted = {path: weights for path, weights in layers.items() if _is_wanted(path, found)}
    absent = [path for path, weights in wanted.items() if not _is_in(weights, path, shapes)]
    if wanted and len(absent) == len(wanted):
        first = found.weights[0].names[0]
        case.report.error(
            "MS544",
            f"`{settings.path}` has none of the weights of {listed(absent[:_SHOWN])}",
            _place(case, found, absent[0]),
            help=f"{_tensors(shapes)}; `names: {{{first}: NAME}}` sets the tensor of a weight",
        )
        return
    for path, weights in wanted.items():
        if path in absent:
            if not settings.by_name:
                case.report.error(
                    "MS544",
                    f"`{settings.path}` does not contain `{path}`",
                    _place(case, found, path),
                    help=f"`skip: [{path.partition('/')[0]}]` skips it",
                )
            continue
        for name, there, here in _wrong(weights, shapes):
            case.report.error(
                "MS544",
                f"`{name}` has the shape {_plain(there)} in `{settings.path}`, and {_plain(here)}"
                " in the model",
                _place(case, found, path),
                help=f"`skip: [{path.partition('/')[0]}]` skips this layer",
            )


def _is_wanted(path: str, found: Starting) -> bool:
    only = found.settings.only
    return (not only or covers(only, path)) and not covers(found.settings.skip, path)


def _is_in(weights: list[NamedWeight], path: str, shapes: Shapes) -> bool:
    """Whether the file may contain a layer: it has a tensor below one of its names."""
    names = {path, *(one.names[-1].partition("/")[0] for one in weights if len(one.names) > 1)}
    return any(tensor.startswith(f"{name}/") for tensor in shapes for name in names)


def _wrong(weights: list[NamedWeight], shapes: Shapes) -> Iterator[tuple[str, Shape, Shape]]:
    for one in weights:
        name = next((name for name in one.names if name in shapes), None)
        if name is not None and not _fits(one.weight.shape, shapes[name]):
            yield name, shapes[name], one.weight.shape


def _place(case: Case, found: Starting, path: str) -> Span:
    """The pattern of `only` that selects a layer, or the file."""
    for index, pattern in enumerate(found.settings.only):
        names = path.split("/")
        if any(matches(pattern, "/".join(names[:count])) for count in range(1, len(names) + 1)):
            return found.span_of(case, "only", index)
    return found.span


def _fits(here: Shape, there: tuple[int, ...]) -> bool:
    sizes = erase(here)
    return len(sizes) == len(there) and all(
        size in (None, other) for size, other in zip(sizes, there, strict=True)
    )


def _plain(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))})"


def _tensors(shapes: Shapes) -> str:
    more = f" and {len(shapes) - _SHOWN:,} more" if len(shapes) > _SHOWN else ""
    return f"its tensors are {listed(list(shapes)[:_SHOWN])}{more}"
