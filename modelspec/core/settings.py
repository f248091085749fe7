"""Settings: how "a name, or a name with its settings" becomes a checked value, and how pydantic's
findings are said.

Every layer and every component (initializer, optimizer, loss, ...) is a frozen, strict pydantic
class whose fields are Keras's constructor parameters with Keras's defaults. `read_form` reads the
three written forms; a value that is not right raises `Faults`, each with its path below the value
that was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path as FilePath
from typing import Any, ClassVar, NoReturn, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo

from .diagnostics import Fault, Path, nearest
from .registry import Registry
from .source import Value

S = TypeVar("S", bound="Settings")


@dataclass(frozen=True)
class Context:
    """What settings that were not written follow from."""

    image_data_format: str = "channels_last"
    precision: str = "float32"
    """The dtype policy of every layer that names none."""
    folder: FilePath | None = None
    """The folder that paths in the spec are relative to."""
    project: FilePath | None = None
    """The folder that no path in the spec may leave."""


class Faults(ValueError):
    """Every fault of one value, together."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(fault.message for fault in self.faults))


class Unfit(ValueError):
    """Raised by a validator of one setting: what the value must be. `settings` completes the
    sentence.

    `path` leads to the item at fault of a value that is a list.
    """

    def __init__(
        self,
        expected: str,
        *,
        help: str | None = None,
        suggestion: str | None = None,
        code: str = "MS204",
        path: Path = (),
    ) -> None:
        super().__init__(expected)
        self.expected = expected
        self.path = path
        self.help = help
        self.suggestion = suggestion
        self.code = code


class Settings(BaseModel):
    """The settings of one kind of thing. Subclasses are named as Keras names the class that they
    configure.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        defer_build=True,
        arbitrary_types_allowed=True,
        # Texts below fields are for the manual and the schema, which read them when asked
        # (`schema.docs`): pydantic would read the source of every class for them, a quarter of a
        # cold check.
        use_attribute_docstrings=False,
    )

    keras_module: ClassVar[str] = ""
    """Where Keras has the class: `layers`, `initializers`, `optimizers.schedules`."""
    field_noun: ClassVar[str] = "setting"
    unknown_code: ClassVar[str] = "MS202"
    reserved: ClassVar[tuple[str, ...]] = ()
    """Words that may stand among the settings and are none; a misspelt one is offered too."""
    common: ClassVar[tuple[str, ...]] = ()
    """Fields that every member of the family has; they are never the primary setting."""

    @classmethod
    def kind(cls) -> str:
        """The name it has in a spec."""
        return cls.__name__

    @classmethod
    @cache
    def primary(cls) -> str | None:
        """The setting that `- Kind: value` sets: the first one of Keras's constructor."""
        return next((name for name in cls.model_fields if name not in cls.common), None)

    @classmethod
    def primary_family(cls) -> Registry | None:
        """The catalogue that the primary setting is written from, where it is a component or a
        layer itself.
        """
        return None

    @classmethod
    def build(cls, values: Mapping[str, Any], context: Context) -> Self:
        """An instance from settings by name. Raises `Faults`."""
        try:
            return cls.model_validate(dict(values), context=context)
        except ValidationError as error:
            raise Faults(translate(cls, values, error)) from None

    @classmethod
    def read(cls, body: Value, context: Context) -> Self:
        """An instance from what stands behind the name: settings, the primary setting, or nothing.
        Raises `Faults`.
        """
        if body is None:
            return cls.build({}, context)
        if isinstance(body, dict):
            return cls.build(cls.spread(body), context)
        return cls.build({cls._primary_or_fault(body): body}, context)

    @classmethod
    def spread(cls, body: dict[str, Value]) -> dict[str, Value]:
        """Settings by name from a mapping, which may be the primary setting itself: `Bidirectional:
        {LSTM: 8}`.
        """
        family, primary = cls.primary_family(), cls.primary()
        if family is None or primary is None or primary in body:
            return body
        others = [key for key in body if key not in cls.model_fields]
        if len(others) != 1 or not _names_member(family, others[0], cls.model_fields):
            return body
        rest = {key: value for key, value in body.items() if key != others[0]}
        return {primary: {others[0]: body[others[0]]}, **rest}

    @classmethod
    def _primary_or_fault(cls, body: Value) -> str:
        primary = cls.primary()
        if primary is None:
            raise Faults(
                [
                    Fault(
                        "MS204",
                        f"`{cls.kind()}` takes no settings, but {describe(body)} stands here",
                        help=f"write `{cls.kind()}` alone",
                    )
                ]
            )
        return primary


def _names_member(family: Registry, key: str, fields: Iterable[str]) -> bool:
    """Whether an unknown key was more likely meant as a member of the family than as a setting."""
    if key in family or key in family.refused:
        return True
    near_setting, near_member = nearest(key, fields), nearest(key, family.names())
    return near_setting is None and (near_member is not None or key[:1].isupper())


def first_unfit(items: Any, fits: Callable[[Any], bool]) -> Path:
    """The way to the first item of a list that does not fit; empty where the value is no list, or
    all of it fits.
    """
    if not isinstance(items, (tuple, list)):
        return ()
    return next(((index,) for index, item in enumerate(items) if not fits(item)), ())


def is_int(value: Any) -> bool:
    """Whether the value is a whole number; `true` and `false` are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def context_of(info: ValidationInfo) -> Context:
    """The context that a validator runs in."""
    return info.context if isinstance(info.context, Context) else Context()


class Section(Settings):
    """A section of the file (`training`): its fields are keys rather than settings."""

    field_noun: ClassVar[str] = "key"
    unknown_code: ClassVar[str] = "MS201"
    title: ClassVar[str]

    @classmethod
    def kind(cls) -> str:
        return cls.title


def read_form(family: Registry, value: Value, context: Context) -> Settings:
    """A name, `{name: primary}` or `{name: {settings}}` as an instance. Raises `Faults`, paths
    below `value`.
    """
    name, body = split_form(family.noun, value)
    prefix: Path = () if isinstance(value, str) else (name,)
    found = family.find(name)
    if found is None:
        raise Faults([replace(unknown_name(family, name).under(*prefix), at_key=bool(prefix))])
    try:
        return found.read(body, context)
    except Faults as error:
        raise Faults(fault.under(*prefix) for fault in error.faults) from None


def split_form(noun: str, value: Value) -> tuple[str, Value]:
    """The name and what stands behind it. Raises `Faults` (MS207) where the value has none of the
    three forms.
    """
    if isinstance(value, str):
        return value, None
    if isinstance(value, dict) and len(value) == 1:
        return next(iter(value.items()))
    article = "an" if noun[0] in "aeiou" else "a"
    if isinstance(value, dict) and value:
        names = " and ".join(f"`{key}`" for key in list(value)[:3])
        raise Faults(
            [
                Fault(
                    "MS207",
                    f"{article} {noun} has one name, but {names} stand here",
                    help="indent the settings below the name, or put them in `{...}` behind it",
                )
            ]
        )
    raise Faults(
        [
            Fault(
                "MS207",
                f"{article} {noun} is written as a name or a name with settings, "
                f"found {describe(value)}",
            )
        ]
    )


def unknown_name(family: Registry, name: str) -> Fault:
    """MS301 for a layer, MS206 for any other component, with the nearest known name; MS211 for one
    that is refused.
    """
    if name in family.refused:
        return Fault("MS211", f"`{name}` cannot stand in a spec: {family.refused[name]}")
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


# pydantic's findings, in our words ----------------------------------------------------------------

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "`true` or `false`",
    "bool_parsing": "`true` or `false`",
    "string_type": "a text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
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
    missing = [str(e["loc"][0]) for e in errors if e["type"] == "missing" and len(e["loc"]) == 1]
    faults: list[Fault] = []
    for item in errors:
        if item["type"] == "extra_forbidden" and len(item["loc"]) == 1:
            fault = _unknown_setting(cls, str(item["loc"][0]), values, missing)
            if fault.suggestion in missing:
                missing.remove(fault.suggestion)
            faults.append(fault)
        elif item["type"] != "missing" or len(item["loc"]) != 1:
            faults.extend(_translate_one(kind, item))
    if missing:
        faults.append(_missing(kind, missing))
    return faults


def _unknown_setting(
    cls: type[Settings], name: str, values: Mapping[str, Any], missing: list[str]
) -> Fault:
    every = (*cls.model_fields, *cls.reserved)
    near = (
        nearest(name, missing)
        or nearest(name, [field for field in every if field not in values])
        or nearest(name, every)
    )
    known = ", ".join(
        f"`{field}`" for field in sorted(cls.model_fields, key=lambda field: field in cls.common)
    )
    return Fault(
        cls.unknown_code,
        f"`{cls.kind()}` has no {cls.field_noun} `{name}`",
        (name,),
        at_key=True,
        suggestion=near,
        help=f"did you mean `{near}`?" if near else f"its {cls.field_noun}s are {known}",
    )


def _missing(kind: str, missing: list[str]) -> Fault:
    names = " and ".join(f"`{name}`" for name in missing)
    example = ", ".join(f"{name}: ..." for name in missing)
    return Fault(
        "MS203", f"`{kind}` needs {names}", help=f"write `{kind}: {{{example}}}`", at_key=True
    )


def _translate_one(kind: str, item: Any) -> list[Fault]:
    path: Path = tuple(item["loc"])
    name = ".".join(str(step) for step in path if not isinstance(step, int))
    subject = f"`{name}` of `{kind}`" if name else f"`{kind}`"
    cause = item.get("ctx", {}).get("error")
    if isinstance(cause, Faults):
        return [fault.under(*path) for fault in cause.faults]
    if isinstance(cause, Fault):
        return [cause.under(*path)]
    found = describe(item["input"])
    if isinstance(cause, Unfit):
        return [
            Fault(
                cause.code,
                f"{subject} must be {cause.expected}, found {found}",
                (*path, *cause.path),
                help=cause.help,
                suggestion=cause.suggestion,
            )
        ]
    if item["type"] in _BOUNDS:
        bound, words = _BOUNDS[item["type"]]
        return [
            Fault("MS205", f"{subject} must be {words} {item['ctx'][bound]}, found {found}", path)
        ]
    if item["type"] == "literal_error":
        return [_not_a_choice(subject, item, path)]
    if item["type"] == "missing":
        return [Fault("MS203", f"{subject} is missing", path[:-1], at_key=True)]
    expected = _EXPECTED.get(item["type"])
    sentence = (
        f"{subject} must be {expected}, found {found}" if expected else f"{subject}: {item['msg']}"
    )
    help, suggestion = _unquoted(item["input"], item["type"])
    return [Fault("MS204", sentence, path, help=help, suggestion=suggestion)]


def _not_a_choice(subject: str, item: Any, path: Path) -> Fault:
    choices = [
        part.strip().strip("'") for part in item["ctx"]["expected"].replace(" or ", ", ").split(",")
    ]
    value = item["input"]
    near = nearest(value, choices) if isinstance(value, str) else None
    shown = " or ".join(
        [", ".join(f"`{c}`" for c in choices[:-1]), f"`{choices[-1]}`"] if choices[1:] else choices
    )
    return Fault(
        "MS205",
        f"{subject} must be {shown}, found {describe(value)}",
        path,
        suggestion=near,
        help=f"did you mean `{near}`?" if near else None,
    )


def _unquoted(value: Any, error_type: str) -> tuple[str | None, str | None]:
    """Help for the text that would be right without its quotes: `"64"`, `"true"`, `yes`."""
    if not isinstance(value, str):
        return None, None
    word = value.strip()
    if error_type.startswith("bool"):
        meant = {
            "true": "true",
            "yes": "true",
            "on": "true",
            "false": "false",
            "no": "false",
            "off": "false",
        }
        right = meant.get(word.lower())
        return (f"write `{right}`", right) if right else (None, None)
    try:
        number = float(word)
    except ValueError:
        return None, None
    if error_type.startswith("int") and not number.is_integer():
        return None, None
    return f"write `{word}` without quotes", word


def describe(value: Any) -> str:
    """A value as a message names it."""
    if value is None:
        return "nothing (`null`)"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, (int, float)):
        return f"`{value}`"
    if isinstance(value, str):
        return f'the text "{value if len(value) <= 40 else value[:37] + "..."}"'
    if isinstance(value, dict):
        return (
            f"a mapping ({', '.join(list(value)[:3])}{', ...' if len(value) > 3 else ''})"
            if value
            else "`{}`"
        )
    if isinstance(value, (tuple, list)):
        flat = all(isinstance(item, (int, float, str)) for item in value)
        short = ", ".join(
            str(item).lower() if isinstance(item, bool) else str(item) for item in value
        )
        return f"the list [{short}]" if flat and len(short) <= 40 else f"a list of {len(value)}"
    return f"`{type(value).__name__}`"


def refuse(
    message: str, code: str = "MS205", *path: str | int, help: str | None = None
) -> NoReturn:
    """For a validator that looks at several settings: a full sentence, at the setting that `path`
    names.
    """
    raise Fault(code, message, path, help=help)
