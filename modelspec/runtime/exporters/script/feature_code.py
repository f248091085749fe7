"""Features and targets as functions that make arrays from the columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import StringLookup
from modelspec.compiler.infer import infer_chain
from modelspec.compiler.spec.arrangement import match
from modelspec.compiler.spec.data_section import Pad
from modelspec.compiler.spec.transform_layers import given_type
from modelspec.core.shapes import Size, Tensor
from modelspec.runtime.data.columns import Bound, binding_of
from modelspec.runtime.data.formula_targets import has_formula
from modelspec.runtime.data.sequences import is_ragged
from modelspec.runtime.data.table import Array
from modelspec.runtime.data.targets import Target, loss_of
from modelspec.runtime.run.decisions import target_layers

from ..job import Job
from ..preprocessing_graph import Feature
from ..raw_inputs import cells
from ..samples import RowsOf
from .array_code import encoded, fits, stacked, typed
from .call_code import Shape
from .python_code import (
    INDENT,
    Bracketed,
    Code,
    Names,
    call,
    docstring,
    filled,
    literal,
    mapping,
    statement,
    text,
)
from .settings_code import settings_code
from .step_code import Steps

LONG = 24
"""A vocabulary of more words is written as a constant."""


class Unsupported(Exception):
    """Something that a script does not support, as part of a sentence."""


@dataclass
class Preparing:
    """Writes `prepare_inputs` and `prepare_targets`, with everything that the run learned in
    them.
    """

    job: Job
    names: Names
    functions: list[list[str]] = field(default_factory=list)
    constants: list[list[str]] = field(default_factory=list)
    modules: set[str] = field(default_factory=set)

    def prepare_inputs(self) -> None:
        self._arrays(
            "prepare_inputs",
            "The inputs of the model from the columns of a table.",
            tuple(self.job.typed.inputs),
            self._feature,
        )

    def prepare_targets(self) -> None:
        self._arrays(
            "prepare_targets",
            "The targets of the model from the columns of a table.",
            tuple(self.targets),
            self._target,
            alone=len(self.job.outputs) == 1,
        )

    def _arrays(
        self,
        function: str,
        words: str,
        names: tuple[str, ...],
        write: Callable[[str, str, list[str]], None],
        *,
        alone: bool | None = None,
    ) -> None:
        """A function that returns an array, or several by name."""
        scope, lines = Names(("table", "keras", "layers", "np", function)), list[str]()
        variables = {name: scope.new(name) for name in names}
        for name, variable in variables.items():
            write(name, variable, lines)
        single = len(names) == 1 if alone is None else alone
        lines += statement(
            "return ", next(iter(variables.values())) if single else mapping(variables)
        )
        self.functions.append([f"def {function}(table):", docstring(words, INDENT), *lines])

    def _feature(self, name: str, variable: str, lines: list[str]) -> None:
        feature = self.job.preparing.features[name]
        if feature.outside:
            raise Unsupported(f"{', '.join(feature.outside)} of `{name}`")
        pipe = self.job.samples.pipelines[name]
        bound, columns = pipe.feature.bound, pipe.feature.bound.names
        raw = self.job.preparing.raw[feature.given[0]]
        held: Shape = () if raw.wide else raw.shape
        values: list[Code] = [f"table[{literal(column)}]" for column in columns]
        if feature.lowers and bound.pad is not None:
            raise Unsupported(f"the letter case of `{name}`")
        if feature.lowers:
            values = [f"lowered({one})" for one in values]
            self._lowered()
        if bound.pad is not None:
            values = [self._padded(one, bound.pad, feature) for one in values]
            held = (feature.length, *held[1:])
        values = [
            self._filled(one, fill, pipe.feature.text)
            for one, fill in zip(values, self._fills(feature, columns), strict=True)
        ]
        given = stacked(values, bound.stacked)
        sizes: Shape = (*held, len(columns)) if bound.stacked else held
        shape: Shape | None = sizes
        if pipe.layers:
            lines += typed(variable, given, feature.first, shape)
            self._chain(variable, pipe.layers, pipe.types, lines)
            given, shape = variable, None
        elif bound.pad is not None and not feature.fills_any and fits(sizes, feature.wanted):
            lines += statement(f"{variable} = ", given)  # `pad_sequences` sets the dtype
            return
        if shape is not None and not fits(shape, feature.wanted) and feature.free:
            raise Unsupported(f"the shape of `{name}`")
        lines += typed(variable, given, feature.wanted, shape)

    def _fills(self, feature: Feature, columns: tuple[str, ...]) -> tuple[Any, ...]:
        """The replacement for missing values in each column."""
        if len(feature.fills) == len(columns):
            return feature.fills
        values = feature.fills[0]  # of one wide input
        return (None,) * len(columns) if values is None else tuple(map(float, values))

    def _lowered(self) -> None:
        """Adds a function once."""
        lines = [
            "def lowered(texts):",
            docstring("Strings in lower case.", INDENT),
            f"{INDENT}found = [text.lower() for text in texts.flat]",
            f"{INDENT}return np.array(found, object).reshape(texts.shape)",
        ]
        if lines not in self.functions:
            self.functions.append(lines)

    def _padded(self, code: Code, pad: Pad, feature: Feature) -> Code:
        taken = feature.first.dtype if feature.steps else feature.wanted.dtype
        text = taken == "string"
        value = "" if text and pad.value == 0 else pad.value
        dtype = "float64" if feature.fills_any else taken
        return call(
            "keras.utils.pad_sequences",
            code,
            maxlen=literal(feature.length),
            dtype="object" if text else literal(dtype),
            **{
                name: literal(one)
                for name, one in (("padding", pad.padding), ("truncating", pad.truncating))
                if one != "pre"
            },
            **({"value": literal(value)} if value != 0 else {}),
        )

    def _filled(self, code: Code, fill: Any, is_text: bool) -> Code:
        if fill is None:
            return code
        missing = f'{code} == ""' if is_text else f"np.isnan({code})"
        return call("np.where", missing, literal(fill), code)

    def _chain(
        self,
        variable: str,
        layers: tuple[Layer, ...],
        types: tuple[Tensor, ...],
        lines: list[str],
    ) -> None:
        """The layers, one after the other; `types` are the types of their inputs."""
        steps = Steps(variable, self._constant)
        for layer, given in zip(layers, types, strict=False):
            computed = steps.lines(layer, given)
            if computed is not None:
                lines += computed
                continue
            if layer.one_at_a_time:
                raise Unsupported(f"`{layer.kind()}`, which runs one example at a time")
            made = settings_code(layer, **self._long(layer))
            taken = variable
            if layer.crosses_columns:
                taken = f"np.split({variable}, {given.shape[-1]}, axis=-1)"
            lines += statement(
                f"{variable} = ", Bracketed(made.head, made.items, made.close, f"({taken})")
            )
            lines.append(f"{INDENT}{variable} = np.asarray({variable})")

    def _constant(self, wanted: str, code: Code) -> str:
        name = self.names.new(wanted).upper()
        self.constants.append(statement(f"{name} = ", code, ""))
        return name

    def _long(self, layer: Layer) -> dict[str, Code]:
        """A long vocabulary as the name of a constant."""
        vocabulary = getattr(layer, "vocabulary", None)
        if not isinstance(vocabulary, tuple) or len(vocabulary) <= LONG:
            return {}
        constant = self.names.new("vocabulary").upper()
        if all(isinstance(one, str) and one.split() == [one] for one in vocabulary):
            words = [text(one)[1:-1] for one in vocabulary]
            self.constants.append([f'{constant} = """', *filled(words), '""".split()'])
        else:
            self.constants.append(statement(f"{constant} = ", literal(list(vocabulary)), ""))
        return {"vocabulary": constant}

    # Targets --------------------------------------------------------------------------------------

    @property
    def targets(self) -> Mapping[str, Any]:
        found = binding_of(self.job.compiled).targets
        training = self.job.compiled.training
        assert training is not None
        lacking = [name for name in training.losses if name not in found]
        if lacking:
            raise Unsupported(f"the target of `{lacking[0]}`")
        return {name: found[name] for name in self.job.typed.outputs if name in found}

    def _target(self, name: str, variable: str, lines: list[str]) -> None:
        bound = self.targets[name]
        if bound.pad is not None:
            raise Unsupported(f"the padding of `{name}`")
        if (unsupported := _unsupported_in(bound)) is not None:
            raise Unsupported(f"{unsupported} of `{name}`")
        is_text = columns_of(self.job)[bound.names[0]]
        given = stacked(self._filled_targets(name, bound.names, is_text), bound.stacked)
        target = Target(
            name,
            self.job.typed.outputs[name],
            loss_of(self.job.compiled.training, name),
            bound,
            self.job.samples.table,
        )
        sizes = (len(bound.names),) if bound.stacked else ()
        shape: Shape | None = None if "npz" in self.kinds else sizes
        layers = target_layers(self.job.compiled, self.job.samples.state).get(name, ())
        if layers:
            first = given_type(is_text, layers, sizes)
            lines += typed(variable, given, first, shape)
            self._chain(variable, layers, types_of(bound, layers, first), lines)
            given, shape = encoded(variable, layers[-1], target.encoding), None
        dtype = "int32" if target.encoding in ("indices", "identities", "sequences") else "float32"
        wanted = target.shape
        if has_formula(target) and not layers:
            wanted = self._as_stored(target, sizes)
        lines += typed(variable, given, Tensor((None, *wanted), dtype), shape)

    def _as_stored(self, target: Target, sizes: tuple[int, ...]) -> tuple[Size, ...]:
        """The shape of an example's targets for a formula, which takes any shape: that of the
        output if they fit it, else that of the data.
        """
        found: tuple[int, ...] | None = sizes
        if not target.bound.stacked and isinstance(target.table, RowsOf):
            found = target.table.shape_of(target.bound.names[0])
        fits_output = found is None or match(found, target.shape) is not None
        return target.shape if fits_output or found is None else found

    def _filled_targets(self, name: str, columns: Iterable[str], is_text: bool) -> list[Code]:
        """The columns of a target, with replaced missing values."""
        state = self.job.samples.state
        known = state.features.get(("targets", name)) if state is not None else None
        fill = known.fill if known is not None else {}
        return [self._filled(f"table[{literal(one)}]", fill.get(one), is_text) for one in columns]

    # The data section -----------------------------------------------------------------------------

    @property
    def sources(self) -> list[Any]:
        data = self.job.compiled.data
        assert data is not None
        return list(data.sources.values())

    @property
    def kinds(self) -> set[str]:
        return {type(one).kind() for one in self.sources}


def _unsupported_in(bound: Bound) -> str | None:
    """The steps of a target that a script does not support."""
    if bound.separator is not None or bound.gathers:
        return "several labels"
    if bound.number_format is not None:
        return "`number`"
    layers = (*bound.text_steps, *(bound.chain.layers if bound.chain else ()))
    return next((f"`{layer.kind()}`" for layer in layers if layer.not_in_models), None)


def columns_of(job: Job) -> dict[str, bool]:
    """Every column that a run reads, and whether it contains strings."""
    found = {
        column: pipe.feature.text
        for pipe in job.samples.pipelines.values()
        for column in pipe.feature.bound.names
    }
    for name, bound in binding_of(job.compiled).targets.items():
        known = (
            job.samples.state.features.get(("targets", name))
            if job.samples.state is not None
            else None
        )
        chain = bound.chain.layers if bound.chain else ()
        is_text = (
            known.text
            if known is not None and known.text is not None
            else any(isinstance(one, StringLookup) for one in chain)
        )
        found.update({column: found.get(column, False) or is_text for column in bound.names})
    return found


def table_of(job: Job, columns: Mapping[str, Array]) -> dict[str, Array]:
    """Rows in the form of a script's `read_table`."""
    return {
        column: (
            columns[column]
            if is_ragged(columns[column])
            else cells(columns[column], pipe.feature.text, job.samples.table)
        )
        for pipe in job.samples.pipelines.values()
        for column in pipe.feature.bound.names
    }


def types_of(bound: Bound, layers: tuple[Layer, ...], first: Tensor) -> tuple[Tensor, ...]:
    """The input type of each layer of a chain, from that of the first."""
    assert bound.chain is not None
    return infer_chain(bound.chain.uses, layers, first, bound.chain.span).value or ()
