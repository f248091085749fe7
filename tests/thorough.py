"""Tests that take long and that other, faster tests mostly cover: `MODELSPEC_FUZZ=long` runs them.

An entry is the beginning of a test's id, below `tests/`. Of a whole file, only what imports
TensorFlow is left out.
"""

from __future__ import annotations

import os
from collections import Counter
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
    f"{_BUILT}ResNet50-",
    f"{_BUILT}ResNet50V2",
    f"{_BUILT}VGG16",
    f"{_BUILT}Xception",
    f"{_WEIGHTS}imagenet_meet_the_layers_that_keras_makes_for_them[EfficientNetB3",
    f"{_WEIGHTS}keras_are_fetched_when_a_model_is_built_and_not_before[EfficientNetB0-False]",
    "test_import_keras.py::test_a_model_of_keras_comes_back_with_equal_outputs[ConvNeXtTiny]",
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
    # What example specs learn; that they train is tested in any case.
    "test_configs_players.py::test_the_generator_finds_every_cluster",
    "test_configs_terms.py::test_a_learned_variance_is_the_error_of_its_task",
    "test_configs_terms.py::test_a_student_recognizes_digits_that_it_never_saw",
    # In processes of their own, what others test in this one.
    "test_formula_keras.py::test_a_model_trained_by_formula_loads_in_plain_keras",
    "test_own_layers.py::test_a_model_loads_in_a_process_of_its_own",
    "test_guest_state.py::test_a_first_call_changes_no_more_than_importing_keras_does",
    # Runs that are killed: in test_resume, test_crash_points, test_players_runs, test_plugins_runs
    # and test_plugins_data_runs they stay, and state of every kind is captured in one place.
    "test_lora.py::test_a_killed_run_ends_as_the_undisturbed_one",
    "test_objective_runs.py::test_a_run_that_is_killed_ends_as_the_undisturbed_one",
    "test_expect_runs.py::test_a_run_that_is_resumed_is_judged_as_one_that_was_not",
    "test_resume.py::test_a_run_killed_in_the_middle_of_epochs_ends_as_the_undisturbed_one",
    "test_resume.py::test_a_second_interrupt_ends_it_at_once",
    "test_stages_runs.py::test_kill_9_at_any_instant",
    "test_test_runs.py::test_an_interrupted_test_is_resumed_by_the_next_one",
    "test_time_distributed_models.py::test_a_resumed_run_ends_as_the_undisturbed_one",
    "test_workers_train.py::test_a_chief_that_is_killed_while_it_commits_changes_nothing",
    "test_xla_switch.py::test_a_killed_run_continues_with_xla_from_the_same_step",
    "test_transforms.py::test_what_augmentation_does_follows_from_the_position[augment5]",
)


EVERY: Final = {
    "test_architectures_keras.py::test_an_architecture_is_that_of_keras": 3,
    "test_augment_on.py::test_a_mask_has_at_each_place_the_class_of_the_place_that_its_image_shows": 3,
    "test_averages.py::test_the_saved_model_has_the_value_that_was_logged": 3,
    "test_averages.py::test_what_a_checkpoint_of_keras_keeps_has_the_value_that_was_logged": 3,
    "test_configs_train.py::test_an_example_spec_trains": 2,
    "test_estimators_data.py::test_a_fit_is_the_training_of_the_spec_on_the_same_rows": 3,
    "test_estimators_data.py::test_columns_are_in_the_order_of_the_classes": 2,
    "test_examples_ranking.py::test_an_example_trains": 3,
    "test_examples_tables.py::test_an_example_trains": 3,
    "test_export.py::test_litert": 2,
    "test_export.py::test_the_script_makes_the_same_model": 2,
    "test_export_numbers.py::test_a_file_has_the_names_that_are_said": 3,
    "test_export_numbers.py::test_a_length_that_the_model_leaves_open_stays_open": 2,
    "test_export_numbers.py::test_a_model_for_batches_of_one_size_is_exported_for_them": 2,
    "test_export_numbers.py::test_sequences_of_any_length_are_cut_and_filled_up": 2,
    "test_export_numbers.py::test_what_is_left_out_is_said_and_noted_in_the_file": 2,
    "test_fault_tables.py::test_a_disk_that_fails_ends_the_run_and_keeps_what_is_good": 3,
    "test_fault_tables.py::test_two_runs_of_one_spec_are_equal_to_the_bit": 3,
    "test_formula_keras.py::test_a_model_with_formulas_loads_in_plain_keras": 2,
    "test_guest_state.py::test_a_call_leaves_everything_as_it_was": 5,
    "test_held_and_masked.py::test_a_layer_of_another_dtype_runs_inside_time_distributed": 2,
    "test_held_and_masked.py::test_scores_come_with_the_mask_by_which_attention_attends": 2,
    "test_import_keras.py::test_a_spec_comes_back_as_itself": 2,
    "test_loop.py::test_the_same_batches_give_what_fit_gives": 2,
    "test_memory_keras.py::test_the_estimate_is_within_5_percent_of_a_traced_step": 3,
    "test_metric_pairs.py::test_a_metric_that_check_takes_is_what_its_page_promises": 2,
    "test_moving_boxes.py::test_points_are_where_the_image_shows_them": 2,
    "test_not_finite.py::test_a_batch_that_is_left_out_leaves_no_trace_and_the_run_goes_on_exactly": 2,
    "test_players_runs.py::test_a_step_in_which_an_update_is_not_finite": 2,
    "test_quantize.py::test_a_file_is_what_keras_quantizes": 2,
    "test_quick_import.py::test_a_command_loads_tensorflow_first": 3,
    "test_random_specs.py::test_a_slip_in_the_text_is_told": 3,
    "test_random_specs.py::test_a_wrong_value_is_told": 3,
    "test_run.py::test_a_signal_ends_the_run_and_what_was_reached_is_saved": 3,
    "test_slices_runs.py::test_a_slice_has_the_metrics_of_a_file_with_its_rows_alone": 2,
    "test_time_distributed_models.py::test_it_trains_in_mixed_precision_and_for_any_number_of_steps": 2,
    "test_training_numbers.py::test_a_training_is_that_of_numpy": 2,
    "test_transform_numbers.py::test_an_example_has_one_result_whatever_stands_beside_it": 2,
    "test_transforms.py::test_predicted_numbers_are_those_of_the_column_where_they_can_be": 2,
    "test_transforms.py::test_predictions_are_the_labels_of_the_column": 3,
    "test_transforms.py::test_what_augmentation_does_follows_from_the_position": 2,
    "test_weights.py::test_the_weights_of_keras_are_fetched_when_a_model_is_built_and_not_before": 2,
    "test_writing.py::test_memory_does_not_grow_with_the_predictions": 2,
}
"""Tests of many similar cases, with how many cases there are for each one that runs by default: the
first, and every second, third or fifth after it.
"""

LONGEST: Final = (
    "test_docs.py",
    "oracle/test_layers.py",
    "test_resume.py",
    "test_workers_train.py",
    "test_devices.py",
)
"""Files that take a minute and more. They come first, so that no process is alone with one at the
end.
"""


class LeftOut:
    """Which tests run only with `MODELSPEC_FUZZ=long`, asked in the order in which they are
    collected.
    """

    def __init__(self) -> None:
        self._cases: Counter[str] = Counter()

    def has_next(self, test: str, *, imports_tensorflow: bool) -> bool:
        """Whether the next test, with this id below `tests/`, is left out. Counts its family."""
        if LONG:
            return False
        if test.startswith(TESTS) or (imports_tensorflow and test.startswith(FILES)):
            return True
        family = test.partition("[")[0]
        if family not in EVERY:
            return False
        self._cases[family] += 1
        return self._cases[family] % EVERY[family] != 1
