"""A typed graph as functions that build it in Keras: the model, one for each shared sub-model, one
for each formula.

Every layer, sub-model and formula has the same name and position as in the run's own model, so the
weights of one load into the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

from modelspec.catalog.layers.expression import Expression
from modelspec.catalog.layers.layer import Inputs, Layer
from modelspec.compiler.graph import Graph, Ref
from modelspec.compiler.infer import TypedCall, TypedGraph
from modelspec.core.shapes import Tensor, erase
from modelspec.runtime.backend.inner_names import inner_name

from . import averages_code, helper_code, rate_code, warmup_code
from .call_code import Shape, by_name, called, input_code, one_or_list
from .formula_code import tensors_code
from .python_code import (
    INDENT,
    Bracketed,
    Code,
    Names,
    call,
    docstring,
    listed,
    literal,
    mapping,
    statement,
)
from .settings_code import settings_code

TAKEN = (
    *("keras", "layers", "ops", "np", "csv", "math", "main", "model", "train", "x", "y"),
    *helper_code.NAMES,
    rate_code.STEPS,
    warmup_code.EPOCHS,
    averages_code.NAME,
)
"""Names that every script has, or may have."""


class Models:
    """The functions of a script that build models, called functions first."""

    def __init__(self) -> None:
        self.names = Names(TAKEN)
        self.functions: list[list[str]] = []

    def model(self, typed: TypedGraph, name: str, kept: Mapping[str, Ref] | None = None) -> str:
        """The whole model. Returns the name of its function, which adds the `kept` tensors to a
        mapping.
        """
        self.names.new("build_model")
        shapes = {one.name: erase(typed.inputs[one.name].shape) for one in typed.graph.inputs or ()}
        optional = {one.name for one in typed.graph.inputs or () if one.optional}
        lines = _Function(self, typed, {}, kept or {}).lines(
            name.replace("/", "_"), shapes, optional, outer=True
        )
        given = "tensors: dict | None = None" if kept else ""
        self.functions.append(
            [f"def build_model({given}) -> keras.Model:", docstring_of(typed), *lines]
        )
        return "build_model"

    def part(self, name: str, calls: list[TypedGraph], given: Mapping[str, str]) -> str:
        """A shared sub-model, for inputs as general as its calls require. `given` are shared
        objects from the enclosing model.
        """
        inside = calls[0]
        function = self.names.new(f"build_{name}")
        shapes = {key: _general([one.inputs[key].shape for one in calls]) for key in inside.inputs}
        names = {shared: _identifier(shared) for shared in given}
        lines = _Function(self, inside, names).lines(name, shapes, set(), outer=False)
        arguments = ", ".join(f"{one}: keras.Layer" for one in names.values())
        words = docstring(f"`{name}`, with one set of weights for all calls.", INDENT)
        self.functions.append([f"def {function}({arguments}) -> keras.Model:", words, *lines])
        return function

    def formula(self, layer: Expression, name: str, tensors: Mapping[str, Tensor]) -> str:
        """A formula, which is a separate model, as in the run."""
        function, scope = self.names.new(f"build_{name}"), Names(TAKEN)
        types = {key: Tensor(erase(one.shape), one.dtype) for key, one in tensors.items()}
        dtypes = layer.inferred(Inputs(types)).dtypes
        names = {key: scope.new(key) for key in types}
        lines: list[str] = []
        for key, one in types.items():
            lines += statement(f"{names[key]} = ", input_code(key, erase(one.shape), one.dtype))
        casts = [key for key, one in types.items() if layer.cast(one.dtype) != one.dtype]
        used = {
            key: (
                Bracketed("ops.cast(", (names[key], literal(layer.cast(types[key].dtype))), ")")
                if key in casts
                else names[key]
            )
            for key in types
        }
        result = tensors_code(
            layer.formula.root, {key: str(one) for key, one in used.items()}, dtypes
        )
        lines += statement("result = ", result)
        inputs: Code = listed(names.values()) if len(names) > 1 else next(iter(names.values()))
        lines += statement(
            "return ", call("keras.Model", inputs, "result", name=literal(inner_name(name)))
        )
        self.functions.append(
            [f"def {function}() -> keras.Model:", docstring(str(layer.formula), INDENT), *lines]
        )
        return function


def docstring_of(typed: TypedGraph) -> str:
    inputs, outputs = (
        ", ".join(f"`{name}`" for name in names) for names in (typed.inputs, typed.outputs)
    )
    return docstring(f"The model from {inputs} to {outputs}, with its own weights.", INDENT)


class _Function:
    """The body of one function. `objects` are the variables of shared layers and models."""

    def __init__(
        self,
        models: Models,
        typed: TypedGraph,
        objects: Mapping[str, str],
        kept: Mapping[str, Ref] | None = None,
    ) -> None:
        self.models, self.typed = models, typed
        self.kept = kept or {}
        """The tensors that the function adds to a mapping."""
        needed = {ref.producer for ref in self.kept.values()}
        self.calls = typed.alive if not needed else reaching(typed, needed)
        self.objects = {
            name: one for name, one in objects.items() if name not in typed.graph.shared
        }
        self.names = Names((*TAKEN, *self.objects.values(), *models.names._taken))
        self.tensors: dict[str, tuple[str, ...]] = {}
        self.types: dict[str, tuple[Tensor, ...]] = {
            name: (one,) for name, one in typed.inputs.items()
        }
        self.outputs: dict[str, tuple[str, ...]] = {}
        self.wrapped: dict[str, str] = {}
        """The variables of wrappers around shared models, by the models' names."""
        self.code: list[str] = []

    def lines(
        self, name: str, shapes: Mapping[str, Shape], optional: set[str], *, outer: bool
    ) -> list[str]:
        self._inputs(shapes, optional)
        for one, following in zip_longest(self.calls, self.calls[1:]):
            self._call(one, following)
        self._keep()
        inputs = {key: self.tensors[key][0] for key in shapes}
        outputs = {key: self._tensor(ref) for key, ref in self.typed.graph.outputs.items()}
        one_or_all = mapping if outer else lambda tensors: listed(tensors.values())
        made = call(
            "keras.Model",
            *(
                one_or_all(one) if len(one) > 1 else next(iter(one.values()))
                for one in (inputs, outputs)
            ),
            name=literal(inner_name(name)),
        )
        frozen = list(self._frozen())
        if not frozen:
            return [*self.code, *statement("return ", made)]
        freezing = [f"{INDENT}{one}.trainable = False" for one in frozen]
        return [*self.code, *statement("model = ", made), *freezing, f"{INDENT}return model"]

    def _keep(self) -> None:
        if self.kept:
            self.code.append(f"{INDENT}if tensors is not None:")
            found = mapping({name: self._tensor(ref) for name, ref in self.kept.items()})
            self.code += statement("tensors.update(", Bracketed("", (found,), ")"), INDENT * 2)

    def _inputs(self, shapes: Mapping[str, Shape], optional: set[str]) -> None:
        for key, shape in shapes.items():
            variable = self.names.new(key)
            self.tensors[key] = (variable,)
            made = input_code(key, shape, self.typed.inputs[key].dtype, key in optional)
            self.code += statement(f"{variable} = ", made)

    def _frozen(self) -> Iterator[str]:
        if not self.typed.graph.trainable:
            yield "model"
            return
        seen = {}
        for one in self.typed.alive:
            if (
                isinstance(one.call.callee, Layer)
                and not one.call.callee.trainable
                and not isinstance(one.call.callee, Expression)
            ):
                seen[one.shared or one.name] = one
        for name in seen:
            yield f"model.get_layer({literal(inner_name(name))})"

    # Calls ----------------------------------------------------------------------------------------

    def _call(self, typed: TypedCall, following: TypedCall | None) -> None:
        callee = self._object(typed)
        code = (
            Bracketed(f"{callee}(", self._arguments(typed), ")")
            if isinstance(callee, str)
            else called(callee, self._arguments(typed))
        )
        several = len(typed.outputs) > 1
        if several and (typed.kind == "RNN" or typed.kind.endswith(("Cell", "Cells"))):
            code = call("keras.tree.flatten", code)
        if several:
            variables = tuple(
                self.names.new(f"{typed.name}_{name}")
                for name in typed.output_names or map(str, range(len(typed.outputs)))
            )
        else:
            variables = (
                ("x",) if self._passes_on(typed, following) else (self.names.new(typed.name),)
            )
        self.code += statement(f"{', '.join(variables)} = ", code)
        self.tensors[typed.name], self.types[typed.name] = variables, typed.outputs
        self.outputs[typed.name] = typed.output_names

    def _passes_on(self, typed: TypedCall, following: TypedCall | None) -> bool:
        """Whether a tensor is used only by the next call: then it needs no variable."""
        ends = (*self.typed.graph.outputs.values(), *self.kept.values())
        if following is None or any(ref.producer == typed.name for ref in ends):
            return False
        users = [one for one in self.calls for ref in one.call.refs() if ref.producer == typed.name]
        return users == [following]

    def _arguments(self, typed: TypedCall) -> tuple[Code, ...]:
        given = {name: self._given(item) for name, item in (typed.call.inputs or {}).items()}
        options = by_name({name: literal(value) for name, value in typed.call.use.options.items()})
        if isinstance(typed.call.callee, Expression):
            return (one_or_list(list(given.values())), *options)
        if isinstance(typed.call.callee, Graph):
            ordered = [given[name] for name in typed.call.callee.input_names if name in given]
            return (one_or_list(ordered), *options)
        first, *rest = given
        if isinstance(typed.call.callee, Layer) and typed.call.callee.one_alone:
            return (self._alone(typed, first), *options)
        return (given[first], *by_name({name: given[name] for name in rest}), *options)

    def _alone(self, typed: TypedCall, name: str) -> Code:
        """The only argument of a layer that takes one tensor, or a list of several."""
        refs = (typed.call.inputs or {})[name]
        several = (refs,) if isinstance(refs, Ref) else refs
        return one_or_list([self._tensor(one) for one in several])

    def _given(self, item: Ref | Iterable[Ref]) -> Code:
        if isinstance(item, Ref):
            return self._tensor(item)
        return listed(self._tensor(ref) for ref in item)

    def _tensor(self, ref: Ref) -> str:
        return self.tensors[ref.producer][self._place(ref)]

    def _place(self, ref: Ref) -> int:
        if ref.output is None:
            return 0
        names = self.outputs.get(ref.producer, ())
        return names.index(ref.output) if ref.output in names else int(ref.output)

    # What is called -------------------------------------------------------------------------------

    def _object(self, typed: TypedCall) -> str | Bracketed:
        """A variable, or the code of a layer that is called only here."""
        callee = typed.settled or typed.call.callee
        if isinstance(callee, Expression):
            types = {
                name: self.types[item.producer][self._place(item)]
                for name, item in (typed.call.inputs or {}).items()
                if isinstance(item, Ref)
            }
            return f"{self.models.formula(callee, typed.name, types)}()"
        if typed.shared is None:
            assert isinstance(callee, Layer)
            return settings_code(callee, name=literal(inner_name(typed.name)))
        shared = self._shared(typed.shared)
        return self._wrapped(typed, shared) if typed.call.use.around else shared

    def _wrapped(self, typed: TypedCall, model: str) -> str:
        """The variable of a shared model inside the wrappers of its calls."""
        assert typed.shared is not None
        if typed.shared not in self.wrapped:
            name, code = literal(inner_name(typed.shared)), model
            for wrapper in reversed(typed.call.use.around):
                dtype = {} if wrapper.dtype == "float32" else {"dtype": literal(wrapper.dtype)}
                made = call(f"layers.{wrapper.kind()}", code, name=name, **dtype)
                variable = self.names.new(f"every_{typed.shared}")
                self.code += statement(f"{variable} = ", made)
                code = variable
            self.wrapped[typed.shared] = code
        return self.wrapped[typed.shared]

    def _shared(self, name: str) -> str:
        if name not in self.objects:
            found = list(_calls(self.typed, name))
            callee = found[0].settled or found[0].call.callee
            insides = [one.inside for one in found if one.inside is not None]
            code: Code
            if isinstance(callee, Layer):
                code = settings_code(callee, name=literal(inner_name(name)))
            else:
                given = {shared: self._shared(shared) for shared in _from_around(insides[0])}
                code = call(self.models.part(name, insides, given), *given.values())
            variable = self.names.new(name)
            self.objects[name] = variable
            self.code += statement(f"{variable} = ", code)
        return self.objects[name]


def reaching(typed: TypedGraph, needed: set[str]) -> tuple[TypedCall, ...]:
    """The calls that an output or a needed tensor depends on, in order."""
    alive = {one.name for one in typed.alive}
    queue = list(needed)
    while queue:
        call = typed.by_name.get(queue.pop())
        if call is not None and call.name not in alive:
            alive.add(call.name)
            queue.extend(ref.producer for ref in call.call.refs())
    return tuple(one for one in typed.layers if one.name in alive)


def _calls(typed: TypedGraph, shared: str) -> Iterator[TypedCall]:
    """Every call of a shared object, also in sub-models."""
    for one in typed.layers:
        if one.shared == shared:
            yield one
        elif one.inside is not None and shared not in one.inside.graph.shared:
            yield from _calls(one.inside, shared)


def _from_around(typed: TypedGraph) -> tuple[str, ...]:
    """The shared objects that a sub-model calls and does not contain itself."""
    found: dict[str, None] = {}
    for one in typed.layers:
        names = (
            *((one.shared,) if one.shared else ()),
            *(_from_around(one.inside) if one.inside else ()),
        )
        found.update(dict.fromkeys(name for name in names if name not in typed.graph.shared))
    return tuple(found)


def _general(shapes: list[Any]) -> Shape:
    """The common sizes of all shapes; None if they differ."""
    first, *others = [erase(shape) for shape in shapes]
    return tuple(
        size if all(other[axis] == size for other in others) else None
        for axis, size in enumerate(first)
    )


def _identifier(name: str) -> str:
    return Names(TAKEN).new(name)
