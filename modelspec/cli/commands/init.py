"""`modelspec init [NAME] [--data FILE]`: writes a commented spec to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from ..examples import examples
from ..options import data_root_option
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


@click.command(
    epilog=examples(
        "modelspec init",
        "modelspec init digits",
        "modelspec init --data penguins.csv",
        "modelspec init flats --data flats.csv --target price",
        "modelspec init --data photos",
    )
)
@click.argument("name", default="model", type=click.Path())
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=(
        "Write a spec for this data: a csv, jsonl, Parquet, Arrow, npz or HDF5 file, or a folder"
        " with a folder of images or texts for each class."
    ),
)
@click.option("--target", metavar="COLUMN", help="The column to predict; by default a likely one.")
@data_root_option
def command(name: str, data: Path | None, target: str | None) -> None:
    """Write a commented spec to start from.

    Writes NAME.yaml (model.yaml without NAME). An existing file is never overwritten.

    With --data the spec fits the data: inputs by the types of the columns, missing values, the
    split, the model, the loss and the metrics, each choice with its reason in a comment.
    """
    if target is not None and data is None:
        raise click.UsageError("--target requires --data, the data with this column")
    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    if data is None:
        _create(path, TEMPLATE.replace("{file}", path.name))
        options = ""
    else:
        options = _draft(path, data, target)
    write(
        f"wrote {path}: `modelspec check {path}{options}` checks it,"
        f" `modelspec train {path}{options}` trains it"
    )


def _draft(path: Path, data: Path, target: str | None) -> str:
    """Writes the spec for some data; returns the options with which it can be used."""
    from modelspec.drafts import NoDraft, draft, options_for

    if path.exists():
        raise _exists(path)
    try:
        found = draft(data, path, target)
    except NoDraft as error:
        raise click.UsageError(str(error)) from None
    _create(path, found.text)
    for sentence in found.summary:
        write(sentence)
    return options_for(data, path)


def _create(path: Path, text: str) -> None:
    """Writes a new file."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise click.UsageError(f"`{path}` cannot be written: {error.strerror}") from None


def _exists(path: Path) -> click.UsageError:
    return click.UsageError(f"`{path}` already exists; choose another NAME")
