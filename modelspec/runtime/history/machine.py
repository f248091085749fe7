"""The properties of the machine, the installed packages and the environment that affect the numbers
of a run; determined before any framework is loaded.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from modelspec import __version__

_PACKAGES: Final = ("tensorflow", "keras", "numpy", "scikit-learn", "h5py")
_DECODING: Final = ("pillow", "pyarrow")
"""Packages that read data; their results are covered by the hashes of opened data, but not by the
hashes of files.
"""
_VECTORS: Final = ("avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve")
"""Instruction sets that change how libraries compute, as listed by Linux."""
ONEDNN: Final = "TF_ENABLE_ONEDNN_OPTS"
_CHOOSING: Final = (
    "BLIS_",
    "CUBLAS_",
    "CUDNN_",
    "DNNL_",
    "MKL_",
    "NPY_",
    "NVIDIA_TF32_",
    "OMP_",
    "ONEDNN_",
    "OPENBLAS_",
    "TF_CUBLAS",
    "TF_CUDNN_",
    "TF_DETERMINISTIC_",
    "TF_DISABLE_",
    "TF_ENABLE_",
    "TF_USE_",
    "TF_XLA_",
    "XLA_FLAGS",
)
"""Prefixes of environment variables that change how libraries compute."""
HARMLESS_VARIABLES: Final = ("BLIS_", "MKL_", "OMP_", "OPENBLAS_")
"""Prefixes of variables for libraries that TensorFlow's own packages do not use: it has its own
threads.
"""


@dataclass(frozen=True)
class Pins:
    """The number of parts into which sums are split, which affects rounding. Fixed before
    TensorFlow creates its first tensor.
    """

    intra_op_threads: int
    inter_op_threads: int
    onednn: str
    """The value of `TF_ENABLE_ONEDNN_OPTS`; `default` if it is not set."""

    @classmethod
    def here(cls, before: Mapping[str, Any] | None = None) -> Pins:
        """From the environment; otherwise as `before` (a manifest's `backend`); otherwise the
        number of cores.
        """
        earlier = before if isinstance(before, Mapping) else {}
        environ, count = os.environ, cores()
        return cls(
            _whole(environ.get("TF_NUM_INTRAOP_THREADS"))
            or _whole(earlier.get("intra_op_threads"))
            or count,
            _whole(environ.get("TF_NUM_INTEROP_THREADS"))
            or _whole(earlier.get("inter_op_threads"))
            or count,
            environ.get(ONEDNN) or str(earlier.get("onednn") or "default"),
        )


def chosen_by_variables() -> dict[str, str]:
    """The environment variables that change how TensorFlow and its libraries compute, if they are
    set. Threads and oneDNN have entries in `backend`.
    """
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(_CHOOSING) and name != ONEDNN
    }


def versions() -> dict[str, str]:
    """The installed packages, without importing them."""
    return {
        "python": platform.python_version(),
        "modelspec": __version__,
        **dict(_installed(_PACKAGES)),
    }


def versions_of_results() -> dict[str, str]:
    """The versions that affect the numbers of a run, including those of packages that decode
    data.
    """
    return {**versions(), **dict(_installed(_DECODING))}


def _installed(packages: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for package in packages:
        with suppress(PackageNotFoundError):
            yield package, version(package)


def machine() -> dict[str, Any]:
    """The properties of the machine that may affect results."""
    return {
        "platform": platform.platform(),
        "cpu": _cpu("model name") or platform.processor(),
        "architecture": platform.machine(),
        "cores": cores(),
        "memory": memory(),
    }


def class_of_machine() -> dict[str, str]:
    """The common properties of machines that compute the same numbers: two processors of one kind
    with other names are in the same class.
    """
    pins = Pins.here()
    flags = (_cpu("flags") or _cpu("Features")).split()
    chosen = {
        name: value
        for name, value in chosen_by_variables().items()
        if not name.startswith(HARMLESS_VARIABLES)
    }
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "instructions": " ".join(one for one in _VECTORS if one in flags),
        "threads": f"{pins.intra_op_threads}/{pins.inter_op_threads}",
        "onednn": pins.onednn,
        "gpus": ", ".join(_gpus()),
        **{f"environment {name}": value for name, value in chosen.items()},
    }


def cores() -> int:
    """The number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> int:
    """Bytes of memory that the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _cpu(fact: str) -> str:
    """The description of the first processor on Linux; empty elsewhere."""
    return _line(Path("/proc/cpuinfo"), fact)


def _gpus() -> list[str]:
    """The GPUs that a run would use, by model name, as listed by NVIDIA's driver."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1"):
        return []
    found = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    names = [_line(one, "Model") for one in found]
    if not names:  # a container may have devices without the driver's folder
        names = [one.name for one in sorted(Path("/dev").glob("nvidia[0-9]*"))]
    return [*names, f"visible {visible}"] if names and visible is not None else names


def _line(path: Path, fact: str) -> str:
    try:
        with path.open(encoding="utf-8") as lines:
            return next(
                (line.partition(":")[2].strip() for line in lines if line.startswith(fact)), ""
            )
    except OSError:
        return ""


def _whole(value: object) -> int:
    """A number of threads as written; 0 if it is invalid."""
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 5 else 0
