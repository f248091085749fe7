"""Accepting a run: it becomes the baseline of its spec, alone or with additional seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.compiler.spec.seeds import MAX_SEED
from modelspec.core.diagnostics import Checked, Diagnostic

from ..history import Record, read_record
from ..history.baseline import Baseline, checked_baseline, spread, write_baseline
from ..history.ending import to_continue
from ..history.fingerprint import Fingerprint, fingerprint
from ..history.run_files import file_name, numbered_folder
from . import deciding
from .opened import opened
from .reuse import RUNS, Runs
from .specs import others_with_name, shares_name
from .workers import Ended, Job, Look, remove_empty, run_all


@dataclass(frozen=True)
class Candidate:
    """A run that can be accepted, and its spec."""

    record: Record
    spec: Path
    """The file of the spec."""
    compiled: Compiled
    """The current spec."""
    earlier: Baseline | None
    """The previous baseline."""

    @property
    def fingerprint(self) -> Fingerprint | None:
        """The seed of the run."""
        return Fingerprint.read(self.record.manifest.get("fingerprint"))

    @property
    def seed(self) -> int:
        return int(self.record.number("seed") or 0)

    @property
    def baseline(self) -> Baseline:
        """The baseline from the run alone."""
        found = deciding.of_record(self.record, self.compiled)
        curves = {deciding.curve_of(one) for one in self.compiled.expectations}
        return Baseline(
            self.record.name,
            self.spec.name,
            str(self.record.path),
            finite(found.metrics),
            self.fingerprint,
            (self.seed,),
            curves={
                name: tuple(values) for name, values in found.history.items() if name in curves
            },
            few=tuple(sorted(found.few)),
        )


def finite(values: Mapping[str, float]) -> dict[str, float]:
    """Without NaN and infinity, which JSON does not support."""
    return {name: value for name, value in values.items() if math.isfinite(value)}


def candidate(path: Path) -> Checked[Candidate | None]:
    """The run in a folder, if it can be accepted.

    Faults: MS708 if it cannot be read, MS825 if it was not completed, MS831 if its spec is not
    found or has changed its name, MS826 if two specs have its name, MS827 for an earlier baseline
    that cannot be read.
    """
    read = read_record(path)
    record = read.value
    if record is None:
        return Checked(None, read.diagnostics)
    faults = [*read.diagnostics, *_not_complete(record)]
    if any(one.severity == "error" for one in faults):
        return Checked(None, tuple(faults))
    spec = _spec_of(record)
    if spec is None:
        return Checked(None, (*faults, _without_spec(record)))
    checked = compile_spec(spec)
    if not checked.ok or checked.value is None:
        return Checked(None, (*faults, *checked.diagnostics))
    if checked.value.name != record.name:
        return Checked(None, (*faults, _renamed(record, spec, checked.value.name)))
    if others := others_with_name(spec, record.name):
        shared = shares_name(record.name, others[0], checked.value)
        return Checked(None, (*faults, shared))
    earlier = checked_baseline(spec.resolve().parent, record.name)
    found = Candidate(record, spec, checked.value, earlier.value)
    unreadable = [replace(one, severity="warning") for one in earlier.diagnostics]
    return Checked(found, (*faults, *unreadable))


def accept(found: Candidate, baseline: Baseline) -> Path:
    """Write the baseline beside the spec. Raises `OSError`."""
    return write_baseline(found.spec.resolve().parent, baseline)


def _not_complete(record: Record) -> tuple[Diagnostic, ...]:
    if record.state == "completed" and record.metrics:
        return ()
    what = f"is {record.state}" if record.state != "completed" else "has no metrics"
    return (
        Diagnostic(
            "MS825",
            "error",
            f"the run in `{record.path}` {what}, but only a completed run can be accepted",
            None,
            (),
            to_continue(record) or "`modelspec train` starts another run",
        ),
    )


def _spec_of(record: Record) -> Path | None:
    """The spec file of the run: at its recorded path relative to here, otherwise at its old
    place.
    """
    for text in (record.text("spec", "file"), record.text("spec", "path")):
        if text and not text.startswith("<") and Path(text).is_file():
            return Path(text)
    return None


def _without_spec(record: Record) -> Diagnostic:
    named = record.text("spec", "file") or "a mapping"
    return Diagnostic(
        "MS831",
        "error",
        f"cannot find the spec of the run in `{record.path}` (`{named}`), beside which the"
        " baseline is written",
        None,
        (),
        "run `modelspec accept` in the folder where the run was trained",
    )


def _renamed(record: Record, spec: Path, name: str) -> Diagnostic:
    return Diagnostic(
        "MS831",
        "error",
        f"the run in `{record.path}` is a run of `{record.name}`, but `{spec}` is now named"
        f" `{name}`",
        None,
        (),
        f"train `{spec}` again, and accept that run",
    )


# Several seeds ------------------------------------------------------------------------------------


def noise_fault(found: Candidate, count: int) -> Diagnostic | None:
    """MS832 if the spec cannot be trained with additional seeds like the run: it, or its files,
    have changed.
    """
    here, was = fingerprint(found.compiled, opened), found.fingerprint
    if found.seed + count - 1 > MAX_SEED:
        said = f"the largest seed is {MAX_SEED:,}, and the run has {found.seed:,}"
        return Diagnostic("MS832", "error", said, None, (), "use a smaller `seed` in the spec")
    if here is not None and was is not None and here.digest == was.digest:
        return None
    parts = here.differences(was) if here is not None and was is not None else ()
    what = f" ({', '.join(parts[:4])})" if parts else ""
    return Diagnostic(
        "MS832",
        "error",
        f"cannot train further seeds of `{found.record.path}`: its inputs have changed since{what}",
        None,
        (),
        f"train `{found.spec}` again, and accept that run",
    )


def with_noise(found: Candidate, count: int, at_once: int, look: Look) -> Checked[Baseline | None]:
    """Train the seeds after the run's, with the run's own split, and return the means and standard
    deviations of all. MS833 if one fails; None without a fault after a signal.

    A seed that was already trained is not trained again.
    """
    runs = Runs()
    folders: dict[str, Path] = {}
    jobs: list[Job] = []
    for seed in range(found.seed + 1, found.seed + count):
        overrides = seed_overrides(found.compiled, seed)
        known = _known(found.spec, overrides, runs)
        if known is not None:
            folders[str(seed)] = known.path
            continue
        parent = RUNS / file_name(found.record.name)
        parent.mkdir(parents=True, exist_ok=True)
        folders[str(seed)] = numbered_folder(parent)
        words = [word for one in overrides.items() for word in ("--set", f"{one[0]}={one[1]}")]
        run = ("--run-dir", str(folders[str(seed)]))
        jobs.append(Job(str(seed), ("train", str(found.spec), *words, *run, "--quiet")))
    faults: list[Diagnostic] = []

    def ended(job: Job, how: Ended) -> None:
        remove_empty(folders[job.key])
        if how.status not in (0, 4):
            faults.append(_failed(job, how))

    if jobs and run_all(jobs, at_once, ended, look):
        return Checked(None, ())
    if faults:
        return Checked(None, tuple(faults))
    own = found.baseline
    numbers = [own.metrics, *(_numbers(found, one) for one in folders.values())]
    means, deviations = spread(numbers)
    deviations = {name: value for name, value in deviations.items() if value > 0}
    seeds = (found.seed, *map(int, folders))
    return Checked(
        replace(own, metrics=means, deviations=deviations, of_run=own.metrics, seeds=seeds), ()
    )


def seed_overrides(compiled: Compiled, seed: int) -> dict[str, int]:
    """The values that train a spec with another seed and the same split."""
    split = compiled.data.split if compiled.data is not None else None
    follows = split is not None and split.seed is None
    return {"seed": seed, **({"data.split.seed": compiled.file.seed} if follows else {})}


def _known(spec: Path, overrides: Mapping[str, int], runs: Runs) -> Record | None:
    compiled = compile_spec(spec, overrides).value
    here = fingerprint(compiled, opened) if compiled is not None else None
    return runs.completed(here) if here is not None else None


def _numbers(found: Candidate, path: Path) -> dict[str, float]:
    record = read_record(path).value
    assert record is not None
    return finite(deciding.of_record(record, found.compiled).metrics)


def _failed(job: Job, how: Ended) -> Diagnostic:
    lines = how.output.strip().splitlines()
    return Diagnostic(
        "MS833",
        "error",
        f"the training with seed {job.key} failed: {lines[0] if lines else 'it printed no output'}",
        None,
    )


# What changes -------------------------------------------------------------------------------------


def changes(
    before: Baseline | None, after: Baseline
) -> list[tuple[str, float | None, float | None]]:
    """The numbers that differ, by name: before and after."""
    was = before.metrics if before is not None else {}
    names: Sequence[str] = sorted({*was, *after.metrics})
    return [
        (name, was.get(name), after.metrics.get(name))
        for name in names
        if was.get(name) != after.metrics.get(name)
    ]
