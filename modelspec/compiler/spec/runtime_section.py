"""The `runtime` section: precision, determinism and logging."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import PlainValidator, ValidationInfo

from modelspec.catalog.components import LOGGERS, component, read_component
from modelspec.catalog.layers.setting_types import one_of
from modelspec.core.settings import Faults, Section, Settings, Unfit, context_of

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


def _loggers(value: Any, info: ValidationInfo) -> tuple[Settings, ...] | None:
    """Loggers from a list, or from one of them alone. Raises `Faults` or `Unfit`."""
    if value is None:
        return None
    is_list = isinstance(value, (list, tuple))
    found: list[Settings] = []
    for index, one in enumerate(value if is_list else (value,)):
        try:
            made = one if isinstance(one, Settings) else _logger(one, info)
        except Faults as error:
            if not is_list:
                raise
            raise Faults(fault.under(index) for fault in error.faults) from None
        if any(other.kind() == made.kind() for other in found):
            raise Unfit(
                "each logger once",
                code="MS568",
                path=(index,),
                help=f"remove one `{made.kind()}`",
            )
        found.append(made)
    return tuple(found)


def _logger(value: Any, info: ValidationInfo) -> Settings:
    made = read_component(LOGGERS, value, context_of(info))
    assert isinstance(made, Settings)  # no logger is a name without settings
    return made


_Logger = Annotated[Any, component(LOGGERS, built=True)]


class Runtime(Section):
    """How the model runs.

    ```yaml
    runtime: {precision: mixed_float16, deterministic: true}
    ```
    """

    title: ClassVar[str] = "runtime"

    backend: Literal["tensorflow"] = "tensorflow"
    """The backend that runs the model."""
    precision: Annotated[
        str, PlainValidator(_precision, json_schema_input_type=Literal[PRECISIONS])
    ] = "float32"
    """The dtype policy of every layer without an explicit one."""
    deterministic: bool = True
    """Whether equal specs give bit-identical weights on one machine."""
    jit: Annotated[
        bool | str, PlainValidator(_jit, json_schema_input_type=bool | Literal["auto"])
    ] = "auto"
    """Whether XLA compiles the steps; `auto`: on an accelerator."""
    logging: Annotated[
        tuple[Settings, ...] | None,
        PlainValidator(_loggers, json_schema_input_type=_Logger | tuple[_Logger, ...] | None),
    ] = None
    """The services that the run logs to, besides its run folder: `[tensorboard, mlflow]`, or
    `{mlflow: {experiment: penguins}}`. Addresses and keys come from the environment.
    """
