"""A sweep from Python: `spec.sweep()`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, overload

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.space import Space, check_space
from modelspec.errors import RunError, SpecError

from .engine import Opened, open_sweep, result, spec_path, work
from .files import table
from .folder import REPORT
from .trials import Trial, best_of, pareto
from .winner import without_sweep
from .worker import Events

if TYPE_CHECKING:
    import pandas as pd

    from modelspec.runtime.run.verbose import Verbose


@dataclass(frozen=True, repr=False)
class SweepTrials(Sequence[Trial]):
    """The trials of a sweep, by number: each with `values`, `objectives`, `state` and `curve`."""

    directory: Path
    """The folder of the sweep."""
    trials: tuple[Trial, ...]
    space: Space

    @overload
    def __getitem__(self, at: int) -> Trial: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Trial]: ...
    def __getitem__(self, at: int | slice) -> Trial | Sequence[Trial]:
        return self.trials[at]

    def __len__(self) -> int:
        return len(self.trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.trials)

    def __repr__(self) -> str:
        best = self.best
        said = f", best {best.number}" if best is not None else ""
        return f"<SweepTrials {str(self.directory)!r}: {len(self)} trials{said}>"

    def _repr_html_(self) -> str:
        """The representation in notebooks."""
        found = self._table()
        head, *rows = found
        cells = "".join(f"<th>{escape(one)}</th>" for one in head)
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(one)}</td>' for one in row)}</tr>" for row in rows
        )
        return f"<p><code>{escape(repr(self))}</code></p><table><tr>{cells}</tr>{body}</table>"

    @property
    def best(self) -> Trial | None:
        """The best completed trial; of folds without a search the only one."""
        objectives = self.space.sweep.objectives
        if objectives:
            return best_of(self.trials, objectives)
        return next((one for one in self.trials if one.state == "completed"), None)

    @property
    def front(self) -> list[Trial]:
        """The trials on the Pareto front, of two objectives."""
        return pareto(self.trials, self.space.sweep.objectives)

    @property
    def report(self) -> Path:
        """The report as a page."""
        return self.directory / REPORT

    def frame(self) -> pd.DataFrame:
        """A row for each trial, as in `trials.csv`. Requires pandas."""
        import pandas as pd

        objectives = self.space.sweep.objectives
        rows = [
            {
                "trial": one.number,
                "state": one.state,
                **one.values,
                **{
                    each.key: value for each, value in zip(objectives, one.objectives, strict=False)
                },
                "epochs": len(one.curve),
                "seconds": one.seconds,
            }
            for one in self.trials
        ]
        return pd.DataFrame(rows)

    def _table(self) -> list[list[str]]:
        import csv
        import io

        paths = [one.path for one in self.space.parameters]
        return list(csv.reader(io.StringIO(table(self.space.sweep, paths, self.trials))))


class _Lines(Events):
    """A line for each ended trial."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._shown = {one.number for one in trials if one.has_ended}

    def changed(self, trials: Sequence[Trial]) -> None:
        for one in trials:
            if one.has_ended and one.number not in self._shown:
                self._shown.add(one.number)
                values = "  ".join(f"{path} {value}" for path, value in one.values.items())
                numbers = "  ".join(map(str, one.objectives))
                print(f"trial {one.number}  {one.state}  {numbers}  {values}", file=sys.stdout)  # noqa: T201


def swept(
    compiled: Compiled, *, jobs: int, storage: str | None, fresh: bool, verbose: Verbose
) -> SweepTrials:
    """Runs the sweep of a spec to its end. Raises as `Spec.sweep` does."""
    space = _space(compiled)
    opened = open_sweep(space, storage=storage, fresh=fresh, jobs=jobs)
    events = Events() if verbose in (0, "auto") else _Lines(opened.trials())
    if jobs == 1:
        work(opened, events)
    else:
        _with_processes(opened, storage, events)
    found = result(opened)
    return SweepTrials(found.folder.path.absolute(), found.trials, space)


def _space(compiled: Compiled) -> Space:
    """The space of a spec without errors. Raises `SpecError`."""
    if compiled.sweep is None:
        raise SpecError((without_sweep(compiled),))
    report = check_space(compiled)
    errors = [one for one in report.diagnostics if one.severity == "error"]
    if errors or report.space is None:
        raise SpecError(report.diagnostics)
    return report.space


def _with_processes(opened: Opened, storage: str | None, events: Events) -> None:
    """Several workers, which read the file of the spec. Raises `RunError`."""
    from .processes import run_workers, worker_words

    path = spec_path(opened.plan.space)
    if path is None:
        raise RunError.of(
            "MS925",
            "several workers require a spec file: each worker reads it",
            help="load the spec from a file, or use `jobs=1`",
        )
    words = worker_words(opened, str(path), storage)
    if run_workers(opened, words, events.changed):
        raise KeyboardInterrupt
