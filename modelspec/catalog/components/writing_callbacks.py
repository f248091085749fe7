"""Callbacks that write files."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import PlainValidator, model_validator

from modelspec.core.settings import Unfit, is_int, refuse

from .callbacks import Callback, Mode, Verbose
from .run_paths import RunPath, RunTemplate, run_path
from .setting_types import Count, Whole


def _frequency(*words: str) -> PlainValidator:
    expected = f"{' or '.join(f'`{word}`' for word in words)} or a number of steps of at least 1"

    def validate(value: Any) -> int | str:
        if isinstance(value, str) and value in words:
            return value
        if is_int(value) and value >= 1:
            return int(value)
        raise Unfit(expected, code="MS205" if is_int(value) or isinstance(value, str) else "MS204")

    return PlainValidator(validate, json_schema_input_type=Count | Literal[words])


def _separator(value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit("one character")
    # The delimiters that Python's `csv` accepts.
    if len(value) != 1 or value in '\r\n"\0':
        raise Unfit("one character other than a quote or a line break", code="MS205")
    return value


def _profile(value: Any) -> int | tuple[int, int]:
    expected = "a step, or a list of the first and the last step"
    steps = (value, value) if is_int(value) else value
    is_pair = isinstance(steps, (tuple, list)) and len(steps) == 2
    if not is_pair or not all(map(is_int, steps)):
        is_listed = isinstance(value, str) and "," in value
        raise Unfit(expected, help=f"write `[{value}]`" if is_listed else None)
    first, last = steps
    if first < 0 or last < first:
        raise Unfit(f"{expected}, at least 0 and in order", code="MS205")
    return int(first) if is_int(value) else (first, last)


Profile = Annotated[
    int | tuple[int, int],
    PlainValidator(_profile, json_schema_input_type=Whole | tuple[Whole, Whole]),
]


def _metadata(value: Any) -> str | dict[str, str]:
    if isinstance(value, dict):
        return {layer: run_path(path) for layer, path in value.items()}
    return run_path(value)


class ModelCheckpoint(Callback):
    """Saves the model, or its weights, during training.

    ```yaml
    callbacks:
      - ModelCheckpoint: {filepath: "best/{epoch:02d}.keras", save_best_only: true}
    ```

    To resume an interrupted run use `training.checkpoint`: this callback only saves the state of
    the model.
    """

    paths: ClassVar[tuple[str, ...]] = ("filepath",)
    state: ClassVar[tuple[str, ...] | None] = (
        "_batches_seen_since_last_saving",
        "_current_epoch",
        "_last_batch_seen",
        "best",
    )

    filepath: RunTemplate
    monitor: str = "val_loss"
    verbose: Verbose = 0
    save_best_only: bool = False
    save_weights_only: bool = False
    mode: Mode = "auto"
    save_freq: Annotated[int | str, _frequency("epoch")] = "epoch"
    initial_value_threshold: float | None = None
    """The value that the monitored quantity must improve on before anything is saved; only with
    `save_best_only`.
    """

    @model_validator(mode="after")
    def _ending(self) -> Self:
        endings = (".weights.h5",) if self.save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith(endings):
            what, code = ("weights", "MS208") if self.save_weights_only else ("a model", "MS205")
            refuse(
                f"the file of {what} must end in `{endings[0]}`, found `{self.filepath}`",
                code,
                "filepath",
                help=f"change the extension to `{endings[0]}`",
            )
        return self


class CSVLogger(Callback):
    """Writes a row of losses and metrics for each epoch.

    ```yaml
    callbacks:
      - CSVLogger: {filename: epochs.csv, separator: ";"}
    ```
    """

    paths: ClassVar[tuple[str, ...]] = ("filename",)
    state: ClassVar[tuple[str, ...] | None] = ("keys",)

    filename: RunPath
    separator: Annotated[str, PlainValidator(_separator, json_schema_input_type=str)] = ","
    append: bool = False
    """Whether to append to an existing file rather than overwrite it."""


class TensorBoard(Callback):
    """Writes logs for TensorBoard.

    ```yaml
    callbacks:
      - TensorBoard: {log_dir: tensorboard, histogram_freq: 1}
    ```

    A run that resumes from a checkpoint truncates its logs to it, so that they contain nothing
    twice.

    https://www.tensorflow.org/tensorboard
    """

    paths: ClassVar[tuple[str, ...]] = ("log_dir", "embeddings_metadata")
    state: ClassVar[tuple[str, ...] | None] = (
        "_global_test_batch",
        "_global_train_batch",
        "_train_accumulated_time",
    )
    begins_again: ClassVar[bool] = True
    tried: ClassVar[bool] = False

    log_dir: RunPath = "logs"
    histogram_freq: Whole = 0
    """The number of epochs between histograms of the weights; 0 writes none."""
    write_graph: bool = True
    write_images: bool = False
    write_steps_per_second: bool = False
    update_freq: Annotated[int | str, _frequency("epoch", "batch")] = "epoch"
    profile_batch: Profile = 0
    """The batch to profile, or a pair of the first and the last one; 0 profiles none."""
    embeddings_freq: Whole = 0
    embeddings_metadata: (
        Annotated[
            str | dict[str, str],
            PlainValidator(_metadata, json_schema_input_type=str | dict[str, str]),
        ]
        | None
    ) = None
    """The file with labels of the embeddings, or a mapping from names of `Embedding` layers to
    files.
    """
