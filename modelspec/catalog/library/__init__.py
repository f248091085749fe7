"""Architectures included in the package, each a complete spec: `ResNet50.yaml` defines `-
ResNet50`.

The names of the files are the names of the kinds. A file is read only when a spec uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal

from modelspec.core.diagnostics import Checked, Source
from modelspec.core.diagnostics.span import SHIPPED
from modelspec.core.records import dataclass
from modelspec.core.source import Document, read_text

FOLDER: Final = Path(__file__).parent
_EXTENSION: Final = ".yaml"


@cache
def kinds() -> tuple[str, ...]:
    """The names of all kinds."""
    return tuple(sorted(path.stem for path in FOLDER.iterdir() if path.suffix == _EXTENSION))


def is_kind(name: object) -> bool:
    """Whether a name is that of a kind; a name that cannot be one is refused without reading the
    folder.
    """
    return isinstance(name, str) and name[:1].isupper() and name in kinds()


def is_text_of(source: Source) -> bool:
    """Whether a text is that of a kind: used by its name, or read or extended as a file."""
    return source.shipped or Path(source.name).parent == FOLDER


@cache
def read_kind(kind: str) -> Checked[Document | None]:
    """The file of a kind, read like any spec, before its `extends` is merged."""
    text = (FOLDER / f"{kind}{_EXTENSION}").read_text(encoding="utf-8")
    return read_text(text, f"{kind}{_EXTENSION}{SHIPPED}")


@dataclass(frozen=True)
class Rule:
    """What a setting accepts, beyond what its default shows."""

    text: str
    choices: tuple[str | None, ...] = ()
    """All allowed values; empty: any value of the default's type."""
    optional: bool = False
    """Whether `null` is allowed although the default is a value."""
    least: int | None = None
    kind: Literal["boolean", "integer", "number"] | None = None
    """JSON Schema's type, for settings without a constant default."""


_SIZE: Final = Rule("", kind="integer")

RULES: Final[Mapping[str, Rule]] = {
    "include_top": Rule("Whether to include the classification layers."),
    "input_shape": Rule(
        "The shape of an image, without the batch axis; by default the shape of the tensor that"
        " the model is called with.",
        optional=True,
    ),
    "pooling": Rule(
        "The pooling of the last feature map without the top: `null` for none, `avg` or `max`.",
        choices=(None, "avg", "max"),
    ),
    "classes": Rule("The number of classes of the top.", least=1),
    "classifier_activation": Rule("The activation of the top; `null` gives logits.", optional=True),
    "imagenet_scale": Rule("", kind="boolean"),
    "standardize": Rule("", kind="boolean"),
    "stem": Rule("The number of filters of the first convolution.", kind="number"),
    "final": Rule("", kind="number"),
    "once": Rule("The number of residual blocks of stages 1 and 7.", kind="integer"),
    "twice": Rule("The number of residual blocks of stages 2 and 3.", kind="integer"),
    "thrice": Rule("The number of residual blocks of stages 4 and 5.", kind="integer"),
    "image_size": _SIZE,
    "patch_size": Rule("The height and width of a patch.", kind="integer"),
    "hidden_dim": Rule("The size of the vectors.", kind="integer"),
    "vocabulary_size": Rule("The number of tokens of the vocabulary.", kind="integer"),
    "sequence_length": _SIZE,
    "embedding_dim": Rule("The size of the vectors.", kind="integer"),
    "num_heads": Rule("The number of attention heads.", kind="integer"),
    "intermediate_dim": _SIZE,
}
"""By name: settings of Keras's applications, and settings without a constant default."""
