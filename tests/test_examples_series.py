"""The examples of keras.io about time series, sound, graphs and small recipes, as specs: each trains on
data of its form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .example_data import pixels, rng, train, write_json_lines, write_lines, write_npz, write_table

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
]

Overrides = dict[str, Any]


@pytest.fixture(autouse=True)
def without_traces() -> Iterator[None]:
    """Two steps of a small model take less time than the trace of one."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


# Time series --------------------------------------------------------------------------------------


def days(folder: Path) -> Overrides:
    times = [f"2014-04-{1 + place // 24:02}T{place % 24:02}:00:00" for place in range(60)]
    table: dict[str, Any] = {"timestamp": times, "value": rng().normal(size=60).round(3)}
    write_table(folder / "art_daily_small_noise.csv", table)
    return {"vars.steps": 4}


def engines(folder: Path) -> Overrides:
    rows = [f"{2 * (place % 2) - 1}\t" + "\t".join(["0.5", "-1e-1"] * 6) for place in range(12)]
    write_lines(folder / "FordA_TRAIN.tsv", rows)
    return {"vars.steps": 12}


def engines_of_few_filters(folder: Path) -> Overrides:
    return {**engines(folder), "vars.filters": 2}


def engines_of_one_block(folder: Path) -> Overrides:
    return {**engines(folder), "vars.blocks": 1, "vars.head": 2}


def weather(folder: Path) -> Overrides:
    names = ["p (mbar)", "T (degC)", "VPmax (mbar)", "VPdef (mbar)", "sh (g/kg)", "rho (g/m**3)"]
    table = {name: rng().normal(size=120).round(3) for name in [*names, "wv (m/s)"]}
    write_table(folder / "jena_climate_2009_2016.csv", table)
    return {"vars.steps": 4, "vars.units": 2, "data.window.gap": 5}


def roads(folder: Path) -> Overrides:
    rows = rng().normal(60, 5, (40, 228)).round(1)
    write_lines(folder / "V_228.csv", [",".join(map(str, row)) for row in rows])
    return {"vars.roads": [0, 1, 4], "vars.past": 4, "vars.units": 2}


def currents(folder: Path) -> Overrides:
    rows = [
        {
            "raw_values": rng(place).normal(size=16).tolist(),
            "label": ["math", "blink", "relax"][place % 3],
            "signal_quality": [0, 200][place == 4],
        }
        for place in range(15)
    ]
    write_json_lines(folder / "eeg.jsonl", rows)
    sizes = {"steps": 16, "classes": 3, "widths": [2, 4], "units": 32}
    return {f"vars.{name}": size for name, size in sizes.items()}


def lights(folder: Path) -> Overrides:
    write_npz(
        folder / "ssvep.npz",
        signals=rng().normal(size=(12, 3, 16)),
        target=np.arange(12),
        subject=np.arange(12) % 3 + 1,
    )
    sizes = {"electrodes": 3, "samples": 16, "fft": 32, "first": 2, "end": 10, "depth": 1}
    return {f"vars.{name}": size for name, size in sizes.items()}


def payments(folder: Path) -> Overrides:
    kinds = ["sum", "count", "count_fraud", "rate_fraud"]
    names = [f"{kind}_transactions_{n}_days" for n in (7, 14, 28) for kind in kinds]
    table: dict[str, Any] = {
        name: rng(place).normal(size=30).round(3)
        for place, name in enumerate([*names, "calendar_hour", "calendar_day_of_week"])
    }
    table |= {"TX_FRAUD": [int(place % 5 == 0) for place in range(30)]}
    table |= {"TX_DATETIME": [f"2018-{7 + place // 10:02}-01 10:00:00" for place in range(30)]}
    write_table(folder / "features.csv", table)
    return {}


# Sound --------------------------------------------------------------------------------------------


def recordings(folder: Path, samples: int, **columns: Any) -> Overrides:
    """Arrays in place of the sound files, whose reading has its own tests."""
    audio = rng().normal(size=(len(next(iter(columns.values()))), samples)).astype("float32")
    write_npz(folder / "sounds.npz", audio=audio, **columns)
    return {
        "data.source": {"npz": str(folder / "sounds.npz")},
        "data.inputs.audio": {"column": "audio"},
    }


def letters(folder: Path) -> Overrides:
    texts = np.array(["Ab", "no!", "it's", "a b", "yes", "me?"])
    sizes = {"samples": 200, "frame": 16, "step": 8, "fft": 16, "units": 2, "rnns": 1, "longest": 5}
    overrides = {f"vars.{name}": size for name, size in sizes.items()}
    return {**recordings(folder, 200, text=texts), **overrides}


def spoken(folder: Path) -> Overrides:
    texts = np.array(["ab", "no.", "it", "a b", "yes", "me?"])
    sizes = {"samples": 1000, "width": 4, "hidden": 4, "longest": 6, "depth": 1}
    overrides = {f"vars.{name}": size for name, size in sizes.items()}
    return {**recordings(folder, 1000, text=texts), **overrides, "data.split.validation": 0.5}


def speakers(folder: Path) -> Overrides:
    names = np.array([f"speaker {place % 5}" for place in range(20)])
    overrides = {"vars.rate": 256, "vars.widths": [2, 4], "vars.depths": [2, 3]}
    return {**recordings(folder, 256, label=names), **overrides}


def sounds(folder: Path) -> Overrides:
    """Each of ten kinds in a fold that trains, one that validates and one that tests."""
    names = np.array([f"sound {place // 3}" for place in range(30)])
    folds = np.arange(30) % 3 + 3
    sizes = {"samples": 1200, "frame": 16, "step": 4, "width": 2}
    overrides = {f"vars.{name}": size for name, size in sizes.items()}
    return {**recordings(folder, 1200, category=names, fold=folds), **overrides, "data.where": None}


def accents(folder: Path) -> Overrides:
    embedding = rng().normal(size=(21, 1024)).astype("float32")
    write_npz(folder / "embeddings.npz", embedding=embedding, accent=np.arange(21) % 7)
    return {"vars.widths": [4, 4, 4, 4], "data.split": None, "training.callbacks": []}


def songs(folder: Path) -> Overrides:
    vocals = rng().normal(size=(6, 224)).astype("float32")
    write_npz(folder / "songs.npz", mixture=vocals + 1, vocals=vocals)
    sizes = {"chunk": 224, "fft": 64, "hop": 32, "channels": 2, "growth": 2}
    few = {"scales": 1, "depth": 1}
    overrides = {f"vars.{name}": size for name, size in (sizes | few).items()}
    return {**overrides, "data.split.validation": 0.5}


# Graphs -------------------------------------------------------------------------------------------


def citations(folder: Path) -> Overrides:
    """One graph of six papers: the first four train, the others validate."""
    draw = rng()
    graph = {
        "words": draw.integers(0, 2, (1, 6, 10)).astype("float32"),
        "links": draw.integers(0, 6, (1, 9, 2)).astype("int32"),
        "subject": draw.integers(0, 7, (1, 6)),
    }
    train_part = np.array([[1, 1, 1, 1, 0, 0]], "float32")
    write_npz(folder / "cora.npz", **graph, weights=train_part)
    write_npz(folder / "cora_test.npz", **graph, weights=1 - train_part)
    return {"vars.papers": 6, "vars.words": 10, "vars.links": 9}


def convolved(folder: Path) -> Overrides:
    return {**citations(folder), "vars.width": 4}


def attended(folder: Path) -> Overrides:
    return {**citations(folder), "vars.units": 2, "vars.heads": 2, "vars.depth": 1}


def walks(folder: Path) -> Overrides:
    steps = rng().integers(1, 10, (6, 5))
    write_lines(folder / "walks.txt", [" ".join(map(str, row)) for row in steps])
    return {"vars.movies": 10, "vars.width": 2, "training.batch_size": 64}


def molecules(folder: Path) -> Overrides:
    draw, rows, atoms, bonds = rng(), 10, 5, 8
    write_npz(
        folder / "bbbp.npz",
        atoms=draw.random((rows, atoms, 29), "float32"),
        bonds=draw.integers(0, 2, (rows, bonds, 7)).astype("float32"),
        pairs=draw.integers(0, atoms, (rows, bonds, 2)).astype("int32"),
        mask=np.ones((rows, atoms), "float32"),
        label=np.arange(rows) % 2,
    )
    split = {"validation": 0.2, "test": 0.2}
    return {"vars": {"atoms": atoms, "bonds": bonds, "width": 30, "rounds": 2}, "data.split": split}


# Recipes ------------------------------------------------------------------------------------------


def digits(folder: Path) -> Overrides:
    write_npz(folder / "mnist.npz", image=pixels(12, 28, 28), target=np.arange(12) % 10)
    return {"data.source": {"npz": str(folder / "mnist.npz")}}


def digits_for_four_units(folder: Path) -> Overrides:
    return {**digits(folder), "vars.width": 4}


def digits_for_eight_features(folder: Path) -> Overrides:
    return {**digits(folder), "vars.features": 8}


def spirals(folder: Path) -> Overrides:
    table = {name: rng(place).normal(size=12).round(3) for place, name in enumerate("xy")}
    write_table(folder / "spirals.csv", table)
    return {"vars.width": 4, "vars.parts": 3}


def weighted(folder: Path) -> Overrides:
    draw = rng()
    arrays = {"inputs": (12, 764), "targets": (12, 1), "sample_weight": (12, 1)}
    write_npz(folder / "data.npz", **{name: draw.random(size) for name, size in arrays.items()})
    return {}


def houses(folder: Path) -> Overrides:
    draw = rng()
    path = folder / "houses.npz"
    write_npz(path, features=draw.random((12, 13)), target=draw.random(12) + 1)
    return {f"data.{part}": {"npz": str(path)} for part in ("train", "test")}


EXAMPLES: dict[str, Callable[[Path], Overrides]] = {
    "antirectifier": digits_for_four_units,
    "approximating_non_function_mappings": spirals,
    "ctc_asr": letters,
    "eeg_bci_ssvepformer": lights,
    "eeg_signal_classification": currents,
    "endpoint_layer_pattern": weighted,
    "event_classification_for_payment_card_fraud_detection": payments,
    "gat_node_classification": attended,
    "gnn_citations": convolved,
    "mpnn-molecular-graphs": molecules,
    "node2vec_movielens": walks,
    "quasi_svm": digits_for_eight_features,
    "speaker_recognition_using_cnn": speakers,
    "stft": sounds,
    "tensorflow_numpy_models": houses,
    "timeseries_anomaly_detection": days,
    "timeseries_classification_from_scratch": engines_of_few_filters,
    "timeseries_classification_transformer": engines_of_one_block,
    "timeseries_traffic_forecasting": roads,
    "timeseries_weather_forecasting": weather,
    "transformer_asr": spoken,
    "uk_ireland_accent_recognition": accents,
    "vocal_track_separation": songs,
}


def heard_letters(run: Any, folder: Path) -> None:
    """Without a sound, CTC hears no other letters than those of its vocabulary."""
    with np.load(folder / "sounds.npz") as arrays:
        found = run.predict({"audio": arrays["audio"]}, decode="ctc_greedy")
    assert len(found["letters"]) == 6
    assert set("".join(found["letters"])) <= set("abcdefghijklmnopqrstuvwxyz'?! [UNK]")


def distances(run: Any, folder: Path) -> None:
    """The second output is how far the rebuilt day is from the day."""
    days = rng(3).normal(size=(4, 4)).astype("float32")
    found = run.model.predict(days, verbose=0)
    expected = np.abs(days - found["rebuilt"][..., 0]).mean(axis=1)
    np.testing.assert_allclose(found["distance"][:, 0], expected, rtol=1e-5)


POINTS: dict[str, Callable[[Any, Path], None]] = {
    "ctc_asr": heard_letters,
    "timeseries_anomaly_detection": distances,
}
"""What is special about the output of an example."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_trains(name: str, tmp_path: Path) -> None:
    run = train(name, tmp_path, {"training.batch_size": 12, **EXAMPLES[name](tmp_path)})
    if name in POINTS:
        POINTS[name](run, tmp_path)
