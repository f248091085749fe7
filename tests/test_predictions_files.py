"""Predictions of folders of images and of texts, of one image, one text, and of cells with several
labels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.runtime.data import RunError
from modelspec.runtime.run import predict

from .predicting import read_csv

pytestmark = pytest.mark.tensorflow


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def paint(path: Path, shade: int) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 4, 3), shade, np.uint8)).save(path)


def test_images_have_the_names_of_their_files_and_one_image_is_a_source() -> None:
    for number in range(6):
        for kind, shade in (("dark", 10), ("light", 200)):
            paint(Path(f"train/{kind}/{number}.png"), shade + number)
    spec: Any = {
        "model": {
            "inputs": {"image": [4, 4, 3]},
            "layers": ["Flatten", {"Dense": {"units": 1, "activation": "sigmoid", "name": "kind"}}],
        },
        "data": {
            "source": {"images": "train"},
            "inputs": {"image": {"column": "image", "transform": [{"Rescaling": 0.004}]}},
            "targets": {
                "kind": {
                    "column": "label",
                    "transform": [{"StringLookup": {"num_oov_indices": 0}}],
                }
            },
        },
        "training": {"loss": "binary_crossentropy"},
    }
    run = ms.load_spec(spec).train(run_dir="run")
    for number in range(3):
        paint(Path(f"new/{number}.png"), 40 * number)
    Path("new/bad.png").write_bytes(b"no image")
    with pytest.raises(RunError):
        predict("run", "new")
    predict("run", "new", "out.csv", errors="skip")
    rows = read_csv("out.csv")
    assert [row["file"] for row in rows] == [f"new/{number}.png" for number in range(3)]
    (left_out,) = read_csv("out.csv.errors.csv")
    assert (left_out["row"], left_out["place"]) == ("4", "new/bad.png")
    one = predict("run", "new/1.png")
    assert one.ids["file"].tolist() == ["new/1.png"]
    assert float(one.outputs["kind"][0, 0]) == pytest.approx(float(rows[1]["p[light]"]), abs=1e-6)
    with pytest.raises(RunError, match="MS601"):
        predict("run", "new/7.png")
    again = run.predict({"image": np.full((2, 4, 4, 3), 40, np.uint8)})
    assert again["p[light]"].tolist() == pytest.approx([float(rows[1]["p[light]"])] * 2, abs=1e-6)


def test_a_text_is_a_source_and_cells_with_several_labels_give_their_names() -> None:
    words = ["red apple", "green pear", "red cherry", "green apple"] * 6
    tags = ["red|fruit", "green|fruit", "red", "green|fruit"] * 6
    Path("t.csv").write_text(
        "text,tags\n" + "".join(f"{w},{t}\n" for w, t in zip(words, tags, strict=True))
    )
    lookup = {"StringLookup": {"output_mode": "multi_hot", "num_oov_indices": 0}}
    spec: Any = {
        "model": {
            "inputs": {"text": {"shape": [6]}},
            "layers": [{"Dense": {"units": 3, "activation": "sigmoid", "name": "tags"}}],
        },
        "data": {
            "source": {"csv": "t.csv"},
            "inputs": {
                "text": {
                    "column": "text",
                    "transform": [{"TextVectorization": {"output_mode": "multi_hot"}}],
                }
            },
            "targets": {"tags": {"column": "tags", "separator": "|", "transform": [lookup]}},
        },
        "training": {"optimizer": {"Adam": 0.1}, "loss": "binary_crossentropy", "epochs": 20},
    }
    run = ms.load_spec(spec).train(run_dir="run")
    found = run.predict("t.csv")
    assert list(found) == ["row", "tags", "p[fruit]", "p[green]", "p[red]"]
    assert found["tags"][1] == "fruit|green"
    one = predict("run", "text=red cherry", threshold={"red": 0.0, "fruit": 1.0, "green": 1.0})
    # A batch of one row and a batch of 24 may differ in the last bit, depending on the processor.
    whole = predict("run", "t.csv").outputs["tags"][2]
    np.testing.assert_allclose(one.outputs["tags"][0], whole, rtol=1e-5)
    assert one.classes["tags"].tolist() == [[0, 0, 1]]
    word = predict("run", "text=cherry")
    given = run.predict([{"text": "cherry"}])
    assert word.shares["tags"][0].tolist() == [
        given[f"p[{tag}]"][0] for tag in ("fruit", "green", "red")
    ]
    for path in ("text=some/folder", "text=words.txt"):
        with pytest.raises(RunError, match="MS601"):
            predict("run", path)


def test_rows_whose_image_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    """What a cell names may be anything; it is shown without what controls a terminal."""
    for number in range(4):
        paint(Path(f"new/{number}.png"), 40 * number)
    Path("new/bad\x1b[2K.png").write_bytes(b"no image")
    Path("new/link.png").symlink_to("/etc/hostname")
    Path("rows.csv").write_text("p,y\n" + "".join(f"new/{n}.png,{n}\n" for n in range(4)))
    spec: Any = {
        "model": {"inputs": {"x": [4, 4, 3]}, "layers": ["Flatten", {"Dense": 1}]},
        "data": {
            "source": {"csv": "rows.csv"},
            "inputs": {"x": {"column": "p", "read": "image"}},
            "targets": "y",
        },
        "training": {"loss": "mse"},
    }
    run = ms.load_spec(spec).train(run_dir="run")
    cells = ["new/1.png", "new/bad\x1b[2K.png", "new/link.png", "../a.png", "n" * 300, "new/3.png"]
    text = "".join(f"00{number},{cell}\n" for number, cell in enumerate(cells))
    Path("some.csv").write_text(f"code,p\n{text}006\n")
    predict("run", "some.csv", "o.csv", id="code", errors="skip")
    assert [row["code"] for row in read_csv("o.csv")] == ["000", "005"]
    errors = read_csv("o.csv.errors.csv")
    assert [row["code"] for row in errors] == ["001", "002", "003", "004", ""]
    assert [row["place"] for row in errors] == [f"some.csv:{line}" for line in (3, 4, 5, 6, 8)]
    assert "\u241b[2K" in errors[0]["reason"] and "\x1b" not in Path("o.csv.errors.csv").read_text()
    assert "a link that leads to /etc/hostname" in errors[1]["reason"]
    (name,) = (name for name in read_csv("o.csv")[0] if name != "code")
    whole = run.predict("rows.csv")[name]
    found = [float(row[name]) for row in read_csv("o.csv")]
    assert found == pytest.approx(whole[[1, 3]].tolist())
    with pytest.raises(RunError, match="MS601"):
        predict("run", "some.csv".replace("some", "n" * 300))
