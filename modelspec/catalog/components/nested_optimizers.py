"""Optimizers that wrap others: LossScaleOptimizer, and MultiOptimizer with its OptimizerMap."""

import re
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo

from modelspec.core.diagnostics import Fault
from modelspec.core.registry import Registry
from modelspec.core.settings import Faults, Settings, Unfit, context_of, read_form
from modelspec.core.source import Value

from . import OPTIMIZERS
from .optimizer import Gradient, Optimizer, pattern
from .setting_types import Count, Name, Positive

_NESTED = ("LossScaleOptimizer", "MultiOptimizer")


def _named(value: Value) -> str | None:
    return (
        value
        if isinstance(value, str)
        else next(iter(value), None)
        if isinstance(value, dict)
        else None
    )


def _plain_optimizer(value: Any, info: ValidationInfo) -> Settings:
    """An optimizer without inner optimizers: Keras does not accept nested ones in a map, and
    scaling the loss twice is useless.
    """
    name = type(value).__name__ if isinstance(value, Settings) else _named(value)
    found = OPTIMIZERS.find(name) if name else None
    if found is not None and found.kind() in _NESTED:
        raise Faults(
            [
                Fault(
                    "MS208",
                    f"`{found.kind()}` cannot be used inside another optimizer",
                    (name,) if isinstance(value, dict) and name else (),
                    at_key=True,
                    help="use an optimizer without inner optimizers, e.g. `Adam`",
                )
            ]
        )
    if isinstance(value, Gradient):
        return value
    return read_form(OPTIMIZERS, value, context_of(info))


PlainOptimizer = Annotated[Any, PlainValidator(_plain_optimizer, json_schema_input_type=Any)]


class LossScaleOptimizer(Optimizer):
    """Scales the loss for training in float16: increases the scale while gradients are finite and
    decreases it when they are not.

    ```yaml
    optimizer: {LossScaleOptimizer: {inner_optimizer: {Adam: 0.001}, initial_scale: 1024}}
    ```

    Micikevicius et al., 2017: https://arxiv.org/abs/1710.03740
    """

    scales_gradients = True

    inner_optimizer: PlainOptimizer
    initial_scale: Positive = 32768.0
    dynamic_growth_steps: Count = 2000
    """The number of steps with finite gradients after which the scale is doubled."""
    name: Name = None

    @property
    def gradients(self) -> tuple[Gradient, ...]:
        found: tuple[Gradient, ...] = self.inner_optimizer.gradients
        return found

    @classmethod
    def primary_family(cls) -> Registry | None:
        return OPTIMIZERS


def _by_path(value: Any, info: ValidationInfo) -> dict[str, Settings] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise Unfit("a mapping from paths of variables to optimizers")
    found, faults = {}, []
    for path, optimizer in value.items():
        try:
            pattern(path)
            found[path] = _plain_optimizer(optimizer, info)
        except Unfit as unfit:
            faults.append(
                Fault(
                    unfit.code,
                    f"`{path}` must be {unfit.expected}",
                    (path,),
                    help=unfit.help,
                    at_key=True,
                )
            )
        except Faults as error:
            faults.extend(fault.under(path) for fault in error.faults)
    if faults:
        raise Faults(faults)
    return found


class OptimizerMap(Optimizer):
    """Assigns optimizers to weights by the path of the variable: an exact path, or a regular
    expression.

    ```yaml
    optimizer_map: {default_optimizer: adam, optimizer_map: {"embedding/.*": {SGD: 0.1}}}
    ```
    """

    default_optimizer: PlainOptimizer
    optimizer_map: Annotated[
        dict[str, Any] | None,
        PlainValidator(_by_path, json_schema_input_type=dict[str, Any] | None),
    ] = None

    def assigned(self, path: str) -> tuple[str, ...]:
        """The keys of the map that apply to a weight of this path, as in Keras: the path itself, or
        every expression that matches all of it.
        """
        patterns: dict[str, Any] = self.optimizer_map or {}
        if path in patterns:
            return (path,)
        return tuple(one for one in patterns if re.fullmatch(one, path))

    @property
    def gradients(self) -> tuple[Gradient, ...]:
        held = (self.default_optimizer, *(self.optimizer_map or {}).values())
        return tuple(one for optimizer in held for one in optimizer.gradients)


def _map(value: Any, info: ValidationInfo) -> OptimizerMap:
    if isinstance(value, OptimizerMap):
        return value
    if not isinstance(value, dict):
        raise Unfit("a mapping with `default_optimizer` and `optimizer_map`")
    if tuple(value) != (OptimizerMap.kind(),):
        return OptimizerMap.from_body(value, context_of(info))
    try:
        return OptimizerMap.from_body(value[OptimizerMap.kind()], context_of(info))
    except Faults as error:
        raise Faults(fault.under(OptimizerMap.kind()) for fault in error.faults) from None


class MultiOptimizer(Optimizer):
    """Trains some weights with one optimizer and others with another.

    ```yaml
    optimizer:
      MultiOptimizer:
        optimizer_map: {default_optimizer: adam, optimizer_map: {"embedding/.*": {SGD: 0.1}}}
    ```
    """

    optimizer_map: Annotated[Any, PlainValidator(_map, json_schema_input_type=dict[str, Any])]
    loss_scale_factor: Positive | None = None
    name: Name = None

    @property
    def by_path(self) -> OptimizerMap:
        found: OptimizerMap = self.optimizer_map
        return found

    @property
    def gradients(self) -> tuple[Gradient, ...]:
        return self.by_path.gradients
