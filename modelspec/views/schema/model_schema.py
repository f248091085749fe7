"""The schema of the `model` section: inputs, entries, shared layers, blocks and control flow.

A schema cannot know the names of shared layers and blocks in a file. So the grammar has four
variants, selected by the contents of the file: without either, an entry that is not a layer is an
error; with `shared` it may be a call; with `blocks` it may have parameters too. In these two, names
of the file do not begin with a capital letter, so that a misspelt layer is still an error. If one
of them does, or the file extends another one, an entry may have any name.
"""

from __future__ import annotations

from typing import Final

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import ONE, Layer
from modelspec.compiler.expand.control_flow import WORDS
from modelspec.compiler.spec.model_inputs import Input
from modelspec.compiler.spec.model_section import DATA_FORMATS
from modelspec.compiler.spec.moving_average import DEFAULT_MOMENTUM, EMA_OF, MOMENTUM
from modelspec.core.dtypes import DTYPES

from . import library_schema as library
from .family_schema import by_form, names_of, one_of, sources
from .key_docs import KEYS
from .loop_schema import chain, loop, with_loop
from .value_schema import EXPRESSION, Schema, or_expression, settings, with_expressions

ANY: Final = ".any"
INSERTED: Final[Schema] = {"anyOf": [{}]}
"""Any value: for a key whose value has no `type`, with which editors insert the colon after it."""
VARIANTS: Final = ("", ".shared", ".blocks", ANY)

_NAME: Final[Schema] = {"type": "string"}
_FLAG: Final[Schema] = with_expressions({"type": "boolean"})
_IDENTIFIER: Final = r"^[^\W\d]\w*$"
_OWN: Final = f"^(?!(?:{'|'.join(WORDS)})$)[^A-Z]"
"""A name of the file that is neither a layer nor a word of the control flow."""


def grammar() -> Schema:
    """The grammar of the `model` and the `blocks` of a file that extends no other one."""
    shared = {
        "required": ["model"],
        "properties": {"model": {"type": "object", "required": ["shared"]}},
    }
    return {
        "if": {"anyOf": [{"required": ["blocks"]}, shared]},
        "then": {
            "if": _ref("lower"),
            "then": {"if": {"required": ["blocks"]}, "then": of(".blocks"), "else": of(".shared")},
            "else": of(ANY),
        },
        "else": of(""),
    }


def of(suffix: str) -> Schema:
    """The `model` and the `blocks` of a file in one variant of the grammar."""
    found = {"model": {**INSERTED, **or_expression(_ref(f"model{suffix}"))}}
    if suffix not in ("", ".shared"):
        blocks = {"type": ["object", "null"], "additionalProperties": _ref(f"block{suffix}")}
        found["blocks"] = {"description": KEYS["blocks"].text, **blocks}
    return {"properties": found}


def alone() -> Schema:
    """The required keys of the sections of a file that extends no other one."""
    sections: dict[str, Schema] = {
        "model": {"required": ["inputs", "layers"]},
        "training": {"anyOf": [{"required": [key]} for key in ("loss", "objective", "players")]},
        "data": {"anyOf": [{"required": ["source"]}, {"required": ["train"]}]},
    }
    return {
        # With blocks alone it is a base for other files.
        "anyOf": [{"required": ["model"]}, {"required": ["blocks"]}],
        "properties": {name: {**one, "doNotSuggest": True} for name, one in sections.items()},
    }


def _lower() -> dict[str, Schema]:
    """`$defs` of the condition that no name of a file begins with a capital letter."""
    names: Schema = {"propertyNames": {"pattern": _OWN}, "additionalProperties": _ref("lower.part")}
    return {
        "lower": {"properties": {"model": _ref("lower.part"), "blocks": names}},
        "lower.part": {"properties": {"shared": names}},
    }


def definitions(layer: Schema) -> dict[str, Schema]:
    """`$defs` of the grammar. `layer` is the schema of a layer; its first form are the names
    without required settings.
    """
    found: dict[str, Schema] = {
        "tensor": {
            "description": (
                "A tensor: the name of an input or of an earlier entry; `name.1` or `name.hidden`"
                " selects one of several outputs."
            ),
            "type": "string",
        },
        "tensors": {
            "anyOf": [_ref("tensor"), {"type": "array", "items": _ref("tensor"), "minItems": 1}]
        },
        "from": {"description": KEYS["from"].text, **sources(ONE)},
        "call": {
            "description": KEYS["call"].text,
            **or_expression(
                {"type": "object", "properties": {"training": _FLAG}, "additionalProperties": False}
            ),
        },
        "when": {"description": KEYS["when"].text, **_FLAG},
        "repeat": {
            "description": KEYS["repeat"].text,
            **with_expressions({"type": "integer", "minimum": 0}),
        },
        "inner": {"propertyNames": {"not": {"enum": list(Layer.reserved)}}},
        "size": _size(),
        "shape": _shape(),
        "input": _input(),
        "block.blocks": _block(".blocks"),
        "block.any": _block(ANY),
        **_lower(),
        "shipped": library.family(),
        **library.definitions(),
    }
    for suffix in VARIANTS:
        found |= _grammar_of(suffix, layer["anyOf"][0])
    return found


def _grammar_of(suffix: str, bare: Schema) -> dict[str, Schema]:
    """`$defs` of one variant; `bare` are the names of layers without required settings."""
    entries = {"type": "array", "items": _ref(f"entry{suffix}")}
    return {
        f"model{suffix}": _model(suffix, root=True),
        f"submodel{suffix}": _model(suffix, root=False),
        f"layers{suffix}": {"anyOf": [entries, EXPRESSION]},
        f"entry{suffix}": _entry(suffix, bare),
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


# Models -------------------------------------------------------------------------------------------


def _model(suffix: str, *, root: bool) -> Schema:
    named = {"type": "object", "additionalProperties": _ref("tensor")}
    outputs = {"anyOf": [_ref("tensors"), with_loop(named)]}
    declared = by_form([_ref("shape")], _ref("input"))
    by_name = with_loop({"type": "object", "additionalProperties": declared})
    inputs = by_form([_ref("shape")], {"anyOf": [_ref("input"), by_name]})
    shared = or_expression(_shared(suffix))
    formats = {"anyOf": [{"enum": list(DATA_FORMATS)}, EXPRESSION]}
    layers = _ref(f"layers{suffix}")
    keys: dict[str, Schema] = {
        "inputs": inputs,
        "shared": shared,
        "layers": layers,
        "outputs": outputs,
    }
    keys |= {"image_data_format": formats} if root else {"trainable": _FLAG, "weights": _weights()}
    properties = {
        key: {"description": KEYS[f"model.{key}"].text, **one} if f"model.{key}" in KEYS else one
        for key, one in keys.items()
    }
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema if root else {**schema, "required": ["layers"]}


def _shared(suffix: str) -> Schema:
    """Definitions of layers and models by name."""
    forms = [f"layers{suffix}", f"submodel{suffix}", "layer", "shipped"]
    every = [*(_ref(one) for one in forms), _average()]
    return {"type": ["object", "null"], "additionalProperties": {"anyOf": every}}


def _average() -> Schema:
    """A moving average of another definition."""
    momentum = {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string"}]}
    properties: dict[str, Schema] = {
        EMA_OF: {"type": "string", "description": "The layer or model that is averaged."},
        MOMENTUM: {
            "description": "How much of the average each step keeps: a number, or a formula over"
            f" `epoch` and `step`. The default is {DEFAULT_MOMENTUM}.",
            **momentum,
        },
    }
    return {
        "type": "object",
        "properties": properties,
        "required": [EMA_OF],
        "additionalProperties": False,
    }


def _weights() -> Schema:
    of_kind = {
        "type": "object",
        "properties": {"imagenet": {"type": "object"}},
        "additionalProperties": False,
        "required": ["imagenet"],
    }
    return {
        "description": (
            "The initial weights of the model: a file, or `imagenet` with a kind of the"
            " library and its settings."
        ),
        "anyOf": [{"type": ["string", "null"]}, of_kind],
    }


def _size() -> Schema:
    return {
        "description": (
            "A number, `null` (unknown), a name (unknown, but the same wherever it is named) or"
            " `auto` (taken from the data)."
        ),
        "anyOf": [
            {"type": "integer", "minimum": 1},
            {"type": "null"},
            {"type": "string", "pattern": _IDENTIFIER},
            EXPRESSION,
        ],
    }


def _shape() -> Schema:
    return {"anyOf": [{"type": "array", "items": _ref("size"), "maxItems": 15}, EXPRESSION]}


def _input() -> Schema:
    read = settings(Input)
    properties = {name: with_expressions(one) for name, one in read["properties"].items()}
    dtypes = {"anyOf": [{"enum": list(DTYPES)}, EXPRESSION], "default": "float32"}
    properties |= {"shape": _ref("shape"), "dtype": dtypes}
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "required": ["shape"],
    }


def _block(suffix: str) -> Schema:
    keys = {
        "description": _NAME,
        "parameters": {"type": "object"},
        "primary": _NAME,
        "inline": {"type": "boolean"},
        "shared": _shared(suffix),
        "layers": _ref(f"layers{suffix}"),
        "inputs": {"anyOf": [_NAME, {"type": "array", "items": _NAME, "minItems": 1}]},
        "outputs": {
            "anyOf": [_ref("tensors"), {"type": "object", "additionalProperties": _ref("tensor")}]
        },
    }
    whole = {
        "type": "object",
        "properties": keys,
        "additionalProperties": False,
        "required": ["layers"],
    }
    return by_form([_ref(f"layers{suffix}")], whole)


# Entries ------------------------------------------------------------------------------------------


def _entry(suffix: str, bare: Schema) -> Schema:
    forms = [*_one(suffix, bare), _group(suffix, bare), _branches(suffix, bare)]
    return {"anyOf": forms if suffix else [*forms, EXPRESSION]}


def _one(suffix: str, bare: Schema) -> list[Schema]:
    """One call: of a layer, a kind of the library, or a name defined in the file."""
    layer = one_of(LAYERS)
    layer["properties"] = {**layer["properties"], **library.entries()}
    names = [*bare["enum"], *library.bare()]
    bare = names_of("layer", names)
    for name in names:  # editors offer the name itself, which is a whole entry
        layer["properties"][name] = {**layer["properties"][name], "doNotSuggest": True}
    if suffix == ANY:
        needing = [name for name in layer["properties"] if name not in names]
        bare = {"type": "string", "not": {"enum": needing}}
        layer["additionalProperties"] = _own_call(parameters=True)
        # A control-flow key is not a valid name.
        layer["propertyNames"] = {"not": {"enum": list(WORDS)}}
    elif suffix:
        bare = {"anyOf": [bare, {"type": "string", "pattern": _OWN}]}
        layer["patternProperties"] = {_OWN: _own_call(parameters=suffix == ".blocks")}
    return [bare, layer]


def _own_call(*, parameters: bool) -> Schema:
    """The value of the name of a shared layer (only reserved settings), or of a block (also its
    parameters).
    """
    reserved: Schema = {
        "type": "object",
        "properties": {
            "name": _NAME,
            "call": or_expression({"type": "object"}),
            "when": _ref("when"),
            "repeat": _ref("repeat"),
            "from": {
                "anyOf": [
                    _ref("tensors"),
                    {"type": "object", "additionalProperties": _ref("tensors")},
                ]
            },
        },
        "additionalProperties": parameters,
    }
    others = ["null", "boolean", "number", "string", "array"] if parameters else ["null"]
    return {"anyOf": [reserved, {"type": others}, *([] if parameters else [EXPRESSION])]}


def _join(suffix: str, bare: Schema) -> Schema:
    return {"anyOf": [_ref("layer"), *_one(suffix, bare)]} if suffix else _ref("layer")


def _group(suffix: str, bare: Schema) -> Schema:
    """A list of entries under `do`: written once for each value, a number of times, or
    conditionally.
    """
    layers = _ref(f"layers{suffix}")
    properties = {
        "for": loop(),
        "index": _NAME,
        "repeat": _ref("repeat"),
        "when": _ref("when"),
        "do": layers,
        "else": layers,
        "from": _ref("tensors"),
        "join": _join(suffix, bare),
        "name": _NAME,
    }
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "required": ["do"],
        "anyOf": [{"required": [word]} for word in ("for", "repeat", "when")],
        "dependentRequired": {"name": ["join"]},
        "not": {"required": ["join", "else"]},
    }


def _branches(suffix: str, bare: Schema) -> Schema:
    branches = {
        "description": KEYS["branches"].text,
        "type": "array",
        "items": chain(_ref(f"layers{suffix}"), _ref("when"), _ref("repeat")),
        "minItems": 1,
    }
    properties = {
        "branches": branches,
        "join": _join(suffix, bare),
        "name": _NAME,
        "from": _ref("tensors"),
        "when": _ref("when"),
        "repeat": _ref("repeat"),
    }
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "required": ["branches"],
    }
