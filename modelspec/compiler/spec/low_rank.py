"""`training.lora`: low-rank adapters (LoRA)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationInfo

from modelspec.catalog.layers.setting_types import Count
from modelspec.core.settings import Section, Unfit, context_of

from .initial_weights import Patterns


class LowRank(Section):
    """Low-rank adapters (LoRA): the weights of the model are frozen, and only small matrices beside
    the kernels of some layers are trained.

    ```yaml
    training:
      loss: mse
      lora: {rank: 8, layers: ["*dense*", "encoder/attention*"]}
    ```

    Each kernel becomes `kernel + lora_alpha / rank * (a @ b)`, as Keras's `enable_lora` does: `a`
    has `rank` columns and `b` has `rank` rows. `Dense`, `EinsumDense`, `Embedding`,
    `ReversibleEmbedding`, `Conv1D`, `Conv2D` and `Conv3D` can have adapters, and so can the dense
    layers inside `MultiHeadAttention`, `GroupQueryAttention` and `TimeDistributed`. All other
    weights are frozen: biases, and the layers that no pattern matches. `model.keras` and all
    exports contain the sum as one kernel. From Hu et al., 2021, https://arxiv.org/abs/2106.09685.
    """

    title: ClassVar[str] = "lora"

    rank: Count
    """The rank of the update: the number of columns of `a`, and of rows of `b`."""
    layers: Patterns
    """The layers that get adapters: names, in which `*` matches any text; `encoder/dense_1` for a
    layer of a sub-model, `attention/query` for one projection of an attention layer. The name of a
    sub-model includes all of its layers. Layers that cannot have adapters are skipped.
    """
    lora_alpha: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """The update is scaled by `lora_alpha / rank`; `null` is `rank`, a scale of 1."""
    train: Patterns = ()
    """Layers that are trained in full beside the adapters, e.g. a new head; patterns as in
    `layers`.
    """


def read_low_rank(value: Any, info: ValidationInfo) -> LowRank | None:
    """The section from its mapping. Raises `Faults` or `Unfit`."""
    if value is None or isinstance(value, LowRank):
        return value
    if not isinstance(value, dict):
        raise Unfit("a mapping with `rank` and `layers`", help='`{rank: 8, layers: ["*dense*"]}`')
    return LowRank.from_body(value, context_of(info))
