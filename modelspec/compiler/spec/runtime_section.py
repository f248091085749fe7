"""The `runtime` section: precision and determinism."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import PlainValidator

from modelspec.catalog.layers.setting_types import one_of
from modelspec.core.settings import Section, Unfit

PRECISIONS = ("float32", "float64", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16")


def _precision(value: Any) -> str:
    return one_of(
        value, PRECISIONS, "a dtype policy: " + ", ".join(f"`{name}`" for name in PRECISIONS)
    )


def _jit(value: Any) -> bool | str:
    if isinstance(value, bool):
        return value
    if value == "auto":
        return "auto"
    raise Unfit("`auto`, `true` or `false`", code="MS205" if isinstance(value, str) else "MS204")


class Runtime(Section):
    """How the model runs.

    ```yaml
    runtime: {precision: mixed_float16, deterministic: true}
    ```
    """

    title: ClassVar[str] = "runtime"

    backend: Literal["tensorflow"] = "tensorflow"
    """What runs the model."""
    precision: Annotated[
        str, PlainValidator(_precision, json_schema_input_type=Literal[PRECISIONS])
    ] = "float32"
    """The dtype policy of every layer that names none of its own."""
    deterministic: bool = True
    """Equal specs give equal weights, to the bit, on one machine."""
    jit: Annotated[
        bool | str, PlainValidator(_jit, json_schema_input_type=bool | Literal["auto"])
    ] = "auto"
    """Whether XLA compiles the steps; `auto`: on an accelerator."""
