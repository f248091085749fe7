"""The base classes of the losses and metrics of plugins: `modelspec.Loss`, `modelspec.Metric`."""

from collections.abc import Iterator
from typing import Any, ClassVar, Final, get_args

from modelspec.core.plugins.declared import KerasDeclared
from modelspec.core.registry import Registry
from modelspec.core.settings import Settings

from .loss import Loss as AnyLoss
from .loss import Reduction, Targets
from .metric import Direction
from .metric import Metric as AnyMetric
from .plugin_component import taken_names

_DIRECTIONS: Final = ("up", "down", None)


class Comparing(KerasDeclared, Settings):
    """What the losses and metrics of plugins have in common: they compare outputs with targets."""

    takes: ClassVar[Targets] = "any"
    targets: ClassVar[Targets]
    """The same, for rules."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.targets = cls.takes

    @classmethod
    def in_model(cls) -> bool:
        """Whether saved models contain its objects."""
        return False

    @classmethod
    def problems(cls) -> Iterator[str]:
        """What is wrong with the declaration."""
        yield from super().problems()
        words = get_args(Targets)
        if cls.takes not in words:
            yield f"has `takes` {cls.takes!r}, expected one of {', '.join(map(repr, words))}"
        yield from taken_names(cls)


class Loss(Comparing, AnyLoss):
    """A loss of your own: settings as annotations, the targets that it takes, and the import path
    of the Keras class, a subclass of `keras.losses.Loss`.
    """

    common: ClassVar[tuple[str, ...]] = ("name", "dtype", "reduction")
    takes: ClassVar[Targets] = "any"
    """The targets, and with them the outputs that it compares:

    - `indices`: the index of a class; the output has one unit for each class.
    - `one_hot`: a probability for each class, in the shape of the output.
    - `binary`: 0 or 1 for each unit of the output.
    - `numbers`: any number for each unit of the output.
    - `identities`: the index of the identity that an example shows.
    - `sequences`: lists of labels.
    - `any`: not checked.

    A loss with a setting `from_logits` takes probabilities, or scores if the setting is true.
    """

    reduction: Reduction = "sum_over_batch_size"

    @classmethod
    def registry(cls) -> Registry:
        """The table of all losses."""
        from . import LOSSES

        return LOSSES

    @classmethod
    def keras_base(cls) -> str:
        """The base class in Keras."""
        return "losses.Loss"


class Metric(Comparing, AnyMetric):
    """A metric of your own: settings as annotations, the targets that it takes, and the import path
    of the Keras class, a subclass of `keras.metrics.Metric`.
    """

    takes: ClassVar[Targets] = "any"
    """The targets that it takes, in the words of `Loss.takes`."""
    direction: ClassVar[Direction] = None
    """`up` if larger values are better, `down` if smaller ones are: `mode: auto` of a callback uses
    it.
    """

    @classmethod
    def registry(cls) -> Registry:
        """The table of all metrics."""
        from . import METRICS

        return METRICS

    @classmethod
    def keras_base(cls) -> str:
        """The base class in Keras."""
        return "metrics.Metric"

    @classmethod
    def problems(cls) -> Iterator[str]:
        """What is wrong with the declaration."""
        yield from super().problems()
        if cls.direction not in _DIRECTIONS:
            yield f"has `direction` {cls.direction!r}, expected 'up', 'down' or None"
