"""What the estimators have in common: parameters, fitting on a run, predicting.

A fitted estimator holds plain values alone: the spec as it was run, what was learned from the data,
weights as arrays. So a pickle of it has no code of its own, and the model is built from the spec
when it is first asked for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from modelspec.api import Spec, load_spec
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.errors import SpecError
from modelspec.runtime.backend.process_state import own_state
from modelspec.runtime.data.errors import RunError
from modelspec.runtime.run.folder import RESOLVED

from .arguments import (
    BATCH,
    compiled_of,
    filled_up,
    mapping_of,
    refuse_several_rows,
)
from .columns import as_frame, by_name, columns_of, filled, takes_nothing

if TYPE_CHECKING:
    from modelspec.runtime.data import Prepared
    from modelspec.runtime.data.adapted_state import State

_NESTED = "overrides__"
_NO_SUCH_VARIABLE = "MS147"


class SpecEstimator(BaseEstimator):
    """What both have in common. `_default` is the spec of one that is given none."""

    _default: Mapping[str, Any]
    _counted: str
    """The variable of a spec that says how many numbers the output has."""

    def __init__(
        self,
        spec: str | PathLike[str] | Mapping[str, Any] | None = None,
        *,
        overrides: Mapping[str, Any] | None = None,
        run_dir: str | PathLike[str] | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        random_state: Any = None,
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

    def set_params(self, **params: Any) -> Any:
        """Parameters by name. `training.epochs`, `model.layers[0].Dense.units` or any other path
        into the spec sets one of the `overrides`, and may be written `overrides__training.epochs`,
        too.
        """
        nested = {
            name.removeprefix(_NESTED): params.pop(name)
            for name in list(params)
            if name.startswith(_NESTED) or "." in name
        }
        super().set_params(**params)
        if nested:
            self.overrides = {**(self.overrides or {}), **nested}
        return self

    # Fitting --------------------------------------------------------------------------------------

    def _train(self, x: Any, y: Any, weights: Any, count: int) -> None:
        """Train on what scikit-learn has checked; `x` is an array or a data frame, `count` how many
        numbers the output has.
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
                raise ValueError(f"the spec cannot be trained on these data: {error}") from error
            self._keep(run, directory)

    def _look(self, prepared: Prepared, y: Any) -> None:
        """Whether the estimator can use the data as they are prepared, before anything is trained.
        Raises `ValueError`.
        """

    def _targets(self, compiled: Compiled, y: Any) -> Any:
        """`y` as the column of the spec's target. Raises `ValueError` for an output that does not
        fit.
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
        """The spec with a whole data section, and the columns that it reads. Raises `SpecError`,
        and `ValueError` where these are not what the spec asks for.
        """
        given = self._all_overrides(count)
        spec = self._without_targets(given)
        refuse_several_rows(spec.compiled)
        outputs = tuple(spec.graph.outputs)
        if len(outputs) != 1:
            raise ValueError(f"an estimator has one output, and the spec has {len(outputs)}")
        found = filled(spec.compiled, x, self._targets(spec.compiled, y), weights)
        return load_spec(self._written, {**given, **found.more}) if found.more else spec, (
            found.columns
        )

    def _without_targets(self, given: dict[str, Any]) -> Spec:
        """The spec, which need not say what its target is: `y` is. Raises `SpecError`."""
        found = compile_spec(self._written, given)
        errors = [one for one in found.diagnostics if one.severity == "error"]
        if found.value is None or any(one.code != "MS623" for one in errors):
            raise SpecError(found.diagnostics)
        return Spec(found.value, found.diagnostics)

    def _all_overrides(self, count: int) -> dict[str, Any]:
        """The overrides, and what parameters of the estimator and the data say of the spec. Raises
        `ValueError` where two of them say different things.
        """
        found = dict(self.overrides or {})
        own = {
            "training.epochs": ("epochs", self.epochs),
            "training.batch_size": ("batch_size", self.batch_size),
            "seed": ("random_state", self._seed()),
        }
        for path, (parameter, value) in own.items():
            if value is not None and found.setdefault(path, value) != value:
                raise ValueError(
                    f"`{parameter}` is {value}, and the override `{path}` is {found[path]}: give"
                    " one of them"
                )
        counted = f"vars.{self._counted}"
        if counted not in found:
            trial = compile_spec(self._written, {counted: count})
            if not any(one.code == _NO_SUCH_VARIABLE for one in trial.diagnostics):
                found[counted] = count
        return found

    def _seed(self) -> int | None:
        """The seed that replaces the spec's; of a NumPy generator, a number that it draws."""
        given = self.random_state
        if given is None or isinstance(given, (int, np.integer)):
            return None if given is None else int(given)
        return int(given.randint(2**31 - 1))

    def _valid(self, x: Any) -> Any:
        """What scikit-learn makes of `X`; a data frame that the spec reads by its columns as it
        is.
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
            raise ValueError(f"the spec cannot take these data: {error}") from error
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
        """What the transforms learned."""
        from modelspec.runtime.data.adapted_state import State

        return None if self.state_ is None else State.of(self.state_)

    def _built(self) -> tuple[Any, Compiled]:
        """The model; after an unpickling built from the spec, and given the weights."""
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
        """The spec as it was run."""
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
