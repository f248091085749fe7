"""How the steps of a run were run, in words: how many in each call, and with or without XLA."""

from __future__ import annotations

from typing import Any, Final

from .record import Record

MEASURED: Final = "measured"
SHORT: Final = "short"
"""The remaining steps take too little time to pay for a measurement."""
REFUSED: Final = "refused"
"""XLA cannot compile the step."""
NOT_FINITE: Final = "not finite"
"""Values of a measured step were not finite."""
LENGTHS: Final = "lengths"
"""The batches have several lengths, for each of which XLA would compile the step again."""
LAYERS: Final = "layers"
"""A layer does not support XLA."""
DETERMINISTIC: Final = "deterministic"
REPLICAS: Final = "replicas"
_NOTABLE: Final = 0.05
"""A smaller gain of calls of many steps may be chance."""
_WITHOUT: Final = {
    SHORT: ": the training is too short for a compilation to pay",
    REFUSED: ", which cannot compile the step",
    NOT_FINITE: ": values of a measured step were not finite",
    LENGTHS: ", which would compile the step for each length of the batches",
    LAYERS: ", which a layer does not support",
    DETERMINISTIC: ", which `deterministic: true` excludes",
    REPLICAS: ", which several replicas do not support",
}
"""By the reason for which XLA does not compile the steps with `jit: auto`."""


def execution(record: Record) -> str:
    """`256 in each call of TensorFlow, 2.1 times as fast as single steps; without XLA`."""
    count, gain = (
        record.number("execution", "steps_per_call"),
        record.number("execution", "speedup"),
    )
    if count is None:
        return ""
    words = "one" if count == 1 else f"{count:,.0f}"
    differs = gain is not None and count > 1 and abs(gain - 1) >= _NOTABLE
    gained = f", {gain:.2g} times as fast as single steps" if differs else ""
    return f"{words} in each call of TensorFlow{gained}; {_xla(record)}"


def _xla(record: Record) -> str:
    """`with XLA from step 274, 2.3 times as fast (3.5 s of compilation)`."""
    choice = next(iter(record.entries("execution", "jit")[-1:]), {})
    plain, compiled, compiling = (_time(choice.get(f"{name}_seconds")) for name in _TIMES)
    if record.value("execution", "xla") is True:
        step, gain = choice.get("step"), plain / compiled if plain and compiled else None
        start = f" from step {step + 1:,}" if isinstance(step, int) else ""
        gained = f", {gain:.2g} times as fast ({compiling:.2g} s of compilation)" if gain else ""
        return f"with XLA{start}{gained}"
    if plain and compiled:
        return (
            f"without XLA: a step takes {1e3 * plain:.3g} ms, with XLA {1e3 * compiled:.3g} ms"
            f" after {compiling:.2g} s of compilation"
        )
    return f"without XLA{_WITHOUT.get(str(choice.get('why')), '')}"


_TIMES: Final = ("step", "xla_step", "compile")


def _time(value: Any) -> float:
    """A time in seconds; 0 if it is unknown."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 1e-9 <= value <= 1e9 else 0.0
