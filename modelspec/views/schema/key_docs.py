"""The descriptions of keys for the manual and for editors, for keys without a class of settings."""

from __future__ import annotations

from typing import Final, NamedTuple

from modelspec.compiler.spec.data_section import CACHES
from modelspec.compiler.spec.model_section import DATA_FORMATS
from modelspec.compiler.spec.spec_file import VERSION

from .generate_docs import GENERATE
from .sweep_docs import SWEEP
from .type_text import words


class Key(NamedTuple):
    """One key: its allowed values in words, its meaning, and an example that starts at the top of a
    file.
    """

    takes: str
    text: str
    example: str


_LAYERS = "model:\n  inputs: {x: [8]}\n  layers:\n"

KEYS: Final[dict[str, Key]] = {
    "modelspec": Key(
        f"`{VERSION}`",
        "The language version of the file.",
        f"modelspec: {VERSION}",
    ),
    "name": Key(
        "a string",
        "The name of the experiment, and of the folder of its runs; by default the name of the"
        " file.",
        "name: digits",
    ),
    "description": Key(
        "a string", "A description of the experiment, for people.", "description: A first try."
    ),
    "seed": Key(
        "an integer of at least 0",
        "The seed of all random choices: weights, splits, order, dropout. The default is 0.",
        "seed: 7",
    ),
    "extends": Key(
        "the path of a file, or a list of them",
        "Base files, relative to this file and inside its project, or models of the library"
        " (`extends: ResNet50`). Mappings are merged key by key; all other values are replaced by"
        " those of this file. A path in a base file is relative to the folder of that file.",
        "extends: base.yaml",
    ),
    "vars": Key(
        "a mapping of names to values",
        "Named values: `$width` is the value of `width`, `$(2 * width)` is computed from it.",
        "vars: {width: 64}",
    ),
    "blocks": Key(
        "a mapping of names to blocks",
        "Groups of layers that are used like a layer, with separate weights at each use. A block"
        " has `parameters` with defaults (`null`: required), `layers`, and optionally `inputs`,"
        " `outputs`, `shared` (layers and models with one set of weights at each use) and"
        " `primary`, the parameter that `- block: 64` sets. `$(input.shape[-1])` is a size of its"
        " input. In the model, the names"
        " of its layers start with the name of the use (`down_conv2d`); with `inline: true` they"
        " are numbered as if they were written in the model (`conv2d_7`).",
        "blocks:\n  dense_twice:\n    parameters: {units: 32}\n    layers:\n      - Dense: $units\n"
        "      - Dense: $units",
    ),
    "model": Key(
        "a mapping",
        "The graph: `inputs`, `layers`, and optionally `outputs` and `shared`.",
        _LAYERS + "    - Dense: 10",
    ),
    "model.inputs": Key(
        "a mapping of names to shapes, or one shape",
        "Shapes are written without the batch axis. A size is a number, `null` (unknown), a name"
        " (unknown, but equal for every use of the name) or `auto` (inferred from the data). The"
        " long form has `shape`, `dtype`, `batch_size` and `optional`. A single shape is an input"
        " named `input`.",
        "model:\n  inputs:\n    image: [28, 28, 1]\n    tokens: {shape: [time], dtype: int32}\n "
        " layers:\n    - Embedding: {input_dim: 1000, output_dim: 8, from: tokens}\n    -"
        " GlobalAveragePooling1D: {name: read}\n    - Flatten: {from: image}\n    - Concatenate:"
        " {from: [read, flatten]}",
    ),
    "model.layers": Key(
        "a list of layers",
        "Read from top to bottom. Each entry is a call of a layer, of a `shared` layer or model, of"
        " a block or of a kind of the library (`modelspec explain library`). Its input is the"
        " output of the previous entry; the first entry takes the first input of the model.",
        _LAYERS + "    - Dense: {units: 64, activation: relu}\n    - Dropout: 0.1\n    - Dense: 10",
    ),
    "model.outputs": Key(
        "a tensor, a list of tensors, or a mapping of public names to tensors",
        "The outputs of the model; by default the last entry. Losses, metrics and targets use these"
        " names as keys.",
        _LAYERS + "    - Dense: {units: 1, name: score}\n  outputs: [score]",
    ),
    "model.shared": Key(
        "a mapping of names to layers or models",
        "Layers and sub-models with one set of weights, which several entries call by name. A"
        " sub-model is a list of layers, or has `inputs`, `layers` and `outputs` like a model; with"
        " `trainable: false` all of its weights are frozen, and `weights` is the file with its"
        " initial weights. A kind of the library (`encoder: {ResNet50: {include_top: false}}`) is a"
        " sub-model too. `teacher: {ema_of: student, momentum: 0.996}` has the layers of `student`,"
        " and the moving average of its weights, which is not trained.",
        "model:\n  inputs: {left: [8], right: [8]}\n  shared:\n    encoder:\n      - Dense: 16\n"
        "      - Dense: 4\n  layers:\n    - encoder: {from: left, name: a}\n"
        "    - encoder: {from: right, name: b}\n    - Concatenate: {from: [a, b]}",
    ),
    "model.image_data_format": Key(
        words({"enum": DATA_FORMATS}),
        "The default `data_format` of layers.",
        "model:\n  inputs: {image: [3, 32, 32]}\n  image_data_format: channels_first\n  layers:\n"
        "    - Conv2D: {filters: 8, kernel_size: 3}",
    ),
    "from": Key(
        "a tensor, a list of tensors, or a mapping of call arguments to tensors",
        "The input tensors of an entry of `layers`; by default the output of the previous entry. A"
        " tensor is the name of an input or of an earlier entry; `name.1` or `name.hidden` selects"
        " one of several outputs.",
        _LAYERS + "    - Dense: {units: 8, name: a}\n    - Add: {from: [a, x]}",
    ),
    "call": Key(
        "a mapping",
        "Arguments of the call that are not tensors. `training` sets the mode of a layer: with"
        " `false` it is in inference mode during training too, with `true` it is in training mode"
        " during prediction too. (If the saved model is loaded with plain Keras, it uses the mode"
        " of Keras instead.)",
        _LAYERS + "    - Dropout: {rate: 0.5, call: {training: true}}",
    ),
    "when": Key(
        "a boolean (`true` or `false`), or an expression",
        "Whether the entry is included. If not, the next entry takes the previous tensor. With `do`"
        " (and `else`) it is a condition for a list of entries.",
        "vars: {deep: true}\n" + _LAYERS + "    - Dense: {units: 64, when: $deep}\n    - Dense: 10",
    ),
    "repeat": Key(
        "an integer of at least 0",
        "Repeats the entry, or the list under `do`, this number of times in a chain, each time with"
        " separate weights.",
        _LAYERS + "    - Dense: {units: 64, repeat: 3}\n    - Dense: 10",
    ),
    "for": Key(
        "a mapping of one name to a list",
        "Repeats the entries under `do` once for each value; `index` is the name of the position,"
        " counted from 0. Entries without a name get the number of their round: `dense_1`,"
        " `dense_2`. Rounds follow one another; with `join`, or as an entry of `branches`, they"
        " all start at one tensor. In a mapping (`inputs`, `targets`, `metrics`), `do` is a"
        " mapping whose keys are written for each value.",
        _LAYERS + "    - for: {width: [64, 32]}\n      do: [{Dense: $width}]",
    ),
    "branches": Key(
        "a list of lists of layers",
        "Several chains from one tensor, joined by `join`, a layer that takes a list (`Concatenate`"
        " by default). An empty chain is the tensor itself. An entry with `for`, `repeat` or `when`"
        " and `do` makes one chain of each round.",
        _LAYERS + "    - branches: [[{Dense: 8}], []]\n      join: Add",
    ),
    "data": Key(
        "a mapping",
        "The source of the examples, and their conversion to tensors.",
        "data:\n  source: {csv: table.csv}\n  split: {validation: 0.2}\n  inputs: {x: {columns: [a,"
        " b]}}\n  targets: c",
    ),
    "data.source": Key(
        "a source",
        "The source of the examples; `split` divides it into parts. A path is relative to the file"
        " in which it is written; a path in `--set` is relative to the working directory. It must"
        " be inside the project; other folders, and addresses (`s3://bucket/a.csv`), must be"
        " allowed: `modelspec explain trust`.",
        "data: {source: {csv: table.csv}}",
    ),
    "data.train": Key(
        "a source",
        "The training examples, if the parts have separate sources.",
        "data: {train: {csv: train.csv}, test: {csv: test.csv}}",
    ),
    "data.validation": Key(
        "a source",
        "The examples for evaluation after every epoch.",
        "data: {train: {csv: train.csv}, validation: {csv: validation.csv}}",
    ),
    "data.test": Key(
        "a source",
        "The examples for a single evaluation after the training.",
        "data: {train: {csv: train.csv}, test: {csv: test.csv}}",
    ),
    "data.inputs": Key(
        "a feature, or a mapping of the model's inputs to features",
        "The columns of each input. A feature is a column, a list of columns, or a mapping with"
        " `column` or `columns`.",
        "data: {source: {csv: table.csv}, inputs: {x: {columns: [a, b]}}, targets: c}",
    ),
    "data.targets": Key(
        "a feature, or a mapping of the model's outputs to features",
        "The target columns of each output. Predictions of a target with `StringLookup` or"
        " `IntegerLookup` are converted back to labels, and those of a target with `Rescaling` or"
        " `Normalization` to the numbers of the column. Other transforms have no inverse:"
        " predictions are then values of the transformed target.",
        "data: {source: {csv: table.csv}, inputs: {x: [a, b]}, targets: c}",
    ),
    "data.where": Key(
        "a condition on the columns, as a string",
        "The rows that are used as examples: those for which the condition is true, in `train` and"
        " `evaluate`, before `split`; `predict` uses every row. The grammar is that of expressions,"
        " with `in`, `is missing` and `is not missing`; write a name with spaces in backticks. A"
        " comparison with a missing value is false. A column of a CSV file has the type of its"
        " feature, otherwise the type of the compared value.",
        "data:\n  source: {csv: people.csv}\n  where: \"age > 18 and country == 'CH'\"\n"
        "  inputs: {x: [age, height]}\n  targets: income",
    ),
    "data.augment": Key(
        "a list of layers, a mapping of the model's inputs to lists, or `layers` with `on`",
        "Layers that vary the examples in training only (`RandomFlip`, `GaussianNoise`, ...), after"
        " all other steps. The random values of a batch depend on the seed, the epoch and the step."
        " It may also be written next to the source of `train`."
        " `{layers: [...], on: [image, mask]}` varies only the inputs and targets in `on`, which"
        " must have the same height and width, and varies them together: layers that move the"
        " content of an image (`RandomFlip`, `RandomRotation`, ...) apply to all of them, layers"
        " that change colors or add noise only to image inputs. Integers, `bool` and masks keep"
        " their values (nearest interpolation). `fill: 255` is the class of a mask at borders that"
        " become empty; without it the layer fills them (with its mirror image, or `fill_value`)."
        " Points and boxes with `coordinates` move with the image. `MixUp` and `CutMix` also mix"
        " the targets, which must be probabilities or numbers; without `on` all targets."
        " Without `on`, another input or a target with the height and width of the image is an"
        " error.",
        "data:\n  source: {images: {path: photos, masks: masks, size: 64}}\n  inputs: {photo:"
        " {column: image}}\n  targets: {region: {column: mask}}\n  augment: {layers: [RandomFlip:"
        " horizontal], on: [photo, region]}",
    ),
    "data.balance": Key(
        "a column, or a mapping with `column` and `examples`",
        "Draws the training examples of each epoch so that all values of a column are equally"
        " frequent: `balance: species`, or `{column: species, examples: 3000}` for another number"
        " of examples. Examples of rare classes are repeated; the draws depend on the seed and the"
        " epoch. Validation and test use every example once.",
        "data: {source: {csv: table.csv}, inputs: {x: [a, b]}, targets: c, balance: c}",
    ),
    "data.weights": Key(
        "a string",
        "The column with the weight of each example, in training and in evaluation.",
        "data: {source: {csv: table.csv}, inputs: {x: [a, b]}, targets: c, weights: w}",
    ),
    "data.expect": Key(
        "a mapping of columns to `known`, or to `min` and `max`",
        "Conditions for the columns of a source, checked when they are read: in training, in"
        " `evaluate` and in `predict`. A value out of range is an error that names its file, row"
        " and column. `known`: the lookup of the column's feature learned the value from the"
        " training part. Missing values are handled by `missing`.",
        "data:\n  source: {csv: penguins.csv}\n  expect: {age: {min: 0, max: 120}, island: known}\n"
        "  inputs:\n    age: {column: age}\n"
        "    island: {column: island, transform: [{StringLookup: {output_mode: one_hot}}]}\n"
        "  targets: species",
    ),
    "data.slices": Key(
        "a list of columns, each a name or a mapping with `column` and `bins`",
        "Columns whose values divide the test part and the validation part into slices with"
        " separate metrics: `test_accuracy@island=Dream` in metrics.json, in the report, in"
        " `evaluate` and in `expect`. `bins` defines ranges of numbers or times: `[0, 18, 65]`"
        " gives `age=..0`, `age=0..18`, `age=18..65` and `age=65..`; examples without a value"
        " are `age=missing`. The column does not have to be an input of the model.",
        "data:\n  source: {csv: penguins.csv}\n  split: {test: 0.2}\n"
        "  slices: [island, {column: age, bins: [0, 18, 65]}]\n"
        "  inputs: {age: {column: age}}\n  targets: species",
    ),
    "data.cache": Key(
        words({"enum": CACHES}),
        "Where prepared examples are cached. `auto`, the default: in memory up to 256 MB, otherwise"
        " on disk, in `MODELSPEC_CACHE` (by default `modelspec` in the user's cache folder), where"
        " the next run can reuse them. `memory` and `disk` select one of the two; `off` keeps"
        " nothing after the run.",
        "data: {source: {csv: table.csv}, targets: c, cache: disk}",
    ),
    **{path: Key(*one) for path, one in (GENERATE | SWEEP).items()},
    "expect": Key(
        "a mapping of quantities to comparisons",
        "Conditions for the model, evaluated by `check`, and for the results of a run: if they"
        " fail, `train`, `resume` and `test` exit with status 4. A key is a metric with a prefix"
        " for the part of the data (`train_`, `val_`, `test_`), with a slice after `@`"
        " (`test_accuracy@island=Dream`), or"
        " `parameters`, `trainable_parameters`, `multiply_adds`, `memory` (of training), `size` (of"
        " `model.keras`), `seconds` (of training) or `epochs`. A comparison is a string: `<`, `<=`,"
        " `>`, `>=` or `==` and a number, whose unit may be `k`, `M`, `G`, `kB`, `MB`, `GB`, `%`,"
        " `s`, `min` or `h`; or `baseline`, the number of the accepted run, `baseline + 0.01`,"
        " `baseline * 1.05`, `98% of baseline`. A list contains several comparisons. `{best: ...}`,"
        " `{last: ...}` and `{mean: ...}` refer to the epochs of a `train_` or `val_` metric; with"
        " all folds in `sweep`, `{mean: ...}` of a `test_` metric is the mean over the folds.",
        _LAYERS + '    - Dense: 3\nexpect: {parameters: "<= 200"}',
    ),
    "training": Key(
        "a mapping",
        "How the model is trained. With one output, `loss` and `metrics` do not need its name.",
        "training:\n  optimizer: {Adam: 0.001}\n  loss: mse\n  metrics: [mae]\n  epochs: 20\n "
        " callbacks:\n    - EarlyStopping: {monitor: loss, patience: 3}",
    ),
    "training.loss": Key(
        "a loss, or a mapping of outputs to losses",
        "The loss that training minimizes.",
        "training: {loss: mse}",
    ),
    "training.loss_weights": Key(
        "a mapping of outputs to numbers",
        "The weight of each output's loss in the total loss; 1 by default.",
        "training: {loss: mse, loss_weights: {score: 0.5}}",
    ),
    "training.objective": Key(
        "a mapping of names to terms",
        "Terms that are added to the losses of the outputs; with an objective, `loss` is optional."
        " A term is a formula, or `formula` with `from` and `weight`. The names in the formula are"
        " tensors of the model (an input or a layer), by `from` or directly, and targets as"
        " `target.NAME`. The batch is an axis like any other. A result of shape (batch) is averaged"
        " with the example weights, one number is used as it is. `weight` is a number, or a formula"
        " over `epoch` and `step`, which count from 0 over the whole run. Each term is logged under"
        " its name, without its weight.",
        'training:\n  objective:\n    size: {formula: "mean(square(z), axis=-1)", from: {z: code},'
        ' weight: "epoch / 10"}',
    ),
    "training.class_weight": Key(
        "`balanced`, a mapping of classes to numbers, a list of numbers, or those by output",
        "The weight of each class in training. A class is its index, in quotes, or its label if the"
        " target has a lookup; a list is in the order of the indices. `balanced` sets the weight"
        " of a class to examples / (classes * examples of the class), counted in the training"
        " split. In evaluation all examples have the same weight.",
        'training: {loss: binary_crossentropy, class_weight: {"0": 1.0, "1": 5.0}}',
    ),
    "training.metrics": Key(
        "a list of metrics, or a mapping of outputs to lists of metrics",
        "The metrics besides the loss, in training and for the validation and test parts.",
        "training: {loss: mse, metrics: [mae]}",
    ),
    "training.weighted_metrics": Key(
        "a list of metrics, or a mapping of outputs to lists of metrics",
        "Metrics that use the weights of examples.",
        "training: {loss: mse, weighted_metrics: [mae]}",
    ),
    "training.callbacks": Key(
        "a list of callbacks",
        "Callbacks that run at the end of an epoch or of a step.",
        "training: {loss: mse, callbacks: [{EarlyStopping: {patience: 3}}]}",
    ),
    "training.stages": Key(
        "a list of stages",
        "Stages that train one after the other on the same weights. Each has a `name`, its"
        " `epochs`, and any other key of `training`, which replaces that of the section for this"
        " stage; `callbacks` are added to those of the section, which run over all stages. The"
        " optimizer starts fresh, unless it is `keep`. `data` may set `where`, which of the"
        " training examples the stage uses, and `augment`.",
        "training:\n  loss: mse\n  stages:\n    - {name: head, epochs: 5}\n"
        "    - {name: all, epochs: 10, optimizer: {Adam: 1e-5}, batch_size: 16}",
    ),
    "training.players": Key(
        "a mapping of names to players",
        "Players that take turns within each step. Each trains the layers that match `trains` with"
        " its own `objective` and `optimizer` (by default `rmsprop`), `updates` times in a step (by"
        " default once) on the same batch with new random numbers. Its loss is logged as"
        " `critic_loss`, its terms as `critic_real`. A layer with weights that no player trains"
        " must be in `freeze`. `loss`, `optimizer`, `objective`, `stages`, `loss_weights`,"
        " `class_weight` and `lora` cannot be used with players.",
        "training:\n  players:\n    critic:\n      trains: [critic]\n      objective: {real:"
        ' "softplus(-on_real)", made: "softplus(on_made)"}\n      optimizer: {Adam: 1e-3}\n'
        "      updates: 2\n    generator:\n      trains: [generator]\n      objective: {fool:"
        ' "softplus(-on_made)"}\n      optimizer: {Adam: 1e-3}',
    ),
}
"""Keys by path; keys of an entry of `layers` by name."""
