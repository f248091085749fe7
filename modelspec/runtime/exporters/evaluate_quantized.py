"""`evaluate --quantize`: the metrics of a quantized model beside those of the run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path

from ..backend.process_state import own_state
from ..data import RunError, Table
from ..run.evaluate import Evaluation, evaluated
from ..run.framework_errors import as_run_error
from ..run.open_run import open_run


@dataclass(frozen=True)
class QuantizedEvaluation:
    """The metrics of the model of a run, and of its quantized copy, on the same examples."""

    mode: str
    plain: Evaluation
    quantized: Evaluation
    before: int
    """The bytes of the weights of the model."""
    after: int
    """Those of the quantized copy."""
    sizes: str
    """Both in words."""
    layers: tuple[str, ...]
    """The quantized layers."""
    left: tuple[str, ...]
    """The layers with weights that are left as they are (MS786)."""


@own_state()
def evaluate_quantized(
    run_dir: str | PathLike[str],
    mode: str,
    source: str | Table | None = None,
    *,
    split: str | None = None,
) -> QuantizedEvaluation:
    """The metrics of the model in a run folder, and those of a copy that Keras quantized to `mode`
    (`int8`, `int4` or `float8`): see `evaluate`.

    Raises the errors of `evaluate`, and `RunError`: MS785 for an unknown mode, and if no layer of
    the model can be quantized.
    """
    from ..backend.quantization import quantized
    from .formats import formats

    modes = formats()["keras"].quantizations
    if mode not in modes:
        known = ", ".join(f"`{one}`" for one in modes)
        raise RunError.of("MS785", f"unknown quantization `{mode}`", help=f"the modes are {known}")
    run = open_run(Path(fspath(run_dir)))
    model = run.model(measured=True)
    plain = evaluated(run, source, split, model)
    with as_run_error("the quantization failed"):
        found = quantized(run.compiled, model, mode, measured=True)
    other = evaluated(run, source, split, found.model)
    return QuantizedEvaluation(
        mode,
        replace(plain, warnings=(*plain.warnings, *found.warnings)),
        other,
        found.before,
        found.after,
        found.sizes,
        found.layers,
        found.left,
    )
