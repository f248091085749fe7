"""Baselines: the accepted run of a spec, in `baselines/<name>.json` beside it; small, and meant to
be committed.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from modelspec.core.diagnostics import Checked, Diagnostic
from modelspec.core.source.regular_files import read_regular

from .fingerprint import Fingerprint
from .run_files import BASELINES, file_name

FORMAT: Final = 1
_MOST: Final = 10_000_000
"""The most bytes of a baseline that are read."""


@dataclass(frozen=True)
class Baseline:
    """An accepted run, with which later runs are compared."""

    name: str
    """The name of the spec."""
    spec: str
    """The file of the spec, without its folder."""
    run: str
    """The folder of the run, as passed to `modelspec accept`."""
    metrics: Mapping[str, float]
    """Every number of the run by its flat name (`test_accuracy`, `parameters`, `size`); with
    several seeds their means.
    """
    fingerprint: Fingerprint | None = None
    """None: the run's is unknown, so the baseline does not replace a run."""
    seeds: tuple[int, ...] = ()
    """The trained seeds; the first is the run's."""
    deviations: Mapping[str, float] = field(default_factory=dict)
    """Standard deviations between the seeds, if there are several."""
    of_run: Mapping[str, float] = field(default_factory=dict)
    """The numbers of the accepted run alone, if `metrics` are means of several."""
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """The epoch values of an expectation over the epochs."""
    few: tuple[str, ...] = ()
    """Slices with too few examples to be judged: `test@island=Dream`."""

    @property
    def errors(self) -> Mapping[str, float]:
        """The standard error of the difference between one run and the mean of the seeds, by
        metric; empty with a single seed. It is `s * sqrt(1 + 1 / N)`: a single run varies by `s`,
        and the mean of N by `s / sqrt(N)`.
        """
        count = len(self.seeds)
        scale = math.sqrt(1 + 1 / count) if count else 0.0
        return {name: scale * value for name, value in self.deviations.items()}

    @property
    def numbers(self) -> Mapping[str, float]:
        """Those of the accepted run itself, for a run that is not repeated."""
        return self.of_run or self.metrics

    def as_json(self) -> dict[str, Any]:
        """The written form. Keys are sorted, so that a diff shows each change."""
        print_ = self.fingerprint
        found: dict[str, Any] = {
            "format": FORMAT,
            "name": self.name,
            "spec": self.spec,
            "run": self.run,
            "seeds": list(self.seeds),
            "metrics": _sorted(self.metrics),
        }
        for key in ("deviations", "of_run"):
            if values := getattr(self, key):
                found[key] = _sorted(values)
        if self.curves:
            found["curves"] = {name: list(self.curves[name]) for name in sorted(self.curves)}
        if self.few:
            found["few"] = sorted(self.few)
        found["fingerprint"] = print_.as_json() if print_ is not None else None
        return found


def path_of(folder: Path, name: str) -> Path:
    """The path of the baseline of a spec in a folder."""
    return folder / BASELINES / f"{file_name(name)}.json"


def read_baseline(folder: Path, name: str) -> Baseline | None:
    """The baseline of the spec with a name in a folder; None without a readable one."""
    return checked_baseline(folder, name).value


def checked_baseline(folder: Path, name: str) -> Checked[Baseline | None]:
    """Like `read_baseline`; MS827 if the file exists but cannot be read."""
    path = path_of(folder, name)
    try:
        return Checked(_baseline(json.loads(read_regular(path, _MOST))), ())
    except (FileNotFoundError, NotADirectoryError):
        return Checked(None, ())
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        reason = "it is not a baseline"
    fault = Diagnostic(
        "MS827",
        "error",
        f"the baseline `{path}` cannot be read: {reason}",
        None,
        (),
        "restore it from version control, or write it again with `modelspec accept RUN`",
    )
    return Checked(None, (fault,))


def write_baseline(folder: Path, baseline: Baseline) -> Path:
    """Write it beside the spec, atomically. Raises `OSError`."""
    path = path_of(folder, baseline.name)
    path.parent.mkdir(exist_ok=True)
    beside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(json.dumps(baseline.as_json(), indent=2, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def _baseline(found: Any) -> Baseline:
    """Raises `ValueError`, `TypeError` or `KeyError` for content that is not a baseline."""
    if found["format"] != FORMAT:
        raise ValueError("unknown format")
    return Baseline(
        str(found["name"]),
        str(found["spec"]),
        str(found["run"]),
        _numbers(found["metrics"]),
        Fingerprint.read(found.get("fingerprint")),
        tuple(int(one) for one in found["seeds"]),
        _numbers(found.get("deviations", {})),
        _numbers(found.get("of_run", {})),
        {
            str(name): tuple(float(one) for one in values)
            for name, values in dict(found.get("curves", {})).items()
        },
        tuple(str(one) for one in found.get("few", ())),
    )


def _numbers(values: Any) -> dict[str, float]:
    return {str(name): _number(value) for name, value in dict(values).items()}


def _number(value: Any) -> float:
    """Integers stay integers: counts are written without a decimal point. Raises `ValueError` for
    anything but a finite number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a number")
    return value


def _sorted(values: Mapping[str, float]) -> dict[str, float]:
    return {name: values[name] for name in sorted(values)}


def spread(runs: Sequence[Mapping[str, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Means and (sample) standard deviations of the numbers that all runs have."""
    names = [name for name in runs[0] if all(name in one for one in runs)]
    means = {name: math.fsum(one[name] for one in runs) / len(runs) for name in names}
    deviations = {
        name: math.sqrt(math.fsum((one[name] - means[name]) ** 2 for one in runs) / (len(runs) - 1))
        for name in names
    }
    return means, deviations
