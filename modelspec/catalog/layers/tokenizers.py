"""Splits text into parts of words: WordPiece, BPE."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import (
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from modelspec.core.diagnostics import Fault
from modelspec.core.paths import OwnPath, confined
from modelspec.core.settings import context_of, refuse
from modelspec.core.shapes import Tensor, show

from .categories import OwnDtype
from .layer import Example, Inputs
from .vocabulary_setting import SharedVocabulary

MOST: Final = 2**20
"""The largest size: the package takes memory for it at once, and ends the process if there is not
enough.
"""
BYTES: Final = 256
"""The tokens of single bytes."""
PADDING_TOKEN: Final = "[PAD]"  # noqa: S105 - a token of a vocabulary
_OF_LEARNING: Final = ("min_frequency", "special_tokens", "unknown_token")
"""Settings that only a vocabulary that is learned has."""
Token = Annotated[str, Field(min_length=1, max_length=100)]


def _file(value: Any, path: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Path | None:
    return value if isinstance(value, Path) else confined(path(value), context_of(info))


TokenizerFile = Annotated[OwnPath, WrapValidator(_file, json_schema_input_type=str)]


class Tokenizer(OwnDtype):
    """Base of the layers that the package tokenizers computes."""

    prepares_data = True
    keras_module: ClassVar[str] = ""
    not_in_models: ClassVar[str | None] = (
        "it takes strings, which the package tokenizers splits in a `transform`"
    )
    requires = "tokenizers"
    vocabulary_settings = (
        "vocabulary_size",
        "file",
        "min_frequency",
        "padding_token",
        "unknown_token",
        "special_tokens",
    )
    has_bytes: ClassVar[bool] = False
    """Whether its smallest tokens are bytes, so that no character is unknown."""
    state: ClassVar[Any] = None
    """The tokenizer that was learned, or read from `file`, as arrays; None before."""

    vocabulary_size: Annotated[int, Field(ge=3, le=MOST)] | None = None
    """The most tokens to learn, with the special ones. The indices are below this number."""
    length: Annotated[int, Field(ge=1, le=MOST)] | None = None
    """The number of tokens of each text: longer ones are truncated, shorter ones padded. By default
    that of the longest text of the training part.
    """
    file: TokenizerFile | None = None
    """The JSON file of a tokenizer (`tokenizer.json`) in place of a learned one. Its normalizer,
    pre-tokenizer and special tokens apply.
    """
    vocabulary: SharedVocabulary = None
    """`{of: NAME}` shares the vocabulary of another input or target: it is learned from the texts
    of both.
    """
    min_frequency: Annotated[int, Field(ge=1, le=MOST)] = 1
    """Parts of words that occur less often in the training texts are not joined."""
    padding_token: Token | None = None
    """The token that fills up short texts: with index 0 and the name `[PAD]` if learned, by default
    that of the file otherwise.
    """
    unknown_token: Token = "[UNK]"  # noqa: S105 - a token of a vocabulary
    """The token for characters that the training texts do not contain."""
    start: Token | None = None
    """A token before each text."""
    end: Token | None = None
    """A token after each text."""
    special_tokens: tuple[Token, ...] = ()
    """More tokens that are never split, such as `[MASK]`."""
    padding: Literal["pre", "post"] = "post"
    """Where short texts are padded: before or after their tokens."""
    truncating: Literal["pre", "post"] = "post"
    """Where long texts are truncated; `start` and `end` are kept."""

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        self._check_source()
        self._check_apart()
        if self.length is not None and self.length <= len(self.text_marks):
            refuse(
                f"`length: {self.length}` leaves no place for a token beside `start` and `end`",
                "MS208",
                "length",
                help=f"use at least {len(self.text_marks) + 1}",
            )
        if self.vocabulary_size is not None and self.vocabulary_size <= self._fewest:
            refuse(
                f"`vocabulary_size` of `{self.kind()}` must be more than {self._fewest}: the"
                f" special tokens{' and the 256 bytes' if self.has_bytes else ''}",
                "MS205",
                "vocabulary_size",
                help=f"use `vocabulary_size: {max(1_000, 2 * self._fewest)}`",
            )
        return self

    def _check_source(self) -> None:
        """Raises a `Fault` unless there is exactly one way to get the vocabulary."""
        given = [name for name in ("vocabulary_size", "file", "vocabulary") if getattr(self, name)]
        if not given:
            raise Fault(
                "MS203",
                f"`{self.kind()}` requires `vocabulary_size` or `file`",
                at_key=True,
                help=f"write `{self.kind()}: {{vocabulary_size: 8000, length: 64}}`",
            )
        if given[:2] == ["vocabulary_size", "file"]:
            refuse(
                "the `file` contains the vocabulary, so `vocabulary_size` has no effect",
                "MS208",
                "vocabulary_size",
                help="leave one of them out",
            )
        learning = [one for one in _OF_LEARNING if one in self._written]
        if self.file is not None and learning:
            refuse(
                f"`{learning[0]}` has no effect with a `file`, which contains the vocabulary",
                "MS208",
                learning[0],
                help=f"leave `{learning[0]}` out",
            )

    def _check_apart(self) -> None:
        """Raises a `Fault` if the padding token is another special token too, and for an unknown
        token that no text has.
        """
        others = {"start": self.start, "end": self.end}
        if self.has_bytes and "unknown_token" in self._written:
            refuse(
                f"`unknown_token` has no effect: to `{self.kind()}` no character is unknown",
                "MS208",
                "unknown_token",
                help="leave it out",
            )
        if not self.has_bytes and self.file is None:
            others["unknown_token"] = self.unknown_token
        padding = self.padding_token
        if padding is None and self.file is None:
            padding = PADDING_TOKEN
        same = next((name for name, one in others.items() if one and one == padding), None)
        if same is not None:
            refuse(
                f"`{padding}` is both `{same}` and the padding token, which models ignore",
                "MS208",
                same if same in self._written else "padding_token",
                help=f"use another token as `{same}`",
            )

    @property
    def _written(self) -> set[str]:
        """The settings that differ from their defaults."""
        fields = type(self).model_fields
        return {
            name for name in self.model_fields_set if getattr(self, name) != fields[name].default
        }

    @property
    def specials(self) -> tuple[str, ...]:
        """The special tokens of a learned vocabulary: their indices are their places."""
        unknown = () if self.has_bytes else (self.unknown_token,)
        named = (self.padding_token or PADDING_TOKEN, *unknown, *self.text_marks)
        return tuple(dict.fromkeys((*named, *self.special_tokens)))

    @property
    def _fewest(self) -> int:
        return len(self.specials) + (BYTES if self.has_bytes else 1)

    @property
    def text_marks(self) -> tuple[str, ...]:
        return tuple(one for one in (self.start, self.end) if one is not None)

    @property
    def is_adapted(self) -> bool:
        """Whether it has learned, or read, its vocabulary."""
        return "state" in self.__dict__

    def mark_help(self, mark: str) -> str | None:
        return f"use `start` and `end` of `{self.kind()}` in place of `Marks`"

    @property
    def indices_below(self) -> int | None:
        return self.vocabulary_size

    @property
    def read_files(self) -> tuple[Path, ...]:
        return () if self.file is None else (Path(self.file),)

    def keeps_mark(self, mark: str) -> bool:
        return self.file is not None or mark in self.specials

    def column_types(self) -> tuple[str, ...]:
        return ("string",)

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        if x.dtype != "string":
            raise Fault(
                "MS404",
                f"`{self.kind()}` takes strings, found {x}",
                help="use it first in the `transform` of a column of texts",
            )
        if x.rank > 2 or (x.rank == 2 and x.shape[-1] != 1) or not x.rank:
            raise Fault(
                "MS401",
                f"`{self.kind()}` takes one text for each example, found {show(x.shape)}",
                help="give each column its own input",
            )
        return Tensor((x.shape[0], self.length), "int64")


class WordPiece(Tokenizer):
    """Splits text into words and parts of words, as BERT does, and gives their indices.

    ```yaml
    transform: [Lowercase, {WordPiece: {vocabulary_size: 8000, length: 64}}]
    transform: [{WordPiece: {vocabulary_size: 8000, length: 64, start: "[CLS]", end: "[SEP]"}}]
    transform: [{WordPiece: {file: tokenizer.json, length: 64}}]
    ```

    Takes strings (batch) or (batch, 1), gives integers (batch, length): 0 is padding, 1 is unknown.
    Words are separated by spaces and punctuation; a part that continues a word begins with `##`.
    The vocabulary is learned from the training rows: two runs learn the same. Requires the package
    tokenizers: `pip install "modelspec[text]"`.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"vocabulary_size": 100, "length": 8}, ((None,),), "string"),
        Example(
            {"vocabulary_size": 100, "length": 8, "start": "<s>", "end": "</s>"},
            ((None, 1),),
            "string",
        ),
    )


class BPE(Tokenizer):
    """Splits text into parts by byte-pair encoding, as GPT-2 does, and gives their indices.

    ```yaml
    transform: [{BPE: {vocabulary_size: 8000, length: 64}}]
    transform: [{BPE: {vocabulary_size: 8000, length: 64, start: "<s>", end: "</s>"}}]
    transform: [{BPE: {file: tokenizer.json, length: 64}}]
    ```

    Takes strings (batch) or (batch, 1), gives integers (batch, length): 0 is padding. The smallest
    tokens are bytes, so that no character is unknown; a space belongs to the word after it. The
    vocabulary is learned from the training rows: two runs learn the same. Requires the package
    tokenizers: `pip install "modelspec[text]"`.
    """

    has_bytes = True

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"vocabulary_size": 300, "length": 8}, ((None,),), "string"),
        Example({"vocabulary_size": 300, "length": 8, "start": "<s>"}, ((None, 1),), "string"),
    )
