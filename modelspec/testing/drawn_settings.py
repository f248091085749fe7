"""Settings of a component to test: those of the caller, and variations of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, Final

from modelspec.core.plugins.declared import KerasDeclared
from modelspec.core.plugins.guard import as_failure
from modelspec.core.settings import Context, Faults, Settings
from modelspec.errors import RunError

from .layer_calls import other_values

_SHOWN: Final = 5
"""Differences that the error shows."""
Case = Mapping[str, Any]
"""Settings by name."""
Check = Callable[[Settings, Any], Iterator[str]]
"""What is wrong with the Keras object of settings."""


def cases(cls: type[Settings], given: Sequence[Case], draws: int, seed: int) -> list[Case]:
    """The settings of the caller, or the defaults, and `draws` variations of them; each once.
    Raises `ValueError` for a class with required settings, if none are given.
    """
    required = [name for name, one in cls.model_fields.items() if one.is_required()]
    if required and not given:
        raise ValueError(
            f"`{cls.kind()}` needs examples of its settings, because it requires"
            f" {', '.join(required)}: pass `settings=[{{...}}]`"
        )
    known = [dict(one) for one in given] or [{}]
    rng = Random(seed)  # noqa: S311  # draws tests, no secrets
    varied = (_varied(rng, cls, rng.choice(known)) for _ in range(draws))
    return list({repr(sorted(one.items())): one for one in (*known, *varied)}.values())


def _varied(rng: Random, cls: type[Settings], case: Case) -> Case:
    """One or two of its own settings with other values that the declaration accepts."""
    own = [name for name in cls.model_fields if name not in cls.common]
    found = dict(case)
    for name in rng.sample(own, min(len(own), rng.randint(1, 2))):
        field = cls.model_fields[name]
        now = found.get(name, None if field.is_required() else field.default)
        others = [
            one for one in other_values(field.annotation, now) if _fits(cls, {**found, name: one})
        ]
        if others:
            found[name] = rng.choice(others)
    return found


def _fits(cls: type[Settings], case: Case) -> bool:
    try:
        cls.build(case, Context())
    except Faults:
        return False
    return True


def compare(cls: type[Settings], known: Sequence[Case], check: Check) -> None:
    """Calls `check` with the settings and the Keras object of each case. Raises `AssertionError`
    with the differences.
    """
    from modelspec.runtime.backend.process_state import import_keras, own_state

    differences = []
    with own_state():
        import_keras()
        for case in known:
            found = [*_differences(cls, case, check)]
            if found:
                written = ", ".join(f"{name}={value!r}" for name, value in case.items())
                differences.append("\n".join((f"{cls.kind()}({written})", *found)))
    if differences:
        shown = "\n\n".join(differences[:_SHOWN])
        raise AssertionError(
            f"`{cls.kind()}` differs from its Keras class for {len(differences)} of {len(known)}"
            f" settings:\n\n{shown}"
        )


def _differences(cls: type[Settings], case: Case, check: Check) -> Iterator[str]:
    try:
        settings = cls.build(case, Context())
    except Faults as error:
        yield f"refused: {error.faults[0].code}: {error.faults[0].message}"
        return
    try:
        made = keras_object(settings)
        yield from _saved(settings, made)
        yield from check(settings, made)
    except RunError as error:
        yield str(error.diagnostics[0].message)
    except Exception as error:  # noqa: BLE001  # a plugin may raise anything
        yield f"it {as_failure(error).what}"


def keras_object(settings: Settings, **extra: Any) -> Any:
    """The Keras object of settings. Raises `RunError` (MS856)."""
    from modelspec.runtime.backend.convert import to_keras

    return to_keras(settings, **extra)


def _saved(settings: Settings, made: Any) -> Iterator[str]:
    """What is lost when the object is saved: Keras writes `get_config`, and reads it with
    `from_config`.
    """
    if not isinstance(settings, KerasDeclared) or _is_unsaved(made):
        return
    if not hasattr(made, "get_config"):
        yield "saved models need `get_config`, which its Keras class does not have"
        return
    config = made.get_config()
    for name in type(settings).model_fields:
        if name not in settings.common and name not in config:
            yield f"`get_config` does not contain `{name}`: it is lost in saved models"
    again = type(made).from_config(dict(config)).get_config()
    if repr(again) != repr(config):
        yield f"`from_config(get_config())` gives other settings: {again!r}, not {config!r}"


def _is_unsaved(made: Any) -> bool:
    """Whether Keras saves no configuration: of a callback, and of a function, which it finds by its
    name.
    """
    import keras

    return isinstance(made, keras.callbacks.Callback) or inspect.isfunction(made)
