"""Graphs: a spec and the same graph written by hand in Keras have equal shapes, weights and parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import modelspec as ms
from modelspec.shapes import erase

pytestmark = pytest.mark.tensorflow

Build = Callable[[Any], Any]
CASES: dict[str, tuple[str, Build]] = {}


def case(text: str) -> Callable[[Build], Build]:
    """Register a spec (its `model` section, in YAML) and the function that builds the same by hand."""

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
    tower = keras.Sequential([
        layers.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu"), layers.GlobalMaxPooling2D(), layers.Dense(6),
    ])  # fmt: skip
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
    seen, scores = layers.MultiHeadAttention(2, 4)(tokens, tokens, use_causal_mask=True, return_attention_scores=True)
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



@pytest.mark.parametrize("name", CASES)
def test_a_spec_is_the_graph_that_is_written_by_hand(name: str) -> None:
    import keras
    import numpy as np

    text, by_hand = CASES[name]
    from modelspec.source import plain, read_text

    document = read_text("model:" + text.replace("\n", "\n  "), "case.yaml").value
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
    assert sorted(map(str, (w.shape for w in built.weights))) == sorted(map(str, (w.shape for w in expected.weights)))
