"""Graphs: a spec and the same graph written by hand in Keras have equal shapes, weights and
parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import modelspec as ms
from modelspec.core.shapes import erase

pytestmark = pytest.mark.tensorflow

Build = Callable[[Any], Any]
CASES: dict[str, tuple[str, Build]] = {}


def case(text: str) -> Callable[[Build], Build]:
    """Register a spec (its `model` section, in YAML) and the function that builds the same by
    hand.
    """

    def register(build: Build) -> Build:
        CASES[build.__name__] = (text, build)
        return build

    return register


@case("""
inputs: {left: [8, 8, 1], right: [8, 8, 1]}
shared:
  tower:
    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}
    - GlobalMaxPooling2D
    - Dense: 6
  judge: {Dense: {units: 1, activation: sigmoid}}
layers:
  - tower: {from: left, name: a}
  - tower: {from: right, name: b}
  - Subtract: {from: [a, b]}
  - judge
""")
def siamese(keras: Any) -> Any:
    layers = keras.layers
    tower = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(6),
        ]
    )
    left, right = layers.Input((8, 8, 1)), layers.Input((8, 8, 1))
    difference = layers.Subtract()([tower(left), tower(right)])
    return keras.Model([left, right], layers.Dense(1, activation="sigmoid")(difference))


@case("""
inputs: {image: [28, 28, 1], tokens: {shape: [time], dtype: int32}}
layers:
  - Conv2D: {filters: 8, kernel_size: 3, strides: 2, activation: relu}
  - BatchNormalization
  - GlobalAveragePooling2D: {name: seen}
  - Embedding: {input_dim: 50, output_dim: 6, mask_zero: true, from: tokens}
  - Bidirectional: {LSTM: {units: 5}, name: read}
  - Concatenate: {from: [seen, read], name: both}
  - Dense: {units: 1, activation: sigmoid, name: verdict}
  - Dense: {units: 5, activation: softmax, from: both, name: topic}
outputs: {yes: verdict, which: topic}
""")
def two_in_two_out(keras: Any) -> Any:
    layers = keras.layers
    image, tokens = layers.Input((28, 28, 1)), layers.Input((None,), dtype="int32")
    seen = layers.Conv2D(8, 3, strides=2, activation="relu")(image)
    seen = layers.GlobalAveragePooling2D()(layers.BatchNormalization()(seen))
    read = layers.Bidirectional(layers.LSTM(5))(layers.Embedding(50, 6, mask_zero=True)(tokens))
    both = layers.Concatenate()([seen, read])
    verdict = layers.Dense(1, activation="sigmoid")(both)
    topic = layers.Dense(5, activation="softmax")(both)
    return keras.Model([image, tokens], {"yes": verdict, "which": topic})


@case("""
inputs: {question: [10, 4], answer: [12, 4]}
layers:
  - LSTM: {units: 7, return_state: true, from: question, name: encoder}
  - LSTM: {units: 7, return_sequences: true, name: decoder,
           from: {sequences: answer, initial_state: [encoder.hidden, encoder.cell]}}
  - TimeDistributed: {Dense: 9}
""")
def sequence_to_sequence(keras: Any) -> Any:
    layers = keras.layers
    question, answer = layers.Input((10, 4)), layers.Input((12, 4))
    _, hidden, cell = layers.LSTM(7, return_state=True)(question)
    decoded = layers.LSTM(7, return_sequences=True)(answer, initial_state=[hidden, cell])
    return keras.Model([question, answer], layers.TimeDistributed(layers.Dense(9))(decoded))


@case("""
inputs: {x: [16]}
shared:
  inner:
    - Dense: 8
    - Dense: 8
  outer:
    inputs: {a: [16], b: [16]}
    shared:
      bridge: {Dense: {units: 4}}
    layers:
      - inner: {from: a, name: one}
      - inner: {from: b, name: two}
      - bridge: {from: one, name: narrow}
      - bridge: {from: two, name: thin}
      - Concatenate: {from: [narrow, thin], name: joined}
      - Dense: {units: 2, name: small}
    outputs: {wide: joined, head: small}
layers:
  - Dense: {units: 16, name: y}
  - outer: {from: [x, y], name: first}
  - outer: {from: {a: y, b: x}, name: second}
  - Add: {from: [first.wide, second.wide], name: sum}
  - Concatenate: {from: [sum, first.head, second.1]}
  - inner: {from: x, name: again}
outputs: [concatenate, again]
""")
def nested_models(keras: Any) -> Any:
    layers = keras.layers
    inner = keras.Sequential([layers.Input((16,)), layers.Dense(8), layers.Dense(8)])
    a, b, bridge = layers.Input((16,)), layers.Input((16,)), layers.Dense(4)
    joined = layers.Concatenate()([bridge(inner(a)), bridge(inner(b))])
    outer = keras.Model([a, b], [joined, layers.Dense(2)(joined)])
    x = layers.Input((16,))
    y = layers.Dense(16)(x)
    first, second = outer([x, y]), outer([y, x])
    total = layers.Add()([first[0], second[0]])
    return keras.Model(x, [layers.Concatenate()([total, first[1], second[1]]), inner(x)])


@case("""
image_data_format: channels_first
inputs: {image: [3, 20, 24]}
layers:
  - Conv2D: {filters: 5, kernel_size: [3, 5], padding: same}
  - SeparableConv2D: {filters: 6, kernel_size: 3, depth_multiplier: 2}
  - MaxPooling2D: {pool_size: 2, data_format: channels_first}
  - UpSampling2D: [2, 3]
  - GlobalAveragePooling2D
""")
def channels_first(keras: Any) -> Any:
    layers, first = keras.layers, "channels_first"
    x = image = layers.Input((3, 20, 24))
    x = layers.Conv2D(5, (3, 5), padding="same", data_format=first)(x)
    x = layers.SeparableConv2D(6, 3, depth_multiplier=2, data_format=first)(x)
    x = layers.UpSampling2D((2, 3), data_format=first)(layers.MaxPooling2D(2, data_format=first)(x))
    return keras.Model(image, layers.GlobalAveragePooling2D(data_format=first)(x))


@case("""
inputs: {tokens: [6, 16]}
layers:
  - MultiHeadAttention: {num_heads: 2, key_dim: 4, name: seen, from: {query: tokens, value: tokens},
                         call: {use_causal_mask: true, return_attention_scores: true}}
  - Add: {from: [tokens, seen.0], name: mixed}
  - LayerNormalization
  - Attention: {use_scale: true, from: [layer_normalization, tokens]}
outputs: [attention, seen.1]
""")
def attention_with_scores(keras: Any) -> Any:
    layers = keras.layers
    tokens = layers.Input((6, 16))
    seen, scores = layers.MultiHeadAttention(2, 4)(
        tokens, tokens, use_causal_mask=True, return_attention_scores=True
    )
    mixed = layers.LayerNormalization()(layers.Add()([tokens, seen]))
    return keras.Model(tokens, [layers.Attention(use_scale=True)([mixed, tokens]), scores])


@case("""
inputs: {x: [6]}
shared:
  frozen:
    trainable: false
    layers: [{Dense: 4}, BatchNormalization]
layers:
  - frozen
  - Dense: {units: 3, trainable: false}
  - Dense: 2
""")
def frozen_parts(keras: Any) -> Any:
    layers = keras.layers
    frozen = keras.Sequential([layers.Input((6,)), layers.Dense(4), layers.BatchNormalization()])
    frozen.trainable = False
    x = layers.Input((6,))
    return keras.Model(x, layers.Dense(2)(layers.Dense(3, trainable=False)(frozen(x))))


@case("""
vars: {stages: [{filters: 4, blocks: 1}, {filters: 6, blocks: 2}], shortcut: true}
blocks:
  residual:
    parameters: {filters: null, stride: 1}
    primary: filters
    layers:
      - Conv2D: {filters: $filters, kernel_size: 3, strides: $stride, padding: same, use_bias: false}
      - BatchNormalization: {name: main}
      - Conv2D: {filters: $filters, kernel_size: 1, strides: $stride, from: input, name: skip}
      - Add: {from: [main, skip]}
      - ReLU
model:
  inputs: {image: [16, 16, 3]}
  layers:
    - for: {stage: $stages}
      index: i
      do:
        - residual: {filters: $stage.filters, stride: $(1 if i == 0 else 2)}
        - residual: {filters: $stage.filters, repeat: $(stage.blocks - 1)}
    - GlobalAveragePooling2D
    - when: $(not shortcut)
      do: [{Dense: 99}]
      else: [{Dense: 7}]
""")
def stages_of_blocks(keras: Any) -> Any:
    layers = keras.layers

    def residual(x: Any, filters: int, stride: int) -> Any:
        main = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
        main = layers.BatchNormalization()(main)
        return layers.ReLU()(layers.Add()([main, layers.Conv2D(filters, 1, strides=stride)(x)]))

    image = layers.Input((16, 16, 3))
    x = residual(image, 4, 1)
    x = residual(residual(x, 6, 2), 6, 1)
    return keras.Model(image, layers.Dense(7)(layers.GlobalAveragePooling2D()(x)))


@case("""
vars: {width: 8, heads: 2}
blocks:
  encoder:
    parameters: {rate: 0.1}
    layers:
      - branches:
          - [{LayerNormalization: {}}, {attend: {rate: $rate}}]
          - []
        join: Add
      - branches: [[{Dense: {units: $(2 * width), activation: gelu}}, {Dense: $width}, {Dropout: $rate}], []]
        join: {Add: {name: out}}
  attend:
    parameters: {rate: 0.0}
    layers:
      - MultiHeadAttention: {num_heads: $heads, key_dim: $(width // heads), from: [input, input], dropout: $rate}
model:
  inputs: {rows: [5, 8]}
  layers:
    - encoder: {repeat: 2}
    - repeat: 2
      do: [{Dense: 4}, {Activation: tanh}]
    - GlobalAveragePooling1D
""")
def encoder_twice(keras: Any) -> Any:
    layers = keras.layers
    rows = layers.Input((5, 8))
    x = rows
    for _ in range(2):
        normal = layers.LayerNormalization()(x)
        x = layers.Add()([layers.MultiHeadAttention(2, 4, dropout=0.1)(normal, normal), x])
        wide = layers.Dense(8)(layers.Dense(16, activation="gelu")(x))
        x = layers.Add()([layers.Dropout(0.1)(wide), x])
    for _ in range(2):
        x = layers.Activation("tanh")(layers.Dense(4)(x))
    return keras.Model(rows, layers.GlobalAveragePooling1D()(x))


@pytest.mark.parametrize("name", CASES)
def test_a_spec_is_the_graph_that_is_written_by_hand(name: str) -> None:
    import keras
    import numpy as np

    text, by_hand = CASES[name]
    from modelspec.core.source import plain, read_text

    document = read_text(
        text if "\nmodel:" in text else "model:" + text.replace("\n", "\n  "), "case.yaml"
    ).value
    assert document is not None
    spec = ms.load_spec(plain(document.root))  # type: ignore[arg-type]  # a mapping, by the text
    built, expected = spec.build(), by_hand(keras)

    assert spec.graph.parameters == built.count_params() == expected.count_params()
    sizes = [int(np.prod(weight.shape)) for weight in expected.trainable_weights]
    assert spec.graph.trainable_parameters == sum(sizes)
    assert sum(int(np.prod(weight.shape)) for weight in built.trainable_weights) == sum(sizes)
    inferred = [erase(tensor.shape) for tensor in spec.graph.outputs.values()]
    wanted = [tuple(tensor.shape) for tensor in expected.outputs]
    made = [tuple(tensor.shape) for tensor in built.outputs]
    assert sorted(map(str, inferred)) == sorted(map(str, made)) == sorted(map(str, wanted))
    assert sorted(map(str, (w.shape for w in built.weights))) == sorted(
        map(str, (w.shape for w in expected.weights))
    )


@pytest.mark.parametrize("name", ["stages_of_blocks", "sequence_to_sequence", "encoder_twice"])
def test_a_resolved_spec_builds_the_same_weights(name: str) -> None:
    """Also with every default written out: the same random numbers are drawn in the same order."""
    import keras
    import numpy as np

    from modelspec.core.source import plain, read_text
    from modelspec.views.resolve import resolved

    text, _ = CASES[name]
    document = read_text(
        text if "\nmodel:" in text else "model:" + text.replace("\n", "\n  "), "case.yaml"
    ).value
    assert document is not None
    spec = ms.load_spec(plain(document.root))  # type: ignore[arg-type]  # a mapping, by the text
    built = []
    for one in (
        spec,
        *(ms.load_spec(resolved(spec.compiled, defaults=on)) for on in (False, True)),
    ):
        keras.utils.set_random_seed(3)
        built.append(one.build().get_weights())
    for others in built[1:]:
        assert len(others) == len(built[0])
        assert all(np.array_equal(a, b) for a, b in zip(built[0], others, strict=True))
