"""What the keys of a spec mean, for the manual and for editors: those that no class of settings
describes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from modelspec.compiler.spec.data_section import CACHES
from modelspec.compiler.spec.model_section import DATA_FORMATS
from modelspec.compiler.spec.spec_file import VERSION

from .type_text import words


class Key(NamedTuple):
    """One key: what it takes, in words; what it means; and an example, which begins at the top of a
    file.
    """

    takes: str
    text: str
    example: str


_LAYERS = "model:\n  inputs: {x: [8]}\n  layers:\n"

KEYS: Final[dict[str, Key]] = {
    "modelspec": Key(
        f"`{VERSION}`",
        "The version of the language that the file is written in.",
        f"modelspec: {VERSION}",
    ),
    "name": Key(
        "a text",
        "The name of the experiment, and of the folder of its runs; that of the file by default.",
        "name: digits",
    ),
    "description": Key(
        "a text", "What the experiment is about, for people.", "description: A first try."
    ),
    "seed": Key(
        "a whole number of at least 0",
        "The number from which every random choice follows: weights, splits, order, dropout. 0 by"
        " default.",
        "seed: 7",
    ),
    "extends": Key(
        "the path of a file, or a list of them",
        "Files that this one builds on, relative to it and inside its project, or models of the"
        " library (`extends: ResNet50`). Mappings merge key by key; everything else is replaced by"
        " the file that extends. A path in a file that is extended is relative to that file's"
        " folder.",
        "extends: base.yaml",
    ),
    "vars": Key(
        "a mapping of names to values",
        "Named values: `$width` is the value of `width`, `$(2 * width)` one that follows from it.",
        "vars: {width: 64}",
    ),
    "blocks": Key(
        "a mapping of names to blocks",
        "Groups of layers that are used like a layer, with fresh weights at every use. A block has"
        " `parameters` with defaults (`null`: needed), `layers`, and where they are not the usual"
        " ones `inputs`, `outputs` and `primary`, the parameter that `- block: 64` sets. Outside,"
        " its layers are called by the name of the use (`down_conv2d`); those of a block with"
        " `inline: true` as if they stood there (`conv2d_7`).",
        "blocks:\n  dense_twice:\n    parameters: {units: 32}\n    layers:\n      - Dense: $units\n"
        "      - Dense: $units",
    ),
    "model": Key(
        "a mapping",
        "The graph: `inputs`, `layers`, and where they are needed `outputs` and `shared`.",
        _LAYERS + "    - Dense: 10",
    ),
    "model.inputs": Key(
        "a mapping of names to shapes, or one shape",
        "Shapes are written without the batch axis. A size is a number, `null` (unknown), a name"
        " (unknown, but the same wherever it is named) or `auto` (taken from the data). The long"
        " form has `shape`, `dtype`, `batch_size` and `optional`. One shape alone is an input named"
        " `input`.",
        "model:\n  inputs:\n    image: [28, 28, 1]\n    tokens: {shape: [time], dtype: int32}\n "
        " layers:\n    - Embedding: {input_dim: 1000, output_dim: 8, from: tokens}\n    -"
        " GlobalAveragePooling1D: {name: read}\n    - Flatten: {from: image}\n    - Concatenate:"
        " {from: [read, flatten]}",
    ),
    "model.layers": Key(
        "a list of layers",
        "Read from top to bottom. Each entry is one call of a layer, of something `shared`, of a"
        " block or of a kind of the library (`modelspec explain library`), and takes the tensor of"
        " the entry before it; the first one that of the first input.",
        _LAYERS + "    - Dense: {units: 64, activation: relu}\n    - Dropout: 0.1\n    - Dense: 10",
    ),
    "model.outputs": Key(
        "a tensor, a list of tensors, or a mapping of public names to tensors",
        "What the model gives; the last entry by default. Losses, metrics and targets are keyed by"
        " these names.",
        _LAYERS + "    - Dense: {units: 1, name: score}\n  outputs: [score]",
    ),
    "model.shared": Key(
        "a mapping of names to layers or models",
        "Layers and sub-models with one set of weights that several entries call by their name. A"
        " sub-model is a list of layers, or has `inputs`, `layers` and `outputs` as a model does;"
        " with `trainable: false` training leaves all of it as it is, and `weights` names the file"
        " that it starts from. A kind of the library (`encoder: {ResNet50: {include_top: false}}`)"
        " is a sub-model too.",
        "model:\n  inputs: {left: [8], right: [8]}\n  shared:\n    encoder:\n      - Dense: 16\n"
        "      - Dense: 4\n  layers:\n    - encoder: {from: left, name: a}\n"
        "    - encoder: {from: right, name: b}\n    - Concatenate: {from: [a, b]}",
    ),
    "model.image_data_format": Key(
        words({"enum": DATA_FORMATS}),
        "What the `data_format` of layers is where they have none of their own.",
        "model:\n  inputs: {image: [3, 32, 32]}\n  image_data_format: channels_first\n  layers:\n"
        "    - Conv2D: {filters: 8, kernel_size: 3}",
    ),
    "from": Key(
        "a tensor, a list of tensors, or a mapping of call arguments to tensors",
        "Which tensors an entry of `layers` takes; by default that of the entry before. A tensor is"
        " the name of an input or of an earlier entry; `name.1` or `name.hidden` is one of several"
        " outputs.",
        _LAYERS + "    - Dense: {units: 8, name: a}\n    - Add: {from: [a, x]}",
    ),
    "call": Key(
        "a mapping",
        "Arguments of the call that are not tensors. `training` holds a layer in one mode: with"
        " `false` it infers in training too, with `true` it drops and shuffles in predictions too."
        " (Keras that loads the saved model by itself takes its own mode instead.)",
        _LAYERS + "    - Dropout: {rate: 0.5, call: {training: true}}",
    ),
    "when": Key(
        "`true`, `false` or an expression",
        "Whether an entry is there at all. Where it is left out, the next one takes the tensor"
        " before it. With `do` (and `else`) it decides about a list of entries.",
        "vars: {deep: true}\n" + _LAYERS + "    - Dense: {units: 64, when: $deep}\n    - Dense: 10",
    ),
    "repeat": Key(
        "a whole number of at least 0",
        "Calls the entry, or the list under `do`, so many times in a chain, each with fresh"
        " weights.",
        _LAYERS + "    - Dense: {units: 64, repeat: 3}\n    - Dense: 10",
    ),
    "for": Key(
        "a mapping of one name to a list",
        "Writes the entries under `do` once for each value; `index` names the position, which"
        " counts from 0.",
        _LAYERS + "    - for: {width: [64, 32]}\n      do: [{Dense: $width}]",
    ),
    "branches": Key(
        "a list of lists of layers",
        "Several chains from one tensor, joined by `join`, a layer that takes a list (`Concatenate`"
        " by default). An empty chain is the tensor itself.",
        _LAYERS + "    - branches: [[{Dense: 8}], []]\n      join: Add",
    ),
    "data": Key(
        "a mapping",
        "Where examples come from and how they become tensors.",
        "data:\n  source: {csv: table.csv}\n  split: {validation: 0.2}\n  inputs: {x: {columns: [a,"
        " b]}}\n  targets: c",
    ),
    "data.source": Key(
        "a source",
        "Where examples come from; `split` cuts it into parts. A path is relative to the file that"
        " holds its text; one in `--set`, to the working directory. It stays in the project; other"
        " folders, and addresses (`s3://bucket/a.csv`), must be granted: `modelspec explain"
        " trust`.",
        "data: {source: {csv: table.csv}}",
    ),
    "data.train": Key(
        "a source",
        "The examples to train on, where the parts are given one by one.",
        "data: {train: {csv: train.csv}, test: {csv: test.csv}}",
    ),
    "data.validation": Key(
        "a source",
        "The examples that are looked at after every epoch.",
        "data: {train: {csv: train.csv}, validation: {csv: validation.csv}}",
    ),
    "data.test": Key(
        "a source",
        "The examples that are looked at once, when the training is over.",
        "data: {train: {csv: train.csv}, test: {csv: test.csv}}",
    ),
    "data.inputs": Key(
        "a feature, or a mapping of the model's inputs to features",
        "Which columns feed which input. A feature is a column, a list of columns, or a mapping"
        " with `column` or `columns`.",
        "data: {source: {csv: table.csv}, inputs: {x: {columns: [a, b]}}, targets: c}",
    ),
    "data.targets": Key(
        "a feature, or a mapping of the model's outputs to features",
        "Which columns are the targets of which output. Predictions of a target that `StringLookup`"
        " or `IntegerLookup` looks up come back as labels; those of one that `Rescaling` or"
        " `Normalization` prepares as the column's own numbers. Other transforms have no inverse:"
        " predictions are what the transform makes of the target.",
        "data: {source: {csv: table.csv}, inputs: {x: [a, b]}, targets: c}",
    ),
    "data.where": Key(
        "a condition on the columns, as a text",
        "The rows that are examples: those for which it holds, in `train` and `evaluate`, before"
        " `split`; `predict` takes every row. The grammar is that of expressions, with `in`, `is"
        " missing` and `is not missing`; a name with spaces is in backticks. A comparison with a"
        " missing value is false. A column of csv has the type of its feature, else that of what it"
        " is compared with.",
        "data:\n  source: {csv: people.csv}\n  where: \"age > 18 and country == 'CH'\"\n"
        "  inputs: {x: [age, height]}\n  targets: income",
    ),
    "data.augment": Key(
        "a list of layers, a mapping of the model's inputs to lists, or `layers` with `on`",
        "Layers that vary the examples in training only (`RandomFlip`, `GaussianNoise`, ...), after"
        " everything else. What they do to a batch follows from the seed, the epoch and the step."
        " May also be written beside the source of `train`. `{layers: [...], on: [image, mask]}`"
        " varies what `on` names, inputs and targets of one height and width, with one draw, and"
        " nothing else: layers that move what is in an image (`RandomFlip`, `RandomRotation`, ...)"
        " act on all of it, those that change colors or add noise on inputs of images alone. Whole"
        " numbers, `bool` and masks keep their values: the nearest one is taken. `fill: 255` is the"
        " class of a mask where nothing was moved to; without it a mask has there what the layer"
        " says (its mirror image, or `fill_value`). Without `on`, another input or a target of the"
        " height and width of the image is an error.",
        "data:\n  source: {images: {path: photos, masks: masks, size: 64}}\n  inputs: {photo:"
        " {column: image}}\n  targets: {region: {column: mask}}\n  augment: {layers: [RandomFlip:"
        " horizontal], on: [photo, region]}",
    ),
    "data.weights": Key(
        "a text",
        "A column that says how much each example counts, in training and in evaluation.",
        "data: {source: {csv: table.csv}, inputs: {x: [a, b]}, targets: c, weights: w}",
    ),
    "data.expect": Key(
        "a mapping of columns to `known`, or to `min` and `max`",
        "What must hold of the columns of a source, as they are read: in training, in `evaluate`"
        " and in `predict`. A value that is out of range is an error that names its file, row and"
        " column. `known`: the lookup of the column's feature learned the value from the training"
        " part. What is missing, `missing` decides.",
        "data:\n  source: {csv: penguins.csv}\n  expect: {age: {min: 0, max: 120}, island: known}\n"
        "  inputs:\n    age: {column: age}\n"
        "    island: {column: island, transform: [{StringLookup: {output_mode: one_hot}}]}\n"
        "  targets: species",
    ),
    "data.cache": Key(
        words({"enum": CACHES}),
        "Where prepared examples are kept. `auto`, the default: in memory up to 256 MB, and else on"
        " disk, below `MODELSPEC_CACHE` (by default `modelspec` in the user's cache folder), where"
        " the next run finds them. `memory` and `disk` choose one of them; `off` keeps nothing"
        " beyond the run.",
        "data: {source: {csv: table.csv}, targets: c, cache: disk}",
    ),
    "training": Key(
        "a mapping",
        "How the model is trained. With one output, `loss` and `metrics` need no name.",
        "training:\n  optimizer: {Adam: 0.001}\n  loss: mse\n  metrics: [mae]\n  epochs: 20\n "
        " callbacks:\n    - EarlyStopping: {monitor: loss, patience: 3}",
    ),
    "training.loss": Key(
        "a loss, or a mapping of outputs to losses",
        "What training makes small.",
        "training: {loss: mse}",
    ),
    "training.loss_weights": Key(
        "a mapping of outputs to numbers",
        "How much each output's loss counts in the sum; 1 by default.",
        "training: {loss: mse, loss_weights: {score: 0.5}}",
    ),
    "training.class_weight": Key(
        "`balanced`, a mapping of classes to numbers, a list of numbers, or those by output",
        "How much each class counts in training. A class is its number, in quotes, or its label"
        " where the target is looked up; a list goes by number. `balanced` weighs a class by"
        " examples / (classes * examples of the class), counted on the training split. Evaluation"
        " counts every example the same.",
        'training: {loss: binary_crossentropy, class_weight: {"0": 1.0, "1": 5.0}}',
    ),
    "training.metrics": Key(
        "a list of metrics, or a mapping of outputs to lists of metrics",
        "What is measured beside the loss, in training and on the validation and test parts.",
        "training: {loss: mse, metrics: [mae]}",
    ),
    "training.weighted_metrics": Key(
        "a list of metrics, or a mapping of outputs to lists of metrics",
        "Metrics in which examples count by their weights.",
        "training: {loss: mse, weighted_metrics: [mae]}",
    ),
    "training.callbacks": Key(
        "a list of callbacks",
        "What happens at the end of an epoch or of a step.",
        "training: {loss: mse, callbacks: [{EarlyStopping: {patience: 3}}]}",
    ),
}
"""Keys by their path; those of an entry of `layers` by their name alone."""
