"""What a picture of a model shows: boxes for its calls, frames for its blocks and sub-models,
arrows for its tensors.

Nothing here knows sizes in pixels. A frame deeper than is asked for is folded: it becomes one box.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.graph.graph import Ref
from modelspec.compiler.infer import TypedCall, TypedGraph
from modelspec.core.diagnostics.derived import Cause, causes_of, origin_of
from modelspec.core.shapes import Tensor, known, product, show_size, total

_MOST = 120
"""Boxes that a picture shows where nobody says how deep it should go."""


@dataclass(frozen=True)
class Box:
    """A call, an input, or a folded frame."""

    key: str
    title: str
    """The kind of layer."""
    subtitle: str
    """The name, and parameters."""
    family: str
    """By which it is coloured: the module of the layer's kind; `input`, `output`, `frame`."""
    frame: Frame
    parameters: int | None = 0
    """Of its own weights; None where a size is not known yet."""
    tip: str = ""
    """More than fits."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Boxes that belong together: a use of a block, a sub-model."""

    key: str
    title: str
    parent: Frame | None = None

    @property
    def way(self) -> tuple[Frame, ...]:
        """The frames around its boxes, outermost first, without the picture itself."""
        return () if self.parent is None else (*self.parent.way, self)


@dataclass(frozen=True)
class Arrow:
    """A tensor on its way from one box to another."""

    source: str
    target: str
    shape: str
    """As a spec writes it, without the batch axis."""
    argument: str = ""
    """Which of several arguments of the target it is, where their names say more than their
    order.
    """


@dataclass
class Diagram:
    """A picture before it is laid out. Boxes are in the order of the spec, which is a topological
    one.
    """

    name: str
    boxes: dict[str, Box] = field(default_factory=dict)
    arrows: list[Arrow] = field(default_factory=list)
    depth: int = 0
    """How deep it shows frames."""
    deepest: int = 0
    """How deep it could."""


def diagram(name: str, graph: TypedGraph, depth: int | None = None) -> Diagram:
    """The picture of a typed graph, frames open down to `depth`; by default as deep as about a
    hundred boxes show.
    """
    whole = _Builder(name).build(graph)
    if depth is None:
        depth = whole.deepest
        while depth and len(_folded(whole, depth).boxes) > _MOST:
            depth -= 1
    return _folded(whole, depth)


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
        """Shared names (behind the frame that they are in) whose weights are counted and whose
        inside is shown.
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
        """Adds the calls of a graph; where its outputs come from, by public name."""
        frames = self._block_frames(graph, frame)
        for layer in graph.layers:
            around = frames[layer.name]
            given = {
                argument: [
                    ends[ref.producer, ref.output]
                    for ref in ((refs,) if isinstance(refs, Ref) else refs)
                ]
                for argument, refs in (layer.call.inputs or {}).items()
            }
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
        again = layer.shared is not None and (prefix, layer.shared) in self._shown
        self._shown.add((prefix, layer.shared))
        count = 0 if again else known(total(product(weight.shape) for weight in layer.weights))
        told = "  shared" if again else f"  {counted(count)}" if count != 0 else ""
        callee = layer.call.callee
        family = (
            type(callee).__module__.rpartition(".")[2] if isinstance(callee, Layer) else "frame"
        )
        key = self._box(
            f"{prefix}{layer.name}",
            layer.kind,
            f"{layer.name}{told}",
            family,
            frame,
            count,
            _tip(layer),
        )
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
        """The layers of a sub-model in a frame of their own; tensors go straight to those that take
        them.
        """
        own = Frame(
            f"{prefix}{layer.name}/",
            f"{layer.name}: {layer.kind}" if layer.kind != layer.name else layer.name,
            frame,
        )
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
        """The frame of every call: that of the block use it was written by, if any."""
        ways = {layer.name: _block_way(layer) for layer in graph.layers}
        members: dict[object, list[str]] = {}
        for name, way in ways.items():
            for end in range(1, len(way) + 1):
                members.setdefault((frame.key, way[:end]), []).append(name)
        found: dict[str, Frame] = {}
        for name, way in ways.items():
            around = frame
            for end in range(1, len(way) + 1):
                key = (frame.key, way[:end])
                if key not in self._frames:
                    title = _title(way[end - 1][-1], members[key])
                    self._frames[key] = Frame(
                        f"{frame.key}{len(self._frames)}:{title}", title, around
                    )
                around = self._frames[key]
            found[name] = around
        return found


def _outputs(layer: TypedCall, ends: list[_End]) -> dict[str | None, _End]:
    """Every way to name an output of a call."""
    found: dict[str | None, _End] = {str(index): end for index, end in enumerate(ends)}
    found.update(zip(layer.output_names, ends, strict=False))
    if ends:
        found[None] = ends[0]
    return found


_Way = tuple[tuple[object, ...], ...]


def _block_way(layer: TypedCall) -> _Way:
    """The block uses that a call was written by, outermost first: each with all that tells it from
    other uses.
    """
    causes = causes_of(layer.call.use.kind_span)
    found: list[tuple[object, ...]] = []
    so_far: list[object] = []
    for cause in reversed(causes):
        so_far.append((cause.message, origin_of(cause.span).start, cause.span.file))
        if name := _block_name(cause):
            found.append((*so_far, name))
    return tuple(found)


def _block_name(cause: Cause) -> str | None:
    before, _, rest = cause.message.partition("in block `")
    return None if before or not rest else rest.partition("`")[0]


def _title(block: object, members: Iterable[str]) -> str:
    """`down: residual` for a block whose layers are called `down_conv`, `down_skip`."""
    names = list(members)
    first, last = min(names), max(names)
    same = next(
        (at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other),
        len(first),
    )
    prefix = first[:same].rpartition("_")[0]
    return str(block) if not prefix or prefix == block else f"{prefix}: {block}"


# Texts --------------------------------------------------------------------------------------------


def shape_text(tensor: Tensor) -> str:
    """`28 x 28 x 1` without the batch axis, and the dtype where it is none of the usual."""
    sizes = " \u00d7 ".join(show_size(size) for size in tensor.shape[1:]) or "scalar"
    return sizes if tensor.dtype.startswith(("float", "bfloat")) else f"{sizes} {tensor.dtype}"


def counted(count: int | None) -> str:
    if count is None:
        return "?"
    for least, unit, name in ((10**9, 10**9, " G"), (10**6, 10**6, " M"), (10**4, 10**3, " k")):
        if count >= least:
            return f"{count / unit:.3g}{name}"
    return f"{count:,}"


def _tip(layer: TypedCall) -> str:
    shapes = ", ".join(shape_text(tensor) for tensor in layer.outputs)
    count = known(total(product(weight.shape) for weight in layer.weights))
    return (
        f"{layer.name}: {layer.kind}\noutput {shapes}\nparameters"
        f" {'?' if count is None else f'{count:,}'}"
    )


# Folding ------------------------------------------------------------------------------------------


def _folded(whole: Diagram, depth: int) -> Diagram:
    """The diagram with every frame deeper than `depth` as one box."""
    found = Diagram(whole.name, depth=depth, deepest=whole.deepest)
    stands: dict[str, str] = {}
    inside: dict[str, list[Box]] = {}
    for key, box in whole.boxes.items():
        way = box.frame.way
        if len(way) <= depth:
            stands[key] = key
            found.boxes[key] = box
            continue
        frame = way[depth]
        inside.setdefault(frame.key, []).append(box)
        stands[key] = frame.key
        found.boxes[frame.key] = _as_box(frame, inside[frame.key])
    seen: set[tuple[str, str, str, str]] = set()
    for arrow in whole.arrows:
        source, target = stands[arrow.source], stands[arrow.target]
        folded = target in inside
        drawn = (source, target, arrow.shape, "" if folded else arrow.argument)
        # A layer may take one tensor twice (`Multiply: {from: [x, x]}`); into a folded frame one
        # arrow is enough.
        if source != target and not (folded and drawn in seen):
            seen.add(drawn)
            found.arrows.append(Arrow(*drawn))
    return found


def _as_box(frame: Frame, inside: list[Box]) -> Box:
    name, _, kind = frame.title.rpartition(": ")
    count = known(total(box.parameters for box in inside))
    told = "  ".join(
        part
        for part in (name, f"{len(inside)} layers", counted(count) if count != 0 else "")
        if part
    )
    return Box(frame.key, kind, told, "frame", frame.parent or frame, count)
