"""The examples of keras.io about texts, tables and recommendations, as specs: each trains on data of
its form.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from .example_data import rng, train, words, write_json_lines, write_npz, write_table

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


VOCABULARY = ["good", "bad", "film", "very", "a", "of", "the", "it", "was", "not"]


# Texts --------------------------------------------------------------------------------------------


def sums(folder: Path) -> Overrides:
    left, right = rng().integers(0, 1000, (2, 12))
    questions = [f"{a}+{b}" for a, b in zip(left, right, strict=True)]
    write_table(folder / "sums.csv", {"question": questions, "answer": left + right})
    return {"vars.units": 4}


def reviews_as_numbers(folder: Path) -> Overrides:
    """Word numbers of reviews, as those of the data set `imdb`, some beyond the 20 words."""
    draw = rng()
    rows = [
        {"tokens": draw.integers(1, 40, size).tolist(), "target": int(size % 2)}
        for size in range(3, 15)
    ]
    for part in ("train", "validation"):
        write_json_lines(folder / f"{part}.jsonl", rows)
    return {
        **{
            f"data.{part}": {"jsonl": str(folder / f"{part}.jsonl")}
            for part in ("train", "validation")
        },
        "vars.words": 20,
        "vars.length": 8,
        "vars.width": 4,
    }


def reviews_with_small_lstms(folder: Path) -> Overrides:
    return {**reviews_as_numbers(folder), "vars.units": 2}


def reviews_with_two_experts(folder: Path) -> Overrides:
    return {**reviews_as_numbers(folder), "vars.experts": 2}


def text_folders(root: str, classes: list[str]) -> Callable[[Path], Overrides]:
    def write(folder: Path) -> Overrides:
        for number, name in enumerate(classes):
            (folder / root / name).mkdir(parents=True)
            for place, text in enumerate(words(6, 30, VOCABULARY, seed=number)):
                (folder / root / name / f"{place}.txt").write_text(text, "utf-8")
        return {"vars.words": 12, "vars.length": 40, "vars.width": 4}

    return write


def newsgroups(folder: Path) -> Overrides:
    names = [f"group.{letter}" for letter in string.ascii_lowercase[:20]]
    np.save(folder / "vectors.npy", rng().normal(size=(14, 100)).astype("float32"))
    save_file({"vectors/embeddings": np.load(folder / "vectors.npy")}, folder / "glove.safetensors")
    return {**text_folders("20_newsgroup", names)(folder), "vars.length": 160}


def given_vectors(run: Any, folder: Path) -> None:
    """The vectors of the file, which the training leaves as they are."""
    (found,) = run.model.get_layer("vectors").get_weights()
    np.testing.assert_array_equal(found, np.load(folder / "vectors.npy"))


def hidden_words(folder: Path) -> Overrides:
    text_folders("aclImdb/train", ["neg", "pos"])(folder)
    return {"vars.words": 14, "vars.length": 8, "vars.width": 8, "vars.heads": 2}


def fourier(folder: Path) -> Overrides:
    pytest.importorskip("tokenizers", reason="pieces of words require modelspec[text]")
    text_folders("aclImdb/train", ["neg", "pos"])(folder)
    sizes = {"words": 30, "length": 8, "width": 4, "hidden": 4, "depth": 1}
    return {f"vars.{name}": size for name, size in sizes.items()}


def sentences(folder: Path) -> None:
    english, others = words(12, 4, VOCABULARY), words(12, 5, ["uno", "¿dos?", "tres", "no"], seed=1)
    lines = [f"{a}\t{b}" for a, b in zip(english, others, strict=True)]
    (folder / "spa.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    (folder / "fra.txt").write_text("".join(f"{line}\tCC\n" for line in lines), "utf-8")


def characters(folder: Path) -> Overrides:
    sentences(folder)
    return {"vars.units": 4, "vars.english": 20, "vars.french": 16, "vars.longest": 12}


def translations(folder: Path) -> Overrides:
    sentences(folder)
    sizes = {"words": 16, "length": 6, "width": 4, "latent": 4, "heads": 2}
    return {f"vars.{name}": size for name, size in sizes.items()}


def translations_of_pieces(folder: Path) -> Overrides:
    pytest.importorskip("tokenizers", reason="pieces of words require modelspec[text]")
    sentences(folder)
    sizes = {"tokens": 60, "length": 6, "width": 4, "hidden": 4, "heads": 2}
    return {f"vars.{name}": size for name, size in sizes.items()}


def papers(folder: Path) -> Overrides:
    terms = ["['cs.CV']", "['cs.LG', 'cs.CV']", "['cs.LG', 'stat.ML']", "['cs.AI']"] * 6
    write_table(folder / "arxiv_data.csv", {"summaries": words(24, 9, VOCABULARY), "terms": terms})
    return {"vars.words": 30, "vars.labels": 5, "vars.width": 4}


def tagged_words(folder: Path) -> Overrides:
    rows = [
        {"tokens": text.split(), "ner_tags": rng(place).integers(0, 9, 6).tolist()}
        for place, text in enumerate(words(8, 6, VOCABULARY))
    ]
    for name in ("train", "val"):
        write_json_lines(folder / f"conll_{name}.jsonl", rows)
    return {"vars.words": 12, "vars.length": 8, "vars.width": 4}


# Tables -------------------------------------------------------------------------------------------


def numbers(names: list[str], rows: int = 24) -> dict[str, Any]:
    draw = rng()
    return {name: draw.normal(size=rows).round(3) for name in names}


def ratings(folder: Path) -> Overrides:
    draw, rows = rng(), 40
    users, movies = np.repeat(np.arange(4), 10) + 1, draw.integers(1, 9, rows)
    table = {
        "userId": users,
        "user_id": users,
        "movieId": movies,
        "movie_id": movies,
        "rating": draw.integers(1, 11, rows) / 2,
        "unix_timestamp": draw.permutation(rows),
    }
    write_table(folder / "ratings.csv", table)
    return {}


def few_ratings(folder: Path) -> Overrides:
    return {**ratings(folder), "vars.users": 6, "vars.movies": 10, "vars.width": 4}


def ratings_in_order(folder: Path) -> Overrides:
    return {
        **ratings(folder),
        "vars.movies": 10,
        "vars.width": 4,
        "vars.units": [4],
        "data.split": {"test": 0.5, "order": "unix_timestamp"},
        "data.window.length": 4,
    }


def ratings_in_groups(folder: Path) -> Overrides:
    groups = [{"first": 0, "last": 3, "width": 4}, {"first": 3, "last": 10, "width": 2}]
    return {**ratings(folder), "vars.width": 4, "vars.buckets": 3, "vars.groups": groups}


def payments(folder: Path) -> Overrides:
    table = numbers(["Time", *(f"V{place}" for place in range(1, 29)), "Amount"])
    write_table(folder / "creditcard.csv", {**table, "Class": np.arange(24) % 3 == 0})
    lines = (folder / "creditcard.csv").read_text("utf-8")
    (folder / "creditcard.csv").write_text(
        lines.replace("True", "1").replace("False", "0"), "utf-8"
    )
    return {"vars.width": 4}


def hearts(folder: Path) -> Overrides:
    draw = rng()
    sizes = {"sex": 2, "cp": 5, "fbs": 2, "restecg": 3, "exang": 2, "ca": 4, "target": 2}
    table = numbers(["age", "trestbps", "thalach", "oldpeak", "slope", "chol"])
    table |= {name: draw.integers(0, size, 24) for name, size in sizes.items()}
    thal = draw.choice(["1", "2", "fixed", "normal", "reversible"], 24)
    write_table(folder / "heart.csv", {**table, "thal": thal})
    return {}


def clients(folder: Path) -> Overrides:
    draw = rng()
    table: dict[str, Any] = {
        name: draw.choice(["no", "yes", "unknown"], 24)
        for name in ("marital", "education", "default", "housing", "loan", "month", "poutcome")
    }
    table |= {name: draw.choice(["a", "b"], 24) for name in ("contact", "day_of_week", "job")}
    table |= {"age": draw.integers(20, 70, 24), "pdays": draw.choice([999, 3, 6], 24)}
    table |= numbers(["campaign", "previous", "emp.var.rate", "cons.price.idx", "cons.conf.idx"])
    table |= {**numbers(["euribor3m", "nr.employed"]), "y": ["no", "yes"] * 12}
    write_table(folder / "bank-additional.csv", table, delimiter=";")
    return {}


def census(folder: Path) -> Overrides:
    draw = rng()
    table = numbers(["age", "education_num", "capital_gain", "capital_loss", "hours_per_week"])
    names = ["workclass", "education", "marital_status", "occupation", "relationship"]
    for name in [*names, "race", "gender", "native_country"]:
        table[name] = [f" {name} {value}" for value in draw.permutation(24) % 2]
    table |= {"fnlwgt": draw.integers(1, 9, 24), "income_bracket": [" <=50K", " >50K"] * 12}
    for file in ("adult.csv", "adult_test.csv"):
        write_table(folder / file, table)
    return {}


def narrow_census(folder: Path) -> Overrides:
    return {**census(folder), "vars.width": 4, "vars.depth": 1}


def census_for_two_trees(folder: Path) -> Overrides:
    return {**census(folder), "vars.trees": 2, "vars.depth": 3}


def wide_census(folder: Path) -> Overrides:
    """Fewer columns of the census of 40."""
    draw = rng()
    table = {**numbers(["age", "wage_per_hour"]), "instance_weight": draw.random(24) + 0.5}
    for name in ("education", "sex", "year"):
        table[name] = [f" {value}" for value in draw.permutation(24) % 2]
    table["income_level"] = [" - 50000.", " 50000+."] * 12
    write_table(folder / "census_income.csv", table)
    return {
        "vars.width": 4,
        "vars.numbers": ["age", "wage_per_hour"],
        "vars.categories": [["education", 17], ["sex", 2], ["year", 2]],
    }


def forests(folder: Path) -> Overrides:
    names = [
        *("Aspect", "Elevation", "Hillshade_3pm", "Hillshade_9am", "Hillshade_Noon", "Slope"),
        *(f"Horizontal_Distance_To_{to}" for to in ("Fire_Points", "Hydrology", "Roadways")),
        "Vertical_Distance_To_Hydrology",
    ]
    table = numbers(names, 42)
    kinds: dict[str, Any] = {
        "Soil_Type": [f"soil_type_{place % 5}" for place in range(42)],
        "Wilderness_Area": [f"area_type_{place % 4}" for place in range(42)],
        "Cover_Type": np.arange(42) % 7,
    }
    write_table(folder / "covtype.csv", {**table, **kinds})
    return {"vars.width": 4}


def customers(folder: Path) -> Overrides:
    draw, rows = rng(), 15
    write_npz(
        folder / "retail.npz",
        temporal_sequences=draw.random((rows, 6, 5), "float32"),
        trend_sequences=draw.random((rows, 6, 12), "float32"),
        static_features=np.array(["United Kingdom", "France", "Norway"] * 5),
        output_sequences=draw.random((rows, 6), "float32"),
        index=np.arange(rows),
    )
    return {"vars.countries": 7, "vars.width": 1, "vars.units": 4, "vars.depth": 1}


EXAMPLES: dict[str, Callable[[Path], Overrides]] = {
    "addition_rnn": sums,
    "bidirectional_lstm_imdb": reviews_with_small_lstms,
    "classification_with_grn_and_vsn": wide_census,
    "collaborative_filtering_movielens": few_ratings,
    "customer_lifetime_value": customers,
    "deep_neural_decision_forests": census_for_two_trees,
    "feature_space_advanced": clients,
    "fnet_classification_with_keras_hub": fourier,
    "imbalanced_classification": payments,
    "lstm_seq2seq": characters,
    "masked_language_modeling": hidden_words,
    "memory_efficient_embeddings": ratings_in_groups,
    "movielens_recommendations_transformers": ratings_in_order,
    "multi_label_classification": papers,
    "ner_transformers": tagged_words,
    "neural_machine_translation_with_keras_hub": translations_of_pieces,
    "neural_machine_translation_with_transformer": translations,
    "pretrained_word_embeddings": newsgroups,
    "structured_data_classification_from_scratch": hearts,
    "structured_data_classification_with_feature_space": hearts,
    "tabtransformer": narrow_census,
    "text_classification_from_scratch": text_folders("aclImdb/train", ["neg", "pos"]),
    "text_classification_with_switch_transformer": reviews_with_two_experts,
    "text_classification_with_transformer": reviews_as_numbers,
    "wide_deep_cross_networks": forests,
}


def translated(run: Any, folder: Path) -> None:
    """A translation consists of words of the Spanish sentences."""
    (folder / "new.csv").write_text("english\ngood film\nbad\n", "utf-8")
    texts = run.generate(folder / "new.csv", length=4, temperature=0)
    words_of_spanish = {"uno", "dos", "tres", "no", "[start]", "[end]", "[UNK]"}
    assert len(texts) == 2 and set(" ".join(texts).split()) <= words_of_spanish


POINTS: dict[str, Callable[[Any, Path], None]] = {
    "neural_machine_translation_with_transformer": translated,
    "pretrained_word_embeddings": given_vectors,
}
"""What is special about the output of an example."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_trains(name: str, tmp_path: Path) -> None:
    run = train(name, tmp_path, {"training.batch_size": 12, **EXAMPLES[name](tmp_path)})
    if name in POINTS:
        POINTS[name](run, tmp_path)
