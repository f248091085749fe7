"""A module of a plugin with a source, a transform and a logger, and a spec that uses them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelspec.core.plugins import plugins_for
from modelspec.core.settings import Context

from .plugin_projects import Project, trusted

ROWS = 40
DATA = '''
"""Data of our laboratory."""

import os
import sqlite3

import numpy as np

import modelspec as ms


class Table(ms.Source):
    """Rows of a table of ours."""

    table: str
    """The table."""
    scale: float = 0.25

    def columns(self):
        return {"a": "float64", "b": "float64", "name": "string", "y": "int64"}

    def rows(self):
        self._open = sqlite3.connect(":memory:")  # it belongs to this thread
        return 40

    def read(self, start, stop):
        self._open.execute("select 1")
        at = np.arange(start, stop)
        return {
            "a": at * self.scale,
            "b": np.sin(at),
            "name": np.array(["u", "v"])[at % 2],
            "y": at % 2,
        }

    def version(self):
        return self.table


class Clip(ms.Transform):
    """Clips to two quantiles of the training rows."""

    low: float = 0.1
    """The lower quantile."""
    high: float = 0.9

    def adapt(self, batches):
        rows = np.concatenate(list(batches))
        return {"bounds": np.quantile(rows, [self.low, self.high], axis=0)}

    def output(self, spec):
        return spec

    def apply(self, batch):
        low, high = self.state["bounds"]
        return np.clip(batch, low, high)


class Lines(ms.Logger):
    """Appends lines to a file in the run folder."""

    file: str = "lines.txt"

    def start(self, run):
        self._file = (run.folder / self.file).open("a")

    def log(self, step, values):
        if os.environ.get("STOP_AT") == str(step) and "loss" in values:
            os.kill(os.getpid(), 9)
        names = ",".join(sorted(values))
        print(step, values.get("loss"), names, file=self._file, flush=True)

    def finish(self):
        self._file.close()
'''
SPEC = """\
model:
  inputs: {x: [2], name: [2]}
  layers:
    - Concatenate: {from: [x, name]}
    - Dense: {units: 1, activation: sigmoid, name: out}
data:
  source: {Table: {table: people}}
  split: {validation: 0.2, test: 0.2}
  inputs:
    x: {columns: [a, b], transform: [{Clip: {low: 0.2}}]}
    name: {column: name, transform: [{StringLookup: {output_mode: one_hot, num_oov_indices: 0}}]}
  targets: {out: y}
training: {loss: binary_crossentropy, epochs: 4, batch_size: 8, checkpoint: {every: 3 steps}}
runtime: {logging: [{Lines: {file: lines.txt}}]}
"""


def table(scale: float = 0.25) -> dict[str, np.ndarray]:
    """What `Table` reads, computed here."""
    at = np.arange(ROWS)
    return {
        "a": at * scale,
        "b": np.sin(at),
        "name": np.array(["u", "v"], object)[at % 2],
        "y": at % 2,
    }


Make = Callable[..., Project]


def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A function that makes a trusted project, which becomes the working directory; with changes
    of the module, each an old and a new text.
    """

    def made(*changes: tuple[str, str]) -> Project:
        text = DATA
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        project = Project(tmp_path / "project", text)
        trusted(project.folder, monkeypatch)
        return project

    return made


def classes(project: Project) -> dict[str, Any]:
    """The classes of the plugin by name."""
    added = plugins_for(project.folder).plugins.added
    return {kind: cls for kinds in added.values() for kind, cls in kinds.items()}


def context(project: Project) -> Context:
    return Context(folder=project.folder, plugins=plugins_for(project.folder).plugins)
