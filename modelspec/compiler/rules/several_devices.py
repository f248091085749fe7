"""What several devices do not support; also for runs whose devices or processes are known only when
they begin.
"""

from __future__ import annotations

from ..infer import TypedCall
from ..spec.runtime_section import Runtime
from .graph_walk import layer_of


def is_stateful(call: TypedCall) -> bool:
    """Whether a layer passes its states from batch to batch: those of an example would reach
    another example on another device.
    """
    return bool(getattr(layer_of(call), "stateful", False))


def stateful_help() -> str:
    """The fix for such a layer."""
    return "use one device (`devices: 1`), or remove `stateful`"


def term_help() -> str:
    """The fix for a term with a gradient, whose other examples are on other devices."""
    return (
        "reduce the other axes only, as in `mean(square(gradient(y, x)), axis=-1)`: a term with a"
        " value for each example is averaged over the batch"
    )


def asks_for_xla(runtime: Runtime) -> bool:
    """Whether a spec asks for XLA, and gets it on one device: `deterministic` runs never use it."""
    return runtime.jit is True and not runtime.deterministic


def jit_help() -> str:
    """The fix for `jit: true` with several devices."""
    return "leave `jit` out, or use one device"
