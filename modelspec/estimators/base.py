"""The common parts of the estimators: parameters, fitting, predicting.

A fitted estimator contains only plain values: the spec as trained, the state learned from the data,
weights as arrays. A pickle therefore contains no code, and the model is built from the spec on
first use.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from modelspec.api import Spec, load_spec
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.errors import SpecError
from modelspec.runtime.backend.process_state import own_state
from modelspec.runtime.backend.tensorflow_state import refuse_a_fork
from modelspec.runtime.data.errors import RunError
from modelspec.runtime.run.folder import RESOLVED

from .arguments import (
    BATCH,
    compiled_of,
    filled_up,
    mapping_of,
    refuse_several_rows,
)
from .columns import by_name, columns_of, filled, takes_nothing
from .forms import as_frame

if TYPE_CHECKING:
    from modelspec.runtime.data import Prepared
    from modelspec.runtime.data.adapted_state import State

_NESTED = "overrides__"
_NO_SUCH_VARIABLE = "MS147"
_OWN = {
    "training.epochs": "epochs",
    "training.batch_size": "batch_size",
    "seed": "random_state",
}
"""The parameters that are paths into the spec, too."""


class SpecEstimator(BaseEstimator):
    """The base class of both estimators. `_default` is the spec if none is given."""

    _default: Mapping[str, Any]
    _counted: str
    """The variable of a spec for the size of the output."""

    def __init__(
        self,
        spec: str | PathLike[str] | Mapping[str, object] | None = None,
        *,
        overrides: Mapping[str, object] | None = None,
        run_dir: str | PathLike[str] | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
    ) -> None:
        self.spec = spec
        self.overrides = overrides
        self.run_dir = run_dir
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state

    # Parameters -----------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters; deep, each override under `overrides__<path>` too."""
        found: dict[str, Any] = super().get_params(deep=False)
        if deep and isinstance(self.overrides, Mapping):
            found.update(
                {f"{_NESTED}{path}": value for path, value in (self.overrides or {}).items()}
            )
        return found

    def set_params(self, **params: Any) -> Self:
        """Parameters by name. `training.epochs`, `model.layers[0].Dense.units` or any other path
        into the spec sets one of the `overrides`; `overrides__training.epochs` is the same. The
        last one set applies: `training.epochs` replaces `epochs` and vice versa, and so do
        `training.batch_size` and `batch_size`, `seed` and `random_state`.
        """
        nested = {
            name.removeprefix(_NESTED): params.pop(name)
            for name in list(params)
            if name.startswith(_NESTED) or "." in name
        }
        super().set_params(**params)
        if nested:
            self.overrides = {**(self.overrides or {}), **nested}
        whole = params.get("overrides")
        self._replace({*nested, *(whole if isinstance(whole, Mapping) else ())}, params)
        return self

    def _replace(self, paths: set[str], params: Mapping[str, Any]) -> None:
        """Removes a value set earlier under its other name. If this call sets both names, `fit`
        compares them.
        """
        held = self.overrides if isinstance(self.overrides, Mapping) else {}
        for path, parameter in _OWN.items():
            given = params.get(parameter) is not None
            if path in paths and not given:
                setattr(self, parameter, None)
            elif path not in paths and given and path in held:
                held = {one: value for one, value in held.items() if one != path}
                self.overrides = held

    # Fitting --------------------------------------------------------------------------------------

    def _train(self, x: Any, y: Any, weights: Any, count: int) -> None:
        """Train on validated data; `x` is an array or a data frame, `count` the size of the
        output.
        """
        from modelspec.runtime.data.in_memory import with_data
        from modelspec.runtime.run import train

        spec, columns = self._checked(x, y, weights, count)
        with tempfile.TemporaryDirectory(prefix="modelspec-") as folder:
            directory = (
                Path(fspath(self.run_dir)) if self.run_dir is not None else Path(folder) / "run"
            )
            try:
                given = replace(spec, compiled=with_data(spec.compiled, columns))
                run = train(given, directory, look=lambda prepared: self._look(prepared, y))
            except RunError as error:
                raise ValueError(f"the spec cannot be trained on this data: {error}") from error
            self._keep(run, directory)

    def _look(self, prepared: Prepared, y: Any) -> None:
        """Checks the prepared data before training. Raises `ValueError` if the estimator cannot use
        it.
        """

    def _targets(self, compiled: Compiled, y: Any) -> Any:
        """`y` as the column of the target of the spec. Raises `ValueError` for an output that does
        not fit.
        """
        raise NotImplementedError

    def _keep(self, run: Any, directory: Path) -> None:
        from modelspec.runtime.run.run_data import saved_state

        self.resolved_ = dict(mapping_of(directory / RESOLVED))
        self.history_ = {
            name: [float(value) for value in values] for name, values in run.history.items()
        }
        self.weights_ = [np.array(one) for one in run.model.get_weights()]
        self._compiled = compiled_of(self.resolved_)
        state = saved_state(self._compiled, directory)
        self.state_ = None if state is None else state.plain()
        self._model = run.model

    @property
    def _written(self) -> str | Mapping[str, Any]:
        """The spec, as a path or a mapping."""
        source = self._default if self.spec is None else self.spec
        return source if isinstance(source, Mapping) else fspath(source)

    def _checked(self, x: Any, y: Any, weights: Any, count: int) -> tuple[Spec, dict[str, Any]]:
        """The spec with a complete `data` section, and the columns that it reads. Raises
        `SpecError`, and `ValueError` where the columns do not fit the spec.
        """
        given = self._all_overrides(count)
        spec = self._without_targets(given)
        refuse_several_rows(spec.compiled)
        outputs = tuple(spec.graph.outputs)
        if len(outputs) != 1:
            raise ValueError(f"an estimator has one output, but the spec has {len(outputs)}")
        found = filled(spec.compiled, x, self._targets(spec.compiled, y), weights)
        return load_spec(self._written, {**given, **found.more}) if found.more else spec, (
            found.columns
        )

    def _without_targets(self, given: dict[str, Any]) -> Spec:
        """The spec; its target may be missing, since it is `y`. Raises `SpecError`."""
        found = compile_spec(self._written, given)
        errors = [one for one in found.diagnostics if one.severity == "error"]
        if found.value is None or any(one.code != "MS623" for one in errors):
            raise SpecError(found.diagnostics)
        return Spec(found.value, found.diagnostics)

    def _all_overrides(self, count: int) -> dict[str, Any]:
        """The overrides, with those from the parameters of the estimator and the data. Raises
        `ValueError` where two of them contradict each other.
        """
        found = dict(self.overrides or {})
        own = {"epochs": self.epochs, "batch_size": self.batch_size, "random_state": self._seed()}
        for path, parameter in _OWN.items():
            value = own[parameter]
            if value is not None and found.setdefault(path, value) != value:
                raise ValueError(
                    f"`{parameter}` is {value}, but the override `{path}` is {found[path]}: set"
                    " only one of them"
                )
        counted = f"vars.{self._counted}"
        if counted not in found:
            trial = compile_spec(self._written, {counted: count})
            if not any(one.code == _NO_SUCH_VARIABLE for one in trial.diagnostics):
                found[counted] = count
        return found

    def _seed(self) -> int | None:
        """The seed that replaces that of the spec; for a `RandomState`, a number that it draws.
        Raises `ValueError` like scikit-learn for an invalid seed.
        """
        given = self.random_state
        if given is None:
            return None
        drawing = check_random_state(given)
        if isinstance(given, (int, np.integer)):
            return int(given)
        return int(drawing.randint(2**31 - 1))

    def _valid(self, x: Any) -> Any:
        """`X` as validated by scikit-learn; a data frame that the spec reads by name is
        unchanged.
        """
        x, data = as_frame(x), self._run_spec().data
        if by_name(data, x):
            return x
        finite: Any = "allow-nan" if takes_nothing(data) else True
        return validate_data(self, x, reset=False, ensure_all_finite=finite)

    # Predicting -----------------------------------------------------------------------------------

    @own_state()
    def _predicted(self, x: Any) -> np.ndarray[Any, Any]:
        """The output for every row, in float64."""
        check_is_fitted(self, "weights_")
        given = self._valid(x)
        from modelspec.runtime.data import prepare_source
        from modelspec.runtime.data.python_objects import table_from
        from modelspec.runtime.data.random_inputs import inputs_of

        model, compiled = self._built()
        assert compiled.graph is not None
        columns = columns_of(compiled.data, tuple(compiled.graph.inputs), given)
        try:
            examples, _ = prepare_source(
                compiled, table_from(columns), with_targets=False, state=self._state()
            )
        except RunError as error:
            raise ValueError(f"the data does not fit the spec: {error}") from error
        inputs = {name: filled_up(values) for name, values in inputs_of(examples).items()}
        single = not isinstance(model.input, Mapping)
        parts = [
            model(next(iter(batch.values())) if single else batch, training=False)
            for start in range(0, len(next(iter(inputs.values()))), BATCH)
            for batch in [{name: values[start : start + BATCH] for name, values in inputs.items()}]
        ]
        found: np.ndarray[Any, Any] = np.concatenate([np.asarray(part) for part in parts])[
            : examples.count
        ]
        return found.astype(np.float64)

    def _state(self) -> State | None:
        """The learned state of the transforms."""
        from modelspec.runtime.data.adapted_state import State

        return None if self.state_ is None else State.of(self.state_)

    def _built(self) -> tuple[Any, Compiled]:
        """The model; after unpickling it is built from the spec with the stored weights."""
        refuse_a_fork()
        if self.__dict__.get("_model") is None:
            from modelspec.runtime.backend import build
            from modelspec.runtime.run import framework

            compiled = self._run_spec()
            file = compiled.file
            framework.load(file.seed, deterministic=file.runtime.deterministic)
            self._model = build(replace(compiled, training=None), pretrained=False)
            self._model.set_weights(self.weights_)
        return self._model, self._run_spec()

    def _run_spec(self) -> Compiled:
        """The spec as trained."""
        if self.__dict__.get("_compiled") is None:
            self._compiled = compiled_of(self.resolved_)
        return self._compiled

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_model", None)
        state.pop("_compiled", None)
        return state

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "weights_")
