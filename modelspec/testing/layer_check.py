"""Compares the declaration of a layer with its Keras class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from modelspec.catalog.layers.calls import output_of
from modelspec.catalog.layers.layer import Example, Layer
from modelspec.core.diagnostics import Fault
from modelspec.core.plugins.guard import as_failure
from modelspec.core.settings import Faults
from modelspec.core.shapes import Tensor, erase
from modelspec.errors import RunError

from .layer_calls import Call, calls

_SHOWN: Final = 5
"""Differences that the error shows."""
_UNKNOWN: Final = 5
"""The entries along an unknown axis when the layer runs."""


class _Answer(NamedTuple):
    """The result of a call: types, or the reason why it is refused."""

    outputs: tuple[Any, ...] = ()
    weights: tuple[Any, ...] = ()
    refused: str | None = None


def check_layer(
    layer: type[Layer], *, examples: Sequence[Example] = (), draws: int = 40, seed: int = 0
) -> None:
    """Compare the declaration of a layer with its Keras class: the outputs (shape, dtype) and the
    weights (name, shape, dtype, trainable) of many calls, the shapes of a run on numbers, and that
    the configuration can be saved. What one side refuses the other must refuse too.

    The calls are the `examples` (and those of the class), and `draws` variations of their settings,
    shapes and dtypes; without examples, calls of usual shapes with the default settings. The same
    `seed` gives the same calls. Loads TensorFlow. Raises `AssertionError` with the differences, and
    `ValueError` for a layer that requires examples.
    """
    from modelspec.runtime.backend.process_state import import_keras, own_state

    known = calls(layer, examples, draws, seed)
    with own_state():
        import_keras()
        found = [(call, _difference(layer, call)) for call in known]
        accepted = [call for call in known if _ours(layer, call).refused is None]
    differences = [f"{call}\n{text}" for call, text in found if text is not None]
    if not accepted:
        differences.append("no call is accepted")
    if differences:
        shown = "\n\n".join(differences[:_SHOWN])
        raise AssertionError(
            f"`{layer.kind()}` differs from its Keras class in {len(differences)} of {len(known)}"
            f" calls:\n\n{shown}"
        )


def _difference(layer: type[Layer], call: Call) -> str | None:
    """The difference between both sides, in words."""
    ours, theirs = _ours(layer, call), _theirs(layer, call)
    if ours.refused is not None and ours.refused.startswith("MS853"):
        return ours.refused
    if ours.refused is not None:
        if theirs.refused is not None:
            return None
        return f"refused: {ours.refused}\nKeras: {_text(theirs.outputs)}"
    if theirs.refused is not None:
        return f"accepted: {_text(ours.outputs)}\nKeras: {theirs.refused}"
    for what in ("outputs", "weights"):
        one, other = getattr(ours, what), getattr(theirs, what)
        if one != other:
            return f"{what}: {_text(one)}\nKeras: {_text(other)}"
    return _when_it_runs(layer, call, ours)


def _text(values: Sequence[Any]) -> str:
    return ", ".join(str(tuple(one)) for one in values) or "none"


def _ours(layer: type[Layer], call: Call) -> _Answer:
    try:
        made = call.layer(layer)
        outputs = output_of(made, call.inputs)
        weights = made.weights(call.inputs)
    except Faults as error:
        return _Answer(refused=f"{error.faults[0].code}: {error.faults[0].message}")
    except Fault as fault:
        return _Answer(refused=f"{fault.code}: {fault.message}")
    several = (outputs,) if isinstance(outputs, Tensor) else outputs
    return _Answer(
        tuple((erase(one.shape), one.dtype) for one in several),
        tuple((one.name, erase(one.shape), one.dtype, one.trainable) for one in weights),
    )


def _theirs(layer: type[Layer], call: Call) -> _Answer:
    import keras

    def symbolic(tensor: Tensor) -> Any:
        return keras.KerasTensor(erase(tensor.shape), tensor.dtype)

    try:
        made = _keras(layer, call)
        outputs = keras.tree.flatten(_called(made, layer, call, symbolic))
        again = type(made).from_config(made.get_config()).get_config()
    except Exception as error:  # noqa: BLE001  # whatever Keras raises is its refusal
        return _Answer(refused=as_failure(error).what)
    if again != made.get_config():
        return _Answer(refused="`from_config(get_config())` gives a layer with other settings")
    trained = {id(one) for one in made.trainable_weights}
    return _Answer(
        tuple(_type(one) for one in outputs),
        tuple(
            (one.path.removeprefix(f"{made.name}/"), *_type(one), id(one) in trained)
            for one in made.weights
        ),
    )


def _keras(layer: type[Layer], call: Call) -> Any:
    from modelspec.runtime.backend.convert import to_keras

    try:
        return to_keras(call.layer(layer))
    except Faults as error:
        raise ValueError(error.faults[0].message) from None
    except RunError as error:
        if error.__cause__ is None:  # the class does not exist: no refusal of this call
            raise
        raise error.__cause__ from None


def _called(made: Any, layer: type[Layer], call: Call, convert: Any) -> Any:
    given = [
        convert(value) if isinstance(value, Tensor) else [convert(one) for one in value]
        for value in call.tensors.values()
    ]
    rest = dict(zip(list(call.tensors)[1:], given[1:], strict=True))
    first = given[0]
    if layer.one_alone and isinstance(first, list) and len(first) == 1:
        first = first[0]
    return made(first, **rest, **call.options)


def _type(tensor: Any) -> tuple[Any, str]:
    import keras

    return tuple(tensor.shape), keras.backend.standardize_dtype(tensor.dtype)


def _when_it_runs(layer: type[Layer], call: Call, ours: _Answer) -> str | None:
    """The difference from the shapes of a run on numbers; None if they agree for some size of the
    unknown axes.
    """
    sizes = [erase(one.shape)[1:] for one in call.all_tensors]
    known = {size for shape in sizes for size in shape if size is not None}
    is_open = any(None in shape for shape in sizes)
    tried = (_UNKNOWN, *sorted(known)) if is_open else (_UNKNOWN,)
    found = [_run(layer, call, size) for size in tried]
    wanted = [shape for shape, _ in ours.outputs]
    if any(_all_agree(wanted, shapes) for shapes in found if not isinstance(shapes, str)):
        return None
    return f"outputs: {wanted}\nKeras gives on numbers: {found[0]}"


def _run(layer: type[Layer], call: Call, unknown: int) -> list[tuple[int, ...]] | str:
    """The shapes of the outputs on ones, or the error."""
    import keras

    def data(tensor: Tensor) -> Any:
        first, *rest = erase(tensor.shape)
        shape = (first or 2, *(unknown if size is None else size for size in rest))
        return keras.ops.ones(shape, tensor.dtype)

    try:
        ran = keras.tree.flatten(_called(_keras(layer, call), layer, call, data))
    except Exception as error:  # noqa: BLE001  # as above
        return f"it {as_failure(error).what}"
    return [tuple(one.shape) for one in ran]


def _all_agree(inferred: list[Any], ran: list[tuple[int, ...]]) -> bool:
    return len(inferred) == len(ran) and all(map(_agrees, inferred, ran))


def _agrees(inferred: Sequence[int | None], ran: Sequence[int]) -> bool:
    return len(inferred) == len(ran) and all(
        size is None or size == found for size, found in zip(inferred, ran, strict=True)
    )
