"""Bare components of plugins: Keras classes without a declaration (`modelspec.register_loss`,
`modelspec.register_metric`, `modelspec.register`).

Their settings are the parameters of the constructor, which is asked of Keras in a separate process,
and cached.
"""

import copyreg
from collections.abc import Callable
from functools import cache, partial
from typing import Any, ClassVar, Final

from pydantic import create_model

from modelspec.core.diagnostics import Fault
from modelspec.core.plugins.declared import register as add
from modelspec.core.plugins.keras_answers import answer, field_of

from .plugin_component import ByKind, Component, is_taken
from .plugin_kinds import KINDS, unknown_kind
from .plugin_measures import Loss, Metric


def register_loss(path: str) -> None:
    """Adds a subclass of `keras.losses.Loss` by its import path, `package.module:Class`, to the
    plugin whose module calls this. Raises `ValueError` for a string that is not an import path.
    """
    add("loss", path, partial(bare_component, "loss"))


def register_metric(path: str) -> None:
    """Adds a subclass of `keras.metrics.Metric`, as `register_loss` does."""
    add("metric", path, partial(bare_component, "metric"))


def register(kind: str, path: str) -> None:
    """Adds a Keras class of another kind, as `register_loss` does: `activation` (also a function),
    `initializer`, `regularizer`, `constraint`, `optimizer`, `schedule` or `callback`. Raises
    `ValueError` for another kind too.
    """
    if kind not in KINDS:
        raise ValueError(f"`register` got {unknown_kind(kind)}")
    add(kind, path, partial(bare_component, kind))


class _Class(ByKind):
    """The type of the classes of bare components, which are pickled by their import path."""


def _pickled(cls: Any) -> tuple[Callable[..., Any], tuple[str, str, str]] | str:
    return (bare_component, (cls.noun, cls.keras, cls.code)) if cls.keras else str(cls.__name__)


copyreg.pickle(_Class, _pickled)


class _Bare:
    """A component whose settings are those of its Keras class."""

    passes_defaults: ClassVar[bool] = False
    noun: ClassVar[str] = ""
    code: ClassVar[str] = ""
    """The hash of the code of its plugin."""


class BareLoss(_Bare, Loss, metaclass=_Class):
    """A loss; its targets are not checked."""


class BareMetric(_Bare, Metric, metaclass=_Class):
    """A metric; its targets are not checked."""


class BareComponent(_Bare, Component, metaclass=_Class):
    """A component of another kind."""


_BASES: Final[dict[str, type[Any]]] = {"loss": BareLoss, "metric": BareMetric}
_ALWAYS: Final = ("name", "dtype")
"""Parameters whose defaults are those of modelspec."""


@cache
def bare_component(noun: str, path: str, code: str) -> type[Any]:
    """The class of the component at an import path, given the hash of its code. Raises `Fault`
    (MS852, MS855).
    """
    base = _BASES.get(noun, BareComponent)
    options = {} if noun in _BASES else {"kind": noun}
    keras_base = KINDS[noun].keras if noun in KINDS else base.keras_base()
    found = answer(noun, path, code, task="signature", base=keras_base)
    inherited = base if noun in _BASES else KINDS[noun].settings
    fields: dict[str, Any] = {}
    for one in found["parameters"]:
        if one["name"] not in inherited.model_fields:
            _need_free(noun, path, inherited, one["name"])
            fields[one["name"]] = field_of(one)
        elif one["name"] not in _ALWAYS and (one["required"] or "default" in one):
            fields[one["name"]] = (Any, ... if one["required"] else one["default"])
    cls: type[Any] = create_model(
        path.rpartition(":")[2],
        __base__=base,
        __module__=__name__,
        __doc__=found["doc"] or f"The {noun} `{path}` of a plugin.",
        __cls_kwargs__=options,
        **fields,
    )
    facts = {"noun": noun, "keras": path, "code": code}
    if "slots" in found:
        facts["means"] = found["slots"]
    for name, value in facts.items():
        setattr(cls, name, value)
    return cls


def _need_free(noun: str, path: str, base: type[Any], name: str) -> None:
    if is_taken(base, name):
        declared = {"loss": "ms.Loss", "metric": "ms.Metric"}.get(noun, "ms.Component")
        raise Fault(
            "MS852",
            f"the {noun} `{path}` has a setting `{name}`, a name that modelspec already uses",
            help=f"declare it with `{declared}`, under other names of settings",
        )
