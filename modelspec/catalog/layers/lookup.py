"""Layers with a vocabulary: StringLookup, IntegerLookup."""

from collections import Counter
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import refuse
from modelspec.core.shapes import Size, Tensor

from .categories import OwnDtype, check_sparse, encoded, need_entries
from .common import need_number
from .layer import Example, Inputs
from .setting_types import Number, either
from .vocabulary_setting import Encoding, Strings, VocabularyOf, WholeNumbers

LookupMode = Literal["int", "one_hot", "multi_hot", "count", "tf_idf", "binary", "tf-idf"]
_PRESENT = {"binary": "multi_hot", "tf-idf": "tf_idf"}
MaxTokens = Annotated[int, Field(ge=2)]


class Lookup(OwnDtype):
    """Base of StringLookup and IntegerLookup: a vocabulary, given or learned from the data."""

    prepares_data = True
    adapts = ("vocabulary",)
    vocabulary_settings: ClassVar[tuple[str, ...]] = (
        "max_tokens",
        "num_oov_indices",
        "mask_token",
        "oov_token",
        "salt",
    )

    max_tokens: MaxTokens | None = None
    num_oov_indices: Annotated[int, Field(ge=0)] = 1
    mask_token: Any = None
    oov_token: Any = None
    vocabulary: Any = None
    idf_weights: tuple[Number, ...] | None = None
    invert: bool = False
    output_mode: LookupMode = "int"
    sparse: bool = False
    pad_to_max_tokens: bool = False
    salt: Annotated[Any, either(int)] | None = None

    @property
    def mode(self) -> str:
        """The output mode by its current name."""
        return _PRESENT.get(self.output_mode, self.output_mode)

    @property
    def _masks(self) -> bool:
        return self.mask_token is not None and self.mode == "int"

    @property
    def masked_by(self) -> str | None:
        return None if self.invert else "mask_token"

    @property
    def gathers(self) -> bool:
        return self.mode in ("multi_hot", "count", "tf_idf")

    @property
    def knows(self) -> bool:
        return not self.invert

    @property
    def special(self) -> int:
        """The number of tokens before those of the vocabulary: the mask token and the
        out-of-vocabulary tokens.
        """
        return self._masks + self.num_oov_indices

    @property
    def tokens(self) -> tuple[Any, ...] | None:
        """The tokens of the vocabulary, if the spec lists them."""
        if not isinstance(self.vocabulary, tuple):
            return None
        if self.special > len(
            self.vocabulary
        ):  # before they are listed: a typo may request very many
            return self.vocabulary
        written = (self.mask_token,) * self._masks + (self.oov_token,) * self.num_oov_indices
        return (
            self.vocabulary[self.special :]
            if self.vocabulary[: self.special] == written
            else self.vocabulary
        )

    @property
    def depth(self) -> Size:
        """The size of an encoded token; unknown until the vocabulary is known."""
        if self.pad_to_max_tokens:
            return self.max_tokens
        return None if self.tokens is None else self.special + len(self.tokens)

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        self.check()
        return self

    def check(self) -> None:
        """Raises a `Fault` if settings contradict each other."""
        check_sparse(self.sparse, self.mode)
        if self.pad_to_max_tokens and self.max_tokens is None:
            refuse(
                "`pad_to_max_tokens` requires `max_tokens`",
                "MS208",
                "pad_to_max_tokens",
                help="set `max_tokens` too",
            )
        if self.invert and self.mode != "int":
            refuse(
                f"`invert` requires `output_mode: int`, found `{self.output_mode}`",
                "MS208",
                "invert",
                help="leave `output_mode` out",
            )
        if self.invert and self.oov_token is None:
            refuse(
                "`invert` requires an `oov_token` for out-of-vocabulary indices",
                "MS208",
                "oov_token",
                help="leave `oov_token` out",
            )
        if isinstance(self.salt, tuple) and len(self.salt) != 2:
            refuse(
                f"`salt` of `{self.kind()}` must be an integer or a list of 2 integers",
                "MS205",
                "salt",
            )
        self._check_weights()
        self._check_tokens()

    def _check_weights(self) -> None:
        """`idf_weights` requires `tf_idf`, and a vocabulary of the same length."""
        given = self.idf_weights is not None
        if given and self.mode != "tf_idf":
            refuse(
                "`idf_weights` requires `output_mode: tf_idf`",
                "MS208",
                "idf_weights",
                help="leave `idf_weights` out, or use `output_mode: tf_idf`",
            )
        if self.mode != "tf_idf" or self.vocabulary is None:
            return
        if isinstance(self.vocabulary, VocabularyOf):
            return
        if not isinstance(self.vocabulary, tuple):
            refuse(
                "`tf_idf` requires the vocabulary as a list, not from a file",
                "MS208",
                "vocabulary",
                help="list the tokens here, or leave out `vocabulary` to learn it",
            )
        if self.idf_weights is None or len(self.idf_weights) != len(self.vocabulary):
            found = "none" if self.idf_weights is None else str(len(self.idf_weights))
            refuse(
                f"`tf_idf` requires one weight in `idf_weights` for each of the"
                f" {len(self.vocabulary)} tokens, found {found}",
                "MS208",
                "idf_weights" if given else "vocabulary",
                help="leave both out to learn them",
            )

    def _check_tokens(self) -> None:
        if self.tokens is not None:
            self._check_apart(self.tokens)
            self._check_count(self.special + len(self.tokens))

    def _check_apart(self, tokens: tuple[Any, ...]) -> None:
        """Raises if a token appears twice, or is a special token."""
        repeated = [token for token, count in Counter(tokens).items() if count > 1]
        if repeated:
            refuse(
                f"`vocabulary` contains {_quoted(repeated[0])} twice",
                "MS205",
                "vocabulary",
                help="leave one out",
            )
        for name, token in (
            ("mask_token", self.mask_token),
            ("oov_token", self.oov_token if self.invert else None),
        ):
            if token is not None and token in tokens:
                refuse(
                    f"{_quoted(token)} of `vocabulary` is the `{name}`",
                    "MS205",
                    "vocabulary",
                    help="leave it out of `vocabulary`",
                )

    def _check_count(self, size: int) -> None:
        if self.max_tokens is not None and size > self.max_tokens:
            refuse(
                f"`vocabulary` has {size} tokens, including mask and out-of-vocabulary tokens, but"
                f" `max_tokens` is {self.max_tokens}",
                "MS208",
                "max_tokens",
                help=f"use `max_tokens: {size}`, or leave it out",
            )

    @property
    def runs_in(self) -> str | None:
        return None if self.mode in ("int", "tf_idf") else "int64"

    def traced(self, given: Tensor, said: Tensor) -> Tensor:
        need_entries(self, self.mode, given)
        return said._replace(dtype=self.runs_in or said.dtype)

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        self.check_dtype(x)
        mode = "count" if self.mode == "tf_idf" else self.mode
        return Tensor(encoded(self, x, mode, self.depth), "int64" if mode == "int" else "float32")

    def check_dtype(self, x: Tensor) -> None:
        """Raises MS404 if the layer cannot look up values of this dtype. Keras raises only when the
        model runs.
        """
        need_number(self, x)


def same_label(token: Any, label: Any) -> bool:
    """Whether a token is the label as a spec writes it: `true` is the label of a boolean column."""
    if isinstance(label, bool) and isinstance(token, str):
        return token.lower() == str(label).lower()
    if isinstance(label, bool):
        return bool(token == int(label))
    return bool(token == label)


def _quoted(token: Any) -> str:
    return f'"{token}"' if isinstance(token, str) else f"`{token}`"


class StringLookup(Lookup):
    """Maps strings to their indices in a vocabulary, or to vectors.

    ```yaml
    - StringLookup: {vocabulary: [red, green, blue]}
    - StringLookup: {output_mode: one_hot}
    - StringLookup: {vocabulary: colours.txt, invert: true}
    ```

    Takes strings of any shape, gives integers (`int`: 0 is out of vocabulary, unless it is the
    `mask_token`), or vectors: `one_hot` adds an axis (in place of a last one of size 1),
    `multi_hot`, `count` and `tf_idf` take (batch, values) and give (batch, tokens). Without
    `vocabulary` it is learned from the data. `invert` maps indices back to strings.
    """

    number_counterpart = "IntegerLookup"

    mask_token: str | None = None
    oov_token: str | None = "[UNK]"  # noqa: S105 - a vocabulary token
    vocabulary: Strings | None = None
    encoding: Encoding = "utf-8"

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"vocabulary": ("a", "b", "c")}, ((None, 5),), "string"),
        Example(
            {"vocabulary": ("a", "b"), "output_mode": "one_hot", "num_oov_indices": 2},
            ((None, 1),),
            "string",
        ),
        Example(
            {"vocabulary": ("a", "b"), "output_mode": "multi_hot", "mask_token": ""},
            ((None, 5),),
            "string",
        ),
        Example(
            {
                "vocabulary": ("a", "b"),
                "output_mode": "tf_idf",
                "idf_weights": (0.5, 1.0),
                "max_tokens": 9,
                "pad_to_max_tokens": True,
            },
            ((None, 5),),
            "string",
        ),
        Example({"vocabulary": ("a", "b"), "invert": True}, ((None, 5),), "int64"),
    )

    def column_types(self) -> tuple[str, ...]:
        return ("int64",) if self.invert else ("string",)

    @property
    def runs_in(self) -> str | None:
        return "string" if self.invert else super().runs_in

    def check_dtype(self, x: Tensor) -> None:
        if self.invert:
            super().check_dtype(x)
        elif x.dtype != "string":
            raise Fault(
                "MS404",
                f"`StringLookup` takes strings, found {x}",
                help="use `IntegerLookup` for integers, or give the input `dtype: string`",
            )


class IntegerLookup(Lookup):
    """Maps integers to their indices in a vocabulary, or to vectors.

    ```yaml
    - IntegerLookup: {vocabulary: [10, 20, 30]}
    - IntegerLookup: {output_mode: multi_hot, max_tokens: 100}
    ```

    Takes integers of any shape, gives what `StringLookup` gives for strings.
    """

    vocabulary_settings = (*Lookup.vocabulary_settings, "oov_method")

    mask_token: int | None = None
    oov_token: int | None = -1
    vocabulary: WholeNumbers | None = None
    vocabulary_dtype: Literal["int64"] = "int64"
    oov_method: Literal["floormod", "farmhash"] = "floormod"

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"vocabulary": (1, 2, 3)}, ((None, 5),), "int64"),
        Example({"vocabulary": (1, 2), "output_mode": "one_hot"}, ((None, 1),), "int64"),
        Example(
            {"vocabulary": (1, 2), "output_mode": "count", "mask_token": 0}, ((None, 5),), "int32"
        ),
    )

    def column_types(self) -> tuple[str, ...]:
        return ("int64",)

    @model_validator(mode="after")
    def _salt_has_hash(self) -> Self:
        if self.salt is not None and self.oov_method != "farmhash":
            refuse(
                "`salt` requires `oov_method: farmhash`",
                "MS208",
                "salt",
                help="set it, or leave `salt` out",
            )
        return self
