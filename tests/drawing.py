"""Whole specs, drawn: graphs of layers from the catalogue with branches, merges, shared layers and
nested sub-models.

Drawing asks the shape rules which tensor fits where, so that nearly every spec is right; what is
drawn is plain values, as a file would hold them. `specs()` is the strategy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

import modelspec as ms
from modelspec.compiler.pipeline import compile_spec
from modelspec.core.dtypes import is_float
from modelspec.core.settings import Context
from modelspec.core.shapes import Size, Tensor

from .drawing_parts import (
    Given,
    Typed,
    as_input,
    buildable,
    declared,
    examples,
    follows,
    is_small,
    taken_by,
    takes,
)
from .oracle import values
from .oracle.case import Case, layer_class
from .oracle.strategies import chances

MOST_WEIGHTS = 20_000
TRIES = 6
"""Layers tried on a tensor before one that takes any."""
PRECISIONS = ("float32", "float32", "float32", "mixed_float16", "mixed_bfloat16", "float64")
UNFIT = {"MS404", "MS412"}
"""What two layers that each fit may be refused for: dtypes and masks once the model runs."""
AXES = (2, 3, 3, 4, 4, 5)
SIZES = (1, 2, 3, 4, 5, 6, 8)


@dataclass
class Model:
    """A model as far as it is drawn."""

    draw: st.DrawFn
    context: Context
    depth: int = 0
    outer: dict[str, Any] = field(default_factory=dict)
    """What the models around it share, as written."""
    tensors: list[Typed] = field(default_factory=list)
    last: Tensor | None = None
    """What the next entry takes where it says nothing; None where it must say."""
    entries: list[Any] = field(default_factory=list)
    shared: dict[str, Any] = field(default_factory=dict)
    first: dict[str, list[Tensor]] = field(default_factory=dict)
    """What something shared was called with first, on which its weights depend."""
    names: int = 0
    given: int = 0
    """How many of the tensors are inputs: the first ones."""

    def name(self, prefix: str) -> str:
        """A name of its own, also among those of the models around it and in it."""
        self.names += 1
        return f"{prefix}_{'abcdef'[self.depth]}{self.names}"

    # Entries --------------------------------------------------------------------------------------

    def entry(self) -> None:
        """One more entry: a layer, a call of something shared, or of something that is shared from
        now on.
        """
        choice = self.draw(st.integers(0, 19))
        if (
            choice < 3
            and self.shared
            and self._call(self.draw(st.sampled_from(sorted(self.shared))))
        ):
            return
        if (
            choice == 3
            and self.outer
            and self._call(self.draw(st.sampled_from(sorted(self.outer))))
        ):
            return
        if choice == 4 and self.depth < 3 and self._call(self._sub_model()):
            return
        for _ in range(TRIES):
            if self._layer(share=choice == 5):
                return
        source = self._source()
        kind = "Activation" if is_float(source.type.dtype) else "Identity"
        self._add(
            kind, {"activation": "relu"} if kind == "Activation" else {}, {"inputs": source}, False
        )

    def _layer(self, share: bool) -> bool:
        """A layer near one of its examples whose rank is that of a tensor at hand."""
        source = self._source()
        case = self.draw(st.sampled_from(examples(source.type.rank, is_float(source.type.dtype))))
        given = self._given(case, source)
        settings = buildable(self.draw(values.changed(layer_class(case.kind), case.settings)))
        return given is not None and self._add(case.kind, settings, given, share, case.options)

    def _given(self, case: Case, source: Typed) -> Given | None:
        """Tensors for the arguments of the example, the source first; None where one is wanted and
        not at hand.
        """
        required = {
            argument.name for argument in layer_class(case.kind).arguments if argument.required
        }
        given: Given = {}
        for name, wanted in case.inputs.items():
            several = (wanted,) if isinstance(wanted, Tensor) else wanted
            found = [
                source if not given and not place else self._like(source, tensor)
                for place, tensor in enumerate(several)
            ]
            present = tuple(one for one in found if one is not None)
            if len(present) == len(several):
                given[name] = present[0] if isinstance(wanted, Tensor) else present
            elif name in required:
                return None
        return given

    def _like(self, source: Typed, wanted: Tensor) -> Typed | None:
        """A tensor with the axes and the kind of dtype that are wanted, of the source's type where
        there is one.
        """
        fitting = [
            one
            for one in self.tensors
            if one.type.rank == wanted.rank and is_float(one.type.dtype) == is_float(wanted.dtype)
        ]
        same = [one for one in fitting if one.type == source.type]
        chosen = same if self.draw(chances(85)) and same else fitting
        return self.draw(st.sampled_from(chosen)) if chosen else None

    def _add(
        self,
        kind: str,
        settings: dict[str, Any],
        given: Given,
        share: bool,
        options: Mapping[str, Any] | None = None,
    ) -> bool:
        """Write the entry where the layer takes the tensors; whether it does."""
        options = {
            **(options or {}),
            **({"training": self.draw(st.booleans())} if self.draw(chances(3)) else {}),
        }
        made = takes(kind, settings, given, options, self.context)
        if made is None or not all(map(is_small, made[0])) or made[2] > MOST_WEIGHTS:
            return False
        if share:
            name = self.name("one")
            self.shared[name] = {kind: settings} if settings else kind
            self.first[name] = [one.type for one in given.values() if isinstance(one, Typed)]
            return self._write(name, {}, given, made[0], options, made[1])
        return self._write(kind, settings, given, made[0], options, made[1])

    def _write(
        self,
        head: str,
        settings: dict[str, Any],
        given: Given,
        outputs: tuple[Tensor, ...],
        options: Mapping[str, Any],
        output_names: tuple[str, ...] = (),
    ) -> bool:
        body = dict(settings)
        written = self._from(given)
        if written is not None:
            body["from"] = written
        if options:
            body["call"] = dict(options)
        self.entries.append({head: body} if body else head)
        self.last = outputs[0] if len(outputs) == 1 else None
        if self.last is None or self.draw(chances(50)):
            name = self._name_last()
            parts = (
                output_names if len(output_names) == len(outputs) else map(str, range(len(outputs)))
            )
            texts = [name] if self.last is not None else [f"{name}.{part}" for part in parts]
            self.tensors += map(Typed, texts, outputs)
        return True

    def _from(self, given: Given) -> Any:
        """What stands behind `from`; None where the entry before it is meant."""
        first = next(iter(given.values()))
        if len(given) == 1 and isinstance(first, Typed):
            return first.text or None
        plain = {
            name: (
                self._text(value)
                if isinstance(value, Typed)
                else [self._text(one) for one in value]
            )
            for name, value in given.items()
        }
        return next(iter(plain.values())) if len(plain) == 1 and self.draw(st.booleans()) else plain

    def _text(self, tensor: Typed) -> str:
        return tensor.text or self._name_last()

    def _name_last(self) -> str:
        """The name of the last entry, or of the first input; the entry gets one where it has
        none.
        """
        if not self.entries:
            return self.tensors[0].text
        entry = self.entries[-1]
        if isinstance(entry, str):
            entry = self.entries[-1] = {entry: {}}
        body = next(iter(entry.values()))
        name: str = body.setdefault("name", self.name("t"))
        return name

    def _source(self) -> Typed:
        if self.last is not None and self.draw(chances(65)):
            return Typed("", self.last)
        self._keep_last()
        return self.draw(st.sampled_from(self.tensors))

    def _keep_last(self) -> None:
        """Name the last entry, so that its tensor stays at hand when the next one takes another."""
        if self.entries and self.last is not None:
            name = self._name_last()
            if all(one.text != name for one in self.tensors):
                self.tensors.append(Typed(name, self.last))

    # Shared things --------------------------------------------------------------------------------

    def _sub_model(self) -> str:
        """Defines a sub-model for tensors that are at hand."""
        visible = {**self.outer, **self.shared}
        inner = Model(self.draw, self.context, self.depth + 1, visible, first=dict(self.first))
        taken = self.draw(st.lists(st.sampled_from(self.tensors), min_size=1, max_size=3))
        one = self.draw(st.booleans()) and len(taken) == 1
        for index, tensor in enumerate(taken):
            inner.tensors.append(
                Typed("input" if one else f"in_{'abcdef'[inner.depth]}{index}", tensor.type)
            )
        inner.last, inner.given = inner.tensors[0].type, len(taken)
        inner.fill(self.draw(st.integers(1, 5)))
        name = self.name("model")
        body = inner.written()
        if one and not inner.shared and "outputs" not in body and self.draw(st.booleans()):
            self.shared[name] = (
                inner.entries
            )  # a list: its one input is called `input`, its output is the last entry
        else:
            inputs = {t.text: as_input(t.type) for t in inner.tensors[: len(taken)]}
            self.shared[name] = {"inputs": inputs, **body}
            if self.draw(chances(10)):
                self.shared[name]["trainable"] = False
        return name

    def _call(self, name: str) -> bool:
        """A call of something shared, with tensors that it takes; whether there are any."""
        thing = {**self.outer, **self.shared}[name]
        first = self._source()
        wanted = declared(thing)
        if not wanted:
            given = [first]
        else:
            fitting = [
                [t for t in self.tensors if (t.type.rank, t.type.dtype) == one] for one in wanted
            ]
            if not all(fitting):
                return False
            given = [self.draw(st.sampled_from(tensors)) for tensors in fitting]
        made = self._typed_call(name, [tensor.type for tensor in given])
        if made is None or not all(map(is_small, made[0])):
            return False
        names = list(thing["inputs"]) if wanted else ["inputs"]
        return self._write(name, {}, dict(zip(names, given, strict=True)), made[0], {}, made[1])

    def _typed_call(
        self, name: str, types: list[Tensor]
    ) -> tuple[tuple[Tensor, ...], tuple[str, ...]] | None:
        """What a call of something shared gives, asked of a spec with this call and the first
        one.
        """
        first = self.first.setdefault(name, types)
        if len(first) != len(types):
            return None
        inputs = {
            f"{call}{index}": as_input(tensor)
            for call, given in (("a", first), ("b", types))
            for index, tensor in enumerate(given)
        }
        calls = [{name: {"from": [one for one in inputs if one[0] == call]}} for call in "ab"]
        model = {
            "inputs": inputs,
            "shared": {**self.outer, **self.shared},
            "layers": calls,
            "image_data_format": self.context.image_data_format,
        }
        found = compile_spec({"model": model, "runtime": {"precision": self.context.precision}})
        if not found.ok or found.value is None or found.value.graph is None:
            return None
        call = found.value.graph.layers[1]
        return call.outputs, call.output_names

    # The whole ------------------------------------------------------------------------------------

    def fill(self, count: int) -> None:
        for _ in range(count):
            self.entry()

    def written(self) -> dict[str, Any]:
        """The model's own part, what takes the inputs that nothing takes included."""
        self._keep_last()
        taken = taken_by(self.entries) | (
            {self.tensors[0].text} if follows(self.entries[0]) else set()
        )
        for tensor in self.tensors[: self.given]:
            if tensor.text not in taken:
                self.entries.append({"Identity": {"from": tensor.text, "name": self.name("t")}})
                self.last = tensor.type
                self.tensors.append(Typed(self._name_last(), tensor.type))
        body: dict[str, Any] = {"layers": self.entries}
        if self.shared:
            body["shared"] = self.shared
        made = [one.text for one in self.tensors[self.given :]]
        if len(made) > 1 or self.last is None or self.draw(st.booleans()):
            body["outputs"] = self._outputs(
                made, [text for text in made if text not in taken_by(self.entries)]
            )
        return body

    def _outputs(self, made: list[str], leaves: list[str]) -> Any:
        """Mostly every tensor that nothing takes, so that all of the graph is alive."""
        few = self.draw(st.lists(st.sampled_from(made), min_size=1, max_size=4))
        chosen = leaves if self.draw(chances(85)) and leaves else list(dict.fromkeys(few))
        if len(chosen) == 1 and self.draw(st.booleans()):
            return chosen[0]
        return (
            {f"out{i}": text for i, text in enumerate(chosen)}
            if self.draw(st.booleans())
            else chosen
        )


# Specs --------------------------------------------------------------------------------------------


@st.composite
def _types(draw: st.DrawFn) -> Tensor:
    """The type of an input: numbers of two to five axes, now and then of unknown or named sizes, or
    whole numbers.
    """
    if draw(chances(15)):
        return Tensor((None, draw(st.sampled_from([4, 6, None, "time"]))), "int32")
    rank = draw(st.sampled_from(AXES))
    sizes: list[Size] = [draw(st.sampled_from(SIZES)) for _ in range(rank - 1)]
    for axis in range(rank - 2):
        if draw(chances(15)):
            sizes[axis] = draw(st.sampled_from([None, "time", "height"]))
    return Tensor((None, *sizes), draw(st.sampled_from(["float32"] * 8 + ["int32", "float16"])))


@st.composite
def specs(draw: st.DrawFn, most: int = 40, *, right: bool = True) -> dict[str, Any]:
    """A spec with a model of about 2 to `most` layers. Of two layers that each fit, one may still
    give whole numbers, or a mask, that the other cannot take: not where it has to be `right`.
    """
    context = Context(
        draw(st.sampled_from(["channels_last"] * 5 + ["channels_first"])),
        draw(st.sampled_from(PRECISIONS)),
    )
    model = Model(draw, context)
    batch = draw(st.sampled_from([None] * 9 + [2]))
    for index, tensor in enumerate(draw(st.lists(_types(), min_size=1, max_size=3))):
        model.tensors.append(
            Typed(f"in_{index}", tensor._replace(shape=(batch, *tensor.shape[1:])))
        )
    inputs = {t.text: as_input(t.type) for t in model.tensors}
    model.last, model.given = model.tensors[0].type, len(model.tensors)
    few, many = st.integers(2, min(8, most)), st.integers(9, max(9, most))
    model.fill(draw(st.one_of(few, many) if most > 8 else few))
    body = {"inputs": inputs, "image_data_format": context.image_data_format, **model.written()}
    spec = {"model": body, "runtime": {"precision": context.precision}}
    assume(not right or not UNFIT & {one.code for one in ms.check(spec).diagnostics})
    return spec
