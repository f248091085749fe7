"""Did you mean: a name with one slip of the finger is found again among all of Keras's names."""

from __future__ import annotations

import random
import string

import pytest

from modelspec.core.diagnostics import nearest
from modelspec.core.diagnostics.suggest import edit_distance

LAYER_NAMES = """
Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention AutoContrast Average AveragePooling1D
AveragePooling2D AveragePooling3D BatchNormalization Bidirectional CategoryEncoding CenterCrop Concatenate Conv1D
Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D
Cropping3D Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding Equalization
Flatten GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization GroupQueryAttention HashedCrossing Hashing
Identity IntegerLookup LSTM LSTMCell LayerNormalization LeakyReLU Masking MaxPooling1D MaxPooling2D MaxPooling3D
Maximum MelSpectrogram Minimum MultiHeadAttention Multiply Normalization PReLU Permute RMSNormalization RNN
RandomBrightness RandomContrast RandomCrop RandomFlip RandomRotation RandomTranslation RandomZoom ReLU RepeatVector
Rescaling Reshape Resizing SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax Solarization
SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells StringLookup Subtract
TextVectorization TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D
ZeroPadding3D
"""
SETTING_NAMES = """
activation activity_regularizer alpha axis batch_size beta_constraint beta_initializer beta_regularizer
bias_constraint bias_initializer bias_regularizer callbacks causal cell center checkpoint data_format depth_multiplier
depthwise_constraint depthwise_initializer depthwise_regularizer dilation_rate dropout dtype embeddings_constraint
embeddings_initializer embeddings_regularizer epochs epsilon factor filters flash_attention gamma_constraint
gamma_initializer gamma_regularizer go_backwards groups height input_dim interpolation kernel_constraint
kernel_initializer kernel_regularizer kernel_size key_dim learning_rate loss_weights mask_zero max_value merge_mode
metrics momentum moving_mean_initializer moving_variance_initializer name negative_slope noise_shape normalize
num_heads num_oov_indices optimizer output_dim output_mode output_padding output_shape padding pointwise_constraint
pointwise_initializer pointwise_regularizer pool_size rate recurrent_activation recurrent_constraint recurrent_dropout
recurrent_initializer recurrent_regularizer rescale reset_after return_sequences return_state scale seed shared_axes
stateful strides supports_masking target_shape threshold trainable unit_forget_bias units unroll use_bias
use_causal_mask use_gate validation_split value_dim vocabulary vocabulary_size weights width zero_output_for_mask
"""
LAYERS = LAYER_NAMES.split()
SETTINGS = SETTING_NAMES.split()
LETTERS = string.ascii_letters + string.digits + "_"


def slipped(name: str, rng: random.Random) -> str:
    """The name with one edit: a character deleted, inserted or replaced, or two neighbours
    swapped.
    """
    at = rng.randrange(len(name))
    letter = rng.choice(LETTERS)
    return rng.choice(
        (
            name[:at] + name[at + 1 :],
            name[:at] + letter + name[at:],
            name[:at] + letter + name[at + 1 :],
            name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :],
        )
    )


@pytest.mark.parametrize(
    "known", [LAYERS, SETTINGS, LAYERS + SETTINGS], ids=["layers", "settings", "both"]
)
def test_a_name_with_one_slip_is_found_again(known: list[str]) -> None:
    rng = random.Random(11)
    tried = [(name, slipped(name, rng)) for name in known for _ in range(12)]
    tried = [(name, word) for name, word in tried if word not in known]
    wrong = [(word, name) for name, word in tried if nearest(word, known) != name]
    assert len(wrong) / len(tried) < 0.03, wrong


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Conv2d", "Conv2D"),
        ("conv_2d", "Conv2D"),
        ("dense", "Dense"),
        ("Desne", "Dense"),
        ("LTSM", "LSTM"),
        ("kernelSize", "kernel_size"),
        ("kernel-size", "kernel_size"),
        ("kernal_size", "kernel_size"),
        ("kernel", "kernel_size"),
        ("unit", "units"),
        ("activaton", "activation"),
        ("Activaton", "Activation"),
        ("BatchNorm", "BatchNormalization"),
        ("batchnormalisation", "BatchNormalization"),
        ("lerning_rate", "learning_rate"),
        ("MaxPool2D", "MaxPooling2D"),
        ("optim", "optimizer"),
        ("epoch", "epochs"),
        ("return_sequence", "return_sequences"),
    ],
)
def test_the_slips_that_people_make(word: str, expected: str) -> None:
    assert nearest(word, LAYERS + SETTINGS) == expected


@pytest.mark.parametrize("word", ["", "zzzzzz", "q", "transformer_block", "x" * 201, "___"])
def test_a_word_that_is_near_nothing_has_no_suggestion(word: str) -> None:
    assert nearest(word, LAYERS + SETTINGS) is None


def test_nothing_known_gives_nothing() -> None:
    assert nearest("Dense", []) is None
    assert nearest("Dense", ["", ""]) is None


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [
        ("", "", 0),
        ("", "ab", 2),
        ("ab", "ba", 1),
        ("abc", "acb", 1),
        ("kitten", "sitting", 3),
        ("abcd", "badc", 2),
    ],
)
def test_the_edit_distance_counts_a_swap_as_one(a: str, b: str, distance: int) -> None:
    assert edit_distance(a, b) == edit_distance(b, a) == distance
    assert edit_distance(a, b, limit=distance) == distance
    if distance:
        assert edit_distance(a, b, limit=distance - 1) == distance


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("erlu", ("elu", "relu", "selu"), "relu"),
        ("rel6u", ("relu", "relu6"), "relu6"),
        ("form", ("for", "from"), "from"),
        ("eglu", ("elu", "gelu"), "gelu"),
        ("cccuracy", ("Accuracy", "accuracy"), "accuracy"),
    ],
)
def test_of_names_at_one_distance_the_swapped_one_is_meant(
    word: str, known: tuple[str, ...], expected: str
) -> None:
    assert nearest(word, known) == expected
