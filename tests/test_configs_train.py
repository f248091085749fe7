"""Every example spec trains to what it is there to show, and its model loads in plain Keras."""

from __future__ import annotations

from pathlib import Path

import pytest

import modelspec as ms

pytestmark = pytest.mark.tensorflow

CONFIGS = Path(__file__).parent.parent / "configs"
AT_LEAST = {
    "digits": ("accuracy", 0.97),
    "iris": ("accuracy", 0.9),
    "sweep": ("accuracy", 0.9),  # with its own values
    "crossvalidation": ("accuracy", 0.9),  # its first fold
    "siamese": ("accuracy", 0.93),
    "two_inputs_two_outputs": ("cultivar_accuracy", 0.9),
    "transformer": ("accuracy", 0.94),
    "lstm": ("accuracy", 0.9),
    "finetuning": ("accuracy", 0.95),
    "contrastive": ("found", 0.35),  # of 64 halves of digits
}
AT_MOST = {
    "autoencoder": ("mae", 1.5),  # of pixels from 0 to 16
    "vae": ("reconstruction", 2.5),  # 4.7: always the mean image
    "triplet": ("triplet", 0.03),  # 0.2: equal codes
}
AFTER_ONE_EPOCH = {
    "unet": ("mae", 4.5),  # 4.9: nothing but black
    "wavenet": ("loss", 2.6),  # 2.8: every shade alike
    "seq2seq": ("mae", 4.5),
    "transformer_encoder": ("loss", 2.3),
    "vit": ("loss", 2.2),
    "wgan_gp": ("critic_penalty", 0.6),  # 1: a critic without a slope
}
"""Specs that take minutes to learn all that they can: that they learn shows at once."""
BUILT = ("fine_tune_mobilenet", "mobilenet")
"""Architectures of the library, to be trained on a good machine."""
CHECKED = ("vgg16", "vgg19", "resnet50", "inceptionv3", "inceptionresnetv2", "xception")
"""Larger ones still, whose library models are compared with Keras's elsewhere."""


APART = ("distillation", "multitask", "gan", "diffusion")
"""Trained in `tests/test_configs_terms.py`, `tests/test_configs_players.py` and
`tests/test_generation_loop.py`.
"""


def test_every_config_is_trained_here() -> None:
    known = {*AT_LEAST, *AT_MOST, *AFTER_ONE_EPOCH, *BUILT, *CHECKED, *APART}
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == known


@pytest.mark.parametrize("name", AFTER_ONE_EPOCH)
def test_an_example_spec_learns_from_the_first_epoch(name: str, tmp_path: Path) -> None:
    run = ms.load_spec(CONFIGS / f"{name}.yaml", overrides={"training.epochs": 1}).train(
        run_dir=tmp_path / name
    )
    metric, bound = AFTER_ONE_EPOCH[name]
    assert run.metrics[metric] <= bound


@pytest.mark.parametrize("name", BUILT)
def test_an_example_spec_of_an_architecture_builds(name: str) -> None:
    spec = ms.load_spec(CONFIGS / f"{name}.yaml")
    model = spec.build()
    assert model.count_params() == spec.graph.parameters
    assert (
        sum(weight.numpy().size for weight in model.trainable_weights)
        == spec.graph.trainable_parameters
    )


@pytest.mark.parametrize("name", CHECKED)
def test_an_example_spec_of_a_large_architecture_has_its_classes(name: str) -> None:
    graph = ms.load_spec(CONFIGS / f"{name}.yaml").graph
    assert [tensor.shape for tensor in graph.outputs.values()] in ([(None, 10)], [(None, 100)])


@pytest.mark.parametrize("name", [*AT_LEAST, *AT_MOST])
def test_an_example_spec_trains(name: str, tmp_path: Path) -> None:
    import keras
    import numpy as np

    run = ms.load_spec(CONFIGS / f"{name}.yaml").train(run_dir=tmp_path / name)
    if name in AT_LEAST:
        metric, bound = AT_LEAST[name]
        assert run.metrics[metric] >= bound
    else:
        metric, bound = AT_MOST[name]
        assert run.metrics[metric] <= bound
    loaded = keras.saving.load_model(tmp_path / name / "model.keras")
    assert loaded.count_params() == run.model.count_params()
    for saved, trained in zip(loaded.weights, run.model.weights, strict=True):
        np.testing.assert_array_equal(saved.numpy(), trained.numpy())
