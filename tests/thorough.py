"""Tests that take long and that other, faster tests mostly cover: `MODELSPEC_FUZZ=long` runs them.

An entry is the beginning of a test's id, below `tests/`. Of a whole file, only what imports
TensorFlow is left out.
"""

from __future__ import annotations

import os
from typing import Final

LONG: Final = os.environ.get("MODELSPEC_FUZZ") == "long"

FILES: Final = (
    "test_estimators_forms.py",
    "test_examples_series.py",
    "test_examples_vision.py",
    "test_from_keras.py",
    "test_guest_threads.py",
    "test_sparse_layers.py",
    "test_workers_predict.py",
)

_BUILT = "test_architectures_keras.py::test_an_architecture_is_that_of_keras["
_FIRST_EPOCH = "test_configs_train.py::test_an_example_spec_learns_from_the_first_epoch["
_MEMORY = "test_memory_keras.py::test_the_estimate_is_within_5_percent_of_a_traced_step["
_RANKING = "test_examples_ranking.py::test_an_example_trains["
_TABLES = "test_examples_tables.py::test_an_example_trains["
_WEIGHTS = "test_weights.py::test_the_weights_of_"

TESTS: Final = (
    # The record of Keras's models covers layers, names and weights; the others of a family outputs.
    f"{_BUILT}DenseNet121",
    f"{_BUILT}EfficientNetV2B0",
    f"{_BUILT}InceptionV3",
    f"{_BUILT}NASNetMobile",
    f"{_BUILT}ResNet50V2",
    f"{_BUILT}VGG16",
    f"{_BUILT}Xception",
    f"{_WEIGHTS}imagenet_meet_the_layers_that_keras_makes_for_them[EfficientNetB3",
    f"{_WEIGHTS}keras_are_fetched_when_a_model_is_built_and_not_before[EfficientNetB0-False]",
    "test_import_keras.py::test_a_spec_comes_back_as_itself[inception",
    # The layers and blocks of these are in other configs and examples, whose trainings stay.
    f"{_FIRST_EPOCH}transformer_encoder]",
    f"{_FIRST_EPOCH}unet]",
    f"{_FIRST_EPOCH}vit]",
    f"{_FIRST_EPOCH}wavenet]",
    "test_configs_train.py::test_an_example_spec_trains[lstm]",
    "test_configs_train.py::test_an_example_spec_trains[transformer]",
    "test_configs_train.py::test_an_example_spec_trains[two_inputs_two_outputs]",
    "test_configs_train.py::test_an_example_spec_trains[vae]",
    f"{_RANKING}dlrm]",
    f"{_RANKING}hstu]",
    f"{_RANKING}sas_rec]",
    f"{_RANKING}two_stage_rs_with_marketing_interaction]",
    f"{_TABLES}bidirectional_lstm_imdb]",
    f"{_TABLES}classification_with_grn_and_vsn]",
    f"{_TABLES}customer_lifetime_value]",
    f"{_TABLES}deep_neural_decision_forests]",
    f"{_TABLES}masked_language_modeling]",
    f"{_TABLES}movielens_recommendations_transformers]",
    f"{_TABLES}ner_transformers]",
    f"{_TABLES}neural_machine_translation_with_transformer]",
    f"{_TABLES}tabtransformer]",
    f"{_TABLES}text_classification_with_switch_transformer]",
    "test_time_distributed_models.py::test_a_network_of_the_library_is_that_of_keras",
    # The layers of these are compared one by one.
    f"{_MEMORY}fine_tune_mobilenet]",
    f"{_MEMORY}resnet50-",
    f"{_MEMORY}unet]",
    f"{_MEMORY}vit-",
    f"{_MEMORY}wavenet]",
    # Trainings of specs that `init --data` writes; those of penguins and digits stay.
    "test_init_data_train.py::test_messages_without_a_header",
    "test_init_data_train.py::test_prices_of_diamonds_from_a_few_of_them",
    "test_init_data_train.py::test_survivors_of_the_titanic",
    # Some hundred small trainings each; the other tests of estimators use pipelines and searches.
    "test_estimators.py::test_check_estimator[",
    "test_guest_state.py::test_a_first_call_changes_no_more_than_importing_keras_does",
    "test_transforms.py::test_what_augmentation_does_follows_from_the_position[augment5]",
)


def is_left_out(test: str, *, imports_tensorflow: bool) -> bool:
    """Whether a test with this id, below `tests/`, runs only with `MODELSPEC_FUZZ=long`."""
    if LONG:
        return False
    return test.startswith(TESTS) or (imports_tensorflow and test.startswith(FILES))
