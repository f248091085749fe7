"""The names that layers, models and outputs have in Keras, and back to those of the spec.

TensorFlow takes ASCII letters, digits, `_` and `-` in the names of scopes, the first a letter or a
digit; Keras opens a scope of every layer, model, loss, metric and optimizer. A spec may use more:
every other character becomes its code point between two dots, so that `größe` is `gr.f6..df.e` in
Keras and `_a` is `.5f.a`. A dot is itself written so, and no spec has one in a name of a layer:
two names never become the same one, and a name that needs no change stays as it is. Inputs keep
their names: they open no scope, and are the keys of what a model is called with.
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
    """What Keras calls what the spec calls `name`; None for what has no name."""
    return name if name is None else _REFUSED.sub(lambda one: f".{ord(one[0]):x}.", name)


def spec_name(text: str) -> str:
    """The names of the spec in a name, path or logged name of Keras: `größe_loss` for
    `gr.f6..df.e_loss`.
    """
    return _ESCAPED.sub(_character, text)


def _character(escaped: re.Match[str]) -> str:
    code = int(escaped[1], 16)
    return chr(code) if code <= 0x10FFFF else escaped[0]
