"""huggingface: data sets as `datasets` saves them, read without it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .sources import faults, in_blocks, opened

FEATURES: dict[str, Any] = {
    "text": {"dtype": "string", "_type": "Value"},
    "size": {"dtype": "int64", "_type": "Value"},
    "label": {"names": ["no", "yes"], "_type": "ClassLabel"},
}
ROWS = {"text": ["a", "b", "c"], "size": [1, 2, 3], "label": [1, 0, -1]}


def save(folder: Path, *parts: dict[str, list[Any]], **state: Any) -> None:
    """As `Dataset.save_to_disk` of datasets 4.0 does, which is not installed here."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"data-{i:05}-of-{len(parts):05}.arrow" for i in range(len(parts))]
    for name, part in zip(names, parts, strict=True):
        write(folder / name, part)
    written = {"_data_files": [{"filename": name} for name in names], "_split": None, **state}
    (folder / "state.json").write_text(json.dumps(written))
    (folder / "dataset_info.json").write_text(json.dumps({"features": FEATURES}))


def write(path: Path, part: dict[str, list[Any]]) -> None:
    import pyarrow as pa

    table = pa.table(part)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)


def test_a_data_set_has_its_columns_and_the_names_of_its_classes(tmp_path: Path) -> None:
    save(tmp_path / "d", ROWS)
    table = opened({"huggingface": "d"}, tmp_path)
    assert table.names == ("text", "size", "label") and table.count == 3
    assert table.column("label").tolist() == ["yes", "no", ""]
    assert table.column("size").tolist() == [1, 2, 3]
    assert table.column("text").tolist() == ["a", "b", "c"]
    missing = table.missing("label")
    assert missing is not None and missing.tolist() == [False, False, True]


def test_several_files_are_one_table(tmp_path: Path) -> None:
    save(tmp_path / "d", ROWS, {"text": ["d"], "size": [4], "label": [0]})
    table = opened({"huggingface": "d"}, tmp_path)
    found = in_blocks(table, ["label", "size"], 2)
    assert found["label"].tolist() == ["yes", "no", "", "no"]
    np.testing.assert_array_equal(found["size"], [1, 2, 3, 4])


def test_names_of_classes_are_part_of_the_data(tmp_path: Path) -> None:
    save(tmp_path / "d", ROWS)
    before = opened({"huggingface": "d"}, tmp_path).fingerprint
    info = {"features": {**FEATURES, "label": {"names": ["yes", "no"], "_type": "ClassLabel"}}}
    (tmp_path / "d/dataset_info.json").write_text(json.dumps(info))
    assert opened({"huggingface": "d"}, tmp_path).fingerprint != before


def test_one_of_several_splits_is_chosen(tmp_path: Path) -> None:
    save(tmp_path / "d/train", ROWS)
    save(tmp_path / "d/test", {"text": ["t"], "size": [9], "label": [1]})
    (tmp_path / "d/dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    table = opened({"huggingface": {"path": "d", "split": "test"}}, tmp_path)
    assert table.column("size").tolist() == [9]
    assert faults({"huggingface": "d"}, tmp_path) == [
        "MS687 the data set in `d` has several splits"
    ]
    assert faults({"huggingface": {"path": "d", "split": "trian"}}, tmp_path) == [
        "MS687 the data set in `d` has no split `trian`"
    ]


def test_a_folder_of_the_cache_is_read_too(tmp_path: Path) -> None:
    folder = tmp_path / "default/0.0.0/abc"
    folder.mkdir(parents=True)
    for name in ("x-train-00000-of-00002", "x-train-00001-of-00002", "cache-0123456789abcdef"):
        write(folder / f"{name}.arrow", ROWS)
    splits = {"train": {"name": "train", "num_examples": 6}}
    (folder / "dataset_info.json").write_text(json.dumps({"features": FEATURES, "splits": splits}))
    table = opened({"huggingface": "default/0.0.0/abc"}, tmp_path)
    assert table.count == 6 and table.column("label").tolist()[:2] == ["yes", "no"]
    (folder / "x-train-00001-of-00002.arrow").unlink()
    assert "states 6 examples" in faults({"huggingface": "default/0.0.0/abc"}, tmp_path)[0]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("state.json", "{", "not JSON"),
        ("state.json", "[]", "not a JSON object"),
        ("state.json", '{"_data_files": []}', "lists no files"),
        ("state.json", '{"_data_files": [{"filename": "../../s.arrow"}]}', "outside its folder"),
        ("state.json", '{"_data_files": [{"filename": "/etc/passwd"}]}', "outside its folder"),
        ("state.json", '{"_data_files": [3]}', "outside its folder"),
        ("state.json", '{"_indices_files": [{"filename": "i.arrow"}]}', "an indices file"),
        ("dataset_dict.json", '{"splits": [".."]}', "outside its folder"),
    ],
)
def test_what_is_not_a_data_set_is_said(tmp_path: Path, file: str, text: str, said: str) -> None:
    save(tmp_path / "d", ROWS)
    (tmp_path / "d" / file).write_text(text)
    (found,) = faults({"huggingface": "d"}, tmp_path)
    assert found.startswith("MS687") and said in found


def test_files_that_are_missing_or_lead_out_are_said(tmp_path: Path) -> None:
    (tmp_path / "p/d").mkdir(parents=True)
    assert "neither" in faults({"huggingface": "d"}, tmp_path / "p")[0]
    save(tmp_path / "p/d", ROWS)
    data = tmp_path / "p/d/data-00000-of-00001.arrow"
    data.rename(tmp_path / "outside.arrow")
    assert faults({"huggingface": "d"}, tmp_path / "p")[0].startswith("MS601")
    data.symlink_to(tmp_path / "outside.arrow")
    assert faults({"huggingface": "d"}, tmp_path / "p")[0].startswith("MS210")


def test_a_class_without_a_name_is_a_fault(tmp_path: Path) -> None:
    save(tmp_path / "d", {**ROWS, "label": [0, 1, 2]})
    (found,) = faults({"huggingface": "d"}, tmp_path)
    assert found.startswith("MS687 `label` of") and "the class 2" in found


@pytest.mark.parametrize("values", [["no", "yes", "no"], [0.0, 0.5, 1.0], [[0], [1], [0]]])
def test_classes_are_whole_numbers(tmp_path: Path, values: list[Any]) -> None:
    """Whatever the description of the data set says."""
    save(tmp_path / "d", {**ROWS, "label": values})
    (found,) = faults({"huggingface": "d"}, tmp_path)
    assert found.startswith("MS687 `label` of") and "not numbers of classes" in found


def test_what_datasets_saves_is_what_is_read(tmp_path: Path) -> None:
    """The package itself as the oracle, where it is installed."""
    datasets = pytest.importorskip("datasets", reason="needs Hugging Face's datasets")
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "values": datasets.Sequence(datasets.Value("float32"), length=2),
            "label": datasets.ClassLabel(names=["no", "yes"]),
        }
    )
    rows = {"text": ["a", "b", "c"], "values": [[1, 2], [3, 4], [5, 6]], "label": [1, 0, 1]}
    saved = datasets.Dataset.from_dict(rows, features=features)
    datasets.DatasetDict({"train": saved, "test": saved.select([2, 0])}).save_to_disk(
        tmp_path / "d", num_shards={"train": 2, "test": 1}
    )
    for split, order in (("train", [0, 1, 2]), ("test", [2, 0])):
        table = opened({"huggingface": {"path": "d", "split": split}}, tmp_path)
        assert table.column("text").tolist() == [rows["text"][i] for i in order]
        assert table.column("label").tolist() == [["no", "yes"][rows["label"][i]] for i in order]
        np.testing.assert_array_equal(table.column("values"), np.array(rows["values"])[order])
