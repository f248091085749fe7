"""Accuracy and R2 of the specs that `modelspec init --data` writes, beside scikit-learn.

    python benchmarks/init_data.py [--folds N] [--only NAME,...] [--data FOLDER]

Every data set is written to a file, for which a spec is drafted and trained as it is, but for
`data.split`: the folds are stratified for classes, and 15% of the other folds are for validation.
scikit-learn gets the same folds in the sense of `StratifiedKFold` and `KFold`, with columns encoded
in the usual way: medians for missing numbers, one column for each category, TF-IDF of words for
text, pixels for images. The better of its gradient boosting and its linear model (logistic or ridge
regression) is the bar; the goal is at most 3 points below it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FOLDER = Path(__file__).parents[2] / "shared" / "data"
GOAL = 0.03


class Case(NamedTuple):
    """A data set: its file, and what scikit-learn gets."""

    path: Path
    features: Any
    target: Any
    classes: bool
    text: bool = False
    name_of_target: str | None = None


class Score(NamedTuple):
    ours: float
    boosting: float
    linear: float
    seconds: float

    @property
    def behind(self) -> float:
        return max(self.boosting, self.linear) - self.ours


# Data sets ----------------------------------------------------------------------------------------


def bundled(name: str) -> Callable[[Path, Path], Case]:
    """A data set of scikit-learn, written as csv."""

    def case(folder: Path, _: Path) -> Case:
        from sklearn import datasets

        found = getattr(datasets, f"load_{name}")(as_frame=True)
        frame = found.frame.copy()
        classes = name != "diabetes"
        frame.to_csv(folder / f"{name}.csv", index=False)
        features = frame.drop(columns="target")
        return Case(folder / f"{name}.csv", features, frame["target"], classes)

    return case


def table(
    name: str, target: str, *, classes: bool, left_out: tuple[str, ...] = ()
) -> Callable[[Path, Path], Case]:
    """A csv file of real data."""

    def case(folder: Path, data: Path) -> Case:
        import pandas as pd

        path = Path(shutil.copy(data / name, folder))
        frame = pd.read_csv(path)
        features = frame.drop(columns=[target, *left_out])
        return Case(path, features, frame[target], classes)

    return case


def sms(folder: Path, data: Path) -> Case:
    """Messages, from a file without a header."""
    import csv

    path = Path(shutil.copy(data / "sms-spam.tsv", folder))
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    messages = np.array([row[1] for row in rows], object)
    return Case(path, messages, np.array([row[0] for row in rows], object), True, text=True)


def mnist(folder: Path, data: Path) -> Case:
    """A folder of PNG files for each digit."""
    import gzip

    from PIL import Image

    with gzip.open(data / "mnist-t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(data / "mnist-t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    root = folder / "digits"
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        (root / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(root / str(label) / f"{number:05}.png", compress_level=1)
    return Case(root, images.reshape(len(images), -1), labels, True, name_of_target="label")


CASES: dict[str, Callable[[Path, Path], Case]] = {
    "iris": bundled("iris"),
    "wine": bundled("wine"),
    "penguins": table("penguins.csv", "species", classes=True),
    "diabetes": bundled("diabetes"),
    "breast_cancer": bundled("breast_cancer"),
    "titanic": table("titanic.csv", "survived", classes=True, left_out=("alive",)),
    "digits": bundled("digits"),
    "sms": sms,
    "diamonds": table("diamonds.csv", "price", classes=False),
    "mnist": mnist,
}


# Ours ---------------------------------------------------------------------------------------------


def ours(case: Case, folder: Path, folds: int, epochs: int | None) -> list[float]:
    """The measure of the test part of each fold."""
    import modelspec as ms
    from modelspec.drafts import draft

    spec = folder / "spec.yaml"
    spec.unlink(missing_ok=True)
    written = draft(case.path, spec)
    spec.write_text(written.text, encoding="utf-8")
    found = []
    for fold in range(folds):
        split: dict[str, Any] = {"folds": 5, "fold": fold, "validation": 0.15}
        if case.classes:
            split["stratify"] = stratified(spec)
        overrides: dict[str, Any] = {"data.split": split}
        if epochs is not None:
            overrides["training.epochs"] = epochs
        run = ms.load_spec(spec, overrides=overrides).train(run_dir=folder / f"run-{fold}")
        found.append(measure(run, case))
    return found


def stratified(spec: Path) -> str:
    """The column that the spec stratifies."""
    import yaml

    return str(yaml.safe_load(spec.read_text(encoding="utf-8"))["data"]["split"]["stratify"])


def measure(run: Any, case: Case) -> float:
    """Test accuracy, or R2 in the unit of the column."""
    return float(run.metrics["accuracy" if case.classes else "original_r2_score"])


# scikit-learn -------------------------------------------------------------------------------------


def models(case: Case) -> Iterator[Any]:
    """Gradient boosting, and a linear model, behind usual encodings."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline

    boosting = HistGradientBoostingClassifier if case.classes else HistGradientBoostingRegressor
    linear = LogisticRegression(max_iter=2000) if case.classes else RidgeCV()
    yield make_pipeline(encoder(case, dense=True), boosting(random_state=0))
    yield make_pipeline(encoder(case, dense=False), linear)


def encoder(case: Case, *, dense: bool) -> Any:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    if case.text:
        words = TfidfVectorizer(
            max_features=1000 if dense else 20_000, ngram_range=(1, 1 if dense else 2)
        )
        to_dense = FunctionTransformer(lambda found: found.toarray(), accept_sparse=True)
        return make_pipeline(words, to_dense) if dense else words
    if isinstance(case.features, np.ndarray):
        return FunctionTransformer(lambda pixels: pixels / 255)
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    strings = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (strings, make_column_selector(dtype_exclude="number")),
    )


def theirs(case: Case, folds: int) -> list[float]:
    """The mean scores of both."""
    from sklearn.model_selection import KFold, StratifiedKFold

    features = case.features
    if not isinstance(features, np.ndarray):
        others = features.select_dtypes(exclude="number").columns
        features = features.astype(dict.fromkeys(others, object))
        features[others] = features[others].map(lambda cell: cell if cell != cell else str(cell))
    target = np.asarray(case.target)
    kind = StratifiedKFold if case.classes else KFold
    found = []
    for model in models(case):
        scores = []
        for train, test in list(kind(5, shuffle=True, random_state=0).split(target, target))[
            :folds
        ]:
            pick = (
                (lambda rows: features[rows])
                if isinstance(features, np.ndarray)
                else (lambda rows: features.iloc[rows])
            )
            scores.append(model.fit(pick(train), target[train]).score(pick(test), target[test]))
        found.append(float(np.mean(scores)))
    return found


# The table ----------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="at most; by default as in the spec")
    parser.add_argument("--only", default=",".join(CASES))
    parser.add_argument("--data", type=Path, default=FOLDER)
    options = parser.parse_args()
    print(
        f"{'data':14} {'folds':>5} {'ours':>7} {'boosting':>9} {'linear':>7} {'behind':>7} {'seconds':>8}"
    )
    worst = 0.0
    for name in options.only.split(","):
        with tempfile.TemporaryDirectory() as place:
            score = compare(name, Path(place), options)
        row = f"{name:14} {options.folds:5} {score.ours:7.4f} {score.boosting:9.4f} {score.linear:7.4f}"
        print(
            f"{row} {score.behind:7.4f} {score.seconds:8.0f}{'  misses' if score.behind > GOAL else ''}",
            flush=True,
        )
        worst = max(worst, score.behind)
    print(f"largest gap {worst:.4f}")
    sys.exit(worst > GOAL)


def compare(name: str, folder: Path, options: Any) -> Score:
    case = CASES[name](folder, options.data)
    started = time.perf_counter()
    found = float(np.mean(ours(case, folder, options.folds, options.epochs)))
    seconds = time.perf_counter() - started
    return Score(found, *theirs(case, options.folds), seconds)


if __name__ == "__main__":
    main()
