"""Steps on strings before they are looked up or split into tokens: Lowercase, StripAccents,
Replace, Marks.
"""

from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import Field, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import refuse
from modelspec.core.shapes import Tensor, show

from .layer import Example, Inputs, Layer
from .text_escapes import BadPattern
from .text_patterns import check_replacement, read_pattern

MOST_REPLACEMENT: Final = 200
"""The most characters of a replacement."""


class TextStep(Layer):
    """A layer of a `transform` that gives a string for each string."""

    prepares_data = True
    text_step = True
    keras_module: ClassVar[str] = ""
    not_in_models: ClassVar[str | None] = (
        "it changes strings before they become numbers, which is only possible in a `transform`"
    )

    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((None,),), "string"),)

    def column_types(self) -> tuple[str, ...]:
        return ("string",)

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        if x.dtype != "string":
            raise Fault(
                "MS404",
                f"`{self.kind()}` takes strings, found {x}",
                help="put it before the layer that converts the strings to numbers",
            )
        return x


class Lowercase(TextStep):
    """Converts strings to lower case, in all alphabets, as Python's `str.lower`.

    ```yaml
    transform: [Lowercase, {TextVectorization: {max_tokens: 5000, output_sequence_length: 40}}]
    ```

    Takes strings of any shape. `TextVectorization` by itself lowers only the letters A to Z.
    """


class StripAccents(TextStep):
    """Removes accents: `é` becomes `e`, `Å` becomes `A`.

    ```yaml
    transform: [Lowercase, StripAccents, StringLookup]
    ```

    Takes strings of any shape. A character is decomposed as in Unicode's normal form NFD, combining
    marks (the category `Mn`) are removed, and the rest is composed again (NFC). Letters without a
    decomposition, such as `ø` and `ß`, are unchanged. Vowel signs of scripts such as Devanagari are
    combining marks too.
    """


class Replace(TextStep):
    """Replaces every match of a regular expression.

    ```yaml
    transform: [{Replace: {pattern: "<br ?/?>", replacement: " "}}, TextVectorization]
    transform: [{Replace: {pattern: "([?.!,])", replacement: ' \\1 '}}, TextVectorization]
    transform: [{Replace: "https?://[^ ]+"}, TextVectorization]
    ```

    Takes strings of any shape. The expressions are those of RE2: `\\d`, `\\w`, `\\s` and `\\b` are
    those of ASCII, `\\p{L}` is a letter of any alphabet, `(?i)` at the beginning ignores case. A
    pattern has no look-around and no backreferences, so that no pattern takes more than linear time
    in the length of the text. In the replacement, `\\0` is the match and `\\1` its first group.
    """

    pattern: Annotated[str, Field(min_length=1)]
    """The regular expression, with at most 1,000 characters."""
    replacement: Annotated[str, Field(max_length=MOST_REPLACEMENT)] = ""
    """The string in place of each match; by default matches are removed."""

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"pattern": "[0-9]+", "replacement": "#"}, ((None,),), "string"),
        Example({"pattern": "([a-z])-", "replacement": "\\1"}, ((None, 1),), "string"),
    )

    @model_validator(mode="after")
    def _of_re2(self) -> Self:
        setting = "pattern"
        try:
            groups = read_pattern(self.pattern).groups
            setting = "replacement"
            check_replacement(self.replacement, groups)
        except BadPattern as problem:
            refuse(
                f"`{setting}` of `Replace` {problem}",
                "MS205",
                setting,
                help="write a regular expression of RE2: https://github.com/google/re2/wiki/Syntax"
                if setting == "pattern"
                else "write `\\\\` for a backslash, or put the part of the pattern in parentheses",
            )
        return self


class Marks(TextStep):
    """Puts a mark at the start and at the end of each text, as for sequence-to-sequence models.

    ```yaml
    transform: [Lowercase, Marks, {TextVectorization: {standardize: null, max_tokens: 15000}}]
    transform: [{Marks: {start: "<s>", end: "</s>"}}, {WordPiece: {vocabulary_size: 8000}}]
    ```

    Takes one text for each example: `go home` becomes `[start] go home [end]`, with a space between
    mark and text. `TextVectorization` removes punctuation such as brackets unless `standardize` is
    `null` or `lower`.
    """

    start: Annotated[str, Field(min_length=1)] | None = "[start]"
    """The mark before the text; `null` for none."""
    end: Annotated[str, Field(min_length=1)] | None = "[end]"
    """The mark after the text; `null` for none."""

    @model_validator(mode="after")
    def _has_a_mark(self) -> Any:
        if self.start is None and self.end is None:
            refuse("`Marks` has neither `start` nor `end`", "MS205", help="leave one of them out")
        return self

    @property
    def text_marks(self) -> tuple[str, ...]:
        """The marks that it adds."""
        return tuple(one for one in (self.start, self.end) if one is not None)

    def output(self, inputs: Inputs) -> Tensor:
        x = super().output(inputs)
        if x.rank > 1 and x.shape[-1] not in (1, None):
            raise Fault(
                "MS401",
                f"`Marks` takes one text for each example, found {show(x.shape)}",
                help="give each column its own input",
            )
        return x
