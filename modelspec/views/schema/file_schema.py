"""The schema of a whole file: its sections, and `$defs` with the grammar of a model and every layer
and component.
"""

from __future__ import annotations

from typing import Final

from modelspec.catalog import components as c
from modelspec.catalog.layers import LAYERS
from modelspec.compiler.spec.data_expect import KNOWN, Expected
from modelspec.compiler.spec.data_section import CACHES, SOURCES, Feature, Pad, Split
from modelspec.compiler.spec.data_window import Window
from modelspec.compiler.spec.number_format import NumberFormat
from modelspec.compiler.spec.runtime_section import Runtime
from modelspec.compiler.spec.spec_file import MAX_SEED, VERSION
from modelspec.compiler.spec.training_section import Choices
from modelspec.core.registry import Registry
from modelspec.core.settings import Section

from . import model_schema as model
from .family_schema import definitions
from .key_docs import KEYS
from .shared_defs import shared
from .value_schema import DOLLAR, Schema, or_expression, settings, with_expressions

FAMILIES: Final[tuple[Registry, ...]] = (
    LAYERS,
    c.INITIALIZERS,
    c.REGULARIZERS,
    c.CONSTRAINTS,
    c.ACTIVATIONS,
    c.OPTIMIZERS,
    c.SCHEDULES,
    c.LOSSES,
    c.METRICS,
    c.CALLBACKS,
    SOURCES,
)
"""Every family of things that a spec makes from a name and settings."""

_TEXT: Final[Schema] = {"type": "string"}


def root() -> Schema:
    """The schema of a file, with what is repeated said once."""
    return shared(whole())


def whole() -> Schema:
    """The schema of a file, written out."""
    found: dict[str, Schema] = {"expression": _expression()}
    for family in FAMILIES:
        found |= definitions(family)
    found |= model.definitions(found["layer"])
    found |= {"feature": _feature()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"modelspec, version {VERSION} of the language",
        "type": "object",
        "properties": {name: described(name, schema) for name, schema in _keys().items()},
        "patternProperties": {"^x-": {"description": "Ignored; a place for anchors."}},
        "additionalProperties": False,
        **model.variant(),
        "$defs": found,
    }


def described(path: str, schema: Schema) -> Schema:
    """The schema with what the manual says about the key, where the schema does not say it
    already.
    """
    key = KEYS.get(path)
    return {"description": key.text, **schema} if key else schema


def _expression() -> Schema:
    text = "A value that follows from others: `$width`, `$(2 * width)`."
    return {"description": text, "type": "string", "pattern": DOLLAR}


def _keys() -> dict[str, Schema]:
    paths = {"type": "array", "items": _TEXT, "minItems": 1}
    return {
        "modelspec": {"const": VERSION},
        "name": _TEXT,
        "description": _TEXT,
        "seed": with_expressions({"type": "integer", "minimum": 0, "maximum": MAX_SEED}),
        "extends": {"anyOf": [_TEXT, paths]},
        "vars": {"type": "object"},
        "blocks": {"type": "object", "additionalProperties": {"$ref": "#/$defs/block"}},
        "model": {},  # which grammar it has follows from the other keys: see `model.variant`
        "data": or_expression(_data()),
        "training": or_expression(_training()),
        "runtime": or_expression(_nullable(_section(Runtime))),
    }


def _section(cls: type[Section], **others: Schema) -> Schema:
    """A section that is one mapping of settings; `others` are keys that a reader of their own
    reads.
    """
    read = settings(cls)
    properties = {name: with_expressions(one) for name, one in read["properties"].items()}
    for name, one in others.items():
        properties[name] = described(f"{cls.kind()}.{name}", one)
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _or_null(schema: Schema) -> Schema:
    """What `null` switches off where a file that is extended has set it."""
    text = {"description": schema["description"]} if "description" in schema else {}
    return {**text, "anyOf": [schema, {"type": "null"}]}


def _nullable(section: Schema) -> Schema:
    """A section each key of which `null` switches off."""
    keys = {name: _or_null(one) for name, one in section["properties"].items()}
    return {**section, "properties": keys}


def _training() -> Schema:
    number = with_expressions({"type": "number", "minimum": 0})
    metric: Schema = {"$ref": "#/$defs/metric"}
    metrics = {"anyOf": [{"type": "array", "items": metric}, metric]}
    callback: Schema = {"$ref": "#/$defs/callback"}
    return _section(
        Choices,
        loss=_by_output({"$ref": "#/$defs/loss"}, {"type": "null"}),
        loss_weights=_by_output(number, {"type": "null"}),
        class_weight=_class_weight(number),
        metrics=_by_output(metrics, {"type": "null"}),
        weighted_metrics=_by_output(metrics, {"type": "null"}),
        callbacks={"anyOf": [{"type": "array", "items": callback}, callback, {"type": "null"}]},
    )


def _class_weight(number: Schema) -> Schema:
    by_class = {"type": "object", "additionalProperties": number, "minProperties": 1}
    one = [{"const": "balanced"}, {"type": "array", "items": number, "minItems": 1}, by_class]
    return {
        "anyOf": [
            *one,
            {"type": "object", "additionalProperties": {"anyOf": one}},
            {"type": "null"},
        ]
    }


def _by_output(one: Schema, *others: Schema) -> Schema:
    """Once, or for each output by its name."""
    return {"anyOf": [one, {"type": "object", "additionalProperties": one}, *others]}


def _data() -> Schema:
    source: Schema = {"$ref": "#/$defs/source"}
    feature: Schema = {"$ref": "#/$defs/feature"}
    features = {"anyOf": [feature, {"type": "object", "additionalProperties": feature}]}
    augment = _layers()
    joint = _joint(augment)
    varied = {
        "anyOf": [
            source,
            {
                "type": "object",
                "required": ["augment"],
                "properties": {"augment": {"anyOf": [augment, joint]}},
                "minProperties": 2,
                "maxProperties": 2,
            },
        ]
    }
    keys = {
        "source": varied,
        "train": varied,
        "validation": source,
        "test": source,
        "where": _or_null(_TEXT),
        "split": _or_null(or_expression(_section(Split))),
        "window": _or_null(or_expression(_section(Window))),
        "inputs": features,
        "targets": features,
        "weights": _or_null(_TEXT),
        "expect": _or_null(_expect()),
        "cache": with_expressions({"enum": [*CACHES]}),
        "augment": {
            "anyOf": [
                augment,
                joint,
                {"type": "object", "additionalProperties": augment},
                {"type": "array", "maxItems": 0},
                {"type": "null"},
            ]
        },
    }
    return {
        "type": "object",
        "properties": {name: described(f"data.{name}", schema) for name, schema in keys.items()},
        "additionalProperties": False,
    }


def _expect() -> Schema:
    """What must hold of columns, by their names."""
    one = {"anyOf": [with_expressions({"enum": [KNOWN]}), _section(Expected)]}
    return {"type": "object", "additionalProperties": one}


def _joint(layers: Schema) -> Schema:
    """Layers that vary several inputs and targets with one draw."""
    names = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
    return {
        "type": "object",
        "required": ["layers"],
        "properties": {
            "layers": layers,
            "on": names,
            "fill": with_expressions({"type": "integer"}),
        },
        "additionalProperties": False,
    }


def _feature() -> Schema:
    one_of_them = {"anyOf": [{"required": [key]} for key in ("column", "columns", "random")]}
    pad = {"anyOf": [with_expressions({"type": "integer", "minimum": 1}), _section(Pad)]}
    number = _section(NumberFormat)
    long = {**_section(Feature, pad=pad, number=number, transform=_layers()), **one_of_them}
    return {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}, long]}


def _layers() -> Schema:
    """A list of layers that run one after the other."""
    return or_expression({"type": "array", "items": {"$ref": "#/$defs/layer"}, "minItems": 1})
