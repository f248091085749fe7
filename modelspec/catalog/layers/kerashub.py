"""Backbones of KerasHub: KerasHub."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, PlainValidator, ValidationInfo, model_validator

from modelspec.core.diagnostics import Fault, did_you_mean, listed, nearest
from modelspec.core.dtypes import is_float
from modelspec.core.paths import NamesPaths
from modelspec.core.settings import Unfit, context_of, is_int, refuse
from modelspec.core.shapes import Size, Tensor

from .backbones import Backbone, Config, described
from .backbones.backbone import MASK, SEGMENTS
from .backbones.config import allowed, made
from .backbones.given import check_length, check_same, check_type
from .backbones.inner import is_below, matching
from .backbones.preprocessing import vocabulary_hash
from .backbones.presets import config_of_preset, read_preset
from .layer import NAMED, Argument, Example, Inputs, Layer, Outputs, Weight
from .saved import Saved


def _preset(value: Any, info: ValidationInfo) -> Path | str:
    return read_preset(value, context_of(info))


def _backbone(value: Any) -> Any:
    """The class of a backbone with its settings."""
    if not isinstance(value, dict) or len(value) != 1:
        raise Unfit("a class of KerasHub with its settings: `{BertBackbone: {num_layers: 2, ...}}`")
    ((kind, settings),) = value.items()
    if not isinstance(settings, dict):
        raise Unfit("the settings of the class, by name", path=(kind,))
    return value


def _names(value: Any) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, (tuple, list)) or not names:
        raise Unfit("a list of names")
    if not all(isinstance(one, str) and one for one in names):
        raise Unfit("a list of names")
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise Unfit(f"a list without repetitions, found `{twice}` twice", code="MS205")
    return tuple(names)


def _token(value: Any) -> int:
    if not is_int(value) or value < 0:
        raise Unfit("the number of a token, at least 0")
    return int(value)


PresetPath = Annotated[
    Path | str, PlainValidator(_preset, json_schema_input_type=str), NamesPaths()
]
"""The folder of a preset of KerasHub, or its name."""
BackboneOf = Annotated[
    dict[str, Any], PlainValidator(_backbone, json_schema_input_type=dict[str, Any])
]
Names = Annotated[tuple[str, ...], PlainValidator(_names, json_schema_input_type=str | list[str])]
TokenId = Annotated[int, PlainValidator(_token, json_schema_input_type=Annotated[int, Field(ge=0)])]


_SMALL: dict[str, Any] = {
    "vocabulary_size": 20,
    "num_layers": 1,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 16,
    "max_sequence_length": 12,
}


class _Inputs:
    """The call arguments of a `KerasHub` are the inputs of its backbone."""

    def __get__(self, layer: "KerasHub | None", owner: "type[KerasHub]") -> tuple[Argument, ...]:
        if layer is None:
            return NAMED
        order = {"token_ids": 0, MASK: 1, SEGMENTS: 2}
        names = [one.name for one in layer.description.inputs]
        return tuple(
            Argument(name, required=not layer.completes(name))
            for name in sorted(names, key=lambda name: order.get(name, -1))
        )


class KerasHub(Layer):
    """A pretrained model of KerasHub without its head: a backbone.

    ```yaml
    - KerasHub: {preset: ./bert-tiny, from: tokens, outputs: pooled_output, name: bert}
    - KerasHub: {preset: ./bert-tiny, from: {token_ids: tokens, padding_mask: mask}}
    - KerasHub: {preset: ./resnet, outputs: [P3, P5], load_weights: false}
    - KerasHub: {backbone: {BertBackbone: {vocabulary_size: 30522, num_layers: 2, num_heads: 2,
        hidden_dim: 128, intermediate_dim: 512}}}
    ```

    `preset` is a folder that `save_to_preset` of KerasHub wrote, with `config.json` and
    `model.weights.h5`. Shapes and parameters follow from `config.json`. The weights are read when a
    training begins, and compared with the backbone first. A name of KerasHub
    (`bert_tiny_en_uncased`) or an address (`hf://keras/bert_tiny_en_uncased`,
    `kaggle://keras/bert/keras/bert_tiny_en_uncased`) is downloaded if the user allowed the host
    outside the spec: `--allow-host www.kaggle.com`, or `--data-root hf://keras`.

    A model of text takes `token_ids`, which `KerasHubTokenizer` gives, `padding_mask` and, as Bert,
    `segment_ids`; a model of images takes `images`. Without `padding_mask` the tokens
    `padding_id` are padding; without `segment_ids` all segments are 0.

    `outputs` selects what it gives: an output of the backbone (`sequence_output`, `pooled_output`;
    `output` if it has one alone), a layer inside it (`transformer_layer_3`), or a level of a
    pyramid of images (`P3`). Several outputs are `bert.sequence_output`, `bert.pooled_output`.

    `freeze` and `lora` of the training name layers inside it: `bert/transformer_layer_0`,
    `bert/*/self_attention_layer/query`.

    It requires the extra `modelspec[hub]`. Weights and shapes of Albert, Bert, Bloom, DeBERTa 3,
    DistilBERT, Electra, FNet, Gemma, GPT-2, GPT-NeoX, Llama, Mistral, OPT, Phi 3, Qwen, RoBERTa and
    ViT are checked without it; those of other backbones are computed by KerasHub in a separate
    process, and cached.
    """

    keras_module: ClassVar[str] = "modelspec"
    takes_mapping: ClassVar[bool] = True
    alone: ClassVar[bool] = True
    keeps_rank: ClassVar[bool] = True
    low_rank: ClassVar[str | None] = "kernel"
    requires: ClassVar[str | None] = "keras_hub"
    arguments: ClassVar[Any] = _Inputs()

    preset: PresetPath | None = None
    """The folder of a preset, or its name or address if its download is allowed."""
    backbone: BackboneOf | None = None
    """Instead of a preset: a class of `keras_hub.models` with its settings, for random weights."""
    outputs: Names | None = None
    """The outputs to give: outputs of the backbone, layers inside it, or levels of a pyramid;
    `null` gives all outputs of the backbone.
    """
    load_weights: bool = True
    """Whether it starts from the weights of the preset, instead of random ones."""
    padding_id: TokenId | None = None
    """The token that is padding in calls without `padding_mask`; `null` uses that of the family,
    if its tokenizers have one.
    """
    freeze: Names | tuple[()] = ()
    """Layers inside it that are not trained: names or patterns, `transformer_layer_[0-5]`."""

    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            {"backbone": {"BertBackbone": _SMALL}, "outputs": ("pooled_output",)},
            {"token_ids": (None, 5)},
            "int32",
        ),
        Example(
            {"backbone": {"GPT2Backbone": _SMALL}},
            {"token_ids": (None, 5), "padding_mask": (None, 5)},
            "int32",
        ),
    )

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if (self.preset is None) == (self.backbone is None):
            refuse(
                "`KerasHub` requires either `preset` or `backbone`"
                + (", found both" if self.preset is not None else ""),
                "MS208",
                *(() if self.preset is None else ("backbone",)),
                help="write e.g. `KerasHub: {preset: ./bert-tiny}`",
            )
        if self.backbone is not None and "load_weights" in self.model_fields_set:
            refuse(
                "`load_weights` has no effect without `preset`",
                "MS208",
                "load_weights",
                help="remove it: the weights of `backbone` are random",
            )
        place = "preset" if self.preset is not None else "backbone"
        try:
            found = self.description
        except Fault as fault:
            raise replace(fault, path=(place,)) from None
        self._check_outputs(found)
        self._check_padding(found)
        self._check_freeze()
        return self

    def _check_outputs(self, found: Backbone) -> None:
        known = {**found.outputs, **found.hidden}
        for index, name in enumerate(self.outputs or ()):
            if name not in known:
                near = nearest(name, known)
                raise Fault(
                    "MS556",
                    f"`{self.config.kind}` has no output and no inner layer `{name}`",
                    ("outputs", index),
                    suggestion=near,
                    help=did_you_mean(near, f"its outputs are {listed(list(found.outputs))}"),
                )

    def _check_padding(self, found: Backbone) -> None:
        if self.padding_id is not None and MASK not in {one.name for one in found.inputs}:
            refuse(
                f"`padding_id` has no effect: `{self.config.kind}` takes no `{MASK}`",
                "MS208",
                "padding_id",
                help="remove it",
            )

    def _check_freeze(self) -> None:
        for index, pattern in enumerate(self.freeze):
            if not matching([pattern], self.inner_layers):
                near = nearest(pattern, self.inner_layers)
                raise Fault(
                    "MS557",
                    f"`{pattern}` matches no layer with weights inside `{self.config.kind}`",
                    ("freeze", index),
                    suggestion=near,
                    help=did_you_mean(near, f"it has e.g. {listed(list(self.inner_layers[:3]))}"),
                )

    # What it is -----------------------------------------------------------------------------------

    @cached_property
    def config(self) -> Config:
        """The class and the settings of the backbone. Raises `Fault` (MS748, MS749, MS756)."""
        if self.preset is not None:
            return config_of_preset(self.preset)
        ((kind, settings),) = (self.backbone or {}).items()
        return made(allowed(kind, kind), settings, "the spec", kind)

    @cached_property
    def description(self) -> Backbone:
        """What the backbone takes and gives. Raises `Fault` (MS748, MS749, MS755, MS756)."""
        return described(self.config)

    @property
    def derived(self) -> Mapping[str, Any]:
        config = self.config
        return {
            "preset": None,
            "backbone": {config.kind: config.settings},
            "padding_id": self.padding,
        }

    @property
    def starts_from(self) -> Path | str | None:
        return self.preset if self.load_weights else None

    @property
    def vocabulary_taken(self) -> str | None:
        return vocabulary_hash(self.preset) if isinstance(self.preset, Path) else None

    @property
    def padding(self) -> int | None:
        """The token that is padding, if it is known."""
        return self.description.padding_id if self.padding_id is None else self.padding_id

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs of the backbone."""
        return tuple(one.name for one in self.description.inputs)

    def completes(self, name: str) -> bool:
        """Whether it computes an input from the tokens, where a call does not pass it."""
        if "token_ids" not in self.input_names:
            return False
        return name == SEGMENTS or (name == MASK and self.padding is not None)

    # Layers inside --------------------------------------------------------------------------------

    @property
    def inner_layers(self) -> tuple[str, ...]:
        return self.description.inner_layers

    def freezes(self, weight: str) -> bool:
        return bool(self.freeze) and is_below(weight, matching(self.freeze, self.inner_layers))

    def with_frozen(self, paths: Iterable[str]) -> Self:
        return self.model_copy(update={"freeze": tuple(dict.fromkeys((*self.freeze, *paths)))})

    def takes_adapters(self, weight: str) -> bool:
        adaptable = self.description.adaptable
        return super().takes_adapters(weight) and (adaptable is None or weight in adaptable)

    # The call -------------------------------------------------------------------------------------

    @property
    def given_names(self) -> tuple[str, ...]:
        """The names of its outputs, in order."""
        return self.outputs or tuple(self.description.outputs)

    def output_names(self, inputs: Inputs) -> tuple[str, ...]:
        names = self.given_names
        return names if len(names) > 1 else ()

    def output(self, inputs: Inputs) -> Outputs:
        found, given = self.description, dict(self._checked(inputs))
        first = next(iter(given.values()))
        for one in found.inputs:
            given.setdefault(one.name, first._replace(dtype=one.dtype))
        types = found.types(given, self.compute_dtype, self.given_names)
        several = tuple(types[name] for name in self.given_names)
        return several if len(several) > 1 else several[0]

    def _checked(self, inputs: Inputs) -> Iterator[tuple[str, Tensor]]:
        """The tensors of a call. Raises `Fault`: MS401, MS403, MS404, MS555."""
        longest, sizes = self.description.longest, dict[int, tuple[str, Size]]()
        for one in self.description.inputs:
            x = inputs.tensor(one.name)
            if x is None:
                continue
            check_type(self.config.kind, one, x)
            if longest is not None and x.rank > 1:
                check_length(self.config.kind, one.name, x, longest)
            if "token_ids" in self.input_names:
                check_same(self.config.kind, one.name, x, sizes)
            yield one.name, x

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        frozen = matching(self.freeze, self.inner_layers)
        return tuple(
            one._replace(
                trainable=one.trainable and self.trainable and not is_below(one.name, frozen),
                dtype=self.variable_dtype if is_float(one.dtype) else one.dtype,
            )
            for one in self.description.weights
        )

    def multiply_adds(self, inputs: Inputs) -> Size:
        """Unknown."""
        return None

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        """Only its outputs: the tensors between its layers are not known."""
        return Saved(outputs=True)
