"""A name, or a name with its settings: the three written forms of a layer or component."""

from __future__ import annotations

from dataclasses import replace

from ..diagnostics import Fault, Path, nearest
from ..registry import Registry
from ..source import Value
from .faults import Faults
from .settings import Context, Settings
from .values import describe


def read_form(family: Registry, value: Value, context: Context) -> Settings:
    """An instance from a name, `{name: primary}` or `{name: {settings}}`. Raises `Faults` with
    paths below `value`.
    """
    name, body = split_form(family.noun, value)
    prefix: Path = () if isinstance(value, str) else (name,)
    found = family.find(name)
    if found is None:
        raise Faults([replace(unknown_name(family, name).under(*prefix), at_key=bool(prefix))])
    try:
        return found.from_body(body, context)
    except Faults as error:
        raise Faults(fault.under(*prefix) for fault in error.faults) from None


def split_form(noun: str, value: Value) -> tuple[str, Value]:
    """The name and what follows it. Raises `Faults` (MS207) where the value has none of the three
    forms.
    """
    if isinstance(value, str):
        return value, None
    if isinstance(value, dict) and len(value) == 1:
        return next(iter(value.items()))
    if (serialized := _serialized(value)) is not None:
        return serialized
    article = "an" if noun[0] in "aeiou" else "a"
    if isinstance(value, dict) and value:
        names = " and ".join(f"`{key}`" for key in list(value)[:3])
        message = f"{article} {noun} takes one name, found {names}"
        help = "indent the settings below the name, or put them in `{...}` after it"
        raise Faults([Fault("MS207", message, help=help)])
    message = f"{article} {noun} must be a name or a name with settings, found {describe(value)}"
    raise Faults([Fault("MS207", message)])


_OF_KERAS = ("keras", "builtins")
"""The packages of components; functions of Keras have `builtins`."""
_SERIALIZED = frozenset({"module", "class_name", "config", "registered_name", "build_config"})


def _serialized(value: Value) -> tuple[str, Value] | None:
    """The name and the settings in the form in which Keras serializes a component, with a
    `class_name` and a `config`; None for every other value, and for a class of another package.
    """
    if not isinstance(value, dict) or not {"class_name", "config"} <= set(value) <= _SERIALIZED:
        return None
    name, config, module = value["class_name"], value["config"], value.get("module")
    is_of_keras = module is None or str(module).partition(".")[0] in _OF_KERAS
    return (name, config) if isinstance(name, str) and is_of_keras else None


def function_as_name(value: Value) -> Value:
    """The name of a function in the form in which Keras serializes it, `{class_name: function,
    config: relu}`; all other values as they are.
    """
    found = _serialized(value)
    is_function = found is not None and found[0] == "function" and isinstance(found[1], str)
    return found[1] if found is not None and is_function else value


def unknown_name(family: Registry, name: str) -> Fault:
    """MS301 for a layer, MS206 for any other component, with the nearest known name; MS211 for one
    that is refused.
    """
    if name in family.refused:
        return Fault("MS211", f"`{name}` is not supported in a spec: {family.refused[name]}")
    if (misplaced := family.elsewhere(name)) is not None:
        return misplaced
    near = family.today(nearest(name, family.names()))
    code = "MS301" if family.noun == "layer" else "MS206"
    return Fault(
        code,
        f"unknown {family.noun} `{name}`",
        suggestion=near,
        help=(
            f"did you mean `{near}`?" if near else f"`modelspec explain {family.plural}` lists them"
        ),
    )
