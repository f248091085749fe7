"""The shortest form of settings of layers and components: without defaults, each value in its
shortest form.

Two forms are equivalent if reading both gives equal settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelspec.catalog.components import (
    INITIALIZERS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    REGULARIZERS,
    SCHEDULES,
)
from modelspec.catalog.layers import LAYERS
from modelspec.core.registry import Registry, snake_case
from modelspec.core.settings import Context, Faults, Settings, read_form

from .value_forms import same_in_float32

_SCALED = {
    (1.0, "fan_avg", "uniform"): "GlorotUniform",
    (1.0, "fan_avg", "truncated_normal"): "GlorotNormal",
    (2.0, "fan_in", "uniform"): "HeUniform",
    (2.0, "fan_in", "truncated_normal"): "HeNormal",
    (1.0, "fan_in", "uniform"): "LecunUniform",
    (1.0, "fan_in", "truncated_normal"): "LecunNormal",
}
"""The Keras name of a `VarianceScaling` with this scale, mode and distribution."""


_LONG = 17
"""Characters of a float that was calculated: 0.07500000000000001, 1/255."""


def short_training(section: dict[str, Any]) -> dict[str, Any]:
    """The section `training`, each component in its short form."""
    shortener = Shortener(Context())
    families = {
        "optimizer": OPTIMIZERS,
        "loss": LOSSES,
        "metrics": METRICS,
        "weighted_metrics": METRICS,
    }
    found = {
        key: shortener.components(families[key], value) if key in families else value
        for key, value in section.items()
    }
    order = ("loss", "optimizer", "metrics")
    return {**{key: found[key] for key in order if key in found}, **found}


class Shortener:
    """Shortens settings that are read in one context."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def components(self, family: Registry, value: Any) -> Any:
        """A component, a list of them, or either by output."""
        if isinstance(value, list):
            return [self.components(family, one) for one in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((kind, body),) = value.items()
            if kind in family and isinstance(body, dict):
                return self._component(family, kind, body)
        return {key: self.components(family, one) for key, one in value.items()}

    def layer(self, kind: str, body: Mapping[str, Any]) -> Any:
        """A layer in its shortest form."""
        return self.short(LAYERS, kind, self.settings(LAYERS, kind, body))

    def settings(self, family: Registry, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Settings without those that have no effect; settings with errors are unchanged."""
        found = {key: self._value(value) for key, value in given.items()}
        if found.get("dtype") != "float64":
            found = {key: without_rounding(value) for key, value in found.items()}
        whole = self._read(family, kind, found)
        if whole is None:
            return found
        for key in list(found):
            without = {name: value for name, value in found.items() if name != key}
            less = self._read(family, kind, without)
            if less is not None and _is_default(key, found[key], whole, less):
                found, whole = without, less
        for key in filter(lambda key: _is_uniform(found[key]), list(found)):
            shorter = {**found, key: found[key][0]}
            if self._read(family, kind, shorter) == whole:
                found = shorter
        return {key: found[key] for key in type(whole).model_fields if key in found}

    def short(self, family: Registry, kind: str, own: dict[str, Any]) -> Any:
        """A name, a name and its primary setting, or a name and its settings."""
        if not own:
            return kind
        primary = primary_of(family, kind)
        if primary is None or set(own) != {primary}:
            return {kind: own}
        value = own[primary]
        if isinstance(value, str) and value.startswith("$"):
            return {kind: value}
        if isinstance(value, bool):
            return {kind: own}
        whole = self._read(family, kind, own)
        is_same = whole is not None and self._read_form(family, {kind: value}) == whole
        return {kind: value if is_same else own}

    def _value(self, value: Any) -> Any:
        """A component in its short form, or a layer in a wrapper."""
        if isinstance(value, list):
            return [self._value(one) for one in value]
        if not isinstance(value, dict) or len(value) != 1:
            return value
        ((kind, body),) = value.items()
        if not isinstance(body, dict):
            return value
        if kind in LAYERS:
            return self.layer(kind, body)
        for family in (INITIALIZERS, REGULARIZERS, OPTIMIZERS, SCHEDULES):
            if kind in family:
                return self._component(family, kind, body)
        return value

    def _component(self, family: Registry, kind: str, body: dict[str, Any]) -> Any:
        kind, body = _named_scaling(kind, body)
        short = self.short(family, kind, self.settings(family, kind, body))
        if not isinstance(short, str):
            return short
        alias = snake_case(short)
        return alias if family.aliases.get(alias) == short else short

    def _read(self, family: Registry, kind: str, given: Mapping[str, Any]) -> Settings | None:
        return self._read_form(family, {kind: dict(given)})

    def _read_form(self, family: Registry, value: Any) -> Settings | None:
        try:
            return read_form(family, _tuples(value), self.context)
        except Faults:
            return None


def without_rounding(value: Any) -> Any:
    """The value with 0.075 for 0.07500000000000001, and 0.003921569 for 1/255: a float with many
    digits as the shortest one that is the same in float32.
    """
    if isinstance(value, list):
        return [without_rounding(one) for one in value]
    if not isinstance(value, float) or len(repr(value)) < _LONG:
        return value
    return same_in_float32(value)


def primary_of(family: Registry, kind: str) -> str | None:
    """The setting that may be written directly after the name of a kind."""
    found = family.find(kind)
    return found.primary() if found is not None else None


def _tuples(value: Any) -> Any:
    """The value as parsed from a file: lists as tuples."""
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, (list, tuple)) else value


def _is_uniform(value: Any) -> bool:
    """Whether a list repeats one value: `[3, 3]`, which may be written as `3`."""
    return isinstance(value, list) and bool(value) and all(one == value[0] for one in value)


def _is_default(key: str, value: Any, whole: Settings, less: Settings) -> bool:
    """Whether a setting has no effect: `less` are the settings without it."""
    return less == whole or _is_same_component(key, value, getattr(less, key))


def _is_same_component(key: str, value: Any, default: Any) -> bool:
    """Whether a component is the default under another name."""
    if key.endswith("activation"):
        return value == "linear" and default is None
    if not key.endswith("initializer") or not isinstance(value, str):
        return False
    names = INITIALIZERS.aliases
    return isinstance(default, str) and names.get(value, value) == names.get(default, default)


def _named_scaling(kind: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A `VarianceScaling` as the named Keras initializer; others unchanged."""
    if kind != "VarianceScaling" or body.get("seed"):
        return kind, body
    defaults = {"scale": 1.0, "mode": "fan_in", "distribution": "truncated_normal", "seed": None}
    if not set(body) <= set(defaults):
        return kind, body
    scale, mode, distribution, _ = {**defaults, **body}.values()
    for meaning, name in _SCALED.items():
        if meaning == (scale, mode, distribution):
            return name, {}
    return kind, body
