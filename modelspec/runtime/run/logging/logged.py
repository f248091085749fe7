"""Passes the events of a training to its services."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Literal

from modelspec.core.diagnostics import Diagnostic
from modelspec.views.resolve import resolved

from ...data import RunError
from ...history.ending import Ending
from ..events import BegunStage, Epoch, Logs, Plan, Watcher
from ..folder import METRICS
from ..interruption import Interrupted
from ..loop_parts import Loop
from ..manifest import Record
from ..saver import Snapshot
from .guarded import Guarded
from .journal import Journal
from .service import Ended, Entry, LoggedRun
from .services import chosen, is_online, service_of

_MOST_PARAMETERS = 1000
"""A spec with more values is logged without its layers."""
_PARTS = {"test": "test_", "validation": "val_"}


@contextmanager
def logged(
    loop: Loop, record: Record, watcher: Watcher, start: Snapshot | None
) -> Iterator[Watcher]:
    """A watcher that also passes the events to the services of the spec. After the context, all
    files of the run must have been written.
    """
    compiled = loop.prepared.compiled
    if not chosen(compiled):
        yield watcher
        return
    logging = Logging(loop, record, watcher, start)
    outcome: Literal["completed", "failed", "interrupted"] = "failed"
    try:
        yield logging
        outcome = "completed"
    except Interrupted:
        outcome = "interrupted"
        raise
    except RunError:
        raise
    except BaseException:  # a second signal does not wait for the services
        logging.services = []
        raise
    finally:
        logging.finish(outcome)


class Logging(Watcher):
    """A watcher that passes all events to another one, and to the services."""

    def __init__(
        self, loop: Loop, record: Record, watcher: Watcher, start: Snapshot | None
    ) -> None:
        self._loop, self._record, self._watcher = loop, record, watcher
        self._journal = Journal(record.folder.path, start)
        self._first_epoch = self._first_step = 0
        self._steps = loop.plan(None).steps
        self._last_step = {"": 0}
        compiled = loop.prepared.compiled
        self.services = [
            Guarded(one.kind(), service_of(one), getattr(one, "steps", 0), self._warn)
            for one in chosen(compiled)
        ]
        self.wants_steps = watcher.wants_steps or any(one.steps for one in self.services)
        reached = start.position if start is not None else 0
        for service in self.services:
            if service.steps:  # as without the stop
                self._last_step[service.kind] = reached - reached % service.steps
        facts = _facts(record, loop)
        for settings, service in zip(chosen(compiled), self.services, strict=True):
            known = _known(record, service.kind)
            online = is_online(settings, compiled)
            service.start(self._run(facts, known, online=online, steps=service.steps))
            if service.run_id is not None and service.run_id != known:
                record.logs_to(service.kind, service.run_id)

    def _run(
        self, facts: Mapping[str, Any], known: str | None, *, online: bool, steps: int
    ) -> LoggedRun:
        compiled, values = self._loop.prepared.compiled, self._record.values
        folder = self._record.folder.path
        tags = {
            "modelspec.run": f"{compiled.name} {values['started']}",
            "modelspec.folder": str(folder.resolve()),
            "modelspec.spec": str(values["spec"].get("resolved_sha256")),
        }
        return LoggedRun(
            folder,
            compiled.name,
            facts,
            tags,
            tuple(one for one in self._journal.past if steps or one.kind == "epoch"),
            self._journal.sent,
            known,
            online,
            self._loop,
        )

    def _warn(self, found: Diagnostic) -> None:
        self._watcher.warned((found,))

    def _log(self, entry: Entry, services: list[Guarded]) -> None:
        for one in services:
            one.log(entry)
        with suppress(OSError):  # a disk that is full is reported with the history
            self._journal.add(entry)

    def finish(self, outcome: Literal["completed", "failed", "interrupted"]) -> None:
        """Called when all files of the run are written."""
        metrics = _metrics(self._record) if outcome == "completed" else {}
        ended = Ended(outcome, self._loop.epochs_done, metrics)
        for one in self.services:
            one.finish(ended)

    # Events ---------------------------------------------------------------------------------------

    def warned(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self._watcher.warned(diagnostics)

    def loading(self) -> None:
        self._watcher.loading()

    def started(self, plan: Plan) -> None:
        self._watcher.started(plan)

    def stage(self, begun: BegunStage) -> None:
        self._first_epoch, self._first_step = begun.first_epoch, begun.first_step
        self._steps = begun.plan.steps
        self._watcher.stage(begun)

    def step(self, epoch: int, step: int, logs: Logs) -> None:
        if self._watcher.wants_steps:
            self._watcher.step(epoch, step, logs)
        position = self._first_step + (epoch - 1 - self._first_epoch) * self._steps + step
        due = [one for one in self.services if self._is_due(one, position)]
        if due:
            self._log(Entry("step", position, dict(logs)), due)

    def _is_due(self, service: Guarded, position: int) -> bool:
        if not service.steps or position < self._last_step.get(service.kind, 0) + service.steps:
            return False
        self._last_step[service.kind] = position - position % service.steps
        return True

    def epoch(self, epoch: Epoch) -> None:
        self._watcher.epoch(epoch)
        rates = self._loop.fitting.history.rows.get("learning_rate") if self._loop.fitting else None
        rate = {"learning_rate": rates[-1]} if rates and math.isfinite(rates[-1]) else {}
        self._log(Entry("epoch", epoch.number, {**epoch.logs, **rate}), self.services)

    def finished(self, ending: Ending) -> None:
        self._watcher.finished(ending)

    def ended(self) -> None:
        self._watcher.ended()


# Facts --------------------------------------------------------------------------------------------


def _known(record: Record, kind: str) -> str | None:
    """The name of the run in a service, from the manifest, which anybody may have written."""
    found = record.values.get("logging")
    known = found.get(kind) if isinstance(found, dict) else None
    return known if isinstance(known, str) else None


def _facts(record: Record, loop: Loop) -> dict[str, Any]:
    """The values of the resolved spec by path, the seed, and the versions."""
    spec = resolved(loop.prepared.compiled)
    versions = {f"versions.{name}": one for name, one in record.values["versions"].items()}
    others = {**versions, "parameters": record.values.get("parameters")}
    found = dict(_leaves(spec))
    if len(found) > _MOST_PARAMETERS:
        found = dict(_leaves({key: one for key, one in spec.items() if key != "model"}))
    return {**found, **others}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """`model.layers.0.Dense.units: 8`."""
    if isinstance(value, (Mapping, list, tuple)) and value:
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _metrics(record: Record) -> dict[str, float]:
    """The metrics of a completed run by name: `test_accuracy`."""
    try:
        read = json.loads(record.folder.file(METRICS).read_bytes())
    except (OSError, ValueError):
        return {}
    return {
        f"{prefix}{name}": value
        for part, prefix in _PARTS.items()
        for name, value in (read.get(part) or {}).items()
        if isinstance(value, (int, float)) and math.isfinite(value)
    }
