"""parquet, arrow and jsonl: kinds of columns, missing values, lists; and what is wrong with a line
or a file.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from modelspec.runtime.data.sources.formats import files
from modelspec.runtime.data.table import is_nothing

from .sources import faults, in_blocks, opened

COUNT = 900
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (COUNT, 4, 3), dtype=np.uint8)


def table() -> pa.Table:
    return pa.table(
        {
            "whole": pa.array([None if i % 7 == 0 else i for i in range(COUNT)]),
            "number": RANDOM.random(COUNT).astype(np.float32),
            "nan": pa.array(
                [None if i == 1 else float("nan") if i == 2 else 0.5 for i in range(COUNT)]
            ),
            "text": pa.array([f"t{i}" if i % 5 else None for i in range(COUNT)]),
            "class": pa.array([f"c{i % 3}" for i in range(COUNT)]).dictionary_encode(),
            "flag": RANDOM.random(COUNT) > 0.5,
            "list": IMAGES.astype(int).tolist(),
            "ragged": [list(range(i % 4)) for i in range(COUNT)],
            "day": pa.array(np.arange(COUNT).astype("datetime64[D]")),
            "tensor": pa.FixedShapeTensorArray.from_numpy_ndarray(IMAGES),
            "struct": [{"a": 1}] * COUNT,
        }
    )


def write(folder: Path) -> dict[str, Any]:
    made = table()
    parquet.write_table(made, folder / "t.parquet", row_group_size=200)
    with (
        pa.OSFile(str(folder / "t.arrow"), "wb") as file,
        pa.ipc.new_file(file, made.schema) as writer,
    ):
        writer.write_table(made, max_chunksize=150)
    with (
        pa.OSFile(str(folder / "t.arrows"), "wb") as file,
        pa.ipc.new_stream(file, made.schema) as writer,
    ):
        writer.write_table(made, max_chunksize=150)
    return {
        "parquet": {"parquet": "t.parquet"},
        "file": {"arrow": "t.arrow"},
        "stream": {"feather": "t.arrows"},
    }


@pytest.mark.parametrize("passes", [False, True])
def test_columns_of_arrow_types(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passes: bool
) -> None:
    sources = write(tmp_path)
    if passes:
        monkeypatch.setattr(files, "IN_MEMORY", 0)
    for source in sources.values():
        found = opened(source, tmp_path)
        whole = {name: found.column(name) for name in found.names if name != "struct"}
        blocks = in_blocks(opened(source, tmp_path), whole, 77)
        for name, values in whole.items():
            assert values.dtype == blocks[name].dtype and values.shape == blocks[name].shape, name
            np.testing.assert_array_equal(is_nothing(values), is_nothing(blocks[name]))
            if name != "ragged":
                np.testing.assert_array_equal(values, blocks[name])
        np.testing.assert_array_equal(
            np.flatnonzero(is_nothing(whole["whole"])), np.arange(0, COUNT, 7)
        )
        assert np.flatnonzero(is_nothing(whole["nan"])).tolist() == [1] and np.isnan(
            whole["nan"][2]
        )
        assert whole["text"][:2].tolist() == ["", "t1"] and whole["class"][4] == "c1"
        np.testing.assert_array_equal(whole["list"], IMAGES)
        np.testing.assert_array_equal(whole["tensor"], IMAGES)
        assert [one.tolist() for one in whole["ragged"][:3]] == [[], [0], [0, 1]]
        assert [one.tolist() for one in blocks["ragged"][:3]] == [[], [0], [0, 1]]
        assert (
            whole["number"].dtype == np.float32
            and whole["flag"].dtype == bool
            and whole["day"][1] == "1970-01-02"
        )
        assert found.place("whole", (6,)).startswith("row 7 of t.")


def test_types_that_are_not_taken(tmp_path: Path) -> None:
    write(tmp_path)
    assert faults({"parquet": "t.parquet"}, tmp_path, "struct") == [
        "MS653 `struct` of t.parquet has the type `struct<a: int64>`, which cannot be converted to an array"
    ]
    parquet.write_table(pa.table({"a": pa.array([2**60 + 1, None])}), tmp_path / "big.parquet")
    parquet.write_table(pa.table({"a": pa.array([[1, None]])}), tmp_path / "inner.parquet")
    parquet.write_table(pa.table({"a": pa.array([[1], None])}), tmp_path / "none.parquet")
    parquet.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "empty.parquet")
    codes = {
        name: faults({"parquet": f"{name}.parquet"}, tmp_path)[0]
        for name in ("big", "inner", "none", "empty")
    }
    assert {name: text[:5] for name, text in codes.items()} == {
        "big": "MS653",
        "inner": "MS608",
        "none": "MS608",
        "empty": "MS604",
    }
    assert codes["none"] == "MS608 `a` has no list at row 2 of none.parquet"


def test_joined_files_take_the_wider_type(tmp_path: Path) -> None:
    parquet.write_table(
        pa.table({"a": [1, 2], "b": ["x", None], "c": [None, None]}), tmp_path / "1.parquet"
    )
    parquet.write_table(pa.table({"b": ["z"], "a": [0.5], "c": [3]}), tmp_path / "2.parquet")
    found = opened({"parquet": "*.parquet"}, tmp_path)
    assert found.column("a").tolist() == [1.0, 2.0, 0.5] and found.column("b").tolist() == [
        "x",
        "",
        "z",
    ]
    assert is_nothing(found.column("c")).tolist() == [True, True, False] and found.count == 3
    blocks = in_blocks(opened({"parquet": "*.parquet"}, tmp_path), "abc", 2)
    assert blocks["a"].tolist() == [1.0, 2.0, 0.5] and is_nothing(blocks["c"]).tolist() == [
        True,
        True,
        False,
    ]
    parquet.write_table(pa.table({"a": ["x"], "b": ["z"], "c": [1]}), tmp_path / "3.parquet")
    assert faults({"parquet": "*.parquet"}, tmp_path, "a") == [
        "MS640 `a` contains numbers in `1.parquet`, but strings in `3.parquet`"
    ]


@pytest.mark.parametrize("name", ["parquet", "file", "stream"])
def test_damaged_files(tmp_path: Path, name: str) -> None:
    source = write(tmp_path)[name]
    path = tmp_path / next(iter(source.values()))
    good, print_ = path.read_bytes(), opened(source, tmp_path).fingerprint
    assert faults(source, tmp_path, "whole", "list", "text") == []
    for at in np.random.default_rng(1).integers(0, len(good), 25):
        path.write_bytes(good[:at])
        found = faults(source, tmp_path, "whole", "list", "text")
        assert found and all(one[:5] in ("MS642", "MS604") for one in found), (at, found)
        path.write_bytes(good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :])
        found = faults(source, tmp_path, "whole", "text")
        assert all(one[:5] in ("MS642", "MS604", "MS607", "MS653", "MS608") for one in found), (
            at,
            found,
        )
        assert found or opened(source, tmp_path).fingerprint != print_


# jsonl --------------------------------------------------------------------------------------------


def lines(folder: Path, *rows: Any) -> dict[str, str]:
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "t.jsonl").write_text("\n".join(texts) + "\n", encoding="utf-8")
    return {"jsonl": "t.jsonl"}


@pytest.mark.parametrize("passes", [False, True])
def test_columns_of_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passes: bool) -> None:
    rows = [
        {
            "i": i,
            "f": i / 3 if i % 3 else None,
            "s": f"t{i}" if i % 4 else None,
            "b": i % 2 == 0,
            "image": IMAGES[i].tolist(),
            "ragged": list(range(i % 3)),
            "mixed": i if i % 2 else i + 0.5,
        }
        for i in range(COUNT)
    ]
    source = lines(tmp_path, *rows[:10], "", *rows[10:])
    if passes:
        monkeypatch.setattr(files, "IN_MEMORY", 0)
    found = opened(source, tmp_path)
    for values in (
        {name: found.column(name) for name in found.names},
        in_blocks(opened(source, tmp_path), found.names, 70),
    ):
        assert values["i"].dtype == np.int64 and values["i"].tolist() == list(range(COUNT))
        assert np.flatnonzero(is_nothing(values["f"])).tolist() == list(range(0, COUNT, 3))
        assert (
            values["f"][1] == 1 / 3
            and values["s"][:2].tolist() == ["", "t1"]
            and values["b"].dtype == bool
        )
        np.testing.assert_array_equal(values["image"], IMAGES)
        assert [one.tolist() for one in values["ragged"][:3]] == [[], [0], [0, 1]]
        assert values["mixed"].dtype == np.float64
    assert found.place("i", (9,)) == "t.jsonl:10" and found.place("i", (10,)) == "t.jsonl:12"


def test_compressed_objects(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(b'\xef\xbb\xbf{"a": 1}\r\n{"a": 2}'))
    assert opened({"jsonl": "t.jsonl.gz"}, tmp_path).column("a").tolist() == [1, 2]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"a": 1', "MS602 the JSON at t.jsonl:2 is incomplete"),
        ("nonsense", "MS602 t.jsonl:2 is not JSON"),
        ("[1]", "MS602 t.jsonl:2 is a list, not an object"),
        ("3", "MS602 t.jsonl:2 is a number, not an object"),
        ('{"a": 1, "a": 2}', "MS602 t.jsonl:2 has the key `a` twice"),
        ("{}", "MS602 t.jsonl:2 has no `a`"),
        ('{"a": 1, "b": 2}', "MS602 t.jsonl:2 has a key `b`, which the first object lacks"),
        ('{"a": "x"}', "MS653 `a` contains a number first, but a string at t.jsonl:2"),
        ('{"a": true}', "MS653 `a` contains a number first, but a boolean at t.jsonl:2"),
        (
            '{"a": {"b": 1}}',
            "MS653 `a` contains an object, which cannot be converted to an array, at t.jsonl:2",
        ),
        (
            '{"a": 99999999999999999999}',
            "MS653 `a` contains an integer of more than 64 bits at t.jsonl:2",
        ),
        ('{"a": ' + "1" * 5000 + "}", "MS602 t.jsonl:2 cannot be read"),
        ("[" * 100_000, "MS602 t.jsonl:2 "),
        ('{"a": 1}\0', "MS602 t.jsonl:2 is not JSON"),
    ],
)
def test_broken_lines(tmp_path: Path, line: str, said: str) -> None:
    found = faults(lines(tmp_path, {"a": 1}, line), tmp_path)
    assert len(found) == 1 and found[0].startswith(said), found


def test_lists_of_several_kinds(tmp_path: Path) -> None:
    for first, second in (([1], ["x"]), ([[1], [1, 2]], [1]), ([1, "x"], [1]), ([None], [1])):
        found = faults(lines(tmp_path, {"a": first}, {"a": second}), tmp_path)
        assert found and found[0].startswith("MS653 `a` contains"), (first, second, found)


def test_many_faults_are_ten_and_a_count(tmp_path: Path) -> None:
    found = faults(lines(tmp_path, {"a": 1}, *[{"a": "x"}] * 30), tmp_path)
    assert len(found) == 11 and found[-1] == "MS653 20 more of the same kind"


def test_keys_that_may_be_absent(tmp_path: Path) -> None:
    lines(tmp_path, {"a": 1}, {"a": 2, "b": "x"}, {"b": "y"})
    found = opened({"jsonl": {"path": "t.jsonl", "absent": True}}, tmp_path)
    assert is_nothing(found.column("a")).tolist() == [False, False, True]
    assert found.column("b").tolist() == ["", "x", "y"]


def test_files_that_are_empty_or_no_text(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(b"\n\n")
    assert faults({"jsonl": "t.jsonl"}, tmp_path) == ["MS604 `t.jsonl` is empty"]
    (tmp_path / "t.jsonl").write_bytes(b'{"a": "\xe9"}\n')
    assert faults({"jsonl": "t.jsonl"}, tmp_path) == ["MS603 t.jsonl:1 is not UTF-8: byte 0xe9"]
