"""Text about runs: a table of several, and the page of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from modelspec.compiler.spec.slice_names import MARK
from modelspec.core.text_table import columns, text_table

from .edited_files import altered
from .ending import reason, state, to_continue, weights
from .execution import execution
from .expectation_table import expectations_table
from .formatting import duration, moment, number, size, sparkline
from .listing import is_better_small
from .record import Record, time_of
from .run_files import HISTORY, MANIFEST, METRICS, MODEL, REPORT, RESOLVED, SPEC

_COLUMNS: Final = 4
"""The most metrics in the table of several runs."""
_MISSING: Final = "-"
_CONSEQUENCE: Final = {
    SPEC: ": this has no effect, the run uses resolved.yaml",
    RESOLVED: ", which the run uses",
    MANIFEST: ": what it records may be wrong",
    METRICS: ": its numbers may be wrong",
    HISTORY: ": its numbers may be wrong",
}


def of_several(
    records: Sequence[Record],
    first: str | None = None,
    settings: Sequence[tuple[str, Sequence[str]]] = (),
) -> str:
    """A row for each run, with the metrics that most of them have; `first` is a requested one.
    `settings` are columns: a name, and a value for each run.
    """
    names = _common(records, first)
    rows = [
        (
            str(one.path),
            one.name,
            one.state,
            moment(one.started) if one.started else _MISSING,
            str(one.epochs),
            *(texts[at] for _, texts in settings),
            *(number(one.metrics[name]) if name in one.metrics else _MISSING for name in names),
        )
        for at, one in enumerate(records)
    ]
    header = ("run", "spec", "state", "started", "epochs", *(name for name, _ in settings), *names)
    reasons = [reason(one) for one in records]
    if not any(reasons):
        return text_table(header, rows, left=range(4))
    with_reasons = [(*row, why) for row, why in zip(rows, reasons, strict=True)]
    return text_table((*header, "fault"), with_reasons, left=(*range(4), len(header)))


def _common(records: Sequence[Record], first: str | None) -> list[str]:
    """Metrics on data that were not used in training come before training metrics, frequent ones
    before rare ones.
    """
    counts = Counter(name for record in records for name in record.metrics if MARK not in name)
    held_out = [name for name in counts if name.startswith(("test_", "val_"))]
    names = sorted(
        held_out or counts, key=lambda name: (-counts[name], not name.startswith("test_"))
    )
    return ([first] if first else []) + [name for name in names if name != first][
        : _COLUMNS - bool(first)
    ]


# One run ------------------------------------------------------------------------------------------


def of_one(record: Record) -> str:
    """The history of a run, its inputs, and its results."""
    facts = [(title, value) for title, value in facts_of(record) if value]
    parts = [f"{record.path}\n", *columns(facts)]
    if record.by_part:
        parts.append("\n" + metrics_table(record.by_part))
    if record.expectations:
        parts.append("\n" + expectations_table(record.expectations))
    if record.history:
        parts.append("\n" + history(record))
    return "\n".join(parts)


def facts_of(record: Record) -> Iterator[tuple[str, str]]:
    """Titles and sentences; one without a sentence is unknown."""
    yield "spec", _spec(record)
    yield "state", state(record)
    yield "started", moment(record.started) if record.started else ""
    yield "ended", _ended(record)
    yield "epochs", _epochs(record)
    yield "steps", execution(record)
    yield "stages", _stages(record)
    yield "players", _players(record)
    yield "weights", weights(record)
    for one in record.entries("faults"):
        yield "fault", f"{one.get('code')}: {one.get('message')}"
        if one.get("help"):
            yield "help", str(one.get("help"))
    for one in record.entries("resumed"):
        yield "resumed", _resumed(one)
    yield "exact", exact(record)
    yield "data", data(record)
    yield "versions", pairs(record.mapping("versions"))
    yield "machine", machine(record)
    yield "files", files(record)
    for name, what in altered(record.path, record.manifest).items():
        yield "altered", f"{name} {what}{_CONSEQUENCE[name]}"
    yield "next", to_continue(record)


def _spec(record: Record) -> str:
    parameters = record.number("parameters")
    return ", ".join(
        filter(
            None,
            (
                record.name,
                record.text("spec", "file"),
                _hash(record.text("spec", "sha256")),
                f"seed {record.value('seed')}",
                f"{parameters:,.0f} parameters" if parameters is not None else None,
            ),
        )
    )


def _hash(found: str | None) -> str:
    return f"sha256 {found[:12]}" if found else ""


def _ended(record: Record) -> str:
    if record.ended is None:
        return ""
    took = (
        f", after {duration((record.ended - record.started).total_seconds())}"
        if record.started
        else ""
    )
    trained = record.number("seconds")
    training = f" ({duration(trained)} of training)" if trained is not None else ""
    return f"{moment(record.ended)}{took}{training}"


def _stages(record: Record) -> str:
    """`head 5 epochs, all 7 of 10 epochs (stopped by EarlyStopping)`."""
    planned = {str(one.get("name")): one for one in record.entries("training", "stages")}
    stopped = {str(one.get("name")): one.get("stopped_by") for one in record.entries("stages")}
    words = []
    for name, count in Counter(record.stages).items():
        of = planned.get(name, {}).get("epochs")
        epochs = str(count) if of in (None, count) else f"{count} of {of}"
        by = f" (stopped by {stopped[name]})" if stopped.get(name) else ""
        words.append(f"{name} {epochs} epoch{'' if epochs == '1' else 's'}{by}")
    return ", ".join(words)


def _players(record: Record) -> str:
    """`critic 2 updates with Adam, generator 1 update with Adam`."""
    words = []
    for one in record.entries("training", "players"):
        updates = one.get("updates")
        turns = "1 update" if updates == 1 else f"{updates} updates"
        words.append(f"{one.get('name')} {turns} with {one.get('optimizer')}")
    return ", ".join(words)


def _epochs(record: Record) -> str:
    steps, each = record.number("steps"), record.seconds_of_epochs
    words = [str(record.epochs)]
    if steps is not None:
        words.append("1 step" if steps == 1 else f"{steps:,.0f} steps")
    if each:
        words.append(f"{duration(sum(each) / len(each))} each")
    return ", ".join(words)


def _resumed(one: Mapping[str, Any]) -> str:
    time, place = time_of(one.get("at")), one.get("checkpoint")
    when = moment(time) if time else str(one.get("at"))
    where = (
        f"from epoch {place.get('epoch')}, step {place.get('step')}"
        if isinstance(place, dict)
        else "from the beginning: it had no checkpoint"
    )
    listed = one.get("differences")
    differing = (
        [each for each in listed if isinstance(each, dict) and not each.get("harmless")]
        if isinstance(listed, list)
        else []
    )
    said = "; ".join(
        f"{each.get('what')} changed from {each.get('was')} to {each.get('now')}"
        for each in differing
    )
    return f"{when}, {where}{f', not exactly: {said}' if said or one.get('inexact') else ''}"


def exact(record: Record) -> str:
    """Whether another run of the same spec produces the same numbers."""
    if not record.is_exact:
        return "no: it resumed despite differences (`--allow-inexact`)"
    promised = record.value("deterministic", "promised")
    if promised is True:
        return f"yes, on {record.text('deterministic', 'where') or 'an equal machine'}"
    why = record.text("deterministic", "why")
    return f"no: {why}" if why else ""


def data(record: Record) -> str:
    """`90 to train on, 30 to test on (t.csv, sha256 216fb579ac13)`."""
    by_source: dict[str, list[str]] = {}
    for part, one in record.mapping("data").items():
        if isinstance(one, dict):
            source = ", ".join(
                filter(None, (str(one.get("source")), _hash(str(one.get("sha256") or ""))))
            )
            count = one.get("examples")
            by_source.setdefault(source, []).append(
                f"{part} {count:,}" if isinstance(count, int) else str(part)
            )
    return "; ".join(f"{', '.join(parts)} ({source})" for source, parts in by_source.items())


def pairs(values: Mapping[str, Any]) -> str:
    """`python 3.11.7, keras 3.15.1`."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def machine(record: Record) -> str:
    """Processor, memory, devices, and the threads among which sums are split."""
    memory, cores = record.number("machine", "memory"), record.number("machine", "cores")
    devices = record.value("backend", "devices")
    inner, outer = (
        record.number("backend", "intra_op_threads"),
        record.number("backend", "inter_op_threads"),
    )
    return ", ".join(
        filter(
            None,
            (
                record.text("machine", "cpu"),
                f"{cores:.0f} cores" if cores else None,
                size(memory) if memory else None,
                record.text("machine", "platform"),
                f"on {', '.join(map(str, devices))}" if isinstance(devices, list) else None,
                f"threads {inner:.0f}/{outer:.0f}" if inner and outer else None,
            ),
        )
    )


def files(record: Record) -> str:
    """The existing files, with their sizes."""
    found = []
    for name in (MODEL, HISTORY, METRICS, REPORT):
        try:
            found.append(f"{name} ({size((record.path / name).stat().st_size)})")
        except OSError:
            continue
    return ", ".join([*found, "checkpoints"] if record.has_checkpoint else found)


def metrics_table(
    by_part: Mapping[str, Mapping[str, float]], counted: Sequence[Sequence[str]] = ()
) -> str:
    """A row for each metric, a column for each part; then the rows of `counted`."""
    return text_table(["", *by_part], [*metric_rows(by_part), *counted])


def metric_rows(by_part: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
    """The name of each metric, and its number on each part."""
    names = dict.fromkeys(name for values in by_part.values() for name in values)
    return [
        [name, *(number(values[name]) if name in values else "" for values in by_part.values())]
        for name in names
    ]


def counted_rows(counted: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """For each output with a loss, the number of values in its computation; `counted` has a mapping
    by output for each part. A value is an example, or one of its steps or pixels.
    """
    parts = list(counted)
    outputs = dict.fromkeys(output for part in parts for output in part)
    title = "values counted" if len(outputs) == 1 else "values counted in {}"
    return [
        [title.format(output), *(_count(part.get(output)) for part in parts)] for output in outputs
    ]


def _count(found: Any) -> str:
    """`64`, or `40 of 64` if some are padding or ignored; empty if it is unknown."""
    values = [found.get(key) if isinstance(found, dict) else None for key in ("counted", "every")]
    if not all(type(value) is int for value in values):
        return ""
    counted, every = values
    return f"{every:,}" if counted == every else f"{counted:,} of {every:,}"


def history(record: Record) -> str:
    """A row for each curve: its first, last and best values, and its line."""
    rows = []
    for name, values in record.history.items():
        best, at = best_of(name, values)
        shown = (number(best), str(at + 1)) if name != "learning_rate" else ("", "")
        rows.append((name, number(values[0]), number(values[-1]), *shown, sparkline(values)))
    return text_table(("history", "first", "last", "best", "in epoch", ""), rows)


def best_of(name: str, values: Sequence[float]) -> tuple[float, int]:
    """The best entry of a curve and its position; NaN is never the best."""
    sign = 1 if is_better_small(name) else -1
    position = min(
        range(len(values)), key=lambda at: (values[at] != values[at], sign * values[at], at)
    )
    return values[position], position
