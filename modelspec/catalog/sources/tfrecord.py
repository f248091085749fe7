"""`tfrecord`: records of `tf.train.Example`, whose features a spec declares."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PlainValidator, ValidationInfo, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.paths import ProjectPaths
from modelspec.core.settings import Faults, Settings, Unfit, context_of, refuse

from .common.source import Source

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


class RecordFeature(Settings):
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
    def _known_bytes(self) -> Self:
        text = isinstance(self.default, str)
        if self.default is not None and text != (self.dtype == "string"):
            refuse(
                "`default` is a text for `dtype: string`, and a number for any other",
                "MS204",
                "default",
            )
        return self


def _features(value: Any, info: ValidationInfo) -> dict[str, RecordFeature]:
    if not isinstance(value, dict) or not value:
        raise Unfit("a mapping of features to their dtype and shape, e.g. `{label: int64}`")
    context, found = context_of(info), {}
    faults: list[Fault] = []
    for name, body in value.items():
        try:
            found[name] = RecordFeature.from_body(body, context)
        except Faults as error:
            faults += [fault.under(name) for fault in error.faults]
    if faults:
        raise Faults(faults)
    return found


class tfrecord(Source):
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

    endings: ClassVar = (".tfrecord", ".tfrecords")

    path: ProjectPaths
    features: Annotated[
        Mapping[str, RecordFeature],
        PlainValidator(_features, json_schema_input_type=dict[str, _TF_DTYPES | RecordFeature]),
    ]
    """By name: a dtype, or `dtype`, `shape` and `default`."""

    def settings_like(self, path: str) -> dict[str, Any]:
        features = {name: one.model_dump() for name, one in self.features.items()}
        return {**super().settings_like(path), "features": features}
