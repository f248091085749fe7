"""Settings for a vocabulary: a list of tokens, a file, or that of another input or target."""

import codecs
from collections.abc import Mapping
from types import GenericAlias
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    PlainValidator,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from modelspec.core.paths import OwnPath, confined
from modelspec.core.records import dataclass
from modelspec.core.settings import Unfit, context_of, is_int

EXPECTED = "`{of: NAME}`, the input or target whose vocabulary it shares"


@dataclass(frozen=True)
class VocabularyOf:
    """The vocabulary of another feature: `vocabulary: {of: question}`."""

    of: str


def vocabulary_of(value: Mapping[str, Any], expected: str = EXPECTED) -> VocabularyOf:
    """The vocabulary that a mapping names. Raises `Unfit`."""
    name = value.get("of")
    if set(value) != {"of"} or not isinstance(name, str) or not name:
        raise Unfit(expected)
    return VocabularyOf(name)


def _shared(value: Any) -> VocabularyOf | None:
    if value is None or isinstance(value, VocabularyOf):
        return value
    if not isinstance(value, Mapping):
        raise Unfit(EXPECTED)
    return vocabulary_of(value)


SharedVocabulary = Annotated[
    Any, PlainValidator(_shared, json_schema_input_type=dict[str, str] | None)
]


def _forms(kind: type[str | int]) -> Any:
    return GenericAlias(tuple, (kind, ...)) | str | dict[str, str]


def _vocabulary(kind: type[str | int]) -> WrapValidator:
    """A list of tokens, or the path of a file with one token per line, as a `Path`. The file is not
    opened here.
    """
    expected = (
        f"a list of {'strings' if kind is str else 'integers'}, or the path of a file with one"
        " per line"
    )

    def validate(value: Any, path: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        if isinstance(value, str):
            return confined(path(value), context_of(info))
        if isinstance(value, Mapping):
            return vocabulary_of(value, f"{expected}, or {EXPECTED}")
        if not isinstance(value, (tuple, list)) or not all(
            isinstance(item, str) if kind is str else is_int(item) for item in value
        ):
            raise Unfit(expected)
        if not value:
            raise Unfit(f"{expected}; an empty list is not allowed", code="MS205")
        return tuple(value)

    return WrapValidator(validate, json_schema_input_type=_forms(kind))


Strings = Annotated[OwnPath, _vocabulary(str)]
WholeNumbers = Annotated[OwnPath, _vocabulary(int)]


def _codec(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError:
        raise Unfit("the name of an encoding", code="MS205", help="use `utf-8`") from None
    return name


Encoding = Annotated[str, AfterValidator(_codec)]
