"""Transforms of plugins: computed with NumPy, and adapted to the training rows.

The method `adapt` iterates over batches, while data preparation passes one batch at a time to the
transforms of all features. So it runs in a thread, which only runs while preparation waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, NamedTuple

import numpy as np

from modelspec.catalog.layers.layer import Inputs
from modelspec.catalog.layers.plugin_transform import Transform
from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import is_float
from modelspec.core.plugins import working
from modelspec.core.plugins.guard import PluginFailure, as_failure, shortened
from modelspec.core.plugins.methods import named, wrong
from modelspec.core.plugins.working import quiet, worked
from modelspec.core.shapes import Tensor, show

from .errors import RunError
from .learning import LayerAdapter
from .moments import EvenBlocks
from .state_arrays import Arrays
from .table import Array

_MOST_PASSES: Final = 1_000
"""The most passes over the training rows."""


class Applied:
    """Computes a transform for a block of examples."""

    def __init__(self, layer: Transform, given: Tensor) -> None:
        self._layer = layer
        self._given = given
        self._wanted = layer.output(Inputs.of(given))

    def __call__(self, values: Array) -> Array:
        """Raises `RunError` (MS853, MS882)."""
        layer = self._layer
        batch = as_given(layer, values)
        try:
            found = worked(layer, "apply", lambda: layer.apply(batch))
            return checked(layer, found, len(values), self._wanted)
        except Fault as fault:
            raise RunError([fault.at(None)]) from None


def as_given(layer: Transform, values: Array) -> Array:
    """A batch as methods of the transform get it: floating-point numbers in its dtype. A copy, so
    that it may change it.
    """
    if values.dtype.kind == "f" and is_float(layer.compute_dtype):
        return values.astype(layer.compute_dtype)
    return values.copy()


def checked(layer: Transform, found: Any, count: int, wanted: Tensor) -> Array:
    """The result of `apply`. Raises `Fault` (MS882) if it has another length, shape or dtype than
    `output` declares.
    """
    about = f"`apply` of {named(layer)} returned"
    help = "correct `apply`, or `output`, in the plugin"
    if not isinstance(found, np.ndarray):
        raise Fault("MS882", f"{about} {shortened(repr(found))}, expected an array", help=help)
    if found.ndim == 0 or len(found) != count:
        rows = f"{len(found):,} rows" if found.ndim else "a single value"
        raise Fault("MS882", f"{about} {rows} for a batch of {count:,}", help=help)
    sizes = wanted.shape[1:]
    fits = len(sizes) == found.ndim - 1 and all(
        size is None or isinstance(size, str) or size == one
        for size, one in zip(sizes, found.shape[1:], strict=True)
    )
    if not fits:
        shape = show((None, *found.shape[1:]))
        message = f"{about} the shape {shape}, but `output` declares {show(wanted.shape)}"
        raise Fault("MS882", message, help=help)
    dtype = "string" if found.dtype.kind in "OU" else found.dtype.name
    if dtype != wanted.dtype:
        message = f"{about} {dtype}, but `output` declares {wanted.dtype}"
        raise Fault("MS882", message, help=f"write `.astype({wanted.dtype!r})`, or {help}")
    return found.astype(object) if found.dtype.kind == "U" else found


# Adapting -----------------------------------------------------------------------------------------


class _Asked(NamedTuple):
    """`adapt` waits for a batch of this pass."""

    number: int


class _Batches:
    """The training rows, as `adapt` iterates over them: each time in another pass."""

    def __init__(self, messages: SimpleQueue[Any]) -> None:
        self._messages = messages
        self.batches: SimpleQueue[Any] = SimpleQueue()
        self._passes = 0

    def __iter__(self) -> Iterator[Array]:
        number = self._passes
        self._passes += 1
        while True:
            self._messages.put(_Asked(number))
            batch = self.batches.get()
            if batch is None:
                return
            yield batch


class PluginAdapter(LayerAdapter):
    """Runs `adapt` for the blocks of a training part."""

    def __init__(self, layer: Transform, given: Tensor, block: int | None = None) -> None:
        """`block` are the examples in a batch; None: as many as in other layers."""
        super().__init__(layer, given)
        self._transform = layer
        self._messages: SimpleQueue[Any] = SimpleQueue()
        self._batches = _Batches(self._messages)
        self._pass = 0
        self._asked = -1
        """The pass of which `adapt` waits for a batch."""
        self._state: Mapping[str, Any] | None = None
        self._blocks = EvenBlocks(self._give, block)
        context = copy_context()
        self._thread = Thread(
            target=context.run, args=(self._run,), daemon=True, name="modelspec plugin"
        )
        self._wait(self._thread.start)

    def _run(self) -> None:
        try:
            found = self._transform.adapt(self._batches)
        except BaseException as error:  # noqa: BLE001  # also `sys.exit()`
            self._messages.put(as_failure(error))
        else:
            self._messages.put((found,))

    def _wait(self, resume: Any) -> None:
        """Lets `adapt` run until it asks for a batch, or ends. Raises `RunError`."""
        layer = self._transform
        with quiet(layer.worker.printed, self._thread):
            resume()
            try:
                message = self._messages.get(timeout=working.WORK_SECONDS)
            except Empty:
                seconds = f"{working.WORK_SECONDS:g} seconds"
                message = PluginFailure(f"did not return, or ask for a batch, within {seconds}")
        if isinstance(message, _Asked):
            self._asked = message.number
        elif isinstance(message, PluginFailure):
            notes = (f"raised in {message.place}",) if message.place else ()
            text = f"`adapt` of {named(layer)} {message.what}"
            help = "correct the method in the plugin"
            raise RunError([Fault("MS853", text, (), notes, help=help).at(None)])
        else:
            self._state = _state(layer, message[0])

    def update(self, values: Array, real: Array | None) -> None:
        if self._state is None:
            self._blocks.add(values, real)

    def _give(self, values: Array, real: Array | None) -> None:
        if self._state is not None or self._asked != self._pass:
            return  # the rest of a pass that `adapt` has left
        batch = as_given(self._transform, values)
        if real is not None:
            batch = np.ma.MaskedArray(batch, ~np.broadcast_to(real, batch.shape))
        self._wait(lambda: self._batches.batches.put(batch))

    def settings(self) -> Mapping[str, Any] | None:
        self._blocks.finish()
        if self._state is None and self._asked == self._pass:
            self._wait(lambda: self._batches.batches.put(None))
        if self._state is not None:
            return {"state": self._state}
        self._pass += 1
        if self._pass > _MOST_PASSES:
            fault = wrong(
                self._transform,
                "adapt",
                f"its state after at most {_MOST_PASSES:,} passes",
                "another iteration over `batches`",
            )
            raise RunError([fault.at(None)])
        return None


def _state(layer: Transform, found: Any) -> Arrays:
    """The arrays that `adapt` returned. Raises `RunError` (MS883)."""
    about = f"`adapt` of {named(layer)}"
    help = "return everything that `apply` requires as arrays of numbers or strings, by name"
    if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
        message = f"{about} must return a mapping of names to arrays, found"
        fault = Fault("MS883", f"{message} {shortened(repr(found))}", help=help)
        raise RunError([fault.at(None)])
    arrays = {name: np.asarray(one) for name, one in found.items()}
    for name, one in arrays.items():
        if one.dtype.kind not in "biufU":
            message = f"{about} returned `{name}` as {one.dtype}, which cannot be saved"
            raise RunError([Fault("MS883", message, help=help).at(None)])
    return Arrays(arrays)
