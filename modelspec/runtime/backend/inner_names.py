"""Converts names of layers, models and outputs between the spec and Keras.

TensorFlow accepts ASCII letters, digits, `_` and `-` in scope names, and the first character must
be a letter or a digit. Keras opens a scope for every layer, model, loss, metric and optimizer. A
spec may use more characters: every other character becomes its code point between two dots, so
`größe` is `gr.f6..df.e` in Keras and `_a` is `.5f.a`. A dot is escaped in the same way, and layer
names in a spec do not contain dots: two names never become the same one, and a name that needs no
change is kept. Inputs keep their names: they open no scope, and their names are the keys of the
model's input mapping.
"""

from __future__ import annotations

import re
from typing import overload

_REFUSED = re.compile(r"[^A-Za-z0-9_-]|^[_-]")
_ESCAPED = re.compile(r"\.([0-9a-f]{1,6})\.")


@overload
def inner_name(name: str) -> str: ...
@overload
def inner_name(name: None) -> None: ...
@overload
def inner_name(name: str | None) -> str | None: ...
def inner_name(name: str | None) -> str | None:
    """The Keras name for the spec's `name`; None without a name."""
    return name if name is None else _REFUSED.sub(lambda one: f".{ord(one[0]):x}.", name)


def spec_name(text: str) -> str:
    """Converts a name, path or logged name of Keras to the names of the spec: `größe_loss` for
    `gr.f6..df.e_loss`.
    """
    return _ESCAPED.sub(_character, text)


def _character(escaped: re.Match[str]) -> str:
    code = int(escaped[1], 16)
    return chr(code) if code <= 0x10FFFF else escaped[0]
