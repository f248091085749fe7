"""A typed graph as elements of a picture. A frame below the requested depth is folded into one
box.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.graph.graph import Ref
from modelspec.compiler.infer import TypedCall, TypedGraph
from modelspec.core.diagnostics.derived import causes_of, origin_of
from modelspec.core.shapes import Tensor

from .captions import counted, parameters_of, shape_text, tip
from .elements import Arrow, Box, Diagram, Frame
from .folding import folded

__all__ = ["Diagram", "diagram"]

_MOST = 120
"""Maximum number of boxes that determines the default depth."""


def diagram(name: str, graph: TypedGraph, depth: int | None = None) -> Diagram:
    """The picture of a typed graph, with frames open down to `depth`; the default depth shows about
    a hundred boxes.
    """
    whole = _Builder(name).build(graph)
    if depth is None:
        depth = whole.deepest
        while depth and len(folded(whole, depth).boxes) > _MOST:
            depth -= 1
    return folded(whole, depth)


# Calls to boxes -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _End:
    """Where a tensor comes from."""

    key: str
    tensor: Tensor


_Ends = dict[tuple[str, str | None], _End]


class _Builder:
    def __init__(self, name: str) -> None:
        self.found = Diagram(name)
        self.root = Frame("", name)
        self._frames: dict[object, Frame] = {}
        self._shown: set[tuple[str, str | None]] = set()
        """Shared names (after their frame) whose weights are already counted and whose contents are
        already shown.
        """

    def build(self, graph: TypedGraph) -> Diagram:
        ends: _Ends = {}
        for name, tensor in graph.inputs.items():
            key = self._box(f"input:{name}", "input", name, "input", self.root)
            ends[name, None] = _End(key, tensor)
        outputs = self._calls(graph, ends, self.root, "")
        for name, end in outputs.items():
            if len(outputs) > 1 or end.key.startswith("input:"):
                key = self._box(f"output:{name}", "output", name, "output", self.root)
                self._arrow(end, key)
        self.found.deepest = max(
            (len(box.frame.way) for box in self.found.boxes.values()), default=0
        )
        return self.found

    def _calls(self, graph: TypedGraph, ends: _Ends, frame: Frame, prefix: str) -> dict[str, _End]:
        """Add the calls of a graph and return the sources of its outputs, by public name."""
        frames = self._block_frames(graph, frame)
        for layer in graph.layers:
            around, given = frames[layer.name], _given(layer, ends)
            if layer.inside is not None and (prefix, layer.shared) not in self._shown:
                self._shown.add((prefix, layer.shared))
                made = self._inside(layer, layer.inside, given, around, prefix)
            else:
                made = self._call(layer, given, around, prefix)
            ends.update({(layer.name, output): end for output, end in made.items()})
        return {name: ends[ref.producer, ref.output] for name, ref in graph.graph.outputs.items()}

    def _call(
        self, layer: TypedCall, given: Mapping[str, list[_End]], frame: Frame, prefix: str
    ) -> dict[str | None, _End]:
        is_again = layer.shared is not None and (prefix, layer.shared) in self._shown
        self._shown.add((prefix, layer.shared))
        count = 0 if is_again else parameters_of(layer)
        weights = "" if count == 0 else counted(count)
        subtitle = "  ".join(filter(None, (layer.name, "shared" if is_again else weights)))
        callee = layer.call.callee
        family = callee.family() if isinstance(callee, Layer) else "frame"
        key = f"{prefix}{layer.name}"
        self._box(key, layer.kind, subtitle, family, frame, count, tip(layer))
        for argument, sources in given.items():
            for source in sources:
                self._arrow(source, key, argument if len(given) > 1 else "")
        return _outputs(layer, [_End(key, tensor) for tensor in layer.outputs])

    def _inside(
        self,
        layer: TypedCall,
        inside: TypedGraph,
        given: Mapping[str, list[_End]],
        frame: Frame,
        prefix: str,
    ) -> dict[str | None, _End]:
        """The layers of a sub-model in a separate frame; tensors are connected directly to their
        consumers.
        """
        title = layer.name if layer.kind == layer.name else f"{layer.name}: {layer.kind}"
        around = [wrapper.kind() for wrapper in layer.call.use.around]
        title = f"{title} ({', '.join(around)})" if around else title
        own = Frame(f"{prefix}{layer.name}/", title, frame)
        ends: _Ends = {(argument, None): sources[0] for argument, sources in given.items()}
        made = self._calls(inside, ends, own, own.key)
        return _outputs(layer, list(made.values()))

    def _box(
        self,
        key: str,
        title: str,
        subtitle: str,
        family: str,
        frame: Frame,
        count: int | None = 0,
        tip: str = "",
    ) -> str:
        self.found.boxes[key] = Box(key, title, subtitle, family, frame, count, tip)
        return key

    def _arrow(self, end: _End, target: str, argument: str = "") -> None:
        self.found.arrows.append(Arrow(end.key, target, shape_text(end.tensor), argument))

    # Blocks ---------------------------------------------------------------------------------------

    def _block_frames(self, graph: TypedGraph, frame: Frame) -> dict[str, Frame]:
        """The frame of every call: the block use that contains it, if any."""
        ways = {layer.name: _block_way(layer) for layer in graph.layers}
        members: dict[_Way, list[str]] = {}
        for name, way in ways.items():
            for outer in _prefixes(way):
                members.setdefault(outer, []).append(name)
        found: dict[str, Frame] = {}
        for name, way in ways.items():
            around = frame
            for outer in _prefixes(way):
                around = self._block_frame(frame, outer, members[outer], around)
            found[name] = around
        return found

    def _block_frame(self, root: Frame, way: _Way, members: list[str], around: Frame) -> Frame:
        """The frame of one use of a block, inside its outer frame."""
        if (root.key, way) not in self._frames:
            title = _title(way[-1][-1], members)
            frame = Frame(f"{root.key}{len(self._frames)}:{title}", title, around)
            self._frames[root.key, way] = frame
        return self._frames[root.key, way]


def _given(layer: TypedCall, ends: _Ends) -> dict[str, list[_End]]:
    """The tensors of a call, by argument."""
    found: dict[str, list[_End]] = {}
    if not any(layer.call.refs()):
        return found
    for argument, taken in (layer.call.inputs or {}).items():
        refs = (taken,) if isinstance(taken, Ref) else taken
        found[argument] = [ends[ref.producer, ref.output] for ref in refs]
    return found


def _outputs(layer: TypedCall, ends: list[_End]) -> dict[str | None, _End]:
    """All possible names of an output of a call."""
    found: dict[str | None, _End] = {str(index): end for index, end in enumerate(ends)}
    found.update(zip(layer.output_names, ends, strict=False))
    if ends:
        found[None] = ends[0]
    return found


_Way = tuple[tuple[object, ...], ...]


def _prefixes(way: _Way) -> Iterator[_Way]:
    """The uses of blocks around a call, from the outermost inwards."""
    return (way[:end] for end in range(1, len(way) + 1))


def _block_way(layer: TypedCall) -> _Way:
    """The block uses around a call, outermost first: each with everything that distinguishes it
    from other uses.
    """
    causes = causes_of(layer.call.use.kind_span)
    found: list[tuple[object, ...]] = []
    so_far: list[object] = []
    for cause in reversed(causes):
        so_far.append((cause.message, origin_of(cause.span).start, cause.span.file))
        if cause.step == "block":
            found.append((*so_far, cause.name))
    return tuple(found)


def _title(block: object, members: Sequence[str]) -> str:
    """`down: residual` for a block with layers named `down_conv`, `down_skip`."""
    pairs = zip(min(members), max(members), strict=False)
    common = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    prefix = common.rpartition("_")[0]
    return str(block) if not prefix or prefix == block else f"{prefix}: {block}"
