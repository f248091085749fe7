"""MLflow: a server, or a store of files in the run folder."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from modelspec.catalog.components.loggers import MLFLOW_URI

from .service import ARTIFACTS, Ended, Entry, LoggedRun, environment

if TYPE_CHECKING:
    from modelspec.catalog.components import loggers

T = TypeVar("T")
STORE = "mlruns"
"""The store of a run without a server, in its folder."""
_RUN, _SPEC = "modelspec.run", "modelspec.spec"
_OUTCOMES = {"completed": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
_INVALID = re.compile(r"[^\w\-. :/]", re.ASCII)
_ID = re.compile(r"[0-9a-f]{32}")
_LONGEST_NAME, _LONGEST_VALUE = 250, 500
_AT_ONCE = 100
"""Parameters in a request; MLflow accepts no more."""
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""It sends nothing about its use to its makers, accepts a store of files, and prints no address."""


class Service:
    """One run of MLflow."""

    run_id: str | None = None

    def __init__(self, settings: loggers.mlflow) -> None:
        self._settings = settings
        self._logged: dict[str, set[int]] = {}
        """The steps that the run of MLflow already contains, by metric."""

    def start(self, run: LoggedRun) -> None:
        """Continue the run that the manifest names, or create one."""
        with environment(**_QUIET):
            self._client = self._connected(run)
            if not self._continued(run):
                self._create(run)
            for entry in run.past:
                self.log(entry)
        self._folder = run.folder

    def _connected(self, run: LoggedRun) -> Any:
        self._of_server = bool(os.environ.get(MLFLOW_URI, "").strip())
        uri = os.environ[MLFLOW_URI] if self._of_server else (run.folder / STORE).resolve().as_uri()
        return import_module("mlflow.tracking").MlflowClient(tracking_uri=uri)

    def _continued(self, run: LoggedRun) -> bool:
        """Whether the run was found; only a run of the same spec is continued."""
        if run.known is None or not _ID.fullmatch(run.known):
            return False
        error = import_module("mlflow.exceptions").MlflowException
        try:
            found = self._client.get_run(run.known)
        except error as problem:
            if problem.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return False
            raise
        tags = found.data.tags
        if tags.get(_RUN) != run.tags[_RUN]:
            return False
        self.run_id = run.known
        self._client.update_run(run.known, status="RUNNING")
        self._client.set_tag(run.known, _SPEC, run.tags[_SPEC])
        for name in found.data.metrics:
            history = self._client.get_metric_history(run.known, name)
            self._logged[name] = {one.step for one in history}
        return True

    def _create(self, run: LoggedRun) -> None:
        entities = import_module("mlflow.entities")
        experiment = self._experiment(self._settings.experiment or run.name)
        made = self._client.create_run(
            experiment, tags=dict(run.tags), run_name=f"{run.name}-{run.folder.resolve().name}"
        )
        self.run_id = made.info.run_id
        parameters = (
            entities.Param(_name(name), str(value)[:_LONGEST_VALUE])
            for name, value in run.parameters.items()
        )
        for some in _in_groups(parameters, _AT_ONCE):
            self._client.log_batch(self.run_id, params=some)

    def _experiment(self, name: str) -> str:
        """The id of an experiment, which may be created by another process at the same time."""
        found = self._client.get_experiment_by_name(name)
        if found is None:
            error = import_module("mlflow.exceptions").MlflowException
            try:
                return str(self._client.create_experiment(name))
            except error:
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    raise
        return str(found.experiment_id)

    def log(self, entry: Entry) -> None:
        """The values that the run of MLflow does not contain: those of an epoch that is computed
        again after a resume are there.
        """
        self._send(entry.named(), entry.step, is_step=entry.kind == "step")

    def _send(self, values: Mapping[str, float], step: int, *, is_step: bool = False) -> None:
        metric = import_module("mlflow.entities").Metric
        now = int(time.time() * 1000)
        missing = {}
        for name, value in ((_name(name), value) for name, value in values.items()):
            logged = self._logged.get(name, ())
            # The steps of an epoch are not reported at the same places again.
            if step not in logged and not (is_step and logged and step < max(logged)):
                missing[name] = value
        for some in _in_groups(missing.items(), _AT_ONCE):
            found = [metric(name, float(value), now, step) for name, value in some]
            self._client.log_batch(self.run_id, metrics=found)
            for name, _ in some:
                self._logged.setdefault(name, set()).add(step)

    def finish(self, ended: Ended) -> None:
        """The final metrics, the chosen files and the outcome."""
        self._send(ended.metrics, ended.epochs)
        paths = [self._folder / ARTIFACTS[name] for name in self._settings.artifacts]
        with environment(**_QUIET):
            for path in filter(Path.is_file, paths):
                self._client.log_artifact(self.run_id, str(path))
            self._client.set_terminated(self.run_id, _OUTCOMES[ended.outcome])


def _name(name: str) -> str:
    """A name that MLflow accepts."""
    return _INVALID.sub("_", name)[:_LONGEST_NAME]


def _in_groups(items: Iterable[T], size: int) -> Iterable[list[T]]:
    iterator = iter(items)
    while group := list(islice(iterator, size)):
        yield group
