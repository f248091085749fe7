"""What the estimators have in common: parameters, fitting on a run, predicting.

A fitted estimator holds plain values alone: the spec as it was run, what was learned from the data,
weights as arrays. So a pickle of it has no code of its own, and the model is built from the spec
when it is first asked for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from modelspec.api import Spec, load_spec
from modelspec.compiler.pipeline import Compiled
from modelspec.runtime.data.errors import RunError
from modelspec.runtime.run.folder import RESOLVED

from .arguments import (
    BATCH,
    COLUMN,
    columns_named,
    compiled_of,
    feature_of,
    filled_up,
    mapping_of,
    targets_of,
)

_Y, _WEIGHT = "y", "sample_weight"
_NESTED = "overrides__"


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
        """Train on prepared columns; `x` is an array or a data frame, `count` how many numbers the
        output has.
        """
        spec = self._checked(x, count, weighted=weights is not None)
        columns = self._columns(x)
        columns[_Y] = targets_of(spec, y)
        if weights is not None:
            columns[_WEIGHT] = weights
        with tempfile.TemporaryDirectory(prefix="modelspec-") as folder:
            directory = (
                Path(fspath(self.run_dir)) if self.run_dir is not None else Path(folder) / "run"
            )
            try:
                run = spec.train(directory, data=columns)
            except RunError as error:
                raise ValueError(f"the spec cannot be trained on these data: {error}") from error
            self._keep(run, directory)

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
    def _source(self) -> Any:
        """The spec, as a path or a mapping."""
        return self._default if self.spec is None else self.spec

    def _checked(self, x: Any, count: int, *, weighted: bool) -> Spec:
        """The spec, its data section about what `fit` was given. Raises `SpecError`."""
        given = self._all_overrides(count)
        source = self._source if isinstance(self._source, Mapping) else fspath(self._source)
        data = self._data(load_spec(source, given), x, weighted)
        rest = {path: value for path, value in given.items() if not path.startswith("data")}
        return load_spec(source, {**rest, "data": data})

    def _all_overrides(self, count: int) -> dict[str, Any]:
        """The overrides, and what parameters of the estimator and the data say of the spec."""
        found = dict(self.overrides or {})
        if self._counted in (mapping_of(self._source).get("vars") or {}):
            found.setdefault(f"vars.{self._counted}", count)
        own = {
            "training.epochs": self.epochs,
            "training.batch_size": self.batch_size,
            "seed": self._seed(),
        }
        found.update({path: value for path, value in own.items() if value is not None})
        return found

    def _data(self, spec: Spec, x: Any, weighted: bool) -> dict[str, Any]:
        """The data section for what `fit` was given."""
        outputs = tuple(spec.graph.outputs)
        if len(outputs) != 1:
            raise ValueError(f"an estimator has one output, and the spec has {len(outputs)}")
        data: dict[str, Any] = {
            "source": {"npz": "data.npz"},
            "inputs": self._inputs(spec, tuple(spec.graph.inputs), x),
            "targets": {outputs[0]: {"column": _Y}},
        }
        split = spec.compiled.data.split if spec.compiled.data is not None else None
        if split is not None and split.validation:
            data["split"] = {"validation": split.validation}
        if weighted:
            data["weights"] = _WEIGHT
        return data

    def _inputs(self, spec: Spec, names: tuple[str, ...], x: Any) -> dict[str, Any]:
        """What feeds each input: columns of a data frame as the spec has them, else all of `X` as
        one.
        """
        features = (spec.compiled.data.inputs if spec.compiled.data is not None else None) or {}
        if hasattr(x, "columns"):
            return {name: feature_of(one) for name, one in features.items()}
        if len(names) != 1:
            raise ValueError(
                f"the model has {len(names)} inputs: give a data frame, and a spec whose"
                " `data.inputs` says which columns feed which"
            )
        rest = feature_of(features[names[0]]) if names[0] in features else {}
        return {
            names[0]: {
                **{key: value for key, value in rest.items() if key not in ("column", "columns")},
                "column": COLUMN,
            }
        }

    def _seed(self) -> int | None:
        """The seed that replaces the spec's; of a NumPy generator, a number that it draws."""
        given = self.random_state
        if given is None or isinstance(given, (int, np.integer)):
            return None if given is None else int(given)
        return int(given.randint(2**31 - 1))

    def _frame(self, x: Any) -> bool:
        """Whether `x` is a data frame whose columns the spec names."""
        if not (hasattr(x, "iloc") and hasattr(x, "columns")):
            return False
        inputs = (mapping_of(self._source).get("data") or {}).get("inputs")
        named = columns_named(inputs) - {COLUMN}
        return bool(named) and named <= {str(column) for column in x.columns}

    def _columns(self, x: Any) -> dict[str, Any]:
        if not hasattr(x, "columns"):
            return {COLUMN: x}
        from modelspec.runtime.data.python_objects import table_from

        table = table_from(x)
        return {name: table.column(name) for name in table.names}

    def _valid(self, x: Any, *, reset: bool, **options: Any) -> Any:
        """What scikit-learn makes of `X` (and `y`); a data frame that the spec reads by its columns
        as it is.
        """
        if not self._frame(x):
            return validate_data(self, x, reset=reset, **options)
        validate_data(self, x, reset=reset, skip_check_array=True)
        return x

    # Predicting -----------------------------------------------------------------------------------

    def _predicted(self, x: Any) -> np.ndarray[Any, Any]:
        """The output for every row, in float64."""
        check_is_fitted(self, "weights_")
        given = self._valid(x, reset=False)
        from modelspec.runtime.data import prepare_source
        from modelspec.runtime.data.adapted_state import State
        from modelspec.runtime.data.python_objects import table_from

        model, compiled = self._built()
        state = None if self.state_ is None else State.of(self.state_)
        try:
            examples, _ = prepare_source(
                compiled, table_from(self._columns(given)), with_targets=False, state=state
            )
        except RunError as error:
            raise ValueError(f"the spec cannot take these data: {error}") from error
        inputs = {name: filled_up(values) for name, values in examples.inputs.items()}
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

    def _built(self) -> tuple[Any, Compiled]:
        """The model; after an unpickling built from the spec, and given the weights."""
        if self.__dict__.get("_model") is None:
            from dataclasses import replace

            from modelspec.runtime.backend import build
            from modelspec.runtime.run import framework

            self._compiled = compiled_of(self.resolved_)
            file = self._compiled.file
            framework.load(file.seed, deterministic=file.runtime.deterministic)
            self._model = build(replace(self._compiled, training=None), pretrained=False)
            self._model.set_weights(self.weights_)
        return self._model, self._compiled

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_model", None)
        state.pop("_compiled", None)
        return state

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "weights_")
