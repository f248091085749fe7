"""The schema of a whole file: its sections, and `$defs` with the grammar of a model and every layer
and component.
"""

from __future__ import annotations

from itertools import combinations
from typing import Final

from modelspec.catalog import components as c
from modelspec.catalog.layers import LAYERS
from modelspec.compiler.spec.checkpoint import Checkpoint
from modelspec.compiler.spec.column_names import ALL_BUT
from modelspec.compiler.spec.data_balance import Balance
from modelspec.compiler.spec.data_expect import KNOWN, Expected
from modelspec.compiler.spec.data_section import CACHES, SOURCES, Feature, Pad, Split
from modelspec.compiler.spec.data_slices import Slice
from modelspec.compiler.spec.data_window import Window
from modelspec.compiler.spec.expect_section import OF_RUN, OVERS, STATIC
from modelspec.compiler.spec.generate_section import Initial, Steps
from modelspec.compiler.spec.number_format import NumberFormat
from modelspec.compiler.spec.players_section import PlayerChoices
from modelspec.compiler.spec.runtime_section import Runtime
from modelspec.compiler.spec.spec_file import MAX_SEED, VERSION
from modelspec.compiler.spec.stages import DATA_KEYS, KEEP, OVERRIDES
from modelspec.compiler.spec.sweep_section import SweepKeys
from modelspec.compiler.spec.training_section import Choices
from modelspec.core.registry import Registry
from modelspec.core.settings import Section

from . import model_schema as model
from .family_schema import by_form, definitions, one_of
from .key_docs import KEYS
from .loop_schema import with_loop
from .partial_schema import Partial
from .serialized_schema import SERIALIZED, definition
from .shared_defs import shared
from .sweep_schema import searched
from .value_schema import (
    DOLLAR,
    EXPRESSION,
    OF_NO_TYPE,
    Schema,
    or_expression,
    settings,
    with_expressions,
    without,
)

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
    c.LOGGERS,
    c.SAMPLERS,
    c.PRUNERS,
    SOURCES,
)
"""Every family of components that a spec creates from a name and settings."""

_TEXT: Final[Schema] = {"type": "string"}
_INPUTS: Final = ("column", "columns", "random")
"""The keys of which a feature has one."""
_SPLITS: Final = (
    *combinations(Split.columns, 2),
    *combinations(("column", "at", "folds"), 2),
)
"""Keys of different kinds of split."""


def root() -> Schema:
    """The schema of a file, with shared definitions for repeated parts."""
    return shared(whole())


def whole() -> Schema:
    """The full schema of a file."""
    found: dict[str, Schema] = {"expression": _expression(), SERIALIZED: definition()}
    for family in FAMILIES:
        found |= definitions(family)
    found |= model.definitions(found["layer"])
    found |= {"feature": _feature()}
    sections = {
        name: described(name, {**model.INSERTED, **schema}) for name, schema in _sections().items()
    }
    part = Partial(found)
    extending = part.of({"properties": {**sections, **model.of(model.ANY)["properties"]}})
    hidden = {"doNotSuggest": True}  # the sections are suggested below
    by_reference = dict.fromkeys(("model", "blocks", *sections), hidden)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": f"A spec of modelspec, version {VERSION} of the language.",
        "type": "object",
        "properties": {
            **{name: described(name, schema) for name, schema in _keys().items()},
            **by_reference,
        },
        "patternProperties": {"^x-": {"description": "Ignored; a place for anchors."}},
        "additionalProperties": False,
        "if": {"required": ["extends"]},
        "then": extending,
        "else": {"properties": sections, "allOf": [model.grammar(), model.alone()]},
        "$defs": {**found, **part.made},
    }


def described(path: str, schema: Schema) -> Schema:
    """The schema with the description of the key from the manual, if it has none."""
    key = KEYS.get(path)
    return {"description": key.text, **schema} if key else schema


def _expression() -> Schema:
    text = "A value computed from others: `$width`, `$(2 * width)`."
    return {"description": text, "type": "string", "pattern": DOLLAR}


def _keys() -> dict[str, Schema]:
    """The keys that are the same in every file."""
    path = {**_TEXT, "format": "path"}
    paths = {"type": "array", "items": path, "minItems": 1}
    seed = {"type": "integer", "minimum": 0, "maximum": MAX_SEED}
    return {
        "$schema": _TEXT,
        "modelspec": {"const": VERSION},
        "name": _or_null(_TEXT),
        "description": _or_null(_TEXT),
        "seed": _or_null(with_expressions(seed)),
        "extends": {"anyOf": [path, paths]},
        "vars": {"type": ["object", "null"]},
    }


def _sections() -> dict[str, Schema]:
    """The sections besides `model` and `blocks`, as in a file that extends no other one."""
    return {
        "data": or_expression(_or_null(_data())),
        "training": or_expression(_or_null(_training())),
        "generate": or_expression(_or_null(_generate())),
        "expect": or_expression(_expectations()),
        "runtime": or_expression(_or_null(_nullable(_section(Runtime)))),
        "sweep": _or_null(_nullable(_section(SweepKeys, **searched()))),
    }


def _generate() -> Schema:
    """The loop that makes examples with the trained model."""
    formula = {"anyOf": [_TEXT, {"type": "number"}]}
    formulas = _or_null({"type": "object", "additionalProperties": formula})
    keys = {
        "initial": {"type": "object", "additionalProperties": _section(Initial)},
        "steps": _section(Steps)["properties"]["steps"],
        "values": formulas,
        "inputs": {"type": "object", "additionalProperties": formula},
        "update": formulas,
        "result": {"anyOf": [formula, *formulas["anyOf"]]},
    }
    return {
        "type": "object",
        "required": ["initial", "inputs"],
        "properties": {name: described(f"generate.{name}", one) for name, one in keys.items()},
        "additionalProperties": False,
    }


def _expectations() -> Schema:
    """Comparisons by quantity. The available metrics depend on the rest of the file."""
    text = with_expressions({"type": "string", "pattern": r"^\s*(<=?|>=?|==)\s*\S"})
    compared = {"anyOf": [text, {"type": "array", "items": text, "minItems": 1}]}
    over = {name: _or_null(compared) for name in OVERS}
    epochs = {"type": "object", "properties": over, "additionalProperties": False}
    fixed = {name: _or_null(compared) for name in (*STATIC, *OF_RUN)}
    measured = {"anyOf": [compared, epochs, {"type": "null"}]}
    one = {"type": "object", "properties": fixed, "additionalProperties": measured}
    return _or_null(one)


def _section(cls: type[Section], **others: Schema) -> Schema:
    """A section that is one mapping of settings; `others` are keys with a separate reader."""
    read = settings(cls)
    properties = {name: with_expressions(one) for name, one in read["properties"].items()}
    for name, one in others.items():
        properties[name] = described(f"{cls.kind()}.{name}", one)
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _or_null(schema: Schema) -> Schema:
    """A value that `null` removes if an extended file has set it."""
    text = {"description": schema["description"]} if "description" in schema else {}
    return {**text, "anyOf": [schema, {"type": "null"}]}


def _either(one: str, other: str) -> Schema:
    """A mapping has at most one of two keys; `null` switches a key off."""
    present: Schema = {"required": [one], "properties": {one: {"not": {"type": "null"}}}}
    absent = {"type": "null", "errorMessage": f"cannot be combined with `{one}`"}
    return {"if": present, "then": {"properties": {other: {**absent, "doNotSuggest": True}}}}


def _nullable(section: Schema) -> Schema:
    """A section whose keys can be removed by `null`."""
    keys = {name: _or_null(one) for name, one in section["properties"].items()}
    return {**section, "properties": keys}


def _training() -> Schema:
    number = with_expressions({"type": "number", "minimum": 0})
    metric: Schema = {"$ref": "#/$defs/metric"}
    metrics = {"anyOf": [{"type": "array", "items": metric}, metric]}
    callback: Schema = {"$ref": "#/$defs/callback"}
    checkpoint = _section(Checkpoint)
    every = without(checkpoint["properties"]["every"], *OF_NO_TYPE)
    found = _section(
        Choices,
        loss={
            **_by_output({"$ref": "#/$defs/loss"}, {"type": "null"}),
            # Suggested by editors, which else suggest nothing where outputs may be named too.
            "properties": {name: {} for name in c.LOSSES.own_kinds()},
        },
        loss_weights=_by_output(number, {"type": "null"}),
        objective=_or_null(_objective()),
        class_weight=_class_weight(number),
        checkpoint=_or_null(by_form([every], checkpoint)),
        metrics=_by_output(metrics, {"type": "null"}),
        weighted_metrics=_by_output(metrics, {"type": "null"}),
        callbacks={"anyOf": [{"type": "array", "items": callback}, callback, {"type": "null"}]},
    )
    keys = {key: one for key, one in found["properties"].items() if key in OVERRIDES}
    stages = _or_null({"type": "array", "items": _stage(keys), "minItems": 1})
    found["properties"]["stages"] = described("training.stages", stages)
    players = _or_null({"type": "object", "additionalProperties": _player(), "minProperties": 1})
    found["properties"]["players"] = described("training.players", players)
    return found


def _player() -> Schema:
    """A player of a training."""
    return {**_section(PlayerChoices, objective=_objective()), "required": ["trains", "objective"]}


def _stage(keys: Schema) -> Schema:
    """A stage of a training: a name, some keys of `training`, and its examples."""
    optimizer = {**keys["optimizer"]}
    text = {"description": optimizer.pop("description")} if "description" in optimizer else {}
    kept = {**text, "anyOf": [{"const": KEEP}, optimizer]}
    of_data = {key: one for key, one in _data()["properties"].items() if key in DATA_KEYS}
    data = {"type": "object", "properties": of_data, "additionalProperties": False}
    return {
        "type": "object",
        "properties": {"name": _TEXT, **keys, "optimizer": kept, "data": _or_null(data)},
        "required": ["name", "epochs"],
        "additionalProperties": False,
    }


def _objective() -> Schema:
    """Terms by name: a formula, or a formula with its tensors and its weight."""
    tensors = {"type": "object", "additionalProperties": _TEXT}
    weight = {"anyOf": [{"type": "number"}, _TEXT, _formula()]}
    long = {
        "type": "object",
        "required": ["formula"],
        "properties": {
            "formula": _TEXT,
            "from": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}, tensors]},
            "weight": weight,
        },
        "additionalProperties": False,
    }
    return {"type": "object", "additionalProperties": {"anyOf": [_TEXT, long]}}


def _formula() -> Schema:
    return {
        "type": "object",
        "required": ["formula"],
        "properties": {"formula": _TEXT},
        "additionalProperties": False,
    }


def _class_weight(number: Schema) -> Schema:
    by_class = {"type": "object", "additionalProperties": number, "minProperties": 1}
    one = [{"const": "balanced"}, {"type": "array", "items": number, "minItems": 1}, by_class]
    return {
        "anyOf": [
            *one,
            with_loop({"type": "object", "additionalProperties": {"anyOf": one}}),
            {"type": "null"},
            EXPRESSION,
        ]
    }


def _by_output(one: Schema, *others: Schema) -> Schema:
    """One value, or a value for each output by name."""
    return {"anyOf": [one, with_loop({"type": "object", "additionalProperties": one}), *others]}


def _data() -> Schema:
    source: Schema = {"$ref": "#/$defs/source"}
    feature: Schema = {"$ref": "#/$defs/feature"}
    by_name = with_loop({"type": "object", "additionalProperties": feature})
    features = {"anyOf": [feature, by_name]}
    augment = _layers()
    joint = _joint(augment)
    varied = _with_augment(source, {"anyOf": [augment, joint]})
    split = {**_section(Split), "allOf": [_either(*pair) for pair in _SPLITS]}
    keys = {
        "source": _or_null(varied),
        "train": _or_null(varied),
        "validation": _or_null(source),
        "test": _or_null(source),
        "where": _or_null(_TEXT),
        "split": _or_null(or_expression(split)),
        "window": _or_null(or_expression(_section(Window))),
        "inputs": _or_null(features),
        "targets": _or_null(features),
        "balance": _or_null({"anyOf": [_TEXT, or_expression(_section(Balance))]}),
        "weights": _or_null(_TEXT),
        "expect": _or_null(_expect()),
        "slices": _or_null(_slices()),
        "cache": _or_null(with_expressions({"enum": [*CACHES]})),
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
        "allOf": [_either("source", "train")],
    }


def _with_augment(source: Schema, augment: Schema) -> Schema:
    """A source, with an optional `augment` beside its name."""
    key: Schema = {"type": "object", "required": ["augment"]}
    named = one_of(SOURCES)["properties"]
    beside = {
        **key,
        "properties": {**named, "augment": augment},
        "additionalProperties": False,
        "minProperties": 2,
        "maxProperties": 2,
    }
    return {"if": key, "then": beside, "else": source}


def _expect() -> Schema:
    """Expectations of columns, by name."""
    one = {"anyOf": [with_expressions({"enum": [KNOWN]}), _section(Expected)]}
    return {"type": "object", "additionalProperties": one}


def _slices() -> Schema:
    """Columns whose values define slices."""
    one = {"anyOf": [_TEXT, {**_section(Slice), "required": ["column"]}]}
    return {"anyOf": [{"type": "array", "items": one}, one]}


def _joint(layers: Schema) -> Schema:
    """Layers that vary several inputs and targets together."""
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
    one_of_them = {"anyOf": [{"required": [key]} for key in _INPUTS]}
    pad = _or_null({"anyOf": [with_expressions({"type": "integer", "minimum": 1}), _section(Pad)]})
    number = _section(NumberFormat)
    long = {**_section(Feature, pad=pad, number=number, transform=_layers()), **one_of_them}
    long["properties"]["columns"] = _columns(long["properties"]["columns"])
    long["allOf"] = [_either(*pair) for pair in combinations(_INPUTS, 2)]
    return {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}, long]}


def _columns(read: Schema) -> Schema:
    """Names, ranges and patterns, or all columns but some."""
    names = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
    others = {
        "type": "object",
        "required": [ALL_BUT],
        "properties": {ALL_BUT: names},
        "additionalProperties": False,
    }
    return {"description": read["description"], "anyOf": [names, others, {"type": "null"}]}


def _layers() -> Schema:
    """A list of layers that run in sequence."""
    return or_expression({"type": "array", "items": {"$ref": "#/$defs/layer"}, "minItems": 1})
