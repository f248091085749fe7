"""The descriptions of the keys of `generate`: what each takes, its meaning, and an example."""

from __future__ import annotations

from typing import Final

_SAMPLER = (
    "model:\n  inputs: {point: [2], time: [1]}\n  layers:\n"
    "    - Concatenate: {from: [point, time]}\n    - Dense: {units: 2, name: noise}\n"
    "generate:\n  initial: {x: {random: normal}}\n  steps: 10\n"
    '  values: {rate: "1 - step / steps"}\n  inputs: {point: x, time: rate}\n'
    '  update: {x: "x - noise / steps"}\n  result: x'
)

GENERATE: Final[dict[str, tuple[str, str, str]]] = {
    "generate": (
        "a mapping",
        "How the trained model makes examples, with `predict --generate N`: a loop whose steps are"
        " formulas in the grammar of `Expression`, with `random_normal(x)` and `random_uniform(x)`."
        " Formulas read the tensors in `initial`, `values`, `step` (from 0), `steps`, and tensors"
        " of the model: inputs, layers, or `layer.output`. Random numbers follow from the seed, the"
        " number of the example, and the step.",
        _SAMPLER,
    ),
    "generate.initial": (
        "a mapping of names to `random`, `value` or `input`",
        "The tensors that are kept from step to step, with their values before the first step:"
        " `{random: normal}` or `uniform` (with `scale`), `{value: 0}`, or `{input: NAME}`, the"
        " value of an input of the model in a row of `predict --data`. `shape` is that of one"
        " example; by default that of the tensor under `inputs` that the name is assigned to.",
        _SAMPLER,
    ),
    "generate.steps": (
        "an integer of at least 1",
        "How many times the model is called; 1 by default.",
        _SAMPLER,
    ),
    "generate.values": (
        "a mapping of names to formulas",
        "Values that are computed in each step, in their order: each may use those before it. Those"
        " that depend on no tensor of the model can be used in `inputs`.",
        _SAMPLER,
    ),
    "generate.inputs": (
        "a mapping of tensors of the model to formulas",
        "What the model gets in each step: the tensors with these names, inputs or layers, are"
        " replaced, and only the layers after them are computed. Other inputs that these layers use"
        " are those of the rows of `predict --data`.",
        _SAMPLER,
    ),
    "generate.update": (
        "a mapping of names in `initial` to formulas",
        "The tensors after a step. All updates use the values before it; a tensor without one does"
        " not change.",
        _SAMPLER,
    ),
    "generate.result": (
        "a formula, or a mapping of names to formulas",
        "What is written for each example after the last step: by default all tensors of"
        " `initial`. Tensors of the model have their values of the last step.",
        _SAMPLER,
    ),
}
