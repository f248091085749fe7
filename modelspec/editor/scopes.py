"""The names that a place of a spec can use, from the tree as it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from modelspec.core.diagnostics import Span
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, find

Step: TypeAlias = "str | int"
Path: TypeAlias = "tuple[Step, ...]"

_NESTED: Final = ("do", "else", "branches", "layers")
"""The keys of an entry of `layers` that contain further entries of the same model."""
BY_OUTPUT: Final = ("loss", "metrics", "weighted_metrics", "loss_weights", "class_weight")
"""The keys of `training` whose value may be a mapping with a key for each output."""
BLOCK_INPUT: Final = "input"
"""The input of a block, or of a shared model, without `inputs`."""


class Named(NamedTuple):
    """A name, and where it is defined."""

    name: str
    span: Span
    """The characters of the name."""
    value: Node
    """What it is the name of: the value of a variable, the entry of a layer."""


def model_around(root: Node, path: Path) -> Path | None:
    """The path of the innermost model or block around a place: `("model", "shared", "encoder")`."""
    for size in range(len(path), 0, -1):
        node = find(root, path[:size])
        if isinstance(node, Mapping) and "layers" in node.entries and path[size - 1] != "layers":
            inside = size == len(path) or path[size] in ("layers", "outputs", "inputs", "shared")
            if inside and not _is_entry(path[:size]):
                return path[:size]
    return None


def _is_entry(path: Path) -> bool:
    """Whether the path ends at an item of a list: an entry with `layers`, or a wrapped model."""
    return isinstance(path[-1], int)


def tensors(model: Node | None) -> Iterator[Named]:
    """The inputs and the entries with names of a model or block, in their order."""
    if not isinstance(model, Mapping):
        return
    inputs = model.entries.get("inputs")
    if inputs is not None and isinstance(inputs.value, Mapping):
        for name, entry in _without_loop(inputs.value):
            yield Named(name, entry.key_span, entry.value)
    elif inputs is not None and isinstance(inputs.value, Sequence):
        for one in inputs.value.items:
            if isinstance(one, Scalar) and isinstance(one.value, str):
                yield Named(one.value, one.span, one)
    layers = model.entries.get("layers")
    if layers is not None:
        yield from _named_entries(layers.value)


def _without_loop(node: Mapping) -> Iterator[tuple[str, Entry]]:
    """The entries of a mapping that are not words of a loop, nor names that a loop makes."""
    is_loop = "for" in node.entries
    for name, entry in node.entries.items():
        if "$" not in name and not (is_loop and name in ("for", "do", "index")):
            yield name, entry


def _named_entries(node: Node) -> Iterator[Named]:
    if isinstance(node, Sequence):
        for one in node.items:
            yield from _named_entries(one)
    elif isinstance(node, Mapping):
        for key, entry in node.entries.items():
            if key in _NESTED:
                yield from _named_entries(entry.value)
            elif key == "name":
                yield from _name(entry.value, node)
            elif isinstance(entry.value, Mapping) and "name" in entry.value.entries:
                yield from _name(entry.value.entries["name"].value, node)


def _name(node: Node, entry: Node) -> Iterator[Named]:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        yield Named(node.value, node.span, entry)


def variables(root: Node, path: Path) -> dict[str, Named]:
    """The values that an expression at a place can use; the innermost of a name."""
    found = {one.name: one for one in _entries(root, ("vars",))}
    if len(path) > 1 and path[0] == "blocks":
        found |= {one.name: one for one in _entries(root, (*path[:2], "parameters"))}
    for size in range(len(path) + 1):
        found |= {one.name: one for one in _entries(root, (*path[:size], "for"))}
        index = find(root, (*path[:size], "index"))
        if isinstance(index, Scalar) and isinstance(index.value, str):
            found[index.value] = Named(index.value, index.span, index)
    return found


def blocks(root: Node) -> Iterator[Named]:
    """The blocks of the file."""
    yield from _entries(root, ("blocks",))


def shared(root: Node, path: Path) -> dict[str, Named]:
    """The shared layers and models that entries at a place can call; the innermost of a name."""
    found: dict[str, Named] = {}
    for size in range(len(path) + 1):
        found |= {one.name: one for one in _entries(root, (*path[:size], "shared"))}
    return found


def _entries(root: Node, path: Path) -> Iterator[Named]:
    node = find(root, path)
    if isinstance(node, Mapping):
        for name, entry in node.entries.items():
            yield Named(name, entry.key_span, entry.value)
