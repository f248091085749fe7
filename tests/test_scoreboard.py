"""The figures that faults have to reach: every row has a test, or a program, that measures it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCOREBOARD: dict[str, tuple[str, ...]] = {
    "1 code of files executed": (
        "test_import.py::test_one_process_refuses_everything_and_touches_nothing",
        "test_hostile.py::test_a_hostile_file_is_refused_or_read",
        "tools/hostile.py::main",
    ),
    "2 refusals in a sentence": (
        "test_import.py::test_hostile_files_are_refused_with_a_sentence",
        "test_hostile.py::test_a_hostile_file_is_refused_or_read",
        "tools/hostile.py::main",
    ),
    "3 memory and time of bombs": (
        "test_source_files.py::test_a_bomb_takes_no_memory",
        "tools/hostile.py::main",
    ),
    "4 files of a hostile archive": (
        "test_import.py::test_what_else_an_archive_holds_is_never_opened",
        "test_import.py::test_a_bomb_is_refused_before_it_is_unpacked",
        "test_hostile.py::test_a_hostile_file_is_refused_or_read",
        "tools/hostile.py::main",
    ),
    "5 mutated specs": ("test_source_properties.py::test_no_mutation_of_an_example_raises",),
    "6 hostile texts": (
        "test_source_files.py::test_what_is_hostile_is_refused_or_read",
        "test_source_files.py::test_bytes_that_are_no_text_are_refused_at_their_place",
    ),
    "7 the place of an error": ("test_seeded_faults.py::test_the_place_is_exact",),
    "8 killed at any instant": (
        "test_resume.py::test_kill_9_at_any_instant",
        "test_resume_random.py::test_a_training_that_is_stopped_anywhere_ends_as_it_would_have",
    ),
    "9 enumerated crash points": (
        "test_checkpoints.py::test_a_crash_at_any_operation_leaves_the_old_or_the_new",
        "test_crash_points.py::test_a_run_that_is_killed_at_any_operation_ends_the_same",
        "tools/crash_points.py::main",
    ),
    "10 torn checkpoints": (
        "test_checkpoints.py::test_a_crash_at_any_operation_leaves_the_old_or_the_new",
    ),
    "11 damaged checkpoints": (
        "test_checkpoints.py::test_a_flipped_bit_anywhere_is_found_and_the_one_before_is_used",
        "test_checkpoints.py::test_a_file_that_was_cut_or_has_grown_or_is_gone_is_found",
        "test_checkpoints.py::test_files_of_another_checkpoint_are_found",
    ),
    "12 disks that fail": (
        "test_checkpoints.py::test_a_disk_that_fails_at_any_operation_keeps_the_last_good_one_and_says_so",
        "test_fault_tables.py::test_a_disk_that_fails_ends_the_run_and_keeps_what_is_good",
    ),
    "13 signals": (
        "test_resume.py::test_a_signal_anywhere_loses_nothing",
        "test_signals.py::test_a_signal_that_a_library_catches_is_not_lost",
        "test_resume.py::test_a_second_interrupt_ends_it_at_once",
    ),
    "14 two writers": ("test_fault_tables.py::test_of_two_starts_at_once_exactly_one_runs",),
    "15 bad data": (
        "test_bad_data.py::test_a_fault_has_its_verdict",
        "test_bad_data.py::test_what_is_right_is_taken",
    ),
    "16 determinism": ("test_fault_tables.py::test_two_runs_of_one_spec_are_equal_to_the_bit",),
    "17 orders of epochs": (
        "test_run.py::test_every_epoch_sees_every_example_once_in_an_order_of_its_own",
    ),
    "18 differences at a resume": (
        "test_resume.py::test_what_is_not_as_it_was_is_refused_and_named",
        "test_fault_tables.py::test_one_thing_that_is_not_as_it_was_is_named",
    ),
    "19 predictions after an export": (
        "test_export.py::test_keras_takes_raw_rows",
        "test_export.py::test_weights_start_a_training_where_the_run_ended",
    ),
}
"""By row: the tests, and the programs that print the figure."""


def test_the_scoreboard_has_every_row() -> None:
    assert [int(row.split()[0]) for row in SCOREBOARD] == list(range(1, 20))


@pytest.mark.parametrize("row", SCOREBOARD)
def test_a_row_is_measured(row: str) -> None:
    for one in SCOREBOARD[row]:
        file, _, name = one.partition("::")
        tree = ast.parse((HERE / file).read_text("utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in functions, one
