"""Weights & Biases: online where its host is allowed, otherwise offline in the run folder."""

from __future__ import annotations

import re
import shutil
from importlib import import_module
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from .service import ARTIFACTS, Ended, Entry, LoggedRun, environment

if TYPE_CHECKING:
    from modelspec.catalog.components import loggers

FOLDER = "wandb"
_ID = re.compile(r"[0-9a-z]{8,32}")
_EPOCH, _STEP = "epoch", "step/position"
"""The axes of the charts."""
_OWN = {"WANDB_ERROR_REPORTING": "false"}
"""It sends nothing about its own errors to its makers."""
_SETTINGS = {
    "reinit": "create_new",
    "silent": True,
    "console": "off",
    "save_code": False,
    "disable_code": True,
    "disable_git": True,
    "disable_job_creation": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
}
"""Only the values of the run are logged: no code, no output, nothing about the machine. A run that
the program itself has begun is not changed.
"""
_open: dict[str, Any] = {}
"""The runs of this process that were not finished, because a second signal ended them."""


class Service:
    """One run of Weights & Biases."""

    run_id: str | None = None

    def __init__(self, settings: loggers.wandb) -> None:
        self._settings = settings
        self._run: Any = None
        self._logged: dict[str, int] = {}
        """The last epoch and the last step that the service already has."""

    def start(self, run: LoggedRun) -> None:
        """Continue the run that the manifest names, or create one.

        The file of an offline run is written again as a whole, because its values after the
        checkpoint cannot be removed. An online run only gets values that it does not have.
        """
        self._folder = run.folder
        is_known = run.known is not None and _ID.fullmatch(run.known) is not None
        self.run_id = run.known if is_known else token_hex(4)
        if self.run_id in _open:
            _open.pop(self.run_id).finish(exit_code=1)
        if not run.online:
            for old in (run.folder / FOLDER).glob(f"offline-run-*-{self.run_id}"):
                shutil.rmtree(old)
        with environment(**_OWN):
            wandb = import_module("wandb")
            self._run = wandb.init(
                project=self._settings.project or run.name,
                id=self.run_id,
                name=f"{run.name}-{run.folder.resolve().name}",
                dir=str(run.folder.resolve()),
                mode="online" if run.online else "offline",
                resume="allow",
                config={**run.parameters, **run.tags},
                settings=wandb.Settings(**_SETTINGS),
            )
        _open[str(self.run_id)] = self._run
        self._run.define_metric(_EPOCH)
        self._run.define_metric(_STEP)
        self._run.define_metric("*", step_metric=_EPOCH)
        self._run.define_metric("step/*", step_metric=_STEP)
        if self._run.resumed:
            summary = self._run.summary
            self._logged = {
                "epoch": int(summary.get(_EPOCH, 0)),
                "step": int(summary.get(_STEP, 0)),
            }
        for entry in run.past:
            self.log(entry)

    def log(self, entry: Entry) -> None:
        """One row of the history."""
        if entry.step > self._logged.get(entry.kind, 0):
            axis = _EPOCH if entry.kind == "epoch" else _STEP
            self._run.log({axis: entry.step, **entry.named()})

    def finish(self, ended: Ended) -> None:
        """The final metrics and the chosen files."""
        self._run.summary.update(dict(ended.metrics))
        paths = [self._folder / ARTIFACTS[name] for name in self._settings.artifacts]
        found = [path for path in paths if path.is_file()]
        if found:
            artifact = import_module("wandb").Artifact(f"run-{self.run_id}", type="run")
            for path in found:
                artifact.add_file(str(path))
            self._run.log_artifact(artifact)
        _open.pop(str(self.run_id), None)
        self._run.finish(exit_code=0 if ended.outcome == "completed" else 1)
