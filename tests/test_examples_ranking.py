"""The examples of keras.io about recommendation (KerasRS), as specs: each trains on data of its form,
and finds or orders items as NumPy does with the same vectors.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from modelspec.cli import main

from .example_data import rng, train, write_json_lines, write_table

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
]

Overrides = dict[str, Any]
ROWS = 24


@pytest.fixture(autouse=True)
def without_traces() -> Iterator[None]:
    """Two steps of a small model take less time than the trace of one."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


# Data ---------------------------------------------------------------------------------------------


def ratings(folder: Path) -> Overrides:
    """The columns of MovieLens 100K."""
    draw = rng()
    ages = draw.integers(18, 60, ROWS)
    columns = {
        "user_id": draw.integers(1, 7, ROWS),
        "movie_id": draw.integers(1, 9, ROWS),
        "user_rating": draw.integers(1, 6, ROWS),
        "user_gender": np.arange(ROWS) % 2 == 0,
        "raw_user_age": ages,
        "bucketized_user_age": ages // 10 * 10,
        "user_occupation_text": draw.permuted(["writer", "artist", "none"] * (ROWS // 3)),
        "user_zip_code": draw.permuted(["05146", "94043", "V1G4L"] * (ROWS // 3)),
        "timestamp": draw.integers(874724710, 893286638, ROWS),
        "movie_title": draw.permuted(["Toy Story (1995)", "Heat (1995)", "Se7en"] * (ROWS // 3)),
        "movie_genres": draw.permuted(["4", "7|16", "0|2|3"] * (ROWS // 3)),
    }
    write_table(folder / "ratings.csv", columns)
    return {}


def few_ratings(folder: Path) -> Overrides:
    return {**ratings(folder), "vars.users": 6, "vars.movies": 8, "vars.width": 4}


def narrow_ratings(folder: Path) -> Overrides:
    return {**ratings(folder), "vars.width": 4, "vars.units": [4]}


def lists(folder: Path) -> Overrides:
    draw = rng()
    rows = [
        {
            "user": place // 2 + 1,
            "movies": draw.permutation(8)[:5].tolist(),
            "ratings": draw.permutation(5).tolist(),
        }
        for place in range(ROWS)
    ]
    write_json_lines(folder / "lists.jsonl", rows)
    return {"vars.users": ROWS, "vars.movies": 8, "vars.width": 4, "vars.units": [8]}


def sequences(folder: Path) -> Overrides:
    """What users saw, in lists of different lengths, and what came next."""
    draw = rng()
    rows = [
        {
            "movies": draw.integers(1, 9, size).tolist(),
            "times": np.sort(draw.integers(978300000, 978900000, size)).tolist(),
            "next": int(draw.integers(1, 9)),
        }
        for size in draw.integers(2, 9, ROWS)
    ]
    for name in ("sequences", "histories"):
        write_json_lines(folder / f"{name}.jsonl", rows)
    return {"vars.movies": 9, "vars.length": 6, "vars.width": 4}


def sequences_for_two_heads(folder: Path) -> Overrides:
    return {**sequences(folder), "vars.heads": 2, "vars.size": 3, "vars.buckets": 4}


def events(folder: Path) -> Overrides:
    draw = rng()
    kinds = draw.permuted(["like", "listen", "dislike"] * ROWS)
    table = {
        "uid": draw.integers(0, 6, len(kinds)),
        "item_id": draw.integers(0, 9_000_000, len(kinds)),
        "is_organic": draw.integers(0, 2, len(kinds)),
        "event_type": kinds,
        "played_ratio_pct": draw.integers(20, 100, len(kinds)),
    }
    pyarrow.parquet.write_table(pyarrow.table(table), folder / "events.parquet")
    return {"vars.users": 6, "vars.tracks": 60, "vars.width": 4}


def clicks(folder: Path) -> Overrides:
    draw = rng()
    numbers = ["Daily Time Spent on Site", "Daily Internet Usage", "Area Income", "Age"]
    columns: dict[str, Any] = {name: draw.normal(size=2 * ROWS).round(3) for name in numbers}
    columns |= {
        "user_id": [f"user_{number}" for number in range(2 * ROWS)],
        "Male": np.arange(2 * ROWS) % 2,
        "City": draw.choice(["Wrightburgh", "West Jodi"], 2 * ROWS),
        "Country": draw.choice(["Tunisia", "Nauru"], 2 * ROWS),
        "Ad Topic Line": [f"Offer {number}" for number in draw.integers(0, 9, 2 * ROWS)],
        "Clicked on Ad": np.sign(np.arange(2 * ROWS) % 3),
    }
    write_table(folder / "clicks.csv", columns)
    return {
        "training.epochs": None,
        "vars.epochs": 1,
        "training.stages.clicks.epochs": 1,
        "vars.width": 4,
    }


EXAMPLES: dict[str, Callable[[Path], Overrides]] = {
    "basic_ranking": few_ratings,
    "basic_retrieval": few_ratings,
    "contextual_retrieval_yambda": events,
    "dcn": narrow_ratings,
    "deep_recommender": narrow_ratings,
    "dlrm": narrow_ratings,
    "hstu": sequences_for_two_heads,
    "listwise_ranking": lists,
    "multi_task": few_ratings,
    "sas_rec": sequences,
    "sequential_retrieval": sequences,
    "two_stage_rs_with_marketing_interaction": clicks,
}


# What is special about an example -----------------------------------------------------------------


def nearest(folder: Path, rows: str, items: str, *options: str) -> list[list[str]]:
    """The columns `nearest_1`, `nearest_2`, ... of the command line, by row."""
    files = ["--data", str(folder / rows), "--items", str(folder / items)]
    command = ["predict", str(folder / "run"), *files, "--nearest", "3", *options]
    done = CliRunner().invoke(main, [*command, "-o", str(folder / "best.csv")])
    assert done.exit_code == 0, done.output
    with (folder / "best.csv").open() as file:
        return [[row[f"nearest_{place}"] for place in (1, 2, 3)] for row in csv.DictReader(file)]


def the_best(queries: Any, vectors: Any, numbers: list[int]) -> list[list[str]]:
    """The numbers of the three items with the greatest products."""
    order = np.argsort(-(queries @ vectors[numbers].T), axis=1)[:, :3]
    return [[str(numbers[place]) for place in row] for row in order]


def layers(*names: str) -> list[str]:
    return [word for name in names for word in ("--layer", name)]


def best_movies(run: Any, folder: Path, *options: str) -> None:
    """The movies whose vectors have the greatest products with the vector of a user."""
    write_table(folder / "users.csv", {"user_id": [1, 5]})
    write_table(folder / "movies.csv", {"movie_id": range(1, 9)})
    names = ("--id", "user_id", "--item-id", "movie_id")
    found = nearest(folder, "users.csv", "movies.csv", *names, *options)
    users, movies = (
        run.model.get_layer(f"{name}_vector").get_weights()[0] for name in ("user", "movie")
    )
    assert found == the_best(users[[1, 5]], movies, list(range(1, 9)))


def next_movies(run: Any, folder: Path) -> None:
    """The same for a vector that a GRU makes of a history."""
    write_json_lines(folder / "new.jsonl", [{"movies": [3, 1, 4]}, {"movies": [2] * 9}])
    write_json_lines(folder / "movies.jsonl", [{"next": number} for number in range(9)])
    found = nearest(folder, "new.jsonl", "movies.jsonl", "--item-id", "next")
    histories = np.array([[3, 1, 4, 0, 0, 0], [2] * 6], "int32")
    embedding, gru = (layer for layer in run.model.layers if layer.name in ("embedding", "query"))
    queries = gru(embedding(histories)).numpy()
    movies = run.model.get_layer("movie").get_weights()[0]
    assert found == the_best(queries, movies, list(range(9)))


def order_of_lists(run: Any, _folder: Path) -> None:
    """The loss and the measure of a list are those of NumPy."""
    measured = run.evaluate(split="test").metrics
    inputs, targets = run.data("test").arrays()
    scores = run.model.predict(inputs, verbose=0).astype("float64")
    wrong = np.maximum(1 - (scores[:, :, None] - scores[:, None, :]), 0)
    loss = np.where(targets[:, :, None] > targets[:, None, :], wrong, 0).sum(-1).mean()
    np.testing.assert_allclose(measured["loss"], loss, rtol=1e-5)
    discounts = np.log2(np.arange(5) + 2.0)
    found = np.take_along_axis(targets, np.argsort(-scores, axis=-1), axis=-1)
    gains, best = ((2.0**one - 1) / discounts for one in (found, -np.sort(-targets, axis=-1)))
    np.testing.assert_allclose(measured["ndcg"], np.mean(gains.sum(-1) / best.sum(-1)), rtol=1e-5)


def next_movies_by_states(run: Any, folder: Path) -> None:
    """The vector of a user is the state after the last movie, not after padding."""
    (prepared,) = run.data("validation").arrays()  # without targets
    assert prepared["movies"].shape == prepared["next"].shape == (len(run.data("validation")), 6)
    histories = np.array([[3, 1, 4, 0, 0, 0], [2] * 6], "int32")
    others = {"next": np.zeros_like(histories), "chance": np.zeros(histories.shape, "float32")}
    given = run.model.predict({"movies": histories, **others}, verbose=0)
    states = keras_model(run, "states").predict({"movies": histories, **others}, verbose=0)
    np.testing.assert_array_equal(given["query"], states[[0, 1], [2, 5]])
    write_json_lines(folder / "new.jsonl", [{"movies": [3, 1, 4]}, {"movies": [2] * 6}])
    write_json_lines(folder / "movies.jsonl", [{"movies": [0, number]} for number in range(1, 9)])
    found = nearest(folder, "new.jsonl", "movies.jsonl", *layers("query", "candidate"))
    numbers = [[str(int(place)) for place in row] for row in found]
    movies = run.model.get_layer("movie").get_weights()[0]
    assert numbers == the_best(given["query"], movies, list(range(1, 9)))


def both_tasks(run: Any, folder: Path) -> None:
    """The term is the sum over a batch; a user without a movie finds the best ones."""
    inputs, _ = run.data("test").arrays()
    users, movies = (
        run.model.get_layer(f"{name}_vector").get_weights()[0][inputs[name]].astype("float64")
        for name in ("user", "movie")
    )
    scores = users @ movies.T
    wanted = (np.log(np.exp(scores).sum(axis=1)) - np.diag(scores)).sum()
    np.testing.assert_allclose(run.evaluate(split="test").metrics["found"], wanted, rtol=1e-5)
    best_movies(run, folder, *layers("user_vector", "movie_vector"))


def pairs_of_features(run: Any, _folder: Path) -> None:
    """The triangle of products contains every pair of the six vectors once."""
    inputs, _ = run.data("test").arrays()
    vectors, pairs = keras_model(run, "reshape", "concatenate_2").predict(inputs, verbose=0)
    products = vectors.astype("float64") @ vectors.transpose(0, 2, 1)
    np.testing.assert_allclose(pairs, products[:, *np.tril_indices(6, -1)], rtol=1e-5, atol=1e-5)


def both_stages(run: Any, folder: Path) -> None:
    """The first stage trains on clicks alone, where the AUC of a class is 0, and the second on all."""
    with (folder / "run" / "history.csv").open() as file:
        assert [row["stage"] for row in csv.DictReader(file)] == ["towers", "clicks"]
    first, second = run.history["auc"]
    assert first == 0 < second
    np.testing.assert_allclose(run.history["learning_rate"], [1e-3, 1e-4])


def keras_model(run: Any, *names: str) -> Any:
    """The model of a run up to the outputs of some of its layers."""
    import keras

    return keras.Model(run.model.input, [run.model.get_layer(name).output for name in names])


POINTS: dict[str, Callable[[Any, Path], None]] = {
    "basic_retrieval": best_movies,
    "dlrm": pairs_of_features,
    "listwise_ranking": order_of_lists,
    "multi_task": both_tasks,
    "sas_rec": next_movies_by_states,
    "sequential_retrieval": next_movies,
    "two_stage_rs_with_marketing_interaction": both_stages,
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_trains(name: str, tmp_path: Path) -> None:
    run = train(name, tmp_path, {"training.batch_size": 12, **EXAMPLES[name](tmp_path)})
    if name in POINTS:
        POINTS[name](run, tmp_path)
