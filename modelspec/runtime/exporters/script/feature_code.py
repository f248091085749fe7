"""Features and targets as the functions that make arrays of the columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import Lookup, StringLookup
from modelspec.compiler.spec.transform_layers import given_type
from modelspec.core.shapes import Tensor
from modelspec.runtime.data.adapted_state import tokens
from modelspec.runtime.data.cells import ready
from modelspec.runtime.data.columns import binding_of
from modelspec.runtime.data.table import Array
from modelspec.runtime.data.targets import Target, loss_of
from modelspec.runtime.run.predict import target_layers

from ..job import Job
from .python_code import (
    INDENT,
    WIDTH,
    Bracketed,
    Code,
    Names,
    call,
    docstring,
    filled,
    listed,
    literal,
    mapping,
    statement,
    text,
)
from .settings_code import settings_code

LONG = 24
"""A vocabulary of more words stands in a constant of its own."""


class Unsaid(Exception):
    """What a script does not say, as half a sentence."""


@dataclass
class Preparing:
    """Writes `prepare_inputs` and `prepare_targets`, with all that the run learned in them."""

    job: Job
    names: Names
    functions: list[list[str]] = field(default_factory=list)
    constants: list[list[str]] = field(default_factory=list)
    modules: set[str] = field(default_factory=set)

    def prepare(self) -> None:
        targets = self.targets
        self._arrays(
            "prepare_inputs",
            "What the model takes, of the columns of a table.",
            tuple(self.job.typed.inputs),
            self._feature,
        )
        self._arrays(
            "prepare_targets",
            "What the model is to give, of the columns of a table.",
            tuple(targets),
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
        """A function that gives an array, or several by name."""
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
        feature, pipe = self.job.preparing.features[name], self.job.samples.pipelines[name]
        if pipe.feature.bound.pad is not None:
            raise Unsaid(f"the padding of `{name}`")
        columns = pipe.feature.bound.names
        values = [self._filled(one, pipe.state.fill.get(one), pipe.feature.text) for one in columns]
        given, held = (
            _stacked(values, pipe.feature.bound.stacked),
            table_of(self.job)[columns[0]].shape[1:],
        )
        shape: tuple[int, ...] | None = (
            (*held, len(columns)) if pipe.feature.bound.stacked else held
        )
        if pipe.layers:
            lines += _typed(variable, given, feature.first, shape)
            self._chain(variable, pipe.layers, lines)
            given, shape = f"np.asarray({variable})", None
        lines += _typed(variable, given, feature.wanted, shape)

    def _filled(self, column: str, fill: Any, is_text: bool) -> Code:
        code = f"table[{literal(column)}]"
        if fill is None:
            return code
        missing = f'{code} == ""' if is_text else f"np.isnan({code})"
        return call("np.where", missing, literal(fill), code)

    def _chain(self, variable: str, layers: tuple[Layer, ...], lines: list[str]) -> None:
        for layer in layers:
            made = settings_code(layer, **self._long(layer))
            lines += statement(
                f"{variable} = ", Bracketed(made.head, made.items, made.close, f"({variable})")
            )

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
            raise Unsaid(f"the target of `{lacking[0]}`")
        return {name: found[name] for name in self.job.typed.outputs if name in found}

    def _target(self, name: str, variable: str, lines: list[str]) -> None:
        bound = self.targets[name]
        if bound.pad is not None:
            raise Unsaid(f"the padding of `{name}`")
        is_text = columns_of(self.job)[bound.names[0]]
        given = _stacked(self._filled_targets(name, bound.names, is_text), bound.stacked)
        target = Target(
            name,
            self.job.typed.outputs[name],
            loss_of(self.job.compiled.training, name),
            bound,
            self.job.samples.table,
        )
        sizes = (len(bound.names),) if bound.stacked else ()
        shape = None if "npz" in self.kinds else sizes
        layers = target_layers(self.job.compiled, self.job.samples.state).get(name, ())
        if layers:
            lines += _typed(variable, given, given_type(is_text, layers, sizes), shape)
            self._chain(variable, layers, lines)
            given, shape = _encoded(variable, layers[-1], target.encoding), None
        dtype = "int32" if target.encoding in ("indices", "identities", "sequences") else "float32"
        lines += _typed(variable, given, Tensor((None, *target.shape), dtype), shape)

    def _filled_targets(self, name: str, columns: Iterable[str], is_text: bool) -> list[Code]:
        """The columns of a target, with what takes the place of missing values."""
        state = self.job.samples.state
        known = state.features.get(("targets", name)) if state is not None else None
        fill = known.fill if known is not None else {}
        return [self._filled(one, fill.get(one), is_text) for one in columns]

    # The data section -----------------------------------------------------------------------------

    @property
    def sources(self) -> list[Any]:
        data = self.job.compiled.data
        assert data is not None
        return list(data.sources.values())

    @property
    def kinds(self) -> set[str]:
        return {type(one).kind() for one in self.sources}


def columns_of(job: Job) -> dict[str, bool]:
    """Every column that a run reads, and whether it holds text."""
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
            known.text if known is not None else any(isinstance(one, StringLookup) for one in chain)
        )
        found.update({column: found.get(column, False) or is_text for column in bound.names})
    return found


def table_of(job: Job) -> dict[str, Array]:
    """The samples as a script's `read_table` gives them."""
    return {
        column: ready(job.samples.columns[column], pipe.feature.text).values
        for pipe in job.samples.pipelines.values()
        for column in pipe.feature.bound.names
    }


def _encoded(variable: str, last: Layer, encoding: str) -> Code:
    """What the last layer of a target's transform gives, as the loss takes it."""
    if encoding == "one_hot" and isinstance(last, Lookup) and last.mode == "int":
        return f"keras.utils.to_categorical({variable}, {len(tokens(last))})"
    return f"np.asarray({variable})"


def _stacked(values: list[Code], stacked: bool) -> Code:
    return call("np.stack", listed(values), axis="-1") if stacked else values[0]


def _typed(variable: str, code: Code, wanted: Tensor, shape: tuple[int, ...] | None) -> list[str]:
    """Lines that give the variable the values of `code` with the shape and dtype that comes next;
    `shape` is that of an example, where it is known.
    """
    sizes = wanted.shape[1:]
    known = tuple(size for size in sizes if isinstance(size, int))
    end = (
        f".reshape({', '.join(map(str, (-1, *known)))})"
        if len(known) == len(sizes) and shape != known
        else ""
    )
    if wanted.dtype != "string":
        end += f'.astype("{"float32" if wanted.dtype == "bfloat16" else wanted.dtype}")'
    if len(f"{INDENT}{variable} = {code}{end}") > WIDTH and end:
        return [*statement(f"{variable} = ", code), f"{INDENT}{variable} = {variable}{end}"]
    return [] if f"{code}{end}" == variable else statement(f"{variable} = ", f"{code}{end}")
