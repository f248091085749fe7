"""Properties of expansion: a spec that was written out by hand is the same model, and nothing
raises.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import modelspec as ms
from modelspec.compiler.pipeline import compile_spec

WIDTH = 4


@dataclass
class Both:
    """A list of layers as a person writes it with loops and blocks, and the same written out."""

    short: list[Any] = field(default_factory=list)
    long: list[Any] = field(default_factory=list)


class Author:
    """Writes both forms side by side; in the long one every entry names itself and what it
    takes.
    """

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.count = 0
        self.blocks: dict[str, Any] = {}

    def fresh(self) -> str:
        self.count += 1
        return f"n{self.count}"

    def entries(self, last: str, depth: int) -> tuple[Both, str]:
        """Some entries that begin at the tensor `last`, and the tensor where they end."""
        both = Both()
        for _ in range(self.draw(st.integers(0, 3))):
            kinds = ["layer", "layer", "gone", "repeat"]
            kinds += ["choice", "loop", "group", "branches", "block"] if depth else []
            last = getattr(self, self.draw(st.sampled_from(kinds)))(both, last, depth - 1)
        return both, last

    def dense(self, name: str, takes: str) -> dict[str, Any]:
        return {"Dense": {"units": WIDTH, "name": name, "from": takes}}

    def layer(self, both: Both, last: str, depth: int) -> str:
        name = self.fresh()
        units = self.draw(
            st.sampled_from(
                [WIDTH, "$width", "$(half * 2)", "$(len(texts) + 2)", "$(width if yes else 9)"]
            )
        )
        both.short.append({"Dense": {"units": units, "name": name}})
        both.long.append(self.dense(name, last))
        return name

    def gone(self, both: Both, last: str, depth: int) -> str:
        when = self.draw(st.sampled_from([False, "$(not yes)", "$(width > 4)"]))
        both.short.append({"Dense": {"units": "$(1 // 0)", "name": self.fresh(), "when": when}})
        return last

    def repeat(self, both: Both, last: str, depth: int) -> str:
        name, rounds = self.fresh(), self.draw(st.integers(0, 3))
        both.short.append({"Dense": {"units": WIDTH, "name": name, "repeat": rounds}})
        for number in range(1, rounds + 1):
            both.long.append(self.dense(f"{name}_{number}", last))
            last = f"{name}_{number}"
        return last

    def choice(self, both: Both, last: str, depth: int) -> str:
        taken, end = self.entries(last, depth)
        other, _ = self.entries(last, depth)
        yes = self.draw(st.booleans())
        entry = {
            "when": "$yes" if yes else "$(not yes)",
            "do": taken.short if yes else other.short,
            "else": other.short if yes else taken.short,
        }
        both.short.append(entry)
        both.long.extend(taken.long)
        return end

    def group(self, both: Both, last: str, depth: int) -> str:
        """`repeat` with a list: two layers, the second of which also takes what the round began
        with.
        """
        first, second, rounds = self.fresh(), self.fresh(), self.draw(st.integers(1, 3))
        both.short.append(
            {
                "repeat": rounds,
                "do": [
                    {"Dense": {"units": WIDTH, "name": first}},
                    {"Add": {"from": [first, first], "name": second}},
                ],
            }
        )
        for n in range(1, rounds + 1):
            both.long.append(self.dense(f"{first}_{n}", last))
            last = f"{second}_{n}"
            both.long.append({"Add": {"from": [f"{first}_{n}", f"{first}_{n}"], "name": last}})
        return last

    def loop(self, both: Both, last: str, depth: int) -> str:
        name, values = self.fresh(), self.draw(st.lists(st.integers(0, 5), max_size=3, unique=True))
        both.short.append(
            {
                "for": {"value": values},
                "index": "i",
                "do": [
                    {"Dense": {"units": "$(width + value - value)", "name": f"{name}-$value-$(i)"}}
                ],
            }
        )
        for index, value in enumerate(values):
            both.long.append(self.dense(f"{name}-{value}-{index}", last))
            last = f"{name}-{value}-{index}"
        return last

    def branches(self, both: Both, last: str, depth: int) -> str:
        name, sides, ends = self.fresh(), [], []
        for _ in range(2):
            side, end = self.entries(last, depth)
            sides.append(side.short)
            both.long.extend(side.long)
            ends.append(end)
        both.short.append({"branches": sides, "join": {"Add": {"name": name}}})
        both.long.append({"Add": {"from": ends, "name": name}})
        return name

    def block(self, both: Both, last: str, depth: int) -> str:
        """A block of its own for this use: what is inside is called by the use's name."""
        use, inside = self.fresh(), Author(self.draw)
        inside.blocks = self.blocks
        entries, end = inside.entries("input", depth)
        block = f"block_{len(self.blocks)}"
        self.blocks[block] = {"layers": entries.short}
        both.short.append({block: {"name": use}})

        def outside(name: str) -> str:
            return last if name == "input" else f"{use}_{name}"

        for entry in entries.long:
            ((kind, body),) = entry.items()
            takes = body["from"]
            body = {
                **body,
                "name": outside(body["name"]),
                "from": (
                    [outside(one) for one in takes] if isinstance(takes, list) else outside(takes)
                ),
            }
            both.long.append({kind: body})
        return outside(end)


@st.composite
def pairs(draw: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A spec with expansion, and the same without."""
    author = Author(draw)
    both, last = author.entries("x", 3)
    head = {"inputs": {"x": [WIDTH]}}
    last_short = {"ReLU": {"name": "end"}}
    short = {
        "vars": {"width": WIDTH, "half": 2, "texts": ["a", "b"], "yes": True},
        "blocks": author.blocks,
        "model": {**head, "layers": [*both.short, last_short]},
    }
    return short, {
        "model": {**head, "layers": [*both.long, {"ReLU": {"name": "end", "from": last}}]}
    }


def rows(spec: dict[str, Any]) -> list[Any]:
    compiled = compile_spec(spec)
    found = [one for one in compiled.diagnostics if one.severity == "error"]
    assert not found, "\n".join(map(str, found))
    assert compiled.value is not None
    assert compiled.value.graph is not None
    return [
        (layer.name, layer.kind, layer.inputs, layer.output_shape, layer.parameters)
        for layer in compiled.value.graph.layers
    ]


@settings(max_examples=200)
@given(pairs())
def test_a_spec_and_the_same_written_out_are_one_model(
    pair: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    short, long = pair
    assert rows(short) == rows(long)


KEYS = st.sampled_from(
    [
        "Dense",
        "Add",
        "ReLU",
        "b",
        "c",
        "for",
        "repeat",
        "when",
        "do",
        "else",
        "branches",
        "join",
        "index",
        "name",
        "from",
        "units",
        "layers",
        "inputs",
        "outputs",
        "shared",
        "parameters",
        "primary",
        "w",
        "i",
        "call",
        "vars",
        "blocks",
        "extends",
        "model",
        "data",
        "training",
        "x-y",
        "source",
        "csv",
        "path",
        "runtime",
    ]
)
WORDS = st.sampled_from(
    [
        "$w",
        "$i",
        "$(w + 1)",
        "$(i",
        "$",
        "$$",
        "${w}",
        "$(1/0)",
        "x",
        "b",
        "c",
        "input",
        "dense",
        "dense_1",
        "Dense",
        "ReLU",
        "Add",
        "x.0",
        "$(range(3))",
        "$(env('A', 'b'))",
        "a$(w)b",
        "$w.c",
        "$(w.c)",
        "b_dense",
        "c.a",
        "$(",
        "$()",
        "$([w] * 3)",
        "a\n$(w)",
    ]
)
VALUES = st.recursive(
    WORDS
    | KEYS
    | st.booleans()
    | st.integers(-2, 4)
    | st.none()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)
ENTRIES = st.lists(st.dictionaries(KEYS, VALUES, min_size=1, max_size=3) | WORDS, max_size=5)


@settings(max_examples=400)
@given(ENTRIES, ENTRIES, st.dictionaries(KEYS, VALUES, max_size=3), VALUES, VALUES)
def test_no_spec_raises(layers: Any, inner: Any, block: Any, vars: Any, outputs: Any) -> None:
    """Whatever stands in a spec: faults are values, with a place, and no `?` of an entry in error
    is shown.
    """
    spec = {
        "vars": {"w": vars, "i": 2},
        "blocks": {"b": {**block, "layers": inner}, "c": {"layers": ["b"], "outputs": outputs}},
        "model": {"inputs": {"x": [8]}, "layers": layers, "outputs": outputs},
        **block,
    }
    report = ms.check(spec)
    for diagnostic in report.diagnostics:
        assert diagnostic.span is not None or diagnostic.code == "MS701"
        assert "`?`" not in diagnostic.message
    ms.check({"model": {"inputs": {"x": [8]}, "layers": layers}})
