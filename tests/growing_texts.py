"""Texts of a kind and a size, for what must not take more than its share of time as they grow.

`KINDS` maps the name of a kind to a function from a size to a text. The kinds are those in which
each of n things meets each of n others: tensors of a merge, outputs, names beside references.
"""

from __future__ import annotations

from collections.abc import Callable

HEAD = "model:\n  inputs: {x: [4]}\n  layers:\n"
TRAINING = "training:\n  optimizer: adam\n  loss: mse\n"


def names(count: int, front: str = "n") -> list[str]:
    return [f"{front}{number}" for number in range(count)]


def flow(items: list[str]) -> str:
    return ", ".join(items)


def each(line: str, count: int) -> str:
    """A line for each number, which stands for `#`."""
    return "".join(line.replace("#", str(number)) + "\n" for number in range(count))


def heads(count: int) -> str:
    """A model with so many outputs."""
    layers = each("    - Dense: {units: 4, name: n#, from: x}", count)
    return f"{HEAD}{layers}  outputs: [{flow(names(count))}]\n"


def merge(kind: str, sizes: Callable[[int], str]) -> Callable[[int], str]:
    """One merge of so many inputs."""

    def text(count: int) -> str:
        inputs = flow([f"x{number}: {sizes(number)}" for number in range(count)])
        taken = flow(names(count, "x"))
        return f"model:\n  inputs: {{{inputs}}}\n  layers:\n    - {kind}: {{from: [{taken}]}}\n"

    return text


def with_data(inputs: str) -> Callable[[int], str]:
    """A model of so many inputs; `inputs` is what the data call each."""

    def text(count: int) -> str:
        head = merge("Concatenate", lambda _: "[1]")(count)
        given = flow([f"{inputs}{number}: {{column: c{number}}}" for number in range(count)])
        return (
            f"{head}    - Dense: {{units: 1, name: y}}\n{TRAINING}data:\n  source: {{csv: a.csv}}\n"
            f"  inputs: {{{given}}}\n  targets: {{y: {{column: y}}}}\n"
        )

    return text


KINDS: dict[str, Callable[[int], str]] = {
    "one tensor concatenated": lambda n: (
        f"{HEAD}    - Concatenate: {{from: [{flow(['x'] * n)}]}}\n"
    ),
    "inputs concatenated": merge("Concatenate", lambda _: "[4]"),
    "named sizes concatenated": merge("Concatenate", lambda number: f"[size_{number}]"),
    "inputs added": merge("Add", lambda _: "[4]"),
    "a merge in a loop": lambda n: (
        f"{HEAD}    - repeat: 20\n      do:\n        - Concatenate: {{from: [{flow(['x'] * n)}]}}\n"
    ),
    "branches": lambda n: (
        f"{HEAD}    - branches:\n{each('        - [{Dense: 4}]', n)}      join: Add\n"
    ),
    "outputs": lambda n: heads(n) + TRAINING,
    "outputs with losses": lambda n: (
        heads(n) + "training:\n  optimizer: adam\n  loss: {"
        f"{flow([f'{one}: mse' for one in names(n)])}}}\n  metrics: {{"
        f"{flow([f'{one}: [mae]' for one in names(n)])}}}\n"
    ),
    "unknown losses": lambda n: (
        heads(n) + "training:\n  optimizer: adam\n  loss: {"
        f"{flow([f'{one}: mse' for one in names(n, 'm')])}}}\n"
    ),
    "unknown references": lambda n: (
        HEAD
        + each("    - Dense: {units: 1, name: name_#}", n)
        + each("    - Dense: {units: 1, from: nam_#}", n)
    ),
    "unknown outputs": lambda n: heads(n).replace("outputs: [n", "outputs: [m"),
    "frozen layers": lambda n: heads(n) + TRAINING + f"  freeze: [{flow(names(n))}]\n",
    "patterns": lambda n: (
        heads(n) + TRAINING + f"  freeze: [{flow([repr(f'n{k}*') for k in range(n)])}]\n"
    ),
    "unknown frozen layers": lambda n: heads(n) + TRAINING + f"  freeze: [{flow(names(n, 'm'))}]\n",
    "unknown layers": lambda n: HEAD + each("    - Dens#: {units: 1}", n),
    "unknown settings": lambda n: HEAD + each("    - Dense: {units: 1, unitz#: 3}", n),
    "unknown settings of one layer": lambda n: (
        f"{HEAD}    - Dense: {{units: 1, {flow([f'{one}: 3' for one in names(n, 'unitz')])}}}\n"
    ),
    "a loop": lambda n: f"{HEAD}    - Dense: {{units: 1, repeat: {n}}}\n",
    "layers": lambda n: HEAD + each("    - Dense: {units: 4, name: n#}", n) + TRAINING,
    "layers with named sizes": lambda n: (
        "model:\n  inputs: {x: [t, 4]}\n  layers:\n" + each("    - UpSampling1D: 3", n)
    ),
    "shared layers": lambda n: (
        "model:\n  inputs: {x: [4]}\n  shared:\n"
        f"{each('    s#: {Dense: 4}', n)}  layers:\n{each('    - s#', n)}"
    ),
    "blocks": lambda n: (
        f"blocks:\n{each('  b#: {layers: [{Dense: 4}]}', n)}{HEAD}{each('    - b#', n)}"
    ),
    "unknown parameters": lambda n: (
        f"blocks:\n  b:\n    parameters: {{{flow([f'{one}: 1' for one in names(n, 'p')])}}}\n"
        f"    layers: [ReLU]\n{HEAD}    - b: {{{flow([f'{one}: 2' for one in names(n, 'q')])}}}\n"
    ),
    "variables": lambda n: f"vars:\n{each('  v#: 3', n)}{HEAD}{each('    - Dense: $v#', n)}",
    "metrics": lambda n: (
        f"{HEAD}    - Dense: 1\n{TRAINING}  metrics: ["
        f"{flow([f'{{MeanSquaredError: {{name: {one}}}}}' for one in names(n, 'm')])}]\n"
    ),
    "unknown monitors": lambda n: (
        KINDS["metrics"](n)
        + f"  callbacks: [{flow([f'{{EarlyStopping: {{monitor: {m}}}}}' for m in names(n, 'q')])}]\n"
    ),
    "expectations": lambda n: (
        KINDS["outputs with losses"](n) + "expect:\n" + each('  test_n#_mae: "<= 3"', n)
    ),
    "unknown expectations": lambda n: (
        KINDS["outputs with losses"](n) + "expect:\n" + each('  test_m#_mae: "<= 3"', n)
    ),
    "columns": with_data("x"),
    "unknown inputs": with_data("z"),
}
