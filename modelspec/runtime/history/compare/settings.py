"""The settings of runs side by side: the paths at which their resolved specs differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.pipeline import Compiled
from modelspec.core.automatic_names import AutomaticNames, unnumbered
from modelspec.core.diagnostics import Checked, Diagnostic
from modelspec.core.registry import snake_case
from modelspec.core.source import plain, read
from modelspec.views.diff.match import match
from modelspec.views.diff.rows import rows
from modelspec.views.diff.sides import compile_resolved
from modelspec.views.diff.values import ABSENT, Differing, Values, differing
from modelspec.views.resolve import resolved_node

from ..record import Record
from ..run_files import RESOLVED

_NO_SETTINGS: Final = ("modelspec", "name", "description", "expect")
"""Keys of a spec that do not affect training."""
_RESERVED: Final = ("name",)


@dataclass(frozen=True)
class Tree:
    """The resolved spec of a run as plain values."""

    filled: Mapping[str, Any]
    """With every default, so that writing a default makes no difference."""
    written: Mapping[str, Any]
    """As in the file: the shown form of a value with parts."""
    graph: TypedGraph | None = None


@dataclass(frozen=True)
class Layer:
    """An entry of `layers`: its kind, its settings, and the entry as it is written."""

    kind: str
    settings: Any
    written: Any


def written_tree(record: Record) -> Checked[Tree | None]:
    """The resolved spec of a run as in its file, in about a millisecond: without checks."""
    document = read(record.path / RESOLVED)
    root = plain(document.value.root) if document.value is not None else None
    if not document.ok or not isinstance(root, dict):
        return Checked(None, document.diagnostics)
    return Checked(Tree(root, root))


def compiled_spec(record: Record) -> Checked[Compiled | None]:
    """The resolved spec of a run, compiled; None if it has errors."""
    found = compile_resolved(record.path / RESOLVED)
    whole = found.ok and found.value is not None and found.value.graph is not None
    return Checked(found.value if whole else None, found.diagnostics)


def filled_tree(compiled: Compiled) -> Tree:
    """A resolved spec with every default."""
    filled, written = (
        plain(resolved_node(compiled, defaults=defaults)) for defaults in (True, False)
    )
    assert isinstance(filled, dict) and isinstance(written, dict)
    return Tree(filled, written, compiled.graph)


def unreadable(record: Record, found: Sequence[Diagnostic]) -> Diagnostic:
    """MS846: why the settings of a run cannot be fully compared."""
    first = next((one for one in found if one.severity == "error"), None)
    why = f": {first.code} at {first.span}: {first.message}" if first and first.span else ""
    why = why or (f": {first.message}" if first else "")
    return Diagnostic(
        "MS846",
        "warning",
        f"`{record.path / RESOLVED}` is not a valid spec{why}",
        None,
        help="settings are compared as in the files, without defaults; results are compared",
    )


# Where they differ --------------------------------------------------------------------------------


def differing_settings(trees: Sequence[Tree]) -> list[Differing]:
    """Every setting that differs between the trees, in the order of a resolved spec."""
    keys = dict.fromkeys(key for tree in trees for key in tree.filled)
    found: list[Differing] = []
    for key in keys:
        values = tuple(tree.filled.get(key, ABSENT) for tree in trees)
        if key == "model" and all(isinstance(value, Mapping) for value in values):
            found += _of_models(trees, values)
        elif key not in _NO_SETTINGS:
            found += _shown(differing(str(key), values, whole_choices=True), trees, (str(key),))
    return found


def _of_models(trees: Sequence[Tree], models: Values) -> Iterator[Differing]:
    """Settings of the models. Layers are compared by name; unnamed layers get the name of the
    corresponding layer of the first model.
    """
    rest = tuple(
        {key: value for key, value in model.items() if key not in ("layers", "outputs")}
        for model in models
    )
    yield from _shown(differing("model", rest, whole_choices=True), trees, ("model",))
    renamed = [{}, *(_renaming(trees[0], tree) for tree in trees[1:])]
    layers = [_layers(tree, names) for tree, names in zip(trees, renamed, strict=True)]
    for name in dict.fromkeys(name for one in layers for name in one):
        yield from _of_layer(f"model.layers.{name}", [one.get(name) for one in layers])


def _of_layer(path: str, layers: Sequence[Layer | None]) -> Iterator[Differing]:
    """The differences between layers of one name: their settings if they are of the same kind."""
    if None in layers or len({one.kind for one in layers if one}) > 1:
        yield Differing(path, tuple(ABSENT if one is None else one.written for one in layers))
        return
    settings = tuple(one.settings for one in layers if one)
    yield from differing(path, settings, whole_choices=True)


def _shown(
    found: Sequence[Differing], trees: Sequence[Tree], keys: tuple[str, ...]
) -> Iterator[Differing]:
    """The paths with values of many parts as they are written, without their defaults."""
    for one in found:
        values = tuple(
            _at(tree.written, (*keys, *one.keys), value)
            if isinstance(value, (Mapping, list, tuple))
            else value
            for tree, value in zip(trees, one.values, strict=True)
        )
        yield one._replace(values=values)


def _at(tree: Any, keys: Sequence[str | int], otherwise: Any) -> Any:
    for key in keys:
        if not isinstance(tree, Mapping) or key not in tree:
            return otherwise
        tree = tree[key]
    return tree


# Layers -------------------------------------------------------------------------------------------


def _layers(tree: Tree, renamed: Mapping[str, str]) -> dict[str, Layer]:
    """The layers of a model by name."""
    filled, written = (_entries(one) for one in (tree.filled, tree.written))
    names, taken = AutomaticNames(), set[str]()
    found: dict[str, Layer] = {}
    for at, entry in enumerate(filled):
        kind, body = _entry(entry)
        own = body.get("name") if isinstance(body, Mapping) else None
        is_named = isinstance(own, str) and own not in taken
        name = str(own) if is_named else names.next(snake_case(kind), lambda new: new not in taken)
        taken.add(name)
        if isinstance(body, Mapping):
            body = {key: value for key, value in body.items() if key not in _RESERVED}
            if "from" in body:
                body["from"] = _sources(body["from"], renamed)
        shown = _unnamed(written[at] if at < len(written) else entry)
        found[renamed.get(name, name)] = Layer(kind, body, shown)
    return found


def _entries(tree: Mapping[str, Any]) -> Sequence[Any]:
    model = tree.get("model")
    layers = model.get("layers") if isinstance(model, Mapping) else None
    return layers if isinstance(layers, (list, tuple)) else ()


def _entry(entry: Any) -> tuple[str, Any]:
    """The kind of a layer, and its settings."""
    if isinstance(entry, Mapping) and len(entry) == 1:
        kind, body = next(iter(entry.items()))
        return str(kind), {} if body is None else body
    return str(entry), {}


def _unnamed(entry: Any) -> Any:
    """An entry without its name, which is already in the path."""
    kind, body = _entry(entry)
    if not isinstance(body, Mapping):
        return {kind: body}
    rest = {key: value for key, value in body.items() if key not in _RESERVED}
    return {kind: rest} if rest else kind


def _sources(value: Any, renamed: Mapping[str, str]) -> Any:
    """The inputs of a layer, by the names of the first model."""
    if isinstance(value, (list, tuple)):
        return tuple(_sources(one, renamed) for one in value)
    if isinstance(value, str):
        name, dot, output = value.partition(".")
        return renamed.get(name, name) + dot + output
    return value


def _renaming(first: Tree, other: Tree) -> dict[str, str]:
    """The layer names of the first model by the names of the corresponding layers of another."""
    if (
        first.graph is None
        or other.graph is None
        or _entries(first.filled) == _entries(other.filled)
    ):
        return {}
    before, after = (
        [row for row in rows(graph) if "/" not in row.name] for graph in (first.graph, other.graph)
    )
    pairs = match(before, after)
    found = {after[at].name: before[pairs[at]].name for at in pairs}
    added = [row.name for at, row in enumerate(after) if at not in pairs]
    taken = {row.name for row in before}
    names = AutomaticNames()
    for name in added:
        if name in taken:
            new = names.next(unnumbered(name), lambda new: new not in taken and new not in added)
            found[name] = new
    return found
