"""Converts text to numbers: TextVectorization."""

import string
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import refuse
from modelspec.core.shapes import Shape, Tensor, show

from .categories import OwnDtype, encoded
from .layer import Example, Inputs, need_rank
from .lookup import LookupMode, MaxTokens, StringLookup
from .setting_types import Count, Number, either
from .vocabulary_setting import Encoding, Strings

_SHARED = ("max_tokens", "vocabulary", "idf_weights", "output_mode", "sparse", "pad_to_max_tokens")


_PUNCTUATION = frozenset(string.punctuation)
"""The characters that `standardize` removes."""
Standard = Literal["lower_and_strip_punctuation", "lower", "strip_punctuation"]


class TextVectorization(OwnDtype):
    """Splits text into tokens and looks them up in a vocabulary.

    ```yaml
    - TextVectorization: {max_tokens: 5000, output_sequence_length: 100}
    - TextVectorization: {max_tokens: 2000, output_mode: tf_idf}
    ```

    Takes strings (batch) or (batch, 1), gives integers (batch, output_sequence_length): 0 is
    padding, 1 is out of vocabulary. `multi_hot`, `count` and `tf_idf` take (batch) and give (batch,
    tokens). Without `vocabulary` it is learned from the data. Without `split` every string is a
    token: (batch, tokens).

    `standardize` lowercases only the letters A to Z, as Keras does: `É` and `é` are different
    tokens. `lowercase: unicode` of a feature under `data` lowercases all letters first.
    """

    prepares_data = True
    adapts = ("vocabulary",)
    vocabulary_settings = ("max_tokens", "standardize", "split", "ngrams")

    max_tokens: MaxTokens | None = None
    standardize: Standard | None = "lower_and_strip_punctuation"
    split: Literal["whitespace", "character"] | None = "whitespace"
    ngrams: Annotated[Any, either(int, least=1)] | None = None
    output_mode: LookupMode = "int"
    output_sequence_length: Count | None = None
    pad_to_max_tokens: bool = False
    vocabulary: Strings | None = None
    idf_weights: tuple[Number, ...] | None = None
    sparse: bool = False
    ragged: bool = False
    encoding: Encoding = "utf-8"

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"vocabulary": ("a", "b"), "output_sequence_length": 4}, ((None,),), "string"),
        Example({"vocabulary": ("a", "b")}, ((None, 1),), "string"),
        Example({"vocabulary": ("a", "b"), "output_mode": "multi_hot"}, ((None,),), "string"),
        Example(
            {"vocabulary": ("a", "b"), "output_mode": "count", "split": None},
            ((None, 5),),
            "string",
        ),
    )

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        mode = self.lookup.mode
        if mode != "int" and self.output_sequence_length is not None:
            refuse(
                f"`output_sequence_length` requires `output_mode: int`, found `{self.output_mode}`",
                "MS208",
                "output_sequence_length",
                help="leave one of them out",
            )
        if mode != "int" and self.ragged:
            refuse(
                f"`ragged` requires `output_mode: int`, found `{self.output_mode}`",
                "MS208",
                "ragged",
                help="leave one of them out",
            )
        self.lookup.check()
        return self

    @property
    def lookup(self) -> StringLookup:
        """The layer that looks up the tokens."""
        return StringLookup.model_construct(
            **{name: getattr(self, name) for name in _SHARED}, mask_token=""
        )

    @property
    def lowers_ascii(self) -> bool:
        return self.standardize in ("lower", "lower_and_strip_punctuation")

    def keeps_mark(self, mark: str) -> bool:
        strips = self.standardize in ("strip_punctuation", "lower_and_strip_punctuation")
        if strips and not _PUNCTUATION.isdisjoint(mark):
            return False
        return self.split != "character" and not (self.split and len(mark.split()) > 1)

    def mark_help(self, mark: str) -> str | None:
        if self.split == "character" or len(mark.split()) > 1:
            return "use marks without spaces, and `split: whitespace`"
        return "set `standardize: null`, or `lower`; a `Replace` before it can remove punctuation"

    def column_types(self) -> tuple[str, ...]:
        return ("string",)

    @property
    def runs_in(self) -> str | None:
        return self.lookup.runs_in

    def output(self, inputs: Inputs) -> Tensor:
        x, mode = inputs.one, self.lookup.mode
        self._check_texts(x, mode)
        if mode == "int":
            # A ragged tensor has as many tokens as the longest string, up to this number.
            length = None if self.ragged else self.output_sequence_length
            return Tensor((x.shape[0], length), "int64")
        tokens: Shape = (x.shape[0], None) if self.split else x.shape
        counted = "count" if mode == "tf_idf" else mode
        shape = encoded(self, x._replace(shape=tokens), counted, self.lookup.depth)
        return Tensor(shape, "float32")

    def _check_texts(self, x: Tensor, mode: str) -> None:
        """Raises if the layer does not accept strings of this shape."""
        if x.dtype != "string":
            raise Fault(
                "MS404",
                f"`TextVectorization` takes strings, found {x}",
                help="give the input `dtype: string`",
            )
        # For the inputs refused here, Keras reports a wrong shape or fails when the model runs.
        if self.split is None:
            need_rank(self, x, 2)
        elif x.rank > 2 or (x.rank == 2 and x.shape[-1] != 1) or not x.rank:
            raise Fault(
                "MS401",
                f"`TextVectorization` takes one string for each example, found {show(x.shape)}",
                help=(
                    "give the input the shape `[]`, or set `split: null` if every string is a token"
                ),
            )
        elif x.rank == 2 and mode != "int":
            raise Fault(
                "MS401",
                "`TextVectorization` takes strings of shape (batch) for "
                f"`output_mode: {self.output_mode}`, found {show(x.shape)}",
                help="give the input the shape `[]`",
            )
