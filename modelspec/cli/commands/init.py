"""`modelspec init [NAME]`: writes a commented spec to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from ..examples import examples
from ..output import write

TEMPLATE: Final = """\
# A small convolutional network that classifies handwritten digits.
#
#   modelspec check {file}     report every error
#   modelspec show {file}      show the layers with shapes and parameters
#   modelspec train {file}     train, evaluate, and save everything in runs/
#   modelspec explain Conv2D   the manual: layers, components, keys, codes

modelspec: 1                   # the version of the language
seed: 7                        # makes every random choice reproducible

model:
  inputs:
    image: [8, 8, 1]           # height, width, channels, without the batch axis
  layers:                      # from top to bottom: each takes the output of the one before
    - Rescaling: 0.0625        # pixels from 0..16 to 0..1
    - Conv2D: {filters: 32, kernel_size: 3, padding: same, activation: relu}
    - MaxPooling2D: 2
    - Conv2D: {filters: 64, kernel_size: 3, activation: relu}
    - Flatten
    - Dropout: 0.3
    - Dense: {units: 10, activation: softmax, name: digit}

data:
  source: {dataset: digits}    # 1,797 images included in scikit-learn; or e.g. {csv: table.csv}
  split: {validation: 0.15, test: 0.15, stratify: target}
  inputs: {image: {column: image}}
  targets: {digit: {column: target}}

training:
  optimizer: {Adam: 0.001}
  loss: sparse_categorical_crossentropy   # targets are class indices, from 0 to 9
  metrics: [accuracy]
  epochs: 20
  batch_size: 32
  callbacks:
    - EarlyStopping: {monitor: val_loss, patience: 4, restore_best_weights: true}
"""

ORDER = 170


@click.command(epilog=examples("modelspec init", "modelspec init digits"))
@click.argument("name", default="model", type=click.Path())
def command(name: str) -> None:
    """Write a commented spec to start from.

    Writes NAME.yaml (model.yaml without NAME). An existing file is never overwritten.
    """
    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(TEMPLATE.replace("{file}", path.name))
    except FileExistsError:
        raise click.UsageError(f"`{path}` already exists; choose another NAME") from None
    except OSError as error:
        raise click.UsageError(f"`{path}` cannot be written: {error.strerror}") from None
    write(f"wrote {path}: `modelspec check {path}` checks it, `modelspec train {path}` trains it")
