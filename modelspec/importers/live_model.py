"""Converts a live Keras model to the configuration that model files contain."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from modelspec.core.diagnostics import Checked, Diagnostic
from modelspec.core.quiet_warnings import ignoring

from .architecture import NotAModel, Unreadable
from .import_model import import_model
from .json_text import value_of
from .live_settings import completed, jit_of

LOST = "MS747"
EPSILON = 1e-7
"""The epsilon of models trained by modelspec, independent of `keras.json`."""
_PACKAGES = ("keras", "tf_keras", "tensorflow")
_BUILT = "build it first: `model.build((None, 4))`, or start it with `keras.Input((4,))`"
_FUNCTIONAL = (
    "build the same layers as `keras.Model(inputs, outputs)`; weights are copied by"
    " `set_weights(model.get_weights())`"
)


def imported(model: Any) -> Checked[dict[str, Any] | None]:
    """The spec of a live model, with a warning for each part that a spec does not support."""
    try:
        live = described(model)
    except Unreadable as error:
        return Checked(None, (Diagnostic(error.code, "error", str(error), None, (), error.help),))
    found = import_model(live.value, live.training)
    if found.value is None:
        return Checked(None, found.diagnostics)
    spec = dict(found.value.spec)
    if live.jit is not None:
        spec["runtime"] = {"jit": live.jit}
    return Checked(spec, (*found.diagnostics, *live.lost))


def same_size(model: Any, parameters: int | None) -> Diagnostic | None:
    """The fault if a spec has more or fewer parameters than its model."""
    if parameters is None or not model.built or parameters == model.count_params():
        return None
    return Diagnostic(
        Unreadable.code,
        "error",
        f"the model has {model.count_params():,} parameters, but its configuration has"
        f" {parameters:,}: a layer is shared between models, which Keras does not save",
        None,
        (),
        "call the shared layers in one model",
    )


class _NoModel(NotAModel):
    """The argument is not a model, or it has no input or no layers yet."""

    code = "MS746"


@dataclass(frozen=True)
class Described:
    """The description of a live model."""

    value: Any
    """Its configuration."""
    training: Any
    """Its compile settings; None if it was not compiled."""
    jit: bool | None
    """Whether XLA compiles its steps, if that differs from `auto`."""
    lost: tuple[Diagnostic, ...]
    """Warnings about parts that a spec does not support."""


def described(model: Any) -> Described:
    """The description of a live model. Raises `Unreadable` for an unsupported model."""
    _check_kind(model)
    _check_built(model)
    try:
        with ignoring(UserWarning):  # the Keras warning about lambdas: they are rejected by name
            value = value_of(model.to_json())
    except Unreadable:
        raise
    except Exception as error:  # noqa: BLE001  # the author's `get_config` may raise anything
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise Unreadable(f"the model cannot be described: {reason}", _FUNCTIONAL) from None
    training = value.get("compile_config") if isinstance(value, dict) else None
    value = completed(value, model)
    compiled = getattr(getattr(model, "_compile_config", None), "config", None)
    return Described(
        value, completed(training, compiled), jit_of(model), tuple(_lost(model, value, training))
    )


def _check_kind(model: Any) -> None:
    """Raises `Unreadable` if it is not a Keras model with a full configuration."""
    if _is_model(type(model)):
        kind = type(model)
        if kind.__module__.partition(".")[0] in _PACKAGES and callable(model.to_json):
            return
        raise Unreadable(
            f"`{kind.__name__}` is a subclass of `keras.Model`: what its methods compute is Python"
            " code, which a spec cannot contain",
            _FUNCTIONAL,
        )
    found, help = _found(model)
    raise _NoModel(f"expected a Keras model, found {found}", help)


def _is_model(kind: type) -> bool:
    """Whether a class is a Keras model, checked without loading Keras."""
    return any(
        one.__name__ == "Model" and one.__module__.partition(".")[0] in _PACKAGES
        for one in kind.__mro__
    )


def _found(model: Any) -> tuple[str, str | None]:
    """The description of an argument that is not a model, and the fix."""
    if model is None:
        return "`None`", "the function that creates the model may lack a `return`"
    if isinstance(model, type):
        help = "pass an instance of that class" if _is_model(model) else None
        return f"the class `{model.__name__}`", help
    if isinstance(model, (str, bytes)) or hasattr(model, "__fspath__"):
        return (
            f"a path or text ({str(model)[:60]!r})",
            "load it first: `keras.models.load_model(path)`; or `modelspec import FILE`",
        )
    if any(one.__name__ == "Layer" for one in type(model).__mro__):
        return (
            f"the layer `{type(model).__name__}`",
            "wrap it in a model: `keras.Sequential([keras.Input((4,)), layer])`",
        )
    name = f"{type(model).__module__}.{type(model).__qualname__}".removeprefix("builtins.")
    help = None
    if name == "modelspec.api.Spec":
        help = "it is already a spec"
    elif _is_model(type(getattr(model, "model", None))):
        help = f"pass its model: `{type(model).__name__}.model`"
    return f"an object of class `{name}`", help


def _check_built(model: Any) -> None:
    """Raises `Unreadable` for a Sequential without layers or without a known input."""
    if type(model).__name__ != "Sequential":
        return
    if not model.layers:
        raise _NoModel("the Sequential has no layers", "add a layer")
    if not model.built:
        raise _NoModel("the Sequential is not built, so its input has no shape", _BUILT)


def _lost(model: Any, value: Any, training: Any) -> list[Diagnostic]:
    """Warnings about parts of the model that a spec does not support."""
    found = []
    for ends, what in ((_ends(value, "output"), "outputs"), (_ends(value, "input"), "inputs")):
        if _is_nested(ends):
            found.append(
                _warning(
                    f"the model's {what} are nested lists or mappings: a spec has a single mapping",
                    f"`spec.graph.{what}` contains their names",
                )
            )
    if getattr(model, "compiled", False) and not training:
        found.append(
            _warning(
                "the compile settings are not imported: the model does not describe its loss or"
                " metrics",
                "write `training` by hand",
            )
        )
    found.extend(_of_process(model))
    adapted = sorted(_statistics(model))
    if adapted:
        names = ", ".join(f"`{name}`" for name in adapted)
        found.append(
            _warning(
                f"the statistics that {names} learned in `adapt` are weights, but `set_weights`"
                " has no effect on them",
                "copy weights by `model.save_weights(file)` and `spec.build().load_weights(file)`",
            )
        )
    return found


def _of_process(model: Any) -> Iterator[Diagnostic]:
    """Warnings about global settings that affect the model."""
    config = getattr(sys.modules.get("keras"), "config", None)
    if config is None or not getattr(model, "compiled", False):
        return
    if (epsilon := config.epsilon()) != EPSILON:
        yield _warning(
            f"losses in this process use the epsilon {epsilon:g}, but those of a spec {EPSILON:g}",
            f"`keras.config.set_epsilon({EPSILON:g})`",
        )
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    kept = getattr(optimizer, "_exclude_from_weight_decay_pattern", None)
    if kept or getattr(optimizer, "_exclude_from_weight_decay", None):
        yield _warning(
            "the optimizer's `exclude_from_weight_decay` is not imported: the weight decay of a"
            " spec applies to all weights",
            "call it on `spec.build().optimizer`",
        )


def _warning(message: str, help: str) -> Diagnostic:
    return Diagnostic(LOST, "warning", message, None, (), help)


def _ends(value: Any, which: str) -> Any:
    config = value.get("config") if isinstance(value, dict) else None
    return config.get(f"{which}_layers") if isinstance(config, dict) else None


def _is_nested(ends: Any) -> bool:
    """Whether the list or mapping of tensors contains lists or mappings of tensors."""
    items = list(ends.values()) if isinstance(ends, dict) else ends
    if not isinstance(items, list) or _is_tensor(items):
        return False
    return not all(map(_is_tensor, items))


def _is_tensor(value: Any) -> bool:
    """Whether it is a tensor's `[layer, call, output]`."""
    return isinstance(value, list) and len(value) == 3 and isinstance(value[0], str)


def _statistics(model: Any) -> set[str]:
    """The layers whose statistics `adapt` learned."""
    return {
        one.name
        for one in model._flatten_layers()
        if hasattr(one, "adapt_mean") and getattr(one, "input_mean", None) is None
    }
