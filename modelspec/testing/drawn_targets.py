"""Targets and predictions to test a loss or a metric with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from modelspec.catalog.components.loss import Loss, Targets
from modelspec.catalog.components.metric import Metric

if TYPE_CHECKING:
    import numpy as np

Array: TypeAlias = "np.ndarray[Any, Any]"
Pair: TypeAlias = "tuple[Array, Array]"
"""`y_true` and `y_pred`, with the batch axis first."""
_BATCH: Final = 6
_SHAPES: Final[tuple[tuple[int, ...], ...]] = ((_BATCH, 4), (_BATCH, 1))


def need_examples(kind: str, takes: Targets, examples: Sequence[Pair]) -> None:
    """Raises `ValueError` for targets that have no usual form, if there are no examples."""
    if takes == "sequences" and not examples:
        raise ValueError(f"`{kind}` takes sequences: pass `examples=[(y_true, y_pred)]`")


def pairs(settings: Loss | Metric, takes: Targets, seed: int) -> Iterator[Pair]:
    """Targets and predictions for what a loss or a metric takes, in several shapes."""
    import numpy as np

    rng = np.random.default_rng(seed)
    scores = bool(getattr(settings, "from_logits", False) or getattr(settings, "of_margins", False))
    for shape in _SHAPES:
        if takes in ("indices", "one_hot") and shape[-1] == 1:
            continue
        if settings.misfit(shape) is not None:
            continue
        yield _targets(rng, takes, shape), _outputs(rng, takes, shape, scores=scores)


def _targets(rng: Any, takes: Targets, shape: tuple[int, ...]) -> Array:
    import numpy as np

    found: Array
    if takes in ("indices", "one_hot", "identities"):
        found = rng.integers(0, shape[-1], shape[:-1])
        return np.eye(shape[-1], dtype="float32")[found] if takes == "one_hot" else found
    if takes == "binary":
        found = rng.integers(0, 2, shape).astype("float32")
    else:
        found = (rng.normal(size=shape) + 3).astype("float32")  # away from 0, which some divide by
    return found


def _outputs(rng: Any, takes: Targets, shape: tuple[int, ...], *, scores: bool) -> Array:
    import numpy as np

    found: Array = rng.normal(size=shape).astype("float32")
    if takes in ("indices", "one_hot") and not scores:
        powers = np.exp(found)
        found = powers / powers.sum(axis=-1, keepdims=True)
    elif takes == "binary" and not scores:
        found = 1 / (1 + np.exp(-found))
    elif takes in ("numbers", "any"):
        found = found + 3
    return found


def perfect(takes: Targets, pair: Pair) -> Pair | None:
    """The targets with predictions that equal them; None if that depends on the settings."""
    import numpy as np

    y_true, y_pred = pair
    if takes == "indices":
        return y_true, np.eye(y_pred.shape[-1], dtype="float32")[y_true]
    if takes in ("numbers", "binary", "one_hot") and y_true.shape == y_pred.shape:
        return y_true, y_true.astype("float32")
    return None
