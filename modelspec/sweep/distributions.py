"""The parameters of a sweep in Optuna's terms: a distribution for each, and its values back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from modelspec.compiler.spec.sweep_section import Parameter

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution, CategoricalChoiceType

_SCALARS: Final = (str, int, float, bool, type(None))


def distribution(parameter: Parameter) -> BaseDistribution:
    """The distribution of a parameter. Imports Optuna."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if parameter.kind == "values":
        return CategoricalDistribution(choices(parameter))
    low, high, step = parameter.low, _last(parameter), parameter.step
    if parameter.kind == "integers":
        return IntDistribution(int(low), int(high), log=parameter.log, step=int(step or 1))
    logarithmic = parameter.log or parameter.kind == "log_uniform"
    steps = float(step) if step is not None else None
    return FloatDistribution(float(low), float(high), log=logarithmic, step=steps)


def _last(parameter: Parameter) -> int | float:
    """The last value of a range: `high`, or the value before it that a step reaches."""
    if parameter.step is None or (count := parameter.count) is None:
        return parameter.high
    last: int | float = parameter.point(count - 1)
    return last


def choices(parameter: Parameter) -> tuple[CategoricalChoiceType, ...]:
    """The choices of a list of values: the values, or their JSON texts, where Optuna could not
    store or distinguish them: lists and mappings; 1, 1.0 and true.
    """
    values = parameter.values
    plain = all(isinstance(one, _SCALARS) for one in values)
    if plain and all(one != other for at, one in enumerate(values) for other in values[:at]):
        return values
    return tuple(json.dumps(one, sort_keys=True, default=str) for one in values)


def value_of(parameter: Parameter, stored: Any) -> Any:
    """The value of the spec for what Optuna stores. Raises `ValueError` for a value that is not of
    the space.
    """
    if parameter.kind != "values":
        return stored
    known = choices(parameter)
    at = next(
        (at for at, one in enumerate(known) if one == stored and type(one) is type(stored)), -1
    )
    if at < 0:
        raise ValueError(f"`{stored}` is not a value of `{parameter.path}`")
    return parameter.values[at]
