"""Architectures that ship with the package, each a complete spec: `ResNet50.yaml` is what
`- ResNet50` means.

The names of the files are the names of the kinds. Nothing is read until a spec uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from modelspec.core.diagnostics import Checked
from modelspec.core.diagnostics.span import SHIPPED
from modelspec.core.source import Document, read_text

FOLDER: Final = Path(__file__).parent
_ENDING: Final = ".yaml"


@cache
def kinds() -> tuple[str, ...]:
    """Every kind, by name."""
    return tuple(sorted(path.stem for path in FOLDER.iterdir() if path.suffix == _ENDING))


def is_kind(name: object) -> bool:
    """Whether a name is one of the library's; a name that cannot be is refused without a look at
    the folder.
    """
    return isinstance(name, str) and name[:1].isupper() and name in kinds()


@cache
def read_kind(kind: str) -> Checked[Document | None]:
    """The file of a kind, read as any spec is; what it extends is not merged yet."""
    text = (FOLDER / f"{kind}{_ENDING}").read_text(encoding="utf-8")
    return read_text(text, f"{kind}{_ENDING}{SHIPPED}")


@dataclass(frozen=True)
class Rule:
    """What a setting may be, where its default does not say it."""

    text: str
    choices: tuple[str | None, ...] = ()
    """All that it may be; empty: anything of the default's type."""
    optional: bool = False
    """Whether `null` may be written where the default is a value."""
    least: int | None = None


RULES: Final[Mapping[str, Rule]] = {
    "include_top": Rule("Whether the layers that classify are there."),
    "input_shape": Rule(
        "The shape of an image, without the batch axis. Where it is not written, the shape of the "
        "tensor that it is called with.",
        optional=True,
    ),
    "pooling": Rule(
        "What is done to the last feature map where there is no top: nothing, its averages, its"
        " maxima.",
        choices=(None, "avg", "max"),
    ),
    "classes": Rule("How many classes the top tells apart.", least=1),
    "classifier_activation": Rule("The activation of the top; `null` gives logits.", optional=True),
}
"""Settings that Keras's applications have in common, by name."""
