"""The `runtime` section: precision, determinism and logging."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainValidator, ValidationInfo

from modelspec.catalog.components import LOGGERS, component, read_component
from modelspec.catalog.layers.setting_types import one_of
from modelspec.core.settings import Faults, Section, Settings, Unfit, context_of

PRECISIONS = ("float32", "float64", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16")


_DEVICES = "`auto`, a number of devices, or a list of their numbers"


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


def _devices(value: Any) -> str | int | tuple[int, ...]:
    """`auto`, a number of devices, or their numbers. Raises `Unfit`."""
    if value == "auto":
        return "auto"
    if isinstance(value, (list, tuple)):
        return _numbers(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit(_DEVICES, code="MS205" if isinstance(value, str) else "MS204")
    if value < 1:
        raise Unfit("a number of devices of at least 1", code="MS205")
    return value


def _numbers(values: Any) -> tuple[int, ...]:
    """The numbers of devices from a list. Raises `Unfit`."""
    if not values:
        raise Unfit("the number of at least one device", code="MS205")
    for index, one in enumerate(values):
        if isinstance(one, bool) or not isinstance(one, int):
            raise Unfit("the number of a device, from 0", path=(index,))
        if one < 0:
            raise Unfit("the number of a device, from 0", code="MS205", path=(index,))
        if one in values[:index]:
            raise Unfit("each device once", code="MS205", path=(index,))
    return tuple(values)


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


_Devices = (
    Literal["auto"]
    | Annotated[int, Field(ge=1)]
    | Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
)


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
    """Whether XLA compiles the training steps; `auto`: where a measurement in the first epoch finds
    that it pays, never in a deterministic run.
    """
    devices: Annotated[
        str | int | tuple[int, ...],
        PlainValidator(_devices, json_schema_input_type=_Devices),
    ] = "auto"
    """The devices of this host that train together: `auto` for all of its GPUs, their number, or a
    list such as `[0, 1]`. `batch_size` remains that of the global batch, of which each device
    computes a part. Without a GPU, `2` divides the processor into two logical devices, to try it.
    """
    logging: Annotated[
        tuple[Settings, ...] | None,
        PlainValidator(_loggers, json_schema_input_type=_Logger | tuple[_Logger, ...] | None),
    ] = None
    """The services that the run logs to, besides its run folder: `[tensorboard, mlflow]`, or
    `{mlflow: {experiment: penguins}}`. Addresses and keys come from the environment.
    """

    @property
    def has_several_devices(self) -> bool:
        """Whether more than one device is asked for, whatever the host has."""
        several = self.devices if isinstance(self.devices, (int, tuple)) else 1
        return (several if isinstance(several, int) else len(several)) > 1
