"""`report.html` of a sweep: a self-contained page without scripts. All its text is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final
from urllib.parse import quote

from modelspec.compiler.space import Space
from modelspec.runtime.history.charts import grid, line_chart
from modelspec.runtime.history.formatting import brief, duration, number
from modelspec.runtime.history.html_page import document
from modelspec.runtime.history.html_parts import Section, note, scrolled, text
from modelspec.runtime.history.html_parts import table as html_table

from .files import cell
from .folder import SweepFolder
from .folds import means
from .names import short_names
from .report_charts import Scale, front, history, parallel, slices
from .trials import Trial, best_of, pareto, ranked

_MOST: Final = 500
"""The most trials in the table."""
_CURVES: Final = 8
"""The most trials in the chart of curves."""
_LONGEST: Final = 40
_STYLE: Final = """
.bars{display:grid;grid-template-columns:max-content minmax(4rem,26rem) max-content;
  gap:.3rem .8rem;align-items:center;margin:.5rem 0}
.bars i{display:block;height:.8rem;background:#2f7ae5;border-radius:.2rem;min-width:1px}
.bars span{overflow-wrap:anywhere}
@media (max-width:36rem){.bars{grid-template-columns:minmax(0,8rem) minmax(3rem,1fr) max-content}}
@media print{.bars i{print-color-adjust:exact}}
"""


def page(
    space: Space,
    folder: SweepFolder,
    trials: Sequence[Trial],
    best_spec: str | None,
    importance: Sequence[Mapping[str, float]] = (),
) -> str:
    """The report of a sweep. `importance` is the share of each parameter by path, for each
    objective.
    """
    found = list(_sections(space, folder, trials, best_spec, importance))
    title = f"{space.compiled.name}, {folder.path.name}"
    kept = [one for one in found if one.body]
    return document(title, kept, header=_header(title, space, trials), style=_STYLE)


def _sections(
    space: Space,
    folder: SweepFolder,
    trials: Sequence[Trial],
    best_spec: str | None,
    importance: Sequence[Mapping[str, float]],
) -> Iterator[Section]:
    objectives = space.sweep.objectives
    names = short_names([one.path for one in space.parameters])
    scales = [Scale(one, names[one.path]) for one in space.parameters]
    yield Section("folds", "Folds", _folds(space, trials))
    if len(objectives) > 1:
        yield Section("front", "Pareto front", _front(space, trials, names))
    yield Section("history", "History", grid(_history(space, trials)))
    if objectives:
        drawn = parallel(trials, objectives, scales)
        yield Section("parallel", "Parallel coordinates", grid([drawn] if drawn else []))
        yield Section("importance", "Importance", _importance(space, names, importance))
        yield Section("slices", "Slices", grid(slices(trials, objectives[0], scales)))
        yield Section("curves", "Curves", _curves(space, trials))
    yield Section("trials", "Trials", _trials(space, trials, folder, names))
    spec = scrolled(f"<pre>{escape(best_spec)}</pre>", label="The best spec") if best_spec else ""
    yield Section("best", "The best spec", spec)


def _header(title: str, space: Space, trials: Sequence[Trial]) -> Iterator[str]:
    ended = [one for one in trials if one.has_ended]
    counts = [f"{len(ended)} trial{'' if len(ended) == 1 else 's'}"]
    counts += [
        f"{count} {state}"
        for state in ("running", "pruned", "failed")
        if (count := sum(one.state == state for one in trials))
    ]
    spent = sum(one.seconds or 0.0 for one in trials)
    method = [space.sweep.sampler, space.sweep.pruner] if space.sweep.is_search else []
    parts = [", ".join(counts), duration(spent), *filter(None, method)]
    yield f"<header><h1>{text(title)}</h1><p>{text(', '.join(parts))}</p>"
    cards = "".join(
        f"<li><b>{text(value)}</b><span>{text(name)}</span></li>"
        for name, value in _cards(space, trials)
    )
    yield f'<ul class="cards">{cards}</ul></header>' if cards else "</header>"


def _cards(space: Space, trials: Sequence[Trial]) -> Iterator[tuple[str, str]]:
    objectives = space.sweep.objectives
    best = best_of(trials, objectives) if objectives else None
    if best is None:
        return
    for one, value in zip(objectives, best.objectives, strict=False):
        yield f"{one.key}, trial {best.number}", brief(value)
    names = short_names(list(best.values))
    for path in list(best.values)[:4]:
        yield names[path], _short(cell(best.values, path))


def _short(value: object) -> str:
    shown = brief(value) if isinstance(value, float) else str(value)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 3]}..."


def _history(space: Space, trials: Sequence[Trial]) -> list[str]:
    drawn = [history(trials, one, at) for at, one in enumerate(space.sweep.objectives)]
    return [one for one in drawn if one]


def _curves(space: Space, trials: Sequence[Trial]) -> str:
    """The curves of the best trials."""
    found = [one for one in ranked(trials, space.sweep.objectives) if len(one.curve) > 1]
    if not found:
        return ""
    key = space.sweep.objectives[0].key
    curves = {f"trial {one.number}": one.curve for one in found[:_CURVES]}
    return grid([line_chart(f"{key}, the best trials", curves)])


def _importance(
    space: Space, names: Mapping[str, str], importance: Sequence[Mapping[str, float]]
) -> str:
    """A bar for each parameter."""
    parts = []
    for objective, shares in zip(space.sweep.objectives, importance, strict=False):
        rows = "".join(
            f"<span>{text(names.get(path, path))}</span>"
            f'<i style="width:{100 * share:.1f}%"></i><span>{share:.0%}</span>'
            for path, share in shares.items()
        )
        if not rows:
            continue
        if len(space.sweep.objectives) > 1:
            parts.append(f"<h3>{text(objective.key)}</h3>")
        parts.append(f'<div class="bars">{rows}</div>')
    about = "How much each parameter alone explains of the differences between good and other"
    return "".join([note(f"{about} trials (PED-ANOVA)."), *parts]) if parts else ""


def _front(space: Space, trials: Sequence[Trial], names: Mapping[str, str]) -> str:
    objectives = space.sweep.objectives
    best = pareto(trials, objectives)
    drawn = front(trials, objectives, best)
    header = ["trial", *(one.key for one in objectives), *names.values()]
    rows = [
        [
            str(one.number),
            *map(brief, one.objectives),
            *(_short(cell(one.values, path)) for path in names),
        ]
        for one in best
    ]
    shown = html_table(header, rows, label="The Pareto front") if rows else ""
    return "".join([grid([drawn] if drawn else []), shown])


def _folds(space: Space, trials: Sequence[Trial]) -> str:
    """The metrics of each fold of the best trial."""
    objectives = space.sweep.objectives
    done = [one for one in trials if one.folds]
    best = best_of(done, objectives) if objectives else next(iter(done), None)
    if best is None:
        return ""
    found = means(space.compiled, best.folds).metrics
    header = ["", *(f"fold {at}" for at in range(len(best.folds))), "mean", "std"]
    rows = [
        [name, *map(number, one.values), number(one.mean), number(one.std)]
        for name, one in found.items()
    ]
    about = f"Trial {best.number}. " if space.sweep.is_search else ""
    said = f"{about}The standard deviation has n - 1 in its denominator."
    return note(said) + html_table(header, rows, label="Folds")


def _trials(
    space: Space, trials: Sequence[Trial], folder: SweepFolder, names: Mapping[str, str]
) -> str:
    """All trials, the best ones first, with links to the reports of their runs."""
    order = ranked(trials, space.sweep.objectives)
    shown = [*order, *(one for one in trials if one not in order)][:_MOST]
    keys = [one.key for one in space.sweep.objectives]
    header = ["trial", "state", *names.values(), *keys, "epochs", "time", ""]
    head = "".join(f'<th scope="col">{text(one)}</th>' for one in header)
    rows = "".join(_row(one, folder, list(names), len(keys)) for one in shown)
    left = len(trials) - len(shown)
    more = note(f"{left} more trials in `trials.csv`.") if left else ""
    inner = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return scrolled(inner, label="Trials") + more


def _row(one: Trial, folder: SweepFolder, paths: Sequence[str], objectives: int) -> str:
    values = [_short(cell(one.values, path)) for path in paths]
    found = [brief(value) for value in one.objectives]
    found += [""] * (objectives - len(found))
    took = duration(one.seconds) if one.seconds is not None else ""
    state = "reused" if one.is_reused and one.state == "completed" else one.state
    cells = [state, *values, *found, str(len(one.curve) or ""), took, one.fault or ""]
    inner = "".join(f"<td>{text(value)}</td>" for value in cells)
    own = f'<th scope="row">{_link(one, folder)}</th>'
    return f"<tr>{own}{inner}</tr>"


def _link(one: Trial, folder: SweepFolder) -> str:
    """The number of a trial, as a link to the report of its run in the folder of the sweep."""
    run = folder.run(one.number)
    if one.is_reused or [str(run)] != list(one.runs):
        return str(one.number)
    return f'<a href="{quote(f"{one.number}/report.html")}">{one.number}</a>'
