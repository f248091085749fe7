"""`modelspec init [NAME]`: a commented spec to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from ..output import write

TEMPLATE: Final = """\
# A small convolutional network that tells handwritten digits apart.
#
#   modelspec check {file}     every fault, in a moment
#   modelspec show {file}      the layers with shapes and parameters
#   modelspec train {file}     train, measure, and save everything in runs/
#   modelspec explain Conv2D   the manual: layers, components, keys, codes

modelspec: 1                   # the version of the language
seed: 7                        # every random choice follows from it

model:
  inputs:
    image: [8, 8, 1]           # height, width, channels; the batch axis is not written
  layers:                      # from top to bottom: each takes the tensor of the one before
    - Rescaling: 0.0625        # pixels from 0..16 to 0..1
    - Conv2D: {filters: 32, kernel_size: 3, padding: same, activation: relu}
    - MaxPooling2D: 2
    - Conv2D: {filters: 64, kernel_size: 3, activation: relu}
    - Flatten
    - Dropout: 0.3
    - Dense: {units: 10, activation: softmax, name: digit}

data:
  source: {dataset: digits}    # 1,797 images that come with scikit-learn; or e.g. {csv: table.csv}
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


@click.command()
@click.argument("name", default="model", type=click.Path())
def command(name: str) -> None:
    """Write a commented spec to start from.

    The file is NAME.yaml (model.yaml without a NAME). A file that is there is never overwritten.
    """
    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(TEMPLATE.replace("{file}", path.name))
    except FileExistsError:
        raise click.UsageError(f"`{path}` is there already; give another NAME") from None
    except OSError as error:
        raise click.UsageError(f"`{path}` cannot be written: {error.strerror}") from None
    write(f"wrote {path}: `modelspec check {path}` checks it, `modelspec train {path}` trains it")
