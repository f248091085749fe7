"""Specs with blocks, loops, branches and choices are drawn, and an interpreter of a page says what
they come to.

It shares nothing with the expansion but the words of the language: it calls layers, and knows
tensors by numbers. Names in the flat list are not compared; kinds, what takes what, settings,
shapes and parameters are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import modelspec as ms
from modelspec.catalog.layers.layer import Layer as LayerSettings

VARS: dict[str, Any] = {
    "width": 3,
    "deep": True,
    "sizes": [2, 4],
    "stage": {"units": 5, "count": 2},
}
PRIMARY = {"Dense": "units", "Activation": "activation", "Dropout": "rate"}
WORDS = ("from", "name", "when", "repeat")

# What a spec comes to -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """A call: its settings, and the tensors it takes by their numbers; 0 is the input of the
    model.
    """

    kind: str
    settings: dict[str, Any]
    takes: tuple[int, ...]


Tensor = int | dict[str, int]
"""A tensor, or those of a block that gives several."""


@dataclass
class Scope:
    """Values and tensors that have a name."""

    values: dict[str, Any]
    tensors: dict[str, Tensor]
    last: Tensor


@dataclass
class Interpreter:
    """Walks a spec as a person would who writes it out."""

    blocks: dict[str, Any]
    vars: dict[str, Any]
    layers: list[Layer] = field(default_factory=list)

    def value(self, written: Any, scope: Scope) -> Any:
        if isinstance(written, dict):
            return {key: self.value(one, scope) for key, one in written.items()}
        if isinstance(written, list):
            return [self.value(one, scope) for one in written]
        if not isinstance(written, str) or "$" not in written:
            return written
        if whole := re.fullmatch(r"\$\((.*)\)|\$(\w+(?:\.\w+)*)", written):
            return self.evaluate(whole[1] or whole[2], scope)
        return re.sub(
            r"\$\(([^)]*)\)|\$(\w+)",
            lambda found: str(self.evaluate(found[1] or found[2], scope)),
            written,
        )

    def evaluate(self, text: str, scope: Scope) -> Any:
        text = re.sub(r"\b([a-z]\w*)\.([a-z]\w*)", r"\1['\2']", text)
        return eval(text, {"__builtins__": {"len": len, "max": max}}, {**self.vars, **scope.values})

    def tensor(self, name: str, scope: Scope) -> Tensor:
        producer, dot, output = self.value(name, scope).partition(".")
        found = scope.tensors[producer]
        return found[output] if dot and isinstance(found, dict) else found

    def run(self, entries: list[Any], scope: Scope) -> None:
        for entry in entries:
            self.entry(entry, scope)

    def entry(self, entry: Any, scope: Scope) -> None:
        if isinstance(entry, str):
            self.call(entry, {}, scope)
        elif "branches" in entry:
            self.rounds(entry, scope, lambda again: self.branches(entry, scope, again))
        elif "do" in entry:
            self.lists(entry, scope)
        else:
            ((kind, body),) = entry.items()
            if not isinstance(body, dict):
                name = PRIMARY.get(kind) or self.blocks[kind]["primary"]
                body = {name: body}
            self.rounds(body, scope, lambda again: self.call(kind, body, scope, again))

    def rounds(self, words: dict[str, Any], scope: Scope, once: Callable[[bool], None]) -> None:
        if self.value(words.get("when", True), scope):
            for number in range(self.value(words.get("repeat", 1), scope)):
                once(number > 0)

    def lists(self, entry: dict[str, Any], scope: Scope) -> None:
        if not self.value(entry.get("when", True), scope):
            self.run(entry.get("else", []), scope)
            return
        if "from" in entry:
            scope.last = self.tensor(entry["from"], scope)
        if "for" not in entry:
            for _ in range(self.value(entry.get("repeat", 1), scope)):
                self.run(entry["do"], scope)
            return
        ((variable, values),) = entry["for"].items()
        outside = dict(scope.values)
        for position, one in enumerate(self.value(values, scope)):
            scope.values = {**outside, variable: one}
            if "index" in entry:
                scope.values[entry["index"]] = position
            self.run(entry["do"], scope)
        scope.values = outside

    def branches(self, entry: dict[str, Any], scope: Scope, again: bool) -> None:
        start = self.tensor(entry["from"], scope) if "from" in entry and not again else scope.last
        ends = []
        for branch in entry["branches"]:
            scope.last = start
            self.run(branch, scope)
            ends.append(scope.last)
        kind, body = (
            next(iter(entry["join"].items()))
            if isinstance(entry.get("join"), dict)
            else (entry.get("join", "Concatenate"), {})
        )
        if kind in self.blocks:
            self.use(self.blocks[kind], body, ends, scope)
        else:
            self.make(kind, self.value(body, scope), tuple(ends), scope)
        self.define(entry, scope)

    def define(self, words: dict[str, Any], scope: Scope) -> None:
        if "name" in words:
            scope.tensors[self.value(words["name"], scope)] = scope.last

    def make(
        self, kind: str, settings: dict[str, Any], takes: tuple[Any, ...], scope: Scope
    ) -> None:
        settings = {key: value for key, value in settings.items() if key not in WORDS}
        self.layers.append(Layer(kind, settings, takes))
        scope.last = len(self.layers)

    def taken(self, body: dict[str, Any], scope: Scope, again: bool) -> Any:
        """Tensors in order, or by the name of an input. A later round takes what the one before
        gave as its first.
        """
        written = body.get("from")
        if written is None:
            return [scope.last]
        if isinstance(written, dict):
            found = {key: self.tensor(name, scope) for key, name in written.items()}
            return {**found, next(iter(found)): scope.last} if again else found
        tensors = [
            self.tensor(name, scope)
            for name in ([written] if isinstance(written, str) else written)
        ]
        return [scope.last, *tensors[1:]] if again else tensors

    def call(self, kind: str, body: dict[str, Any], scope: Scope, again: bool = False) -> None:
        taken = self.taken(body, scope, again)
        if kind in self.blocks:
            self.use(self.blocks[kind], body, taken, scope)
        else:
            self.make(kind, self.value(body, scope), tuple(taken), scope)
        self.define(body, scope)

    def use(self, block: dict[str, Any], body: dict[str, Any], taken: Any, scope: Scope) -> None:
        inner = Scope({}, {}, 0)
        for name, default in block.get("parameters", {}).items():
            inner.values[name] = (
                self.value(body[name], scope) if name in body else self.value(default, inner)
            )
        inputs = block.get("inputs", ["input"])
        inner.tensors = taken if isinstance(taken, dict) else dict(zip(inputs, taken, strict=True))
        inner.tensors = {name: inner.tensors[name] for name in inputs}
        inner.last = inner.tensors[inputs[0]]
        self.run(block["layers"], inner)
        outputs = block.get("outputs")
        if isinstance(outputs, dict):
            scope.last = {key: self.tensor(name, inner) for key, name in outputs.items()}  # type: ignore[misc]
        else:
            scope.last = self.tensor(outputs, inner) if outputs else inner.last


# Specs --------------------------------------------------------------------------------------------


@dataclass
class Place:
    """Where an entry stands: what it may name there."""

    tensors: list[str]
    sizes: list[str]
    """Expressions of a whole number from 1 to 9."""
    yes: list[str]
    """Expressions of true or false."""
    blocks: list[str]
    suffix: str = ""
    """Behind each name in a loop, so that every round has its own."""
    label: bool = True
    """Whether entries may have names: not in an inline block, whose uses would all have the
    same.
    """


class Author:
    """Draws a spec."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.count = 0
        self.blocks: dict[str, Any] = {}

    def one(self, choices: list[Any]) -> Any:
        return self.draw(st.sampled_from(choices))

    def chance(self, of: int) -> bool:
        return self.draw(st.integers(1, of)) == 1

    def fresh(self, prefix: str = "n") -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def size(self, place: Place) -> Any:
        return self.one([2, 7, *place.sizes])

    def name(self, body: dict[str, Any], place: Place) -> list[str]:
        """Give an entry a name; those that stand for it afterwards."""
        if not place.label or not self.chance(2):
            return []
        body["name"] = self.fresh() + place.suffix
        return [body["name"]]

    def entries(self, place: Place, depth: int, least: int = 0) -> list[Any]:
        return [self.entry(place, depth) for _ in range(self.draw(st.integers(least, 3)))]

    def entry(self, place: Place, depth: int) -> Any:
        kinds = [self.layer, self.layer, self.join, self.rest]
        if place.blocks:
            kinds += [self.use, self.use]
        if depth:
            kinds += [self.branches, self.loop, self.repeat, self.choice]
        return self.one(kinds)(place, depth - 1)

    def rest(self, place: Place, depth: int) -> Any:
        return self.one(["ReLU", "LayerNormalization", "Flatten", {"Activation": "tanh"}])

    def words(self, body: dict[str, Any], place: Place) -> None:
        """`name`, `when`, `repeat` of one entry; what is left out, or never runs, is not named
        later.
        """
        names = self.name(body, place)
        if self.chance(5):
            body["when"], names = self.one([True, False, *place.yes]), []
        if self.chance(4):
            body["repeat"] = self.one([0, 1, 2, 3, "$stage.count"])
            names = names if body["repeat"] else []
        place.tensors += names

    def layer(self, place: Place, depth: int) -> Any:
        if self.chance(4):
            return {"Dense": self.size(place)}
        body: dict[str, Any] = {"units": self.size(place)}
        if self.chance(3):
            body["from"] = self.one(place.tensors)
        self.words(body, place)
        return {"Dense": body}

    def join(self, place: Place, depth: int) -> Any:
        same = self.one(place.tensors)
        kind, taken = self.one(
            [("Add", [same, same]), ("Concatenate", [same, self.one(place.tensors)])]
        )
        body: dict[str, Any] = {"from": taken}
        place.tensors += self.name(body, place)
        return {kind: body}

    def use(self, place: Place, depth: int) -> Any:
        block = self.one(place.blocks)
        made = self.blocks[block]
        parameters, inputs = made.get("parameters", {}), made.get("inputs", ["input"])
        body: dict[str, Any] = {
            key: self.size(place)
            for key, default in parameters.items()
            if default is None or self.chance(2)
        }
        if (
            len(body) == 1
            and made.get("primary") in body
            and len(inputs) == 1
            and "outputs" not in made
            and self.chance(2)
        ):
            return {block: body[made["primary"]]}
        taken = [self.one(place.tensors) for _ in inputs]
        if len(inputs) > 1:
            body["from"] = self.one([taken, dict(zip(inputs, taken, strict=True))])
        elif self.chance(3):
            body["from"] = taken[0]
        if not isinstance(made.get("outputs"), dict):
            self.words(body, place)
            return {block: body} if body else block
        if not place.label:
            return "ReLU"
        body["name"] = name = self.fresh() + place.suffix
        place.tensors += [f"{name}.{key}" for key in made["outputs"]]
        # What follows has to say which of the tensors it takes.
        return {
            "repeat": 1,
            "do": [{block: body}, {"Dense": {"units": 4, "from": self.one(place.tensors[-2:])}}],
        }

    # Entries that hold lists. Names in them are known below only where they surely stand for
    # something.

    def branches(self, place: Place, depth: int) -> Any:
        before = len(place.tensors)
        inside = replace(place, tensors=list(place.tensors))
        entry: dict[str, Any] = {
            "branches": [self.entries(inside, depth) for _ in range(self.draw(st.integers(2, 3)))]
        }
        if self.chance(2):
            fit = [
                one
                for one in place.blocks
                if len(self.blocks[one].get("inputs", [])) == len(entry["branches"])
            ]
            join = self.one([*fit, "Concatenate", {"Concatenate": {"axis": -1}}])
            parameters = self.blocks[join].get("parameters", {}) if join in fit else {}
            entry["join"] = (
                {join: {key: self.size(place) for key in parameters}} if parameters else join
            )
        if self.chance(4):
            entry["from"] = self.one(place.tensors)
        place.tensors += inside.tensors[len(place.tensors) :]
        place.tensors += self.name(entry, place)
        if self.chance(4):
            entry["repeat"] = 2
        if self.chance(6):
            entry["when"] = self.one([True, *place.yes])
            place.tensors[before:] = []
        return entry

    def loop(self, place: Place, depth: int) -> Any:
        variable, index = self.fresh("v"), self.fresh("i")
        values, used = self.one(
            [
                ([3, 6], f"${variable}"),
                ("$sizes", f"$({variable} + 1)"),
                ([], "$(1)"),
                ("$([width, width * 2])", f"$(max({variable}, 2))"),
                ([{"units": 2}, {"units": "$width"}], f"${variable}.units"),
            ]
        )
        inside = replace(
            place,
            tensors=list(place.tensors),
            sizes=[*place.sizes, used, f"$({index} + 2)"],
            yes=[*place.yes, f"$({index} == 0)"],
            suffix=f"{place.suffix}-$({index})",
        )
        entry = {"for": {variable: values}, "index": index, "do": self.entries(inside, depth)}
        return self.begins(entry, place)

    def begins(self, entry: dict[str, Any], place: Place) -> dict[str, Any]:
        """Now and then, a list begins at a tensor of its own."""
        return {"from": self.one(place.tensors), **entry} if self.chance(4) else entry

    def repeat(self, place: Place, depth: int) -> Any:
        inside = replace(place, tensors=list(place.tensors))
        entry: dict[str, Any] = {
            "repeat": self.one([0, 1, 2, "$stage.count"]),
            "do": self.entries(inside, depth),
        }
        entry = self.begins(entry, place)
        if entry["repeat"]:
            place.tensors += inside.tensors[len(place.tensors) :]
        return entry

    def choice(self, place: Place, depth: int) -> Any:
        yes, no = (replace(place, tensors=list(place.tensors)) for _ in range(2))
        entry = {"when": self.one([True, False, *place.yes]), "do": self.entries(yes, depth)}
        if self.chance(2):
            entry["else"] = self.entries(no, depth)
        elif self.chance(3):
            return self.begins(entry, place)
        return entry

    def block(self) -> None:
        several = self.one([[], ["p"], ["p", "q"]])
        parameters = {
            name: self.one([None, 4, "$(width + 1)", *(f"${one}" for one in several[:at])])
            for at, name in enumerate(several)
        }
        inputs = self.one([["input"], ["input"], ["a", "b"]])
        inline = self.chance(4)
        place = Place(
            list(inputs),
            [f"${name}" for name in parameters] + ["$width"],
            ["$deep", *(f"$({name} > 3)" for name in parameters)],
            list(self.blocks),
            label=not inline,
        )
        layers = self.entries(place, 2, least=1)
        # It ends with a layer that always stands, so that its last tensor is one of its own.
        body: dict[str, Any] = {"layers": [*layers, {"Dense": 3}]}
        if parameters:
            body["parameters"] = parameters
            body["primary"] = "p"
        if inline:
            body["inline"] = True
        if inputs != ["input"]:
            body["inputs"] = inputs
        elif self.chance(3):
            body["outputs"] = self.one(
                [place.tensors[-1], {"left": place.tensors[-1], "right": place.tensors[0]}]
            )
        self.blocks[f"block{len(self.blocks)}"] = body


@st.composite
def specs(draw: Any) -> dict[str, Any]:
    author = Author(draw)
    for _ in range(draw(st.integers(0, 4))):
        author.block()
    place = Place(
        ["x"],
        ["$width", "$stage.units", "$(width * 2 if deep else 9)", "$(len(sizes))"],
        ["$deep", "$(not deep)", "$(width > 2)"],
        list(author.blocks),
    )
    layers = author.entries(place, 3, least=2)
    return {
        "vars": VARS,
        "blocks": author.blocks,
        "model": {"inputs": {"x": [3]}, "layers": [*layers, {"Dense": 1}]},
    }


# Both ---------------------------------------------------------------------------------------------


def expected(spec: dict[str, Any], vars: dict[str, Any] = VARS) -> list[Layer]:
    made = Interpreter(spec.get("blocks", {}), vars)
    made.run(spec["model"]["layers"], Scope({}, {"x": 0}, 0))
    return made.layers


def written_out(layers: list[Layer]) -> dict[str, Any]:
    """The same as a spec without any expansion."""

    def name(tensor: int) -> str:
        return f"t{tensor}" if tensor else "x"

    return {
        "model": {
            "inputs": {"x": [3]},
            "layers": [
                {
                    one.kind: {
                        **one.settings,
                        "name": name(number),
                        "from": (
                            [name(taken) for taken in one.takes]
                            if len(one.takes) > 1
                            else name(one.takes[0])
                        ),
                    }
                }
                for number, one in enumerate(layers, 1)
            ],
        }
    }


def rows(found: ms.Spec) -> Iterator[tuple[Any, ...]]:
    """Every layer without names: kind, settings, the numbers of what it takes, shape,
    parameters.
    """
    numbers = {"x": 0} | {layer.name: number for number, layer in enumerate(found.graph.layers, 1)}
    for layer in found.graph.layers:
        assert isinstance(layer.call.callee, LayerSettings)
        settings = layer.call.callee.model_dump(exclude={"name"})
        yield (
            layer.kind,
            settings,
            [numbers[name] for name in layer.inputs],
            layer.output_shape,
            layer.parameters,
        )


def same(spec: Any, flat: list[Layer]) -> None:
    found = list(rows(ms.load_spec(spec)))
    wanted = list(rows(ms.load_spec(written_out(flat))))
    for one, other in zip(found, wanted, strict=False):
        assert one == other
    assert len(found) == len(wanted)


@settings(
    max_examples=max(
        250, 10 * settings.default.max_examples if settings.default.max_examples > 100 else 0
    )
)
@given(specs())
def test_a_drawn_spec_is_what_the_interpreter_says(spec: dict[str, Any]) -> None:
    same(spec, expected(spec))


@settings(max_examples=20)
@given(
    specs(), st.dictionaries(st.sampled_from(["width", "deep"]), st.sampled_from([1, 2])), st.data()
)
def test_a_drawn_spec_that_extends_another_is_both_merged(
    spec: dict[str, Any], vars: dict[str, Any], data: st.DataObject
) -> None:
    """Some blocks and other values of `vars` are in the file that extends; its layers take the
    place of the others.
    """
    vars = {key: value if key == "width" else value == 1 for key, value in vars.items()}
    above = {name for name in spec["blocks"] if data.draw(st.booleans())}
    base = {
        **spec,
        "blocks": {
            name: {"layers": ["ReLU"]} if name in above else block
            for name, block in spec["blocks"].items()
        },
        "model": {**spec["model"], "layers": ["ReLU"]},
    }
    net = {
        "extends": "base.json",
        "vars": vars,
        "model": {"layers": spec["model"]["layers"]},
        "blocks": {name: spec["blocks"][name] for name in above},
    }
    with TemporaryDirectory() as folder:
        for name, one in (("base", base), ("net", net)):
            (Path(folder) / f"{name}.json").write_text(json.dumps(one), encoding="utf-8")
        same(str(Path(folder) / "net.json"), expected(spec, {**VARS, **vars}))
