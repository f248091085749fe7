"""TensorBoard: event files in the run folder.

Losses and metrics of the training and the validation have the same tags in two folders, so that
TensorBoard shows them in one chart. A new process writes to new files; the old ones are truncated
to the checkpoint that the run continues from.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from ...backend.inner_names import spec_name
from ...backend.traced import traced
from .service import Ended, Entry, LoggedRun

if TYPE_CHECKING:
    from modelspec.catalog.components import loggers

TRAIN, VALIDATION, STEPS, TEST = "train", "validation", "steps", "test"
"""Folders, each with its own curves."""
_EVENTS = "events.out.tfevents.*"
_CHANNELS = (1, 3, 4)
_HEADER = struct.Struct("<QI")
_FOOTER = 4
"""Bytes of the checksum after a record."""


class Service:
    """The event files of one run."""

    run_id: str | None = None

    def __init__(self, settings: loggers.tensorboard) -> None:
        self._settings = settings
        self._writers: dict[str, Any] = {}
        self._model: Any = None

    def start(self, run: LoggedRun) -> None:
        """Truncate the files of earlier processes, and write what they lack."""
        self._folder = run.folder / self._settings.log_dir
        self._model = run.loop.model
        last = {"epoch": 0, "step": 0} | {one.kind: one.step for one in run.past}
        shutil.rmtree(self._folder / TEST, ignore_errors=True)
        written = {
            name: rewound(self._folder / name, last["step" if name == STEPS else "epoch"])
            for name in (TRAIN, VALIDATION, STEPS)
        }
        for entry in run.past:
            for name, tag, value in _placed(entry):
                if (tag, entry.step) not in written[name]:
                    self._scalar(name, tag, value, entry.step)
        if not any(step == 0 for _, step in written[TRAIN]):  # written once, at the start
            self._begin(run)
        self._flush()

    def _begin(self, run: LoggedRun) -> None:
        with self._writer(TRAIN).as_default(step=0):
            text = "\n".join(f"    {name}: {value}" for name, value in run.parameters.items())
            tf.summary.text("spec", text)
            if self._settings.graph:
                tf.summary.graph(_graph(self._model))
            for name, images in _images(run, self._settings.images):
                tf.summary.image(f"examples/{name}", images, max_outputs=len(images))

    def log(self, entry: Entry) -> None:
        """Scalars, and histograms every few epochs."""
        for name, tag, value in _placed(entry):
            self._scalar(name, tag, value, entry.step)
        every = self._settings.histograms
        if entry.kind == "epoch" and every and entry.step % every == 0:
            with self._writer(TRAIN).as_default(step=entry.step):
                for variable in self._model.variables:
                    if keras.backend.is_float_dtype(variable.dtype):
                        weights = np.asarray(keras.ops.convert_to_numpy(variable), "float32")
                        tf.summary.histogram(spec_name(variable.path), weights)
        self._flush()

    def finish(self, ended: Ended) -> None:
        """The metrics of the finished run."""
        for name, value in ended.metrics.items():
            self._scalar(TEST, name, value, ended.epochs)
        for writer in self._writers.values():
            writer.close()

    def _scalar(self, name: str, tag: str, value: float, step: int) -> None:
        with self._writer(name).as_default(step=step):
            tf.summary.scalar(tag, value)

    def _writer(self, name: str) -> Any:
        if name not in self._writers:
            self._writers[name] = tf.summary.create_file_writer(str(self._folder / name))
        return self._writers[name]

    def _flush(self) -> None:
        for writer in self._writers.values():
            writer.flush()


def _placed(entry: Entry) -> Iterator[tuple[str, str, float]]:
    """The folder, the tag and the value of each value of an entry."""
    for name, value in entry.values.items():
        if entry.kind == "step":
            yield STEPS, name, value
        elif name.startswith("val_"):
            yield VALIDATION, name.removeprefix("val_"), value
        else:
            yield TRAIN, name, value


def _graph(model: Any) -> Any:
    """The graph of a prediction."""

    def spec(tensor: Any) -> Any:
        return tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name.replace("/", "_"))

    inputs = keras.tree.map_structure(spec, model.input)
    predict = traced(lambda given: model(given, training=False))
    return predict.get_concrete_function(inputs).graph


def _images(run: LoggedRun, count: int) -> Iterator[tuple[str, Any]]:
    """The first training examples of each input that is an image, scaled from 0 to 1."""
    part = run.loop.prepared.parts["train"]
    count = min(count, len(part))
    if not count:
        return
    batch = next(iter(run.loop.feed("train").plain(part.positions[:count], count)))
    inputs = batch[0] if isinstance(batch, tuple) else batch
    if not isinstance(inputs, dict):
        inputs = {run.loop.model.inputs[0].name: inputs}
    for name, tensor in inputs.items():
        values = np.asarray(tensor)
        if values.ndim == 4 and values.shape[-1] in _CHANNELS:
            values = values.astype("float32")
            low, high = values.min(), values.max()
            yield name, (values - low) / max(float(high - low), 1e-9)


# Files --------------------------------------------------------------------------------------------


def rewound(folder: Path, last: int) -> set[tuple[str, int]]:
    """Truncates the event files of a folder before the first event past step `last`, and returns
    the tags and steps of the remaining ones. A record that is not complete is removed.
    """
    kept: set[tuple[str, int]] = set()
    for path in sorted(folder.glob(_EVENTS)):
        found: set[tuple[str, int]] = set()
        end = 0
        for event, after in _events(path):
            if event.step > last:
                break
            found |= {(value.tag, event.step) for value in event.summary.value}
            end = after
        if found:
            os.truncate(path, end)
        else:
            path.unlink()
        kept |= found
    return kept


def _events(path: Path) -> Iterator[tuple[Any, int]]:
    """Each complete event of a file, with its end in bytes."""
    content, at = path.read_bytes(), 0
    while at + _HEADER.size <= len(content):
        length, _ = _HEADER.unpack_from(content, at)
        begin = at + _HEADER.size
        at = begin + length + _FOOTER
        if at > len(content):
            return
        event = tf.compat.v1.Event()
        event.ParseFromString(content[begin : begin + length])
        yield event, at
