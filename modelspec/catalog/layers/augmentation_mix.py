"""Augmentation that mixes images with each other (MixUp, CutMix) or combines several operations
(AugMix, RandAugment).
"""

from typing import Annotated, ClassVar

from pydantic import Field

from .augmentation import Interpolation
from .factors import Factor, Strength, ValueRange, within
from .image import Augmentation
from .layer import Example
from .setting_types import Count, DataFormat, Seed

Concentration = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""The parameter of a Beta or Dirichlet distribution: small for weights near 0 and 1, large for
equal weights.
"""


class MixUp(Augmentation):
    """Blends each image with another image of the batch, in training only.

    ```yaml
    - MixUp: {alpha: 0.3}
    ```

    In `augment` of `data`, the targets and weights of both examples are blended with the same
    weight: the targets must be probabilities or numbers, as for `categorical_crossentropy`. A model
    that contains the layer cannot change its targets.

    Takes images (batch, height, width, channels), gives the same shape. Source: Zhang et al. 2017,
    https://arxiv.org/abs/1710.09412.
    """

    mixes_examples = True
    mixes_by = "mean"

    alpha: Concentration = 0.2
    data_format: DataFormat = None
    seed: Seed | None = None


class CutMix(Augmentation):
    """Replaces a random rectangle of each image with that of another image of the batch, in
    training only.

    ```yaml
    - CutMix: {factor: 0.5}
    ```

    In `augment` of `data`, the targets and weights of both examples are blended in proportion to
    their areas; the rectangle is also replaced in a mask. A model that contains the layer cannot
    change its targets.

    Takes images (batch, height, width, channels), gives the same shape. Source: Yun et al. 2019,
    https://arxiv.org/abs/1905.04899.
    """

    no_kernel_in = ("bfloat16", "float16")
    mixes_examples = True
    mixes_by = "region"

    factor: Strength = 1.0
    seed: Seed | None = None
    data_format: DataFormat = None


class AugMix(Augmentation):
    """Blends each image with several randomly augmented versions of it, in training only.

    ```yaml
    - AugMix: {value_range: [0, 1], num_chains: 3, chain_depth: 3}
    ```

    Takes images (batch, height, width, channels), with 1 or 3 channels for `all_ops`; gives the
    same shape. Source: Hendrycks et al. 2019, https://arxiv.org/abs/1912.02781.
    """

    projects = True
    moves_values = True

    value_range: ValueRange = (0, 255)
    num_chains: Count = 3
    chain_depth: Count = 3
    factor: Annotated[Factor, within(0, 1)] = 0.3
    alpha: Concentration = 1.0
    all_ops: bool = True
    interpolation: Interpolation = "bilinear"
    seed: Seed | None = None
    data_format: DataFormat = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"value_range": (0, 1)}, ((None, 9, 8, 3),)),
        Example({"all_ops": False, "factor": (0.1, 0.4)}, ((None, 9, 8, 2),)),
    )

    def channels(self) -> tuple[int, ...]:
        # The color degeneration, one of all operations, requires 1 or 3 channels.
        return (1, 3) if self.all_ops else ()


class RandAugment(Augmentation):
    """Applies `num_ops` random operations to each image, in training only.

    ```yaml
    - RandAugment: {value_range: [0, 1], num_ops: 2, factor: 0.5}
    ```

    Takes images (batch, height, width, 3), or with 1 channel; gives the same shape. Source: Cubuk
    et al. 2019, https://arxiv.org/abs/1909.13719.
    """

    projects = True
    moves_values = True

    value_range: ValueRange = (0, 255)
    num_ops: Count = 2
    factor: Annotated[Factor, within(0, 1)] = 0.5
    interpolation: Interpolation = "bilinear"
    seed: Seed | None = None
    data_format: DataFormat = None

    def channels(self) -> tuple[int, ...]:
        return (1, 3)
