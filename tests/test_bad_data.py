"""Data and settings that Keras takes without a word, or refuses in thousands of characters: each
has its verdict, which names the file, the row and the column. No case loads a framework.
"""

from __future__ import annotations

import gzip
import io
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from modelspec.compiler.pipeline import compile_spec
from modelspec.core.diagnostics import Diagnostic
from modelspec.runtime.data import RunError, open_source, prepare
from modelspec.runtime.data.prepare import prepare_source

from .sources import idx_bytes

SOFTMAX = [{"Dense": {"units": 3, "activation": "softmax", "name": "y"}}]
SIGMOID = [{"Dense": {"units": 1, "activation": "sigmoid", "name": "y"}}]
ONE, THREE = [{"Dense": {"units": 1, "name": "y"}}], [{"Dense": {"units": 3, "name": "y"}}]
SPARSE, ONE_HOT, BINARY = (
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
)
EMBEDDING = [{"Embedding": {"input_dim": 10, "output_dim": 2}}, "Flatten", *SOFTMAX]
POOLED = ["GlobalAveragePooling2D", *SOFTMAX]
CSV, NPZ = {"csv": "t.csv"}, {"npz": "t.npz"}
RNG = np.random.default_rng(0)


class Case(NamedTuple):
    """What is wrong, and what is said: a code and words of its message, its notes or its help."""

    make: Callable[[], Any]
    """Writes the files."""
    spec: dict[str, Any]
    code: str
    words: tuple[str, ...]
    severity: str = "error"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))


def values(
    source: Any = CSV,
    *,
    shape: Any = (2,),
    layers: Any = SOFTMAX,
    loss: Any = SPARSE,
    dtype: str = "float32",
    training: Any = None,
    **data: Any,
) -> dict[str, Any]:
    """A spec of one input `x` and one output `y`."""
    return {
        "model": {"inputs": {"x": {"shape": list(shape), "dtype": dtype}}, "layers": layers},
        "data": {"source": source, "targets": "y", **data},
        "training": {"loss": loss, "batch_size": 2, **(training or {})},
    }


def found(spec: dict[str, Any]) -> tuple[Diagnostic, ...]:
    """Everything that is said of a spec and its data."""
    checked = compile_spec(spec)
    if not checked.ok or checked.value is None:
        return checked.diagnostics
    try:
        prepared = prepare(checked.value, load=_never)
    except RunError as error:
        return error.diagnostics
    return (*checked.diagnostics, *prepared.warnings)


def _never() -> None:
    raise AssertionError("a framework was asked for")


def text(body: str | bytes, name: str = "t.csv") -> Callable[[], Any]:
    return lambda: Path(name).write_bytes(body if isinstance(body, bytes) else body.encode())


def arrays(**given: Any) -> Callable[[], Any]:
    return lambda: np.savez("t.npz", **{name: np.asarray(one) for name, one in given.items()})


def rows(*labels: Any) -> Callable[[], Any]:
    """A table of numbers and these labels."""
    return text("a,b,y\n" + "".join(f"{row}.5,1,{one}\n" for row, one in enumerate(labels)))


def of_targets(y: Any) -> Callable[[], Any]:
    return arrays(x=np.zeros((len(y), 2), np.float32), y=y)


def of_inputs(x: Any, y: Any = (0, 1, 2)) -> Callable[[], Any]:
    return arrays(x=x, y=np.asarray(y)[: len(np.asarray(x))])


# Labels and targets -------------------------------------------------------------------------------

B, E = {"layers": SIGMOID, "loss": BINARY}, {"layers": EMBEDDING, "dtype": "int32"}
NUMBERS = {"source": NPZ, "layers": ONE, "loss": "mse"}
LABELS: dict[str, Case] = {
    "label 3 of 3 classes": Case(
        rows(0, 1, 2, 0, 3, 1), {}, "MS614", ("label 3", "t.csv:6", "3 classes (0 to 2)")
    ),
    "label -1": Case(rows(0, 1, -1), {}, "MS614", ("label -1", "t.csv:4")),
    "label 1e6": Case(rows(0, 1, 1000000), {}, "MS614", ("label 1000000", "t.csv:4")),
    "labels from 1": Case(rows(1, 2, 3), {}, "MS614", ("t.csv:4", "subtract 1")),
    "label NaN": Case(
        of_targets([0.0, 1.0, np.nan]), {"source": NPZ}, "MS613", ("`y` is NaN", "y[2]")
    ),
    "label 1.5": Case(rows(0, 1.5, 2), {}, "MS615", ("1.5", "t.csv:3")),
    "no label": Case(rows(0, "", 2), {}, "MS608", ("`y`", "t.csv:3")),
    "labels as words": Case(
        rows("cat", "dog", "cat"), {}, "MS609", ('"cat" at t.csv:2', "StringLookup")
    ),
    "binary labels 0 and 2": Case(
        rows(0, 2, 2), B, "MS615", ("takes 0 and 1", "is 2", "t.csv:3", "t.csv:4")
    ),
    "binary labels -1 and 1": Case(rows(1, -1, 1), B, "MS615", ("is -1", "t.csv:3", "hinge")),
    "shares that do not add up to 1": Case(
        of_targets([[1, 0, 0], [0.5, 0.2, 0.1], [0, 0, 1]]),
        {"source": NPZ, "loss": ONE_HOT},
        "MS615",
        ("0.8", "y[1]"),
    ),
    "a column against three units": Case(
        of_targets([[1.0], [2.0]]),
        {**NUMBERS, "layers": THREE},
        "MS616",
        ("(batch, 1)", "(batch, 3)"),
    ),
    "numbers against three units": Case(
        of_targets([1.0, 2.0]), {**NUMBERS, "layers": THREE}, "MS616", ("(batch, 3)",)
    ),
    "class numbers for shares": Case(
        of_targets([0, 1, 2]),
        {"source": NPZ, "loss": ONE_HOT},
        "MS615",
        ("sparse_categorical_crossentropy",),
    ),
    "shares for class numbers": Case(
        of_targets(np.eye(3)), {"source": NPZ}, "MS615", ("categorical_crossentropy",)
    ),
    "one class": Case(
        rows(1, 1, 1), {}, "MS620", ("every example has the same target", "1"), "warning"
    ),
    "negative counts": Case(
        rows(3, 0, -2), {"layers": ONE, "loss": "poisson"}, "MS661", ("-2", "t.csv:4", "Poisson")
    ),
    "the logarithm of a negative number": Case(
        rows(3, -0.5, 2),
        {"layers": ONE, "loss": "mean_squared_logarithmic_error"},
        "MS661",
        ("-0.5", "t.csv:3"),
    ),
    "target NaN": Case(of_targets([0.5, np.nan]), NUMBERS, "MS613", ("NaN", "y[1]")),
    "complex target": Case(of_targets([1j, 2.0]), NUMBERS, "MS609", ("complex", "`y`")),
}

# Inputs -------------------------------------------------------------------------------------------

N = {"source": NPZ}
INPUTS: dict[str, Case] = {
    "NaN": Case(
        of_inputs([[1.0, 2.0], [3.0, np.nan], [np.nan, 0]]),
        N,
        "MS613",
        ("`x` is NaN", "x[1, 1] of t.npz", "x[2, 0]"),
    ),
    "infinity": Case(
        of_inputs([[1.0, 2.0], [-np.inf, 0]]), N, "MS613", ("minus infinity", "x[1, 0]")
    ),
    "float64 past float32": Case(
        of_inputs([[1.0, 2.0], [1e300, 0]]), N, "MS621", ("1e+300", "x[1, 0] of t.npz", "float32")
    ),
    "a number past float64 in text": Case(
        text("a,b,y\n1,2,0\n1e999,4,1\n"), {}, "MS613", ("`a`", "t.csv:3")
    ),
    "a missing cell": Case(text("a,b,y\n1,2,0\n3,,1\n"), {}, "MS608", ("`b`", "t.csv:3")),
    "words in numbers": Case(
        text("a,b,y\n1,2,0\n3,four,1\n5,6,1\n"), {}, "MS609", ("`b`", '"four" at t.csv:3')
    ),
    "text arrays": Case(
        of_inputs([["1", "a"], ["2", "b"]]), N, "MS609", ("`x`", '"a" at x[0, 1] of t.npz')
    ),
    "Python objects": Case(
        lambda: np.savez("t.npz", x=np.array([{}, 1], object), y=[0, 1], allow_pickle=True),
        N,
        "MS606",
        ("`x`", "Python object"),
    ),
    "complex": Case(of_inputs([[1j, 2.0], [1, 0]]), N, "MS609", ("complex", "`x`")),
    "index 10 of 10": Case(
        of_inputs([[1, 2], [9, 10]]), {**N, **E}, "MS617", ("10", "x[1, 1]", "0 to 9")
    ),
    "index -1": Case(
        of_inputs([[1, 2], [-1, 0]]), {**N, **E}, "MS617", ("-1", "x[1, 0]", "start at 0")
    ),
    "a fraction as an index": Case(
        of_inputs([[1, 2], [0.5, 0]]), {**N, **E}, "MS621", ("0.5", "x[1, 0]", "int32")
    ),
    "a whole number past int32": Case(
        text("a,b,y\n1,2,0\n1,99999999999,2\n"), E, "MS621", ("99999999999", "t.csv:3")
    ),
    "a mark for no value": Case(
        text("a,b,y\n1,?,0\n3,4,1\n5,6,2\n"),
        {},
        "MS609",
        ('"?" at t.csv:2', 'missing_values: ["?"]'),
    ),
    "numbers with their unit": Case(
        text("a,b,y\n1,5%,0\n3,4,1\n5,6,2\n"), {}, "MS609", ('"5%" at t.csv:2', "without `%`")
    ),
    "another shape": Case(of_inputs(np.zeros((3, 4))), N, "MS610", ("(4,)", "[4]")),
    "transposed images": Case(
        of_inputs(np.zeros((3, 3, 8, 8))),
        {**N, "shape": [8, 8, 3], "layers": POOLED},
        "MS610",
        ("(3, 8, 8)", "order of its axes"),
    ),
    "lengths that differ": Case(
        arrays(x=np.zeros((4, 2)), y=[0, 1, 2]), N, "MS611", ("t.npz", "`x` has 4", "`y` has 3")
    ),
    "a misspelt column": Case(
        text("a,b,label\n1,2,0\n"), {"targets": "lable"}, "MS607", ("`lable`", "`label`")
    ),
    "lists of different lengths": Case(
        text('{"x": [1, 2], "y": 0}\n{"x": [1], "y": 1}\n', "t.jsonl"),
        {"source": {"jsonl": "t.jsonl"}, "inputs": "x"},
        "MS630",
        ("2 values at t.jsonl:1", "1 at t.jsonl:2", "pad"),
    ),
}

# How many -----------------------------------------------------------------------------------------

COUNTS: dict[str, Case] = {
    "no examples": Case(
        arrays(x=np.zeros((0, 2)), y=np.zeros(0)), N, "MS612", ("t.npz has no examples",)
    ),
    "a header alone": Case(text("a,b,y\n"), {}, "MS604", ("t.csv", "no rows")),
    "one example": Case(rows(0), {}, "MS619", ("1 example", "one batch of 2"), "warning"),
    "fewer than a batch": Case(
        rows(0, 1, 2), {"training": {"batch_size": 32}}, "MS619", ("3 examples", "32"), "warning"
    ),
    "nothing to validate": Case(
        rows(0, 1, 2), {"split": {"validation": 0.01}}, "MS618", ("validation", "3 examples")
    ),
    "every row left out": Case(
        text("a,b,y\n,1,0\n2,,1\n"),
        {"inputs": {"columns": ["a", "b"], "missing": "drop"}},
        "MS612",
        ("`missing: drop` drops all",),
    ),
}

# Weights ------------------------------------------------------------------------------------------

WEIGHTED = text("a,b,w,y\n1,2,1,0\n3,4,-1,1\n5,6,0,2\n")
W = {"inputs": ["a", "b"], "weights": "w"}
WEIGHTS: dict[str, Case] = {
    "a negative weight": Case(WEIGHTED, W, "MS629", ("`w` is -1", "t.csv:3")),
    "a weight NaN": Case(
        arrays(x=np.zeros((2, 2)), y=[0, 1], w=[1.0, np.nan]),
        {**N, "inputs": "x", "weights": "w"},
        "MS613",
        ("`w` is NaN", "w[1]"),
    ),
    "no weight": Case(text("a,b,w,y\n1,2,1,0\n3,4,,1\n"), W, "MS608", ("`w`", "t.csv:3")),
    "weights of zero": Case(text("a,b,w,y\n1,2,0,0\n3,4,0,1\n"), W, "MS629", ("every weight `w`",)),
    "a negative class weight": Case(
        rows(0, 1, 2), {"training": {"class_weight": {"0": 1, "1": -1, "2": 1}}}, "MS205", ("-1",)
    ),
    "a class without a weight": Case(
        rows(0, 1, 2),
        {"training": {"class_weight": {"0": 1, "1": 1}}},
        "MS629",
        ("class `2`", "1 training example"),
    ),
    "a weight for no class": Case(
        rows(0, 1, 2),
        {"training": {"class_weight": dict.fromkeys("0123", 1)}},
        "MS629",
        ("class `3`", "does not have"),
    ),
}

# Settings -----------------------------------------------------------------------------------------


def of_training(**settings: Any) -> dict[str, Any]:
    return {"training": settings}


STOPPING = {"EarlyStopping": {"monitor": "val_los"}}
SETTINGS: dict[str, Case] = {
    "negative learning rate": Case(
        rows(0, 1), of_training(optimizer={"Adam": -1}), "MS205", ("-1", "learning_rate")
    ),
    "learning rate NaN": Case(
        rows(0, 1), of_training(optimizer={"Adam": float("nan")}), "MS109", ("nan",)
    ),
    "learning rate of words": Case(
        rows(0, 1), of_training(optimizer={"Adam": "fast"}), "MS204", ("fast",)
    ),
    "no epochs": Case(rows(0, 1), of_training(epochs=0), "MS205", ("epochs", "0")),
    "negative epochs": Case(rows(0, 1), of_training(epochs=-1), "MS205", ("epochs", "-1")),
    "negative patience": Case(
        rows(0, 1),
        of_training(callbacks=[{"EarlyStopping": {"patience": -5}}]),
        "MS205",
        ("patience", "-5"),
    ),
    "batches of nothing": Case(rows(0, 1), of_training(batch_size=0), "MS205", ("batch_size", "0")),
    "batches of less": Case(rows(0, 1), of_training(batch_size=-1), "MS205", ("batch_size", "-1")),
    "units true": Case(
        rows(0, 1),
        {"layers": [{"Dense": {"units": True, "name": "y"}}]},
        "MS204",
        ("units", "true"),
    ),
    "a misspelt monitor": Case(
        rows(0, 1),
        {"split": {"validation": 0.5}, **of_training(callbacks=[STOPPING])},
        "MS520",
        ("val_los", "val_loss"),
    ),
}

# Text tables --------------------------------------------------------------------------------------

GZIP = gzip.compress(b"a,b,y\n" + b"1,2,0\n" * 1000)
TABLES: dict[str, Case] = {
    "a short row": Case(
        text("a,b,y\n1,2,0\n3,4\n"), {}, "MS602", ("t.csv:3", "2 cells", "3 columns")
    ),
    "a long row": Case(text("a,b,y\n1,2,0\n3,4,1,9\n"), {}, "MS602", ("t.csv:3", "4 cells")),
    "Latin-1": Case(text(b"a,b,y\n1,2,0\ncaf\xe9,4,1\n"), {}, "MS603", ("t.csv:3", "0xe9")),
    "UTF-16": Case(text("a,b,y\n1,2,0\n".encode("utf-16")), {}, "MS603", ("UTF-16",)),
    "decimal commas": Case(
        text('a,b,y\n1,"2,5",0\n3,4,1\n'), {}, "MS609", ("`b`", "t.csv:2", "point")
    ),
    "one name twice": Case(text("a,a,y\n1,2,0\n"), {}, "MS604", ("duplicate columns: `a`",)),
    "a huge cell": Case(
        text(f"a,b,y\n1,{'9' * 200_000},0\n"), {}, "MS602", ("t.csv:2", "characters")
    ),
    "NUL": Case(text(b"a,b,y\n1,2,0\n3,\0,1\n"), {}, "MS603", ("t.csv:3", "NUL")),
    "a spreadsheet": Case(
        text(b"PK\3\4\24\0\6\0"), {}, "MS603", ("t.csv:1", "save its table as CSV")
    ),
    "parquet": Case(text(b"PAR1\0\0"), {}, "MS603", ("write `parquet:`",)),
    "a column of row numbers": Case(
        text(",a,b,y\n0,1,2,0\n1,3,4,1\n"), {}, "MS604", ("column 1", "is ignored"), "warning"
    ),
    "a column without a name": Case(
        text("a,,b,y\n0,1,2,0\n"), {}, "MS604", ("column 2", "no name")
    ),
    "nothing": Case(text(""), {}, "MS604", ("empty",)),
    "a quote that stays open": Case(
        text('a,b,y\n1,"2,0\n3,4,1\n'), {}, "MS602", ("t.csv:2", "never closed")
    ),
    "cut short": Case(
        text(GZIP[:40], "t.csv.gz"), {"source": {"csv": "t.csv.gz"}}, "MS642", ("t.csv.gz",)
    ),
    "no file": Case(lambda: None, {}, "MS601", ("t.csv",)),
    "a folder": Case(lambda: Path("t.csv").mkdir(), {}, "MS601", ("t.csv", "folder")),
}

# Arrays -------------------------------------------------------------------------------------------


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, x=RNG.random((20, 2)), y=RNG.integers(0, 3, 20))
    return file.getvalue()


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def npy_claiming(shape: tuple[int, ...]) -> bytes:
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    return (
        b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head) + 1) + head.encode() + b"\n" + b"\0" * 8
    )


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return file.getvalue()


def hdf5(cut: int | None = None) -> None:
    import h5py

    with h5py.File("t.h5", "w") as file:
        file["x"], file["y"] = RNG.random((200, 2)), np.zeros(200, np.int64)
    if cut is not None:
        Path("t.h5").write_bytes(Path("t.h5").read_bytes()[:cut])


def parquet(change: Callable[[bytes], bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({"a": RNG.random(2000), "b": RNG.random(2000), "y": [0, 1] * 1000}),
        "t.parquet",
        write_page_checksum=True,
    )
    Path("t.parquet").write_bytes(change(Path("t.parquet").read_bytes()))


H, P = {"source": {"hdf5": "t.h5"}, "inputs": "x"}, {"source": {"parquet": "t.parquet"}}
IDX = {
    "source": {"idx": {"x": "x.idx", "y": "y.idx"}},
    "inputs": "x",
    "shape": [8, 8, 1],
    "layers": POOLED,
}


def idx_files() -> None:
    Path("x.idx").write_bytes(idx_bytes(np.zeros((5, 8, 8), np.uint8))[:-30])
    Path("y.idx").write_bytes(idx_bytes(np.zeros(5, np.uint8)))


ARRAYS: dict[str, Case] = {
    "npz cut short": Case(text(npz()[:300], "t.npz"), N, "MS605", ("t.npz",)),
    "npz with one bit changed": Case(
        text(flipped(npz(), 250), "t.npz"), N, "MS605", ("`x`", "t.npz")
    ),
    "npz without the array": Case(arrays(x=np.zeros((3, 2))), N, "MS607", ("`y`", "t.npz")),
    "empty npz": Case(text("", "t.npz"), N, "MS605", ("t.npz",)),
    "npy of 16 TB in 128 bytes": Case(
        text(zipped(x=npy_claiming((2_000_000_000_000,)), y=npy_claiming((1,))), "t.npz"),
        N,
        "MS606",
        ("`x`", "16.0 TB"),
    ),
    "npz header of 2.8 GB": Case(
        text(zipped(x=npy_claiming((175_000_000, 2)), y=npy_claiming((1,))), "t.npz"),
        N,
        "MS606",
        ("`x`", "2.8 GB"),
    ),
    "HDF5 cut short": Case(lambda: hdf5(cut=900), H, "MS605", ("t.h5",)),
    "HDF5 without the array": Case(hdf5, {**H, "targets": "z"}, "MS607", ("`z`", "t.h5")),
    "parquet cut short": Case(lambda: parquet(lambda data: data[:-20]), P, "MS642", ("t.parquet",)),
    "parquet with a page changed": Case(
        lambda: parquet(lambda data: data[:5000] + b"\xff" * 8 + data[5008:]),
        P,
        "MS642",
        ("t.parquet",),
    ),
    "idx cut short": Case(idx_files, IDX, "MS606", ("x.idx",)),
}

# Images -------------------------------------------------------------------------------------------


def image(name: str, **options: Any) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (8, 8, 3), np.uint8)).save(file, name, **options)
    return file.getvalue()


def with_image(data: bytes, name: str = "bad.png") -> Callable[[], None]:
    """A folder for each of three classes, and one more image."""

    def write() -> None:
        for label in "abc":
            Path("photos", label).mkdir(parents=True)
            Path("photos", label, "good.png").write_bytes(image("PNG"))
        Path("photos/b", name).write_bytes(data)

    return write


def bomb() -> bytes:
    body = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + body
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", len(body))
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + image("PNG")[33:]
    )


def large() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.zeros((9, 8, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


OF_IMAGES = {
    "source": {"images": {"path": "photos"}},
    "shape": [8, 8, 3],
    "layers": POOLED,
    "inputs": "image",
    "targets": "label",
}
IMAGES: dict[str, Case] = {
    "JPEG cut short": Case(
        with_image(image("JPEG")[:250], "bad.jpg"), OF_IMAGES, "MS644", ("photos/b/bad.jpg",)
    ),
    "PNG cut short": Case(
        with_image(image("PNG")[:100]), OF_IMAGES, "MS644", ("photos/b/bad.png",)
    ),
    "garbage": Case(
        with_image(b"\x89PNG\r\n\x1a\n" + b"\7" * 99), OF_IMAGES, "MS644", ("photos/b/bad.png",)
    ),
    "nothing": Case(with_image(b""), OF_IMAGES, "MS644", ("photos/b/bad.png", "empty")),
    "text named PNG": Case(
        with_image(b"<html>not found</html>"), OF_IMAGES, "MS644", ("photos/b/bad.png",)
    ),
    "100,000 by 100,000": Case(
        with_image(bomb()), OF_IMAGES, "MS645", ("photos/b/bad.png", "100000")
    ),
    "another size": Case(with_image(large()), OF_IMAGES, "MS646", ("bad.png",)),
}

CASES = {
    f"{kind}: {name}": case
    for kind, group in (
        ("label", LABELS),
        ("input", INPUTS),
        ("count", COUNTS),
        ("weight", WEIGHTS),
        ("setting", SETTINGS),
        ("table", TABLES),
        ("array", ARRAYS),
        ("image", IMAGES),
    )
    for name, case in group.items()
}


@pytest.mark.parametrize("name", CASES)
def test_a_fault_has_its_verdict(name: str) -> None:
    case = CASES[name]
    case.make()
    told = found(values(**case.spec))
    assert [(one.code, one.severity) for one in told] == [(case.code, case.severity)], [
        str(one) for one in told
    ]
    one = told[0]
    said = " ".join([one.message, *(str(note) for note in one.notes), one.help or ""])
    assert not [word for word in case.words if word not in said], said
    assert "\n" not in one.message and len(one.message) < 300


# What is right though it looks odd ----------------------------------------------------------------

RIGHT: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "labels in a column": (of_targets([[0], [1], [2]]), N),
    "smoothed binary labels": (rows(0.1, 0.9, 1), B),
    "shares of 16 bits": (of_targets(np.float16([[0.1, 0.2, 0.7]] * 2)), {**N, "loss": ONE_HOT}),
    "byte order mark": (text(b"\xef\xbb\xbfa,b,y\n1,2,0\n3,4,1\n"), {}),
    "CRLF": (text("a,b,y\r\n1,2,0\r\n3,4,1\r\n"), {}),
    "semicolons": (text("a;b;y\n1;2;0\n3;4;1\n"), {}),
    "decimal commas that are said": (
        text("a;b;y\n1,5;2;0\n3;4;1\n"),
        {"source": {"csv": {"path": "t.csv", "decimal": ",", "delimiter": ";"}}},
    ),
    "a quoted line end": (text('a,b,note,y\n1,2,"x\ny",0\n3,4,z,1\n'), {"inputs": ["a", "b"]}),
    "gzip": (text(GZIP, "t.csv.gz"), {"source": {"csv": "t.csv.gz"}}),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_taken(name: str) -> None:
    make, spec = RIGHT[name]
    make()
    assert [str(one) for one in found(values(**spec)) if one.code != "MS620"] == []


def as_picture(values: Any, mode: str, name: str, **options: Any) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(values).convert(mode).save(file, name, **options)
    return file.getvalue()


def animation() -> bytes:
    from PIL import Image

    file, frames = (
        io.BytesIO(),
        [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (10, 200)],
    )
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def turned() -> bytes:
    from PIL import Image

    file, picture = io.BytesIO(), Image.fromarray(np.zeros((8, 8, 3), np.uint8))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(file, "JPEG", exif=exif)
    return file.getvalue()


GREY = RNG.integers(0, 256, (8, 8), np.uint8)
PICTURES: dict[str, tuple[bytes, str]] = {
    "grey among colours": (as_picture(GREY, "L", "PNG"), "a.png"),
    "CMYK": (as_picture(np.stack([GREY] * 3, -1), "CMYK", "JPEG"), "a.jpg"),
    "16 bits": (as_picture(GREY.astype(np.uint16) * 257, "I;16", "PNG"), "a.png"),
    "animated GIF": (animation(), "a.gif"),
    "turned by its camera": (turned(), "a.jpg"),
    "JPEG named PNG": (image("JPEG"), "a.png"),
    "palette": (as_picture(np.stack([GREY] * 3, -1), "P", "PNG"), "a.png"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_every_kind_of_picture_becomes_three_channels(name: str) -> None:
    data, file = PICTURES[name]
    with_image(data, file)()
    spec = values(**OF_IMAGES)
    checked = compile_spec(spec)
    assert checked.value is not None and checked.value.data is not None
    table = open_source(checked.value.data.sources["train"], checked.value.file.context)
    examples, _ = prepare_source(checked.value, table, with_targets=False)
    assert examples.inputs["x"].shape == (4, 8, 8, 3)


def test_a_learning_rate_without_a_point_is_a_number() -> None:
    """YAML 1.1, which PyYAML reads, takes `1e-3` for a text."""
    rows(0, 1, 2)()
    Path("s.yaml").write_text(
        """
model: {inputs: {x: [2]}, layers: [{Dense: {units: 3, activation: softmax, name: y}}]}
data: {source: {csv: t.csv}, targets: y}
training: {loss: sparse_categorical_crossentropy, optimizer: {Adam: 1e-3}, batch_size: 2}
""",
        encoding="utf-8",
    )
    checked = compile_spec("s.yaml")
    assert (
        checked.diagnostics == ()
        and checked.value is not None
        and checked.value.training is not None
    )
    assert checked.value.training.optimizer.learning_rate == 0.001


def test_a_million_columns_are_no_matter() -> None:
    names = ",".join(f"c{i}" for i in range(100_000))
    Path("t.csv").write_text(
        f"{names},y\n" + ("1," * 100_000 + "0\n") + ("2," * 100_000 + "1\n"), encoding="utf-8"
    )
    assert found(values(inputs=["c0", "c99999"])) == ()


# At most ten of a kind ----------------------------------------------------------------------------


def test_places_of_one_fault_are_ten_and_a_count() -> None:
    rows(*[7] * 25, 0, 1)()
    (one,) = found(values())
    assert "t.csv:2" in one.message
    note = str(one.notes[0])
    assert (
        "t.csv:3" in note
        and "t.csv:11" in note
        and "t.csv:12" not in note
        and note.endswith("and 15 more")
    )


def test_faults_of_one_kind_are_ten_and_a_count() -> None:
    names = [f"c{i}" for i in range(14)]
    Path("t.csv").write_text(
        f"{','.join(names)},y\n" + "," * 14 + "0\n" + "1," * 14 + "1\n", encoding="utf-8"
    )
    told = found(values(shape=(14,)))
    assert [one.code for one in told] == ["MS608"] * 11
    assert told[-1].message == "4 more of the same kind"


# While a run goes on ------------------------------------------------------------------------------


def test_a_source_that_changes_between_two_looks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of more than memory is read in passes; a second one of other bytes is a fault, not
    other numbers.
    """
    from modelspec.runtime.data import column_reader as reading
    from modelspec.runtime.data.sources.formats import files

    rows(*[0, 1, 2] * 50)()
    monkeypatch.setattr(files, "IN_MEMORY", 100)
    monkeypatch.setattr(reading, "MEMORY", 100)
    checked = compile_spec(values())
    assert checked.value is not None
    unchanged = files.Found.unchanged
    calls = iter(range(100))

    def late(one: Any) -> None:
        if next(calls) == 2:
            with one.path.open("a") as file:
                file.write("9.5,1,0\n")
            os.utime(one.path, ns=(1, 1))
        unchanged(one)

    monkeypatch.setattr(files.Found, "unchanged", late)
    with pytest.raises(RunError) as raised:
        prepare(checked.value)
    assert [one.code for one in raised.value.diagnostics] == ["MS656"]
    assert "t.csv" in str(raised.value)


def test_a_file_that_is_gone_after_preparing_hurts_nobody() -> None:
    """What was prepared is the run's own: no mapping of the user's file is left to fault."""
    of_inputs(RNG.random((3, 2)))()
    checked = compile_spec(values(NPZ))
    assert checked.value is not None
    part = prepare(checked.value).parts["train"]
    before = part.examples.inputs["x"].copy()
    with Path("t.npz").open("r+b") as file:
        file.truncate(10)
    np.testing.assert_array_equal(part.examples.inputs["x"], before)


@pytest.mark.parametrize(
    ("x", "spec", "code", "words"),
    [
        ([[1, 2], [-1, 0]], E, "MS617", "is -1 at x[1, 0]"),
        ([[1.0, np.nan], [0, 0]], {}, "MS613", "NaN at x[0, 1]"),
        ([["a", "b"]], {}, "MS609", '"a" at x[0, 0]'),
        (np.zeros((2, 5)), {}, "MS610", "(5,)"),
        (np.zeros((0, 2)), {}, "MS612", "no examples"),
    ],
)
def test_rows_to_be_predicted_are_looked_through_as_well(
    x: Any, spec: Any, code: str, words: str
) -> None:
    """Keras predicts something for an index that there is none of, and NaN for NaN."""
    np.savez("t.npz", x=np.asarray(x))
    checked = compile_spec(values(NPZ, inputs="x", **spec))
    assert checked.value is not None and checked.value.data is not None
    table = open_source(checked.value.data.sources["train"], checked.value.file.context)
    with pytest.raises(RunError) as raised:
        prepare_source(checked.value, table, with_targets=False)
    (one,) = raised.value.diagnostics
    assert one.code == code and words in one.message


# On the command line ------------------------------------------------------------------------------


def test_faults_are_found_without_a_framework() -> None:
    rows(0, 1, 5)()
    Path("s.yaml").write_text(
        """
model: {inputs: {x: [2]}, layers: [{Dense: {units: 3, activation: softmax, name: y}}]}
data: {source: {csv: t.csv}, targets: y}
training: {loss: sparse_categorical_crossentropy}
""",
        encoding="utf-8",
    )
    code = (
        "import sys; from modelspec.cli import main\ntry: main(['check', '--data',"
        " 's.yaml'])\nexcept SystemExit as error: print(error.code, 'keras' in sys.modules,"
        " 'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert done.stdout.splitlines()[-1] == "1 False False"
    assert "label 5" in done.stdout and "t.csv:4" in done.stdout
