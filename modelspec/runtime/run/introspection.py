"""Access to the inside of a trained model: its tensors for some inputs, and gradients between them.

Older versions of Keras had `K.function` and `K.gradients` for this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import listed, nearest
from modelspec.core.dtypes import is_float
from modelspec.core.shapes import erase, show

from ..backend.process_state import own_state
from ..backend.tensorflow_state import refuse_a_fork
from ..data import RunError
from ..data.table import Array

if TYPE_CHECKING:
    import keras

LOSS = "loss"
Given: TypeAlias = object
"""An array for a model with one input; a mapping of input names to arrays for any model. Anything
that NumPy converts to an array is accepted.
"""
Tensors: TypeAlias = Array | dict[str, Array]
"""An array for one name; arrays by name for several."""


class Probing:
    """A run with access to the inside of its model. `x` is always the input of the model: after the
    spec's transforms.
    """

    compiled: Compiled

    @property
    def model(self) -> keras.Model:
        raise NotImplementedError

    @cached_property
    def _graph(self) -> TypedGraph:
        assert self.compiled.graph is not None
        return self.compiled.graph

    @own_state()
    def outputs(self, names: str | Sequence[str], x: Given, *, batch_size: int = 32) -> Tensors:
        """The tensors of some layers for every example: `run.outputs("conv1", x)`; like
        `K.function`.

        `names` are layers (`encoder/conv1` inside sub-models), inputs or outputs. `x` is an array
        of shape [examples, ...], or a mapping of input names to arrays. Returns an array [examples,
        ...] for one name and a dictionary by name for several; a layer with several outputs has
        `<name>_0`, `<name>_1`, ... The model runs in inference mode: dropout and noise have no
        effect. Raises `RunError`: MS712 for a name that the model does not have, MS775 if `x` does
        not fit its inputs.
        """
        from .framework_errors import as_run_error

        wanted = (names,) if isinstance(names, str) else tuple(names)
        check_names(self._graph, wanted)
        given = self._inputs(x)
        with as_run_error("the outputs cannot be computed"):
            inner = inner_model(self.model, self._graph, wanted)
            parts = [inner.predict_on_batch(part) for part in _batches(given, batch_size)]
        found = {
            name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in parts[0]
        }
        return found[names] if isinstance(names, str) and names in found else found

    @own_state()
    def gradients(
        self,
        output: str,
        at: str | Sequence[str] | None,
        x: Given,
        y: object = None,
        *,
        unit: int | tuple[int, ...] | None = None,
    ) -> Tensors:
        """The gradients of an output with respect to inputs or tensors of inner layers, like
        `K.gradients`.

        `output` is an output or a layer of the model (`encoder/conv1` inside sub-models). Its sum
        over all examples and units is differentiated, or with `unit` (an index of the last axis, or
        one index for each axis except the first) only that unit, e.g. the score of a class. With
        targets `y` it may be `loss`: the training loss of the model, averaged over the examples.

        `at` names inputs or layers; None means every input. `x` is an array [examples, ...] or a
        mapping by input. Returns an array with the shape of the tensor, [examples, ...], for one
        name, and a dictionary by name for several. The model runs in inference mode. Raises
        `RunError`: MS712 for an unknown name, MS775 if `x` does not fit the inputs, MS776 if the
        output does not depend on the tensor, or one of them does not contain floats.
        """
        from .framework_errors import as_run_error

        wanted = (
            tuple(self._graph.inputs) if at is None else (at,) if isinstance(at, str) else tuple(at)
        )
        of_loss = output == LOSS and y is not None
        results = tuple(self._graph.outputs) if of_loss else (output,)
        check_names(self._graph, (*wanted, *results))
        given = self._inputs(x)
        with as_run_error("the gradients cannot be computed"):
            derived = self._differentiated(results, wanted, given, y if of_loss else None, unit)
        found = _dependent(output, derived)
        single = len(found) == 1 and not isinstance(at, (list, tuple))
        return next(iter(found.values())) if single else found

    def _differentiated(
        self,
        results: tuple[str, ...],
        wanted: tuple[str, ...],
        given: Any,
        y: Any,
        unit: int | tuple[int, ...] | None,
    ) -> dict[str, Array | None]:
        import tensorflow as tf

        model = self.model
        inner = inner_model(model, self._graph, (*wanted, *results))
        inputs = (
            dict(given) if isinstance(given, Mapping) else {next(iter(self._graph.inputs)): given}
        )
        with tf.GradientTape() as tape:
            tensors = {name: tf.convert_to_tensor(value) for name, value in inputs.items()}
            # Unwatched tensors are not recorded, even if a layer before them has no weights.
            tape.watch([tensor for tensor in tensors.values() if tensor.dtype.is_floating])
            found = inner(
                tensors if len(tensors) > 1 else next(iter(tensors.values())), training=False
            )
            places = {
                name: tensors[name] if name in tensors else _one(found, name) for name in wanted
            }
            if y is not None:
                outputs = {name: _one(found, name) for name in results}
                target = model.compute_loss(
                    y=y, y_pred=outputs if len(outputs) > 1 else outputs[results[0]]
                )
            else:
                target = _of_unit(_one(found, results[0]), unit, results[0])
        for name, tensor in (*places.items(), (results[0], target)):
            if not tensor.dtype.is_floating:
                raise RunError.of(
                    "MS776",
                    f"`{name}` has the dtype {tensor.dtype.name}, which has no gradient",
                    help="name the layer that converts it to floats, e.g. an `Embedding`",
                )
        slopes = tape.gradient(target, list(places.values()))
        return {
            name: None if slope is None else tf.convert_to_tensor(slope).numpy()
            for name, slope in zip(places, slopes, strict=True)
        }

    def _inputs(self, x: Given) -> Any:
        """`x` in the dtypes of the inputs. Raises `RunError` (MS775, MS728)."""
        refuse_a_fork()
        types = self._graph.inputs
        if not isinstance(x, Mapping):
            if len(types) > 1:
                raise _unfit(
                    f"the model has the inputs {listed(list(types))}, but got a single array",
                    "pass a mapping of input names to arrays",
                )
            x = {next(iter(types)): x}
        missing, unknown = (
            [name for name in types if name not in x],
            [name for name in x if name not in types],
        )
        if missing or unknown:
            what = (
                f"has no input `{unknown[0]}`" if unknown else f"requires the input `{missing[0]}`"
            )
            raise _unfit(f"the model {what}", f"its inputs are {listed(list(types))}")
        found = {}
        for name, type_ in types.items():
            values = np.asarray(x[name])
            sizes = erase(type_.shape)
            if len(sizes) != values.ndim or any(
                a not in (None, b) for a, b in zip(sizes, values.shape, strict=True)
            ):
                raise _unfit(
                    f"`{name}` expects {show(type_.shape)}, but got {list(values.shape)}",
                    "the first axis counts the examples",
                )
            if is_float(type_.dtype) and values.dtype.kind not in "fiub":
                raise _unfit(
                    f"`{name}` expects {type_.dtype}, but got {values.dtype}",
                    "pass the data after the spec's transforms",
                )
            found[name] = values if type_.dtype == "string" else values.astype(type_.dtype)
        counts = {len(values) for values in found.values()}
        if len(counts) > 1:
            raise _unfit(
                "the inputs have different numbers of examples:"
                f" {', '.join(map(str, sorted(counts)))}",
                None,
            )
        return found if len(found) > 1 else next(iter(found.values()))


def inner_model(model: keras.Model, typed: TypedGraph, names: Sequence[str]) -> keras.Model:
    """A model from the inputs to tensors by name; a layer with several outputs has `<name>_0`,
    `<name>_1`, ...
    """
    from ..backend.replay import inner_model as make

    return make(model, typed, {name: name for name in names})


def check_names(typed: TypedGraph, names: Sequence[str]) -> None:
    """Raises `RunError` (MS712) for a name that is not a tensor of the model."""
    known = tensor_names(typed)
    for name in names:
        if name in known:
            continue
        near = next((one for one in known if one.endswith(f"/{name}")), None) or nearest(
            name, known
        )
        dead = typed.layer(name) is not None
        raise RunError.of(
            "MS712",
            (
                f"no output depends on the layer `{name}`, so it is not in the trained model"
                if dead
                else f"the model has no layer `{name}`"
            ),
            help=f"did you mean `{near}`?" if near else f"it has {', '.join(known[:12])}",
        )


def tensor_names(typed: TypedGraph) -> tuple[str, ...]:
    """The available names: inputs, every call that an output depends on (also in sub-models), and
    public outputs.
    """
    return tuple(dict.fromkeys((*typed.inputs, *_calls(typed, ""), *typed.outputs)))


def _calls(typed: TypedGraph, place: str) -> list[str]:
    found: list[str] = []
    for call in typed.alive:
        found.append(place + call.name)
        if call.inside is not None and not call.call.use.around:
            found += _calls(call.inside, f"{place}{call.name}/")
    return found


def _batches(given: Any, size: int) -> Iterator[Any]:
    """Batches of consecutive examples; one empty batch without examples."""
    count = len(next(iter(given.values()))) if isinstance(given, Mapping) else len(given)
    for start in range(0, max(count, 1), size):
        part = slice(start, start + size)
        yield (
            {name: values[part] for name, values in given.items()}
            if isinstance(given, Mapping)
            else given[part]
        )


def _one(found: Mapping[str, Any], name: str) -> Any:
    if name not in found:
        raise RunError.of(
            "MS776",
            f"`{name}` has several outputs, so its gradient is not defined",
            help="name a layer with one output",
        )
    return found[name]


def _of_unit(tensor: Any, unit: int | tuple[int, ...] | None, name: str) -> Any:
    if unit is None:
        return tensor
    index = (unit,) if isinstance(unit, int) else tuple(unit)
    sizes = tensor.shape[1:]
    places = sizes[-1:] if isinstance(unit, int) else sizes
    if len(index) != len(places) or any(
        not -size <= at < size for at, size in zip(index, places, strict=True)
    ):
        raise RunError.of(
            "MS775",
            f"`{name}` has the shape {tuple(sizes)} for each example, but no unit {unit}",
            help="`unit` is an index of the last axis, or one index for each axis except the first",
        )
    return tensor[(Ellipsis, *index)] if isinstance(unit, int) else tensor[(slice(None), *index)]


def _unfit(message: str, help: str | None) -> RunError:
    return RunError.of("MS775", message, help=help)


def _dependent(output: str, gradients: Mapping[str, Array | None]) -> dict[str, Array]:
    """The gradients. Raises `RunError` (MS776) for a tensor that the output does not depend on."""
    lost = [name for name, value in gradients.items() if value is None]
    if lost:
        raise RunError.of(
            "MS776",
            f"`{output}` does not depend on `{lost[0]}`, or not in a way that can be "
            "differentiated",
            help="name a layer between the two",
        )
    return {name: value for name, value in gradients.items() if value is not None}
