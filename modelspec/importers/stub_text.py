"""The two modules of a plugin stub: the declarations, which `check` uses, and the Keras classes,
whose `call` is still to be written.

Every text of a file is written as the `repr` of a plain value; names were checked in `stubs`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from .stubs import Stub, annotation

_MOST_NAMES = 5
_LONGEST = 40


def declarations(stubs: Sequence[Stub], keras_module: str) -> str:
    """The module of the declarations."""
    lines = [
        '"""The custom layers of an imported model, for `modelspec check`.',
        "",
        "Each shape rule and each weight is what the model's file shows: correct them where they",
        f"depend on the settings. The Keras classes are in `{keras_module}.py`.",
        '"""',
        "",
        "from typing import ClassVar",
        "",
        "import modelspec as ms",
    ]
    for stub in stubs:
        lines += ["", "", *_declaration(stub, keras_module)]
    return _checked(lines)


def keras_classes(stubs: Sequence[Stub]) -> str:
    """The module of the Keras classes."""
    lines = [
        '"""The Keras classes of the custom layers of an imported model: write each `call`."""',
        "",
        "import keras",
    ]
    for stub in stubs:
        lines += ["", "", *_keras_class(stub)]
    return _checked(lines)


def _checked(lines: Sequence[str]) -> str:
    """The text, which is valid Python."""
    text = "\n".join(lines) + "\n"
    ast.parse(text)
    return text


def _declaration(stub: Stub, keras_module: str) -> Iterator[str]:
    yield f"class {stub.kind}(ms.Layer):"
    yield f"    {_title(stub)}"
    yield ""
    for name, value in stub.settings.items():
        yield f"    {name}: {annotation(value)} = {_literal(value)}"
    yield from _notes(stub)
    yield f"    keras: ClassVar[str] = {f'{keras_module}:{stub.kind}'!r}"
    yield ""
    yield "    def output(self, inputs):"
    yield from _output_rule(stub)
    if stub.weights:
        yield ""
        yield "    def weights(self, inputs):"
        yield "        return ["
        for name, shape in stub.weights:
            yield f"            self.weight({name!r}, {shape!r}),"
        yield "        ]"


def _output_rule(stub: Stub) -> Iterator[str]:
    if stub.shapes:
        yield "        shapes = {  # of the output, by those of the inputs, without the batch axis"
        for taken, given in stub.shapes.items():
            yield f"            {taken!r}: {given!r},"
        yield "        }"
        yield "        taken = tuple(tuple(one.shape[1:]) for one in inputs)"
        yield "        if taken in shapes:"
        made = "self.result((inputs[0].shape[0], *shapes[taken]))"
        yield f"            return {_times(made, stub.outputs)}"
    first = "inputs[0]"
    if stub.last_axis and not stub.shapes:
        first = f"self.result((*inputs[0].shape[:-1], self.{stub.last_axis}))"
    yield f"        return {_times(first, stub.outputs)}"


def _times(text: str, count: int) -> str:
    """An output, or a list of several like it."""
    return text if count == 1 else f"[{text}] * {count}"


def _keras_class(stub: Stub) -> Iterator[str]:
    names = list(stub.settings)
    parameters = "".join(f"{name}={_literal(stub.settings[name])}, " for name in names)
    yield f"class {stub.kind}(keras.layers.Layer):"
    yield f"    {_title(stub)}"
    yield ""
    yield f"    def __init__(self, {parameters}**kwargs):"
    yield "        super().__init__(**kwargs)"
    for name in names:
        yield f"        self.{name} = {name}"
    if stub.weights:
        yield ""
        yield "    def build(self, input_shape):"
        for name, shape in stub.weights:
            yield f"        self.{name} = self.add_weight(name={name!r}, shape={shape!r})"
    yield ""
    yield "    def call(self, inputs):"
    message = f"write the `call` of `{stub.kind}`"
    yield f"        raise NotImplementedError({message!r})"
    if names:
        own = ", ".join(f"{name!r}: self.{name}" for name in names)
        yield ""
        yield "    def get_config(self):"
        yield f"        return {{**super().get_config(), {own}}}"


def _title(stub: Stub) -> str:
    """The docstring: the class and the layers of the file, as a string literal."""
    shown = ", ".join(map(_shown, stub.layers[:_MOST_NAMES]))
    more = len(stub.layers) - _MOST_NAMES
    rest = f" and {more:,} more" if more > 0 else ""
    return ascii(f"`{_shown(stub.given)}` of the model, used in {shown}{rest}.")


def _shown(text: str) -> str:
    """A text of the file, short, with `?` for every sign that cannot be printed in ASCII."""
    return "".join(sign if " " <= sign <= "~" else "?" for sign in text[:_LONGEST])


def _notes(stub: Stub) -> Iterator[str]:
    """Comments about what a declaration does not contain."""
    if stub.left_out:
        names = ascii(", ".join(map(_shown, stub.left_out[:20])))
        yield f"    # Settings of the file without a plain value: {names}"
    if stub.other_weights:
        yield "    # The weights of its layers have several shapes: write a method `weights`."


def _literal(value: Any) -> str:
    """A plain value as Python."""
    return ascii(tuple(value)) if isinstance(value, list) else ascii(value)
