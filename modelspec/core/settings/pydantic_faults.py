"""Translates the findings of pydantic: one `Fault` for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ..diagnostics import MOST, Fault, Path, did_you_mean, nearest, nearest_unused
from .faults import Faults, Unfit
from .values import describe

if TYPE_CHECKING:
    from .settings import Settings

_EXPECTED = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "int_parsing": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "`true` or `false`",
    "bool_parsing": "`true` or `false`",
    "string_type": "a string",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
}
_LISTS = ("tuple_type", "list_type")
_LENGTHS = {
    "string_too_short": ("min_length", "at least"),
    "string_too_long": ("max_length", "at most"),
}
_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on"), "true"),
    **dict.fromkeys(("false", "no", "off"), "false"),
}
_BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def translate(
    cls: type[Settings], values: Mapping[str, Any], error: ValidationError
) -> list[Fault]:
    """One `Fault` for each finding; a setting that was misspelt is not also reported as missing."""
    kind = cls.kind()
    errors = error.errors(include_url=False)
    missing = [str(item["loc"][0]) for item in errors if _is_own(item, "missing")]
    faults: list[Fault] = []
    for item in errors[:MOST]:
        if item["type"] == "too_short" and item["input"]:
            continue  # counted without the invalid entries
        if _is_own(item, "extra_forbidden"):
            fault = _unknown_setting(cls, str(item["loc"][0]), values, missing)
            if fault.suggestion in missing:
                missing.remove(fault.suggestion)
            faults.append(fault)
        elif not _is_own(item, "missing"):
            faults.extend(_translate_one(kind, item))
    if missing:
        faults.append(_missing(kind, missing))
    return faults


def _is_own(item: Any, type_: str) -> bool:
    """Whether the finding is about a setting of the class itself, not a value inside one."""
    return item["type"] == type_ and len(item["loc"]) == 1


def _unknown_setting(
    cls: type[Settings], name: str, values: Mapping[str, Any], missing: list[str]
) -> Fault:
    every = (*cls.model_fields, *cls.reserved)
    near = nearest(name, missing) or nearest_unused(name, every, values)
    return Fault(
        cls.unknown_code,
        f"`{cls.kind()}` has no {cls.field_noun} `{name}`",
        (name,),
        at_key=True,
        suggestion=near,
        help=did_you_mean(near, _known(cls)),
    )


@lru_cache(maxsize=64)
def _known(cls: type[Settings]) -> str:
    """The settings of a class, the common ones last."""
    fields = sorted(cls.model_fields, key=lambda field: field in cls.common)
    return f"its {cls.field_noun}s are {', '.join(f'`{field}`' for field in fields)}"


def _missing(kind: str, missing: list[str]) -> Fault:
    names = " and ".join(f"`{name}`" for name in missing)
    example = ", ".join(f"{name}: ..." for name in missing)
    return Fault(
        "MS203", f"`{kind}` needs {names}", help=f"write `{kind}: {{{example}}}`", at_key=True
    )


def _translate_one(kind: str, item: Any) -> list[Fault]:
    """The faults of one setting, from a validator of this package or a rule of pydantic."""
    path: Path = tuple(item["loc"])
    cause = item.get("ctx", {}).get("error")
    if isinstance(cause, Faults):
        return [fault.under(*path) for fault in cause.faults]
    if isinstance(cause, Fault):
        return [cause.under(*path)]
    name = ".".join(str(step) for step in path if not isinstance(step, int))
    subject = f"`{name}` of `{kind}`" if name else f"`{kind}`"
    if isinstance(cause, Unfit):
        return [_unfit(subject, cause, item["input"], path)]
    return [_against_a_rule(subject, item, path)]


def _unfit(subject: str, cause: Unfit, value: Any, path: Path) -> Fault:
    return Fault(
        cause.code,
        f"{subject} must be {cause.expected}, found {describe(value)}",
        (*path, *cause.path),
        help=cause.help,
        suggestion=cause.suggestion,
    )


def _against_a_rule(subject: str, item: Any, path: Path) -> Fault:
    """A bound, a closed list, a missing value or a type."""
    if item["type"] in _BOUNDS:
        bound, words = _BOUNDS[item["type"]]
        found = describe(item["input"])
        message = f"{subject} must be {words} {item['ctx'][bound]}, found {found}"
        return Fault("MS205", message, path)
    if item["type"] == "literal_error":
        return _not_a_choice(subject, item, path)
    if item["type"] == "too_short":
        least = item["ctx"]["min_length"]
        entries = "1 entry" if least == 1 else f"{least} entries"
        message = f"{subject} needs at least {entries}, found {describe(item['input'])}"
        return Fault("MS205", message, path)
    if item["type"] in _LENGTHS:
        bound, words = _LENGTHS[item["type"]]
        count = item["ctx"][bound]
        characters = "1 character" if count == 1 else f"{count:,} characters"
        message = f"{subject} must have {words} {characters}, found {len(item['input']):,}"
        return Fault("MS205", message, path)
    if item["type"] == "missing":
        return Fault("MS203", f"{subject} is missing", path[:-1], at_key=True)
    return _of_another_type(subject, item, path)


def _of_another_type(subject: str, item: Any, path: Path) -> Fault:
    expected = _EXPECTED.get(item["type"])
    message = f"{subject}: {item['msg']}"
    if expected:
        message = f"{subject} must be {expected}, found {describe(item['input'])}"
    meant = _without_quotes(item["input"], item["type"])
    help = None
    if item["type"] in _LISTS and type(item["input"]) in (str, int, float):
        text = item["input"]
        quoted = isinstance(text, str) and not text.isidentifier()
        help = f"write `[{json.dumps(text, ensure_ascii=False) if quoted else text}]`"
    if meant:
        help = (
            f"write `{meant}`" if _is_boolean(item["type"]) else f"write `{meant}` without quotes"
        )
    return Fault("MS204", message, path, help=help, suggestion=meant)


def _not_a_choice(subject: str, item: Any, path: Path) -> Fault:
    expected = item["ctx"]["expected"].replace(" or ", ", ")
    choices = [part.strip().strip("'") for part in expected.split(",")]
    value = item["input"]
    near = nearest(value, choices) if isinstance(value, str) else None
    *first, last = (f"`{choice}`" for choice in choices)
    shown = f"{', '.join(first)} or {last}" if first else last
    return Fault(
        "MS205",
        f"{subject} must be {shown}, found {describe(value)}",
        path,
        suggestion=near,
        help=did_you_mean(near),
    )


def _is_boolean(error_type: str) -> bool:
    return error_type.startswith("bool")


def _without_quotes(value: Any, error_type: str) -> str | None:
    """A string without its quotes (`"64"`, `"true"`, `yes`), where that has the right type."""
    if not isinstance(value, str):
        return None
    word = value.strip()
    if _is_boolean(error_type):
        return _BOOLEANS.get(word.lower())
    try:
        number = float(word)
    except ValueError:
        return None
    if error_type.startswith("int") and not number.is_integer():
        return None
    return word
