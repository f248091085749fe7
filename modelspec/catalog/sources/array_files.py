"""Sources that are arrays with sizes of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PlainValidator, ValidationInfo, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.paths import ProjectPath, ProjectPaths
from modelspec.core.settings import Context, Faults, Settings, Unfit, context_of, is_int, refuse
from modelspec.core.source import Value


def _files(value: Any, info: ValidationInfo) -> str | dict[str, str]:
    context = context_of(info)
    if isinstance(value, str):
        return _One.build({"path": value}, context).path
    if not isinstance(value, dict) or not value:
        raise Unfit("the path of a file, or a mapping of columns to files")
    found: dict[str, str] = {}
    faults: list[Fault] = []
    for column, path in value.items():
        try:
            found[column] = _One.build({"path": path}, context).path
        except Faults as error:
            faults += [replace(fault, path=(column,)) for fault in error.faults]
    if faults:
        raise Faults(faults)
    return found


class _One(Settings):
    path: ProjectPath

    @classmethod
    def kind(cls) -> str:
        return "files"


class ByColumn(Settings):
    """A file for each column; the columns may stand directly behind the name: `idx: {image: a.idx,
    label: b.idx}`.
    """

    spread_primary: ClassVar[bool] = True
    """Whether the columns may stand where the settings do."""

    files: Annotated[
        str | Mapping[str, str], PlainValidator(_files, json_schema_input_type=str | dict[str, str])
    ]
    """A file for each column; of a single file, the column has the file's name without its
    endings.
    """

    @classmethod
    def read(cls, body: Value, context: Context) -> Self:
        if not isinstance(body, dict) or set(body) <= set(cls.model_fields):
            return super().read(body, context)
        try:
            return cls.build({"files": body}, context)
        except Faults as error:
            raise Faults(
                replace(fault, path=fault.path[1:] if fault.path[:1] == ("files",) else fault.path)
                for fault in error.faults
            ) from None


class npy(ByColumn):
    """Single arrays, as `numpy.save` writes them; the first axis counts the examples.

    ```yaml
    source: {npy: {image: images.npy, label: labels.npy}}
    ```

    Large files are read piece by piece. Nothing is unpickled.
    """


class idx(ByColumn):
    """Arrays in the format of the original MNIST files, plain or compressed (`.gz`).

    ```yaml
    source: {idx: {image: train-images-idx3-ubyte.gz, label: train-labels-idx1-ubyte.gz}}
    ```
    """


def _rows(value: Any) -> tuple[int, int | None]:
    """Start and end: `[0, 1000]`, `[1000, null]`."""
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not is_int(value[0]):
        raise Unfit("the first row and the row behind the last one, e.g. `[0, 1000]`")
    start, end = value
    if not (end is None or is_int(end)):
        raise Unfit(
            "the first row and the row behind the last one, e.g. `[0, 1000]`, or `[1000, null]`"
        )
    if start < 0 or (end is not None and end <= start):
        raise Unfit("two rows from 0, the second behind the first", code="MS205")
    return start, end


class hdf5(Settings):
    """Data sets of an HDF5 file; the first axis of each counts the examples.

    ```yaml
    train: {hdf5: {path: images.h5, rows: [0, 50000]}}
    test: {hdf5: {path: images.h5, rows: [50000, null]}}
    ```

    A column is a data set by its path in the file (`x`, `train/images`). Large ones are read piece
    by piece. What lies outside the file (external links, external storage, virtual data sets) is
    refused.
    """

    path: ProjectPaths
    rows: (
        Annotated[
            tuple[int, int | None],
            PlainValidator(_rows, json_schema_input_type=tuple[int, int | None]),
        ]
        | None
    ) = None
    """The examples to take, from the first up to and without the second."""


_TF_DTYPES = Literal[
    "float32",
    "int64",
    "string",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "int32",
    "float16",
    "float64",
    "bool",
]


class Stored(Settings):
    """One feature of the examples of a TFRecord file."""

    dtype: _TF_DTYPES = "float32"
    """What the values are: `float32`, `int64`, `string` as stored; any other is the dtype of raw
    bytes (`tf.io.decode_raw`), little-endian.
    """
    shape: tuple[Annotated[int, Field(ge=0)], ...] | None = ()
    """The shape of one example; `null` for lists of different lengths."""
    default: float | int | str | None = None
    """What stands for a feature that an example lacks; without it that is a fault."""

    @classmethod
    def kind(cls) -> str:
        return "a feature of tfrecord"

    @model_validator(mode="after")
    def _known_bytes(self) -> Stored:
        text = isinstance(self.default, str)
        if self.default is not None and text != (self.dtype == "string"):
            refuse(
                "`default` is a text for `dtype: string`, and a number for any other",
                "MS204",
                "default",
            )
        return self


def _features(value: Any, info: ValidationInfo) -> dict[str, Stored]:
    if not isinstance(value, dict) or not value:
        raise Unfit("a mapping of features to their dtype and shape, e.g. `{label: int64}`")
    context, found = context_of(info), {}
    faults: list[Fault] = []
    for name, body in value.items():
        try:
            found[name] = Stored.read(body, context)
        except Faults as error:
            faults += [fault.under(name) for fault in error.faults]
    if faults:
        raise Faults(faults)
    return found


class tfrecord(Settings):
    """Files of `tf.train.Example` records; the features are declared, as the files do not say what
    they hold.

    ```yaml
    source:
      tfrecord:
        path: train-*.tfrecord
        features: {image: {shape: [28, 28], dtype: uint8}, label: int64}
    ```

    Every record's checksums are compared. Files may be compressed (`.gz`).
    """

    path: ProjectPaths
    features: Annotated[
        Mapping[str, Stored],
        PlainValidator(_features, json_schema_input_type=dict[str, _TF_DTYPES | Stored]),
    ]
    """By name: a dtype, or `dtype`, `shape` and `default`."""
