"""`tfrecord`: records of `tf.train.Example`, with features declared in the spec."""

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
    """The dtype: `float32`, `int64` or `string` as stored; any other is the dtype of raw bytes
    (`tf.io.decode_raw`), little-endian.
    """
    shape: tuple[Annotated[int, Field(ge=0)], ...] | None = ()
    """The shape of one example; `null` for lists of different lengths."""
    default: float | int | str | None = None
    """The value of a feature that an example lacks; without a default this is an error."""

    @classmethod
    def kind(cls) -> str:
        return "a feature of tfrecord"

    @model_validator(mode="after")
    def _known_bytes(self) -> Self:
        text = isinstance(self.default, str)
        if self.default is not None and text != (self.dtype == "string"):
            refuse(
                "`default` is a string for `dtype: string`, and a number for any other",
                "MS204",
                "default",
            )
        return self


def _features(value: Any, info: ValidationInfo) -> dict[str, RecordFeature]:
    if not isinstance(value, dict) or not value:
        raise Unfit("a mapping of feature names to dtypes and shapes, e.g. `{label: int64}`")
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
    """Files of `tf.train.Example` records. Their features must be declared, since the files do not
    describe them.

    ```yaml
    source:
      tfrecord:
        path: train-*.tfrecord
        features: {image: {shape: [28, 28], dtype: uint8}, label: int64}
    ```

    The checksums of every record are verified. Files may be compressed (`.gz`).
    """

    endings: ClassVar = (".tfrecord", ".tfrecords")

    path: ProjectPaths
    features: Annotated[
        Mapping[str, RecordFeature],
        PlainValidator(_features, json_schema_input_type=dict[str, _TF_DTYPES | RecordFeature]),
    ]
    """The features by name: each a dtype, or a mapping with `dtype`, `shape` and `default`."""

    def settings_like(self, path: str) -> dict[str, Any]:
        features = {name: one.model_dump() for name, one in self.features.items()}
        return {**super().settings_like(path), "features": features}
