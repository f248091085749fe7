"""More texts of a kind and a size: each form that a spec may take, written again and again.

`FORMS` maps the name of a kind to a function from a size to a text, as `KINDS` of `growing_texts`
does. The kinds whose names start with `unknown` hold names that nothing has.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.growing_texts import HEAD, TRAINING, each, flow, heads

ONE = f"{HEAD}    - Dense: {{units: 1, name: y}}\n"
DATA = f"{ONE}{TRAINING}data:\n  source: {{csv: a.csv}}\n"
"""A model of four numbers, and the start of its data."""
TARGET = "  targets: {y: {column: y}}\n"


def listed(line: str, count: int) -> str:
    """A list in brackets of an item for each number, which replaces `#`."""
    return f"[{flow([line.replace('#', str(number)) for number in range(count)])}]"


def mapped(pair: str, count: int) -> str:
    """A mapping in braces of a pair for each number, which replaces `#`."""
    return "{" + listed(pair, count)[1:-1] + "}"


def named(count: int, line: str) -> str:
    """So many layers, then a line under `training`."""
    return heads(count).replace("  outputs:", "  x-outputs:") + TRAINING + line


def logged(count: int, callback: str) -> str:
    """So many metrics, and as many callbacks."""
    metrics = listed("{MeanSquaredError: {name: m#}}", count)
    return f"{ONE}{TRAINING}  metrics: {metrics}\n  callbacks: {listed(callback, count)}\n"


def chain(count: int) -> str:
    """Blocks, each of which is the one before and a layer more: 40 inside one another, and more."""
    blocks = "".join(
        f"  b{number}: {{layers: [{f'b{number - 1}' if number % 40 else 'ReLU'}, ReLU]}}\n"
        for number in range(count)
    )
    return f"blocks:\n{blocks}{HEAD}    - b{min(count, 40) - 1}\n"


def data_of(feature: str) -> str:
    """Data of one input."""
    return f"{DATA}  inputs: {{x: {{{feature}}}}}\n{TARGET}"


def deep(opening: str, closing: str, rounds: int = 90) -> Callable[[int], str]:
    """Values that are nested deeply, many times, in a key that is ignored."""

    def text(count: int) -> str:
        items = (opening * rounds + "1" + closing * rounds for _ in range(count))
        return f"x-deep:\n{''.join(f'  - {item}' + chr(10) for item in items)}{ONE}"

    return text


def stairs(count: int) -> str:
    """Mappings in block style, 90 levels deep, many times."""
    one = "".join("  " * level + "a:\n" for level in range(1, 90)) + "  " * 90 + "1\n"
    return "x-deep:\n" + "".join(f" k{number}:\n{one}" for number in range(count)) + ONE


FORMS: dict[str, Callable[[int], str]] = {
    # The text -------------------------------------------------------------------------------------
    "ignored mappings": lambda n: f"x-notes:\n{each('  k#: {a: 1, b: 2}', n)}{ONE}",
    "ignored lists": lambda n: f"x-notes:\n{each('  - [1, 2, 3]', n)}{ONE}",
    "lists with dashes": lambda n: f"x-notes:\n{each('  - - 1', n)}{ONE}",
    "texts": lambda n: f"x-notes:\n{each('  - a text of some words, number #', n)}{ONE}",
    "quoted texts": lambda n: f"x-notes:\n{each('  - ' + chr(34) + 'it is # ' + chr(34), n)}{ONE}",
    "long texts": lambda n: f"x-notes:\n{each('  - ' + 'word ' * 50 + '#', n)}{ONE}",
    "one long text": lambda n: f"description: {'word ' * 100 * n}\n{ONE}",
    "one folded text": lambda n: f"description: >\n{each('  word # word', n)}{ONE}",
    "comments": lambda n: "# a comment\n" * n + ONE,
    "anchors and aliases": lambda n: f"x-notes:\n{each('  - &a# [1]', n)}{each('  - *a#', n)}{ONE}",
    "merge keys": lambda n: f"x-base: &b {{a: 1}}\nx-notes:\n{each('  - {<<: *b}', n)}{ONE}",
    "unknown aliases": lambda n: f"x-notes:\n{each('  - &a# 1', n)}{each('  - *b#', n)}{ONE}",
    "duplicate keys": lambda n: f"x-notes: {mapped('a: #', n)}\n{ONE}",
    "tags": lambda n: f"x-notes:\n{each('  - !t# 1', n)}{ONE}",
    "numbers out of range": lambda n: f"x-notes: {listed('1e999', n)}\n{ONE}",
    "lists that are deep": deep("[", "]"),
    "mappings that are deep": deep("{a: ", "}"),
    "dashes that are deep": deep("- ", ""),
    "lines that are deep": stairs,
    "unknown sections": lambda n: ONE + each("section_#: 1", n),
    "unknown keys of a model": lambda n: ONE + each("  key_#: 1", n),
    # The graph ------------------------------------------------------------------------------------
    "unused inputs": lambda n: f"model:\n  inputs: {mapped('u#: [4]', n)}\n  layers: [Flatten]\n",
    "wrong shapes of inputs": lambda n: (
        f"model:\n  inputs: {mapped('u#: [-4]', n)}\n  layers: [Flatten]\n"
    ),
    "settings without layers": lambda n: HEAD + each("    - {name: a#}", n),
    "wrong values": lambda n: HEAD + each("    - Dense: {units: -#}", n),
    "values of the wrong type": lambda n: HEAD + each("    - Dense: {units: [a]}", n),
    "layers that do not fit": lambda n: (
        "model:\n  inputs: {x: [8, 8, 3]}\n  layers:\n"
        + each("    - Conv2D: {filters: 1, kernel_size: 99, from: x}", n)
    ),
    "layers twice of one name": lambda n: HEAD + each("    - Dense: {units: 1, name: a}", n),
    "layers that nothing uses": lambda n: HEAD + each("    - Dense: {units: 1, from: x}", n),
    "layers of many settings": lambda n: (
        HEAD
        + each(
            "    - Dense: {units: 4, activation: relu, kernel_initializer: {RandomNormal:"
            " {stddev: 0.1}}, kernel_regularizer: {L2: 0.01}}",
            n,
        )
    ),
    "older spellings": lambda n: HEAD + each("    - Dense: {output_dim: 4}", n),
    "wrappers": lambda n: (
        "model:\n  inputs: {x: [5, 4]}\n  layers:\n" + each("    - TimeDistributed: {Dense: 4}", n)
    ),
    "cells": lambda n: (
        "model:\n  inputs: {x: [5, 4]}\n  layers:\n"
        f"    - RNN: {{cell: {listed('{LSTMCell: 4}', n)}}}\n"
    ),
    "a reshape": lambda n: f"{HEAD}    - Reshape: {listed('1', n)}\n",
    "a weight of many values": lambda n: (
        f"{HEAD}    - Dense: {{units: 1, kernel_initializer: {{Constant: {listed('#', n)}}}}}\n"
    ),
    "call arguments": lambda n: f"{HEAD}    - Dense: {{units: 1, call: {mapped('a#: 1', n)}}}\n",
    "named outputs": lambda n: (
        HEAD
        + each("    - Dense: {units: 4, name: n#, from: x}", n)
        + f"  outputs: {mapped('o#: n#', n)}\n"
    ),
    "outputs of one tensor": lambda n: f"{ONE}  outputs: {listed('y', n)}\n",
    "a shared layer of many uses": lambda n: (
        f"model:\n  inputs: {{x: [4]}}\n  shared: {{s: {{Dense: 4}}}}\n  layers:\n{each('    - s', n)}"
    ),
    "a shared model of many uses": lambda n: (
        "model:\n  inputs: {x: [4]}\n  shared: {s: [{Dense: 4}, ReLU]}\n"
        f"  layers:\n{each('    - s', n)}"
    ),
    "one large shared model": lambda n: (
        f"model:\n  inputs: {{x: [4]}}\n  shared:\n    s:\n{each('      - Dense: 4', n)}"
        "  layers: [s, s]\n"
    ),
    "shared models": lambda n: (
        "model:\n  inputs: {x: [4]}\n  shared:\n"
        f"{each('    s#: [{Dense: 4}]', n)}  layers:\n{each('    - s#', n)}"
    ),
    "shared models that call others": lambda n: (
        "model:\n  inputs: {x: [4]}\n  shared:\n    s: {Dense: 4}\n"
        f"{each('    s#: [s, ReLU]', n)}  layers:\n{each('    - s#', n)}"
    ),
    "unused shared layers": lambda n: (
        f"model:\n  inputs: {{x: [4]}}\n  shared:\n{each('    s#: {Dense: 4}', n)}  layers: [Flatten]\n"
    ),
    "lists in a mapping of tensors": lambda n: (
        f"{HEAD}    - Dense: {{units: 1, from: {mapped('a#: x', n)}}}\n"
    ),
    # Expansion ------------------------------------------------------------------------------------
    "unused blocks": lambda n: f"blocks:\n{each('  b#: {layers: [{Dense: 4}]}', n)}{ONE}",
    "blocks of blocks": chain,
    "blocks with many faults": lambda n: (
        "blocks:\n  b:\n    layers:\n"
        + each("      - Dense: {units: 4, unitz#: 1}", max(n // 10, 1))
        + HEAD
        + "    - b\n" * 10
    ),
    "uses of one block": lambda n: (
        "blocks: {b: {parameters: {units: 4}, layers: [{Dense: $units}]}}\n"
        + HEAD
        + each("    - b: {units: 3}", n)
    ),
    "uses of a wrong block": lambda n: (
        f"blocks: {{b: {{layers: [{{Dense: {{unitz: 4}}}}]}}}}\n{HEAD}{each('    - b', n)}"
    ),
    "parameters of a block": lambda n: (
        f"blocks:\n  b:\n    parameters: {mapped('p#: 1', n)}\n    layers: [ReLU]\n"
        f"{HEAD}    - b: {mapped('p#: 2', n)}\n"
    ),
    "rounds over a list": lambda n: (
        f"{HEAD}    - for: {{u: {listed('#', n)}}}\n      do: [{{Dense: $(u + 1)}}]\n"
    ),
    "empty rounds": lambda n: (
        f"{HEAD}    - Flatten\n" + each("    - for: {u: []}\n      do: [ReLU]", n)
    ),
    "layers left out": lambda n: (
        f"{HEAD}    - Flatten\n" + each("    - Dense: {units: 1, when: false}", n)
    ),
    "a chain of variables": lambda n: (
        "vars:\n  v0: 3\n"
        + "".join(f"  v{k}: $v{k - 1}\n" for k in range(1, n))
        + f"{HEAD}    - Dense: $v{n - 1}\n"
    ),
    "variables that use one": lambda n: f"vars:\n  w: 3\n{each('  v#: $(w + #)', n)}{ONE}",
    "a list of variables": lambda n: (
        f"vars:\n  w: {listed('#', n)}\n{HEAD}{each('    - Dense: $(w[#] + 1)', n)}"
    ),
    "unknown variables": lambda n: (
        f"vars:\n{each('  v#: 3', n)}{HEAD}{each('    - Dense: $u#', n)}"
    ),
    "expressions": lambda n: HEAD + each("    - Dense: $(1 + # * 2)", n),
    "a long sum": lambda n: f"{HEAD}    - Dense: $({' + '.join(['1'] * n)})\n",
    "texts with expressions": lambda n: (
        f"vars: {{w: a}}\n{HEAD}" + each("    - Dense: {units: 1, name: n_$(w)_#}", n)
    ),
    "unknown operators of expressions": lambda n: HEAD + each("    - Dense: $(# +)", n),
    # Training -------------------------------------------------------------------------------------
    "unknown keys of training": lambda n: ONE + TRAINING + each("  key_#: 1", n),
    "unknown losses of one output": lambda n: (
        f"{ONE}training: {{optimizer: adam, loss: {mapped('m#: mse', n)}}}\n"
    ),
    "unknown metrics": lambda n: f"{ONE}{TRAINING}  metrics: {listed('m_#', n)}\n",
    "metrics of one name": lambda n: f"{ONE}{TRAINING}  metrics: {listed('mae', n)}\n",
    "metrics that do not fit": lambda n: (
        f"{HEAD}    - Dense: 3\n{TRAINING}  metrics: {listed('{BinaryAccuracy: {name: m#}}', n)}\n"
    ),
    "callbacks": lambda n: (
        f"{ONE}{TRAINING}  callbacks: {listed('{EarlyStopping: {monitor: loss}}', n)}\n"
    ),
    "callbacks beside metrics": lambda n: logged(n, "{EarlyStopping: {monitor: m#}}"),
    "saving callbacks beside metrics": lambda n: logged(
        n, "{ModelCheckpoint: {filepath: 'a_{m#:.2f}.keras', monitor: m#}}"
    ),
    "files of one callback": lambda n: logged(n, "{ModelCheckpoint: {filepath: 'a.keras'}}"),
    "unknown callbacks": lambda n: f"{ONE}{TRAINING}  callbacks: {listed('c_#', n)}\n",
    "weights of losses": lambda n: heads(n) + f"{TRAINING}  loss_weights: {mapped('n#: 0.5', n)}\n",
    "weights of classes": lambda n: f"{ONE}{TRAINING}  class_weight: {mapped('#: 0.5', n)}\n",
    "frozen layers of a star": lambda n: named(n, "  freeze: ['n*']\n"),
    "ninety patterns": lambda n: named(n, f"  freeze: {listed(chr(39) + '*n#*' + chr(39), 90)}\n"),
    "a schedule": lambda n: (
        f"{ONE}training:\n  loss: mse\n  optimizer: {{SGD: {{learning_rate: {{PiecewiseConstantDecay:"
        f" {{boundaries: {listed('#', n)}, values: {listed('0.1', n + 1)}}}}}}}}}\n"
    ),
    "unknown settings of an optimizer": lambda n: (
        f"{ONE}training: {{loss: mse, optimizer: {{Adam: {mapped('s#: 1', n)}}}}}\n"
    ),
    # Data -----------------------------------------------------------------------------------------
    "columns of one input": lambda n: (
        f"model: {{inputs: {{x: [{n}]}}, layers: [{{Dense: {{units: 1, name: y}}}}]}}\n{TRAINING}"
        f"data:\n  source: {{csv: a.csv}}\n  inputs: {{x: {{columns: {listed('c#', n)}}}}}\n{TARGET}"
    ),
    "columns twice": lambda n: (
        f"model: {{inputs: {{x: [{n}]}}, layers: [{{Dense: {{units: 1, name: y}}}}]}}\n{TRAINING}"
        f"data:\n  source: {{csv: a.csv}}\n  inputs: {{x: {{columns: {listed('c', n)}}}}}\n{TARGET}"
    ),
    "transforms": lambda n: data_of(
        f"columns: [a, b, c, d], transform: {listed('{Rescaling: 2.0}', n)}"
    ),
    "unknown transforms": lambda n: data_of(f"columns: [a, b, c, d], transform: {listed('T#', n)}"),
    "a vocabulary": lambda n: data_of(
        f"column: a, transform: [{{StringLookup: {{vocabulary: {listed('w#', n)}}}}}]"
    ),
    "lags": lambda n: data_of(f"column: a, transform: [{{Lags: {{rows: {listed('#', n)}}}}}]"),
    "files of a source": lambda n: (
        f"{ONE}{TRAINING}data:\n  source: {{csv: {listed('a#.csv', n)}}}\n"
        f"  inputs: {{x: {{columns: [a, b, c, d]}}}}\n{TARGET}"
    ),
    "a header": lambda n: (
        f"{ONE}{TRAINING}data:\n  source: {{csv: {{path: a.csv, header: {listed('h#', n)}}}}}\n"
        f"  inputs: {{x: {{columns: [a, b, c, d]}}}}\n{TARGET}"
    ),
    "unknown columns of a header": lambda n: (
        f"model: {{inputs: {{x: [{n}]}}, layers: [{{Dense: {{units: 1, name: y}}}}]}}\n{TRAINING}"
        f"data:\n  source: {{csv: {{path: a.csv, header: {listed('h#', n)}}}}}\n"
        f"  inputs: {{x: {{columns: {listed('g#', n)}}}}}\n{TARGET}"
    ),
    "missing words": lambda n: (
        f"{ONE}{TRAINING}data:\n  source: {{csv: {{path: a.csv, missing: {listed('w#', n)}}}}}\n"
        f"  inputs: {{x: {{columns: [a, b, c, d]}}}}\n{TARGET}"
    ),
    "borders of a split": lambda n: (
        f"{DATA}  split: {{order: d, at: {listed('#', n)}}}\n"
        f"  inputs: {{x: {{columns: [a, b, c, d]}}}}\n{TARGET}"
    ),
    "parts of a split": lambda n: (
        f"{DATA}  split: {{column: d, parts: {{test: {listed('#', n)}}}}}\n"
        f"  inputs: {{x: {{columns: [a, b, c, d]}}}}\n{TARGET}"
    ),
    "unknown parts of a split": lambda n: (
        f"{DATA}  split: {mapped('p#: 0.1', n)}\n"
        f"  inputs: {{x: {{columns: [a, b, c, d]}}}}\n{TARGET}"
    ),
    "augmenting layers": lambda n: (
        f"{DATA}  augment: {listed('{RandomFlip: horizontal}', n)}\n"
        f"  inputs: {{x: {{columns: [a, b, c, d]}}}}\n{TARGET}"
    ),
    "targets": lambda n: (
        heads(n)
        + f"{TRAINING}data:\n  source: {{csv: a.csv}}\n  inputs: {{x: {{columns: [a, b, c, d]}}}}\n"
        f"  targets: {mapped('n#: {column: t#}', n)}\n"
    ),
    "unknown targets": lambda n: (
        heads(n)
        + f"{TRAINING}data:\n  source: {{csv: a.csv}}\n  inputs: {{x: {{columns: [a, b, c, d]}}}}\n"
        f"  targets: {mapped('m#: {column: t#}', n)}\n"
    ),
    "unknown keys of data": lambda n: DATA + each("  key_#: 1", n),
}
