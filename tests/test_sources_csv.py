"""csv: dialects, missing values, and what is wrong with a file, told by its line."""

from __future__ import annotations

import csv as python_csv
import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelspec.runtime.data import DataError
from modelspec.runtime.data.sources import csv as delimited
from modelspec.runtime.data.sources.formats import csv_stream, files
from modelspec.runtime.data.table import is_nothing

from .sources import faults, in_blocks, opened


def write(folder: Path, text: str | bytes, name: str = "t.csv") -> str:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def column(folder: Path, text: str | bytes, name: str = "a", **settings: Any) -> list[Any]:
    source = {"csv": {"path": write(folder, text), **settings}}
    return opened(source, folder).column(name).tolist()


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,x\n2,y\n",
        "a;b\n1;x\n2;y\n",
        "a\tb\n1\tx\n2\ty",
        "a|b\r\n1|x\r\n2|y\r\n",
        "\ufeffa,b\n1,x\n\n2,y\n",
        'a,b\n"1","x"\n"2","y"\n',
        "a,b\r1,x\r2,y\r",
        "\na,b\n1,x\n2,y\n",
        " a , b \n 1 , x \n 2 , y \n",
    ],
)
def test_dialects_that_are_found(tmp_path: Path, text: str) -> None:
    table = opened({"csv": write(tmp_path, text)}, tmp_path)
    assert table.names == ("a", "b")
    assert table.column("a").tolist() == [1.0, 2.0]
    assert table.column("b").tolist() == ["x", "y"]


@pytest.mark.parametrize(
    "header",
    [
        '"a","b"\n',
        'a,"b, c"\n',
        '"a\nx",b\n',
        '\n"a",b\n',
        '5" pipe,b\n',
        'a "b" c,d\n',
    ],
)
@pytest.mark.parametrize("rows", ["1,2\n3,4\n", '1,"2"\n3,4\n', '1,2\n3,"4"'])
def test_a_large_file_with_quotes_in_its_header(
    header: str, rows: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrow reads it where the rows have none, with the same values."""
    source = {"csv": write(tmp_path, header + rows)}
    names = next(python_csv.reader(io.StringIO(header.lstrip())))
    expected = {names[0]: [1.0, 3.0], names[1]: [2.0, 4.0]}
    for largest in (files.IN_MEMORY, 0):
        monkeypatch.setattr(files, "IN_MEMORY", largest)
        found = opened(source, tmp_path)
        assert {name: found.column(name).tolist() for name in names} == expected


def test_quoted_delimiters_line_breaks_and_quotes(tmp_path: Path) -> None:
    text = 'a,b\n1,"x, ""y""\nz"\n2,w\n'
    table = opened({"csv": write(tmp_path, text)}, tmp_path)
    assert table.column("b").tolist() == ['x, "y"\nz', "w"]
    assert table.place("b", (1,)) == "t.csv:4"


def test_gzip_reads_as_the_plain_file(tmp_path: Path) -> None:
    text = b"a,b\n1,x\n"
    plain = opened({"csv": write(tmp_path, text)}, tmp_path)
    packed = opened({"csv": write(tmp_path, gzip.compress(text), "t.csv.gz")}, tmp_path)
    assert packed.column("b").tolist() == ["x"]
    assert packed.fingerprint == plain.fingerprint


def test_a_cut_gzip_is_one_fault(tmp_path: Path) -> None:
    name = write(tmp_path, gzip.compress(b"a,b\n" + b"1,x\n" * 1000)[:-12], "t.csv.gz")
    assert [one[:5] for one in faults({"csv": name}, tmp_path)] == ["MS642"]


@pytest.mark.parametrize("text", ["a;b,c\n1;2,3\n", "a,b;c,d\n1,2;3,4\n", "a\tb|c\n1\t2|3\n"])
def test_a_delimiter_that_may_be_one_of_two_must_be_said(tmp_path: Path, text: str) -> None:
    assert [one[:5] for one in faults({"csv": write(tmp_path, text)}, tmp_path)] == ["MS641"]
    mark = "," if "," in text else "\t"
    assert faults({"csv": {"path": "t.csv", "delimiter": mark}}, tmp_path) == []


def test_decimal_comma(tmp_path: Path) -> None:
    assert column(tmp_path, "a;b\n1,5;x\n-2;y\n", decimal=",") == [1.5, -2.0]
    assert column(tmp_path, "a;b\n1,5;x\n") == ["1,5"]


@pytest.mark.parametrize("cell", ["1.500", "1.5", "1.234.567", "1e-.5", "."])
def test_with_a_decimal_comma_a_point_is_in_no_number(tmp_path: Path, cell: str) -> None:
    """Never one and a half, whether the column is read as numbers or each cell for itself."""
    source = {"csv": {"path": write(tmp_path, f"a;b\n2,5;x\n{cell};x\n"), "decimal": ","}}
    table = opened(source, tmp_path)
    assert table.column("a").tolist() == ["2,5", cell]
    found = table.numbers(table.column("a"))
    assert found.bad.tolist() == [False, True] and found.values[0] == 2.5


# Settings that pandas has too ---------------------------------------------------------------------

NUMBERS = [
    # settings of both, the cells of a column
    ({"thousands": ","}, ['"1,234"', '"12,500"', "999", '"-1,234,567.25"', "", '"+1,000"']),
    ({"decimal": ",", "thousands": ".", "sep": ";"}, ["1.234", "12.500,5", "999", "-0,5", "1e3"]),
    ({"thousands": " ", "decimal": ",", "sep": ";"}, ["1 234,5", "12", " 1 000 "]),
    ({"thousands": "'"}, ["1'234.5", "NA", "7"]),
    ({"thousands": ","}, ['"9,007,199,254,740,993"', "1", '"12,345"']),
    ({"decimal": ","}, ['"1,5"', '"-,5"', "7"]),
    ({"comment": "#"}, ["1 # one", "2.5#two", "# none", "3"]),
]


@pytest.mark.parametrize("passes", [False, True])
@pytest.mark.parametrize("case", range(len(NUMBERS)))
def test_numbers_are_those_of_pandas(
    case: int, passes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, cells = NUMBERS[case]
    if passes:
        read_in_passes(monkeypatch)
    sep = settings.get("sep", ",")
    rows = [cell if cell.startswith("#") else f"x{sep}{cell}" for cell in cells * 30]
    name = write(tmp_path, f"b{sep}a\n" + "\n".join(rows) + "\n")
    expected = pd.read_csv(tmp_path / name, **settings)["a"]
    given = {key: value for key, value in settings.items() if key != "sep"}
    table = opened({"csv": {"path": name, **given}}, tmp_path)
    found = table.column("a")
    assert found.dtype == expected.dtype or expected.dtype.kind == "i"
    np.testing.assert_array_equal(found, expected)
    lacking = table.missing("a")
    assert (
        np.zeros(len(found)) if lacking is None else lacking
    ).tolist() == expected.isna().tolist()
    alone = table.numbers(table.column("a", text=True))
    np.testing.assert_array_equal(alone.values, expected)
    assert not alone.bad.any() and not alone.lost.any()


@pytest.mark.parametrize("cell", ["1,23", "1,2345", ",123", "1234,567", "12,,345", "1,234.5,6"])
def test_groups_have_three_digits(tmp_path: Path, cell: str) -> None:
    text = f'a;b\n"{cell}";x\n"1,234";x\n'
    assert column(tmp_path, text, thousands=",", delimiter=";") == [cell, "1,234"]


TEXTS = ["Zürich", "naïve", "Ærø", "x", "007", "1e3", ""]


@pytest.mark.parametrize("passes", [False, True])
@pytest.mark.parametrize(
    "encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp850"]
)
def test_a_file_of_another_encoding_is_what_pandas_reads(
    encoding: str, passes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if passes:
        read_in_passes(monkeypatch)
        monkeypatch.setattr(csv_stream, "PIECE", 7)  # characters that two chunks share
    text = "name,größe\r\n" + "".join(f'"{text}",{i}\r\n' for i, text in enumerate(TEXTS * 5))
    for data, name in ((text.encode(encoding), "t.csv"),) * (1 if passes else 2):
        write(tmp_path, gzip.compress(data) if name.endswith("gz") else data, name)
        table = opened({"csv": {"path": name, "encoding": encoding}}, tmp_path)
        expected = pd.read_csv(
            tmp_path / name, encoding=encoding, dtype={"name": str}, keep_default_na=False
        )
        assert list(table.names) == list(expected.columns)
        assert table.column("name", text=True).tolist() == expected["name"].tolist()
        assert table.column("größe").tolist() == expected["größe"].tolist()


def test_bytes_that_are_none_of_the_encoding_are_told_by_their_line(tmp_path: Path) -> None:
    write(tmp_path, b"a,b\n1,x\n2,\x81\n")
    for encoding, byte in (("cp1252", "0x81"), ("ascii", "0x81"), ("utf-8", "0x81")):
        said = faults({"csv": {"path": "t.csv", "encoding": encoding}}, tmp_path)
        assert said == [f"MS603 t.csv:3 is not {encoding.replace('utf', 'UTF')}: byte {byte}"]
    write(tmp_path, "a,b\n1,é\n".encode("utf-16-le")[:-1])
    (said_so,) = faults({"csv": {"path": "t.csv", "encoding": "utf-16-le"}}, tmp_path)
    assert said_so.startswith("MS603 t.csv:")


@pytest.mark.parametrize(
    "settings", [{"encoding": "rot13"}, {"encoding": "latin"}, {"encoding": 8}]
)
def test_an_encoding_that_is_none_is_refused(tmp_path: Path, settings: Any) -> None:
    if settings["encoding"] == "latin":  # another name of latin-1
        assert column(tmp_path, "a,b\n1,2\n".encode("latin"), **settings) == [1.0]
        return
    with pytest.raises(ValueError, match="encoding"):
        column(tmp_path, "a,b\n1,2\n", **settings)


comment_cells = st.lists(
    st.sampled_from(["1", "x", "", '"a#b"', '"l\nl"', '"q""#"', 'q"q', "2 3", '"1,2"']),
    min_size=2,
    max_size=2,
).map(",".join)
comment_ends = st.sampled_from(["", ' # all, of "it"', " #", "  # more"])
"""Directly behind a quote pandas overlooks a comment."""


@given(st.lists(st.tuples(comment_cells, comment_ends), min_size=1, max_size=6), st.booleans())
def test_comments_are_those_of_pandas(
    tmp_path_factory: Any, rows: list[tuple[str, str]], passes: bool
) -> None:
    folder = tmp_path_factory.getbasetemp()
    text = "# first\nk,a,b\n" + "".join(f"0,{row}{end}\n#\n" for row, end in rows)
    name = write(folder, text, "comments.csv")
    expected = pd.read_csv(folder / name, comment="#", dtype=str, keep_default_na=False)
    with pytest.MonkeyPatch.context() as patch:
        if passes:
            patch.setattr(files, "IN_MEMORY", 0)
            patch.setattr(csv_stream, "PIECE", 5)
        table = opened({"csv": {"path": name, "delimiter": ",", "comment": "#"}}, folder)
        for column_name in "ab":
            found = table.column(column_name, text=True).tolist()
            assert found == [cell.strip() for cell in expected[column_name]]
    line = text[: text.rindex(f"0,{rows[-1][0]}")].count("\n") + 1
    assert table.place("a", (len(rows) - 1,)) == f"comments.csv:{line}"


@pytest.mark.parametrize(
    "settings",
    [
        {"thousands": "."},
        {"thousands": "1"},
        {"thousands": '"'},
        {"comment": "\n"},
        {"comment": ",", "delimiter": ","},
        {"comment": ",", "thousands": ","},
    ],
)
def test_marks_that_cannot_be_told_apart_are_refused(tmp_path: Path, settings: Any) -> None:
    with pytest.raises(ValueError, match="cannot"):
        column(tmp_path, "a,b\n1,2\n", **settings)


@pytest.mark.parametrize("passes", [False, True])
def test_cells_are_had_as_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passes: bool
) -> None:
    """Whatever the other rows are, and also after the column was read as numbers."""
    if passes:
        read_in_passes(monkeypatch)
    name = write(tmp_path, "a,b\n" + "007,1\n7,2\n1e3,3\n 1000 ,4\nNA,5\n,6\n" * 40)
    expected = pd.read_csv(
        tmp_path / name, dtype=str, keep_default_na=False, skipinitialspace=True
    )["a"].str.strip()
    table = opened({"csv": name}, tmp_path)
    assert table.column("a", text=True).tolist() == expected.tolist()
    assert table.column("a")[:4].tolist() == [7.0, 7.0, 1000.0, 1000.0]
    blocks = list(table.blocks(["a", "b"], 50, {"a"}))
    assert np.concatenate([block["a"] for block in blocks]).tolist() == expected.tolist()
    assert blocks[0]["b"][:2].tolist() == [1.0, 2.0]
    assert in_blocks(table, "a", 50)["a"][:2].tolist() == [7.0, 7.0]


def test_missing_numbers_are_told_from_nan(tmp_path: Path) -> None:
    table = opened({"csv": write(tmp_path, "a,b,c\n1,,x\nNA,2,\n,3,z\n")}, tmp_path)
    missing = table.missing("a")
    assert missing is not None and missing.tolist() == [False, True, True]
    assert np.isnan(table.column("a")[1:]).all()
    text = table.missing("c")
    assert text is not None and text.tolist() == [False, True, False]
    own = opened(
        {"csv": {"path": write(tmp_path, "a\nnan\n-9\n1\n"), "missing_values": ["-9"]}}, tmp_path
    )
    assert np.isnan(own.column("a")[0]) and is_nothing(own.column("a")).tolist() == [
        False,
        True,
        False,
    ]


def test_words_for_nothing_stay_text_in_text_unless_they_are_given(tmp_path: Path) -> None:
    assert column(tmp_path, "a\nNone\nx\n") == ["None", "x"]
    assert column(tmp_path, "a\nNone\nx\n", missing_values=["None"]) == ["", "x"]


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["1_000", "2"], ["1_000", "2"]),
        (["+1", "2"], [1.0, 2.0]),
        (["1e3", "inf"], [1000.0, float("inf")]),
        (["9007199254740993", "1"], [9007199254740993, 1]),
        (["0x10", "1"], ["0x10", "1"]),
        (["", ""], ["", ""]),
        (["1"] * 150 + ["x"], ["1"] * 150 + ["x"]),
        (["1"] * 150 + ["+1"], [1.0] * 151),
        (["1"] * 150 + ["9007199254740993"], [1] * 150 + [9007199254740993]),
        (["+9007199254740993", "-1"], [9007199254740993, -1]),
        (["9223372036854775807", "1"], [2**63 - 1, 1]),
        (["9223372036854775808", "1"], [2**63, 1]),
        (["18446744073709551615", "1"], [2**64 - 1, 1]),
        (["-9223372036854775808", "1"], [-(2**63), 1]),
        # What no dtype holds is not read as another number.
        (["18446744073709551617", "1"], ["18446744073709551617", "1"]),
        (["9223372036854775809", "-1"], ["9223372036854775809", "-1"]),
        (["9007199254740993", "1.5"], ["9007199254740993", "1.5"]),
        (["9007199254740993", ""], ["9007199254740993", ""]),
        (["9007199254740992", "1.5"], [2.0**53, 1.5]),
        (["18446744073709551616", "1"], [2.0**64, 1.0]),
        (["9007199254740993.0", "1"], [2.0**53, 1.0]),
    ],
)
def test_what_is_a_number(tmp_path: Path, cells: list[str], found: list[Any]) -> None:
    text = "a,b\n" + "".join(f"{cell},z\n" for cell in cells)
    values = column(tmp_path, text)
    assert values == found and [type(one) for one in values] == [type(one) for one in found]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "MS604 `t.csv` is empty"),
        (b" \n\n", "MS604 `t.csv` is empty"),
        (b"\xef\xbb\xbf", "MS604 `t.csv` is empty"),
        (b"a,b\n", "MS604 `t.csv` has a header but no rows"),
        (b"a,b\n1,2\n1\n", "MS602 t.csv:3 has 1 cell, expected 2 columns"),
        (b"a,b\n1,2\n\n1,2,3\n", "MS602 t.csv:4 has 3 cells, expected 2 columns"),
        (b"a,a\n1,2\n", "MS604 t.csv:1 has duplicate columns: `a`"),
        (b"a,\n1,2\n", "MS604 column 2 has no name in t.csv:1"),
        (
            b"1.5,2\n3,4\n",
            "MS604 the first line of `t.csv` should contain column names, but it contains numbers",
        ),
        (b"a,b\n1,\xe9\n", "MS603 t.csv:2 is not UTF-8: byte 0xe9"),
        (b"a,b\n1,\0\n", "MS603 t.csv:2 has a NUL character"),
        (b"a,b\n1,\xc3", "MS603 t.csv:2 is not UTF-8: the last character is incomplete"),
        ("a,b\n1,2\n".encode("utf-16"), "MS603 `t.csv` is UTF-16"),
        (b'a,b\n1,"x\n2,y\n', "MS602 a quote opened in the row at t.csv:2 is never closed"),
        (b'a,b\n1,"x"y\n', "MS602 t.csv:2 has text after a closing quote"),
        (
            b"a,b\n1," + b"x" * 200_000 + b"\n",
            "MS602 t.csv:2 has a cell of more than 131,072 characters",
        ),
    ],
)
def test_broken_files(tmp_path: Path, text: bytes, said: str) -> None:
    assert faults({"csv": write(tmp_path, text)}, tmp_path) == [said]


def test_many_ragged_rows_are_ten_and_a_count(tmp_path: Path) -> None:
    found = faults({"csv": write(tmp_path, "a,b\n" + "1,2,3\n" * 40)}, tmp_path)
    assert (
        len(found) == 11
        and "t.csv:2 " in found[0]
        and found[-1] == "MS602 30 more of the same kind"
    )


def test_a_million_columns(tmp_path: Path) -> None:
    count = 1_000_000
    head = ",".join(f"c{i}" for i in range(count))
    table = opened({"csv": write(tmp_path, head + "\n" + ",".join("1" * count) + "\n")}, tmp_path)
    assert len(table.names) == count and table.column("c999999").tolist() == [1.0]


@pytest.mark.parametrize(("text", "shown"), [("a;b\n1;2\n", ";"), ("a\tb\n1\t2\n", "\\t")])
def test_another_delimiter_than_the_given_one_is_offered(
    tmp_path: Path, text: str, shown: str
) -> None:
    with pytest.raises(DataError) as caught:
        opened({"csv": {"path": write(tmp_path, text), "delimiter": ","}}, tmp_path)
    (one,) = caught.value.diagnostics
    assert one.code == "MS602" and f'delimiter: "{shown}"' in str(one.help)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "text"])
def test_a_line_without_an_end_is_not_read_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(files, "LINE", 3 * files.CHUNK)
    name = write(
        tmp_path, gzip.compress(b"a\n" * (kind != "jsonl") + b"x" * 10 * files.CHUNK), "t.gz"
    )
    (one,) = faults({kind: name}, tmp_path)
    assert one == f"MS602 t.gz:{1 if kind == 'jsonl' else 2} is longer than 3.1 MB"


def test_header_given(tmp_path: Path) -> None:
    assert column(tmp_path, "1,x\n2,y\n", header=["a", "b"]) == [1.0, 2.0]
    assert column(tmp_path, "one, two\nthree\n", delimiter="\t", header=["a"]) == [
        "one, two",
        "three",
    ]


@pytest.mark.parametrize("passes", [False, True])
def test_empty_cells_beyond_the_last_column_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passes: bool
) -> None:
    """As spreadsheets write them; where one of them holds something the row is a fault."""
    if passes:
        read_in_passes(monkeypatch)
    for text, header in (
        ("a,b\n1,x,,\n2,y,, \n", None),
        ('1\tx\t\t\n2\t"y"\t\t\n', ["a", "b"]),
        ("a;b\n1;x\n2;y;;;\n", None),
        ("a,b\n1,x,\n2,y\n", None),
    ):
        source = {"csv": {"path": write(tmp_path, text), **({"header": header} if header else {})}}
        table = opened(source, tmp_path)
        assert (table.names, table.count) == (("a", "b"), 2)
        assert (table.column("a").tolist(), table.column("b").tolist()) == ([1.0, 2.0], ["x", "y"])
    write(tmp_path, "a,b\n1,x,,\n2,y,,3\n")
    assert faults({"csv": "t.csv"}, tmp_path) == ["MS602 t.csv:3 has 4 cells, expected 2 columns"]
    write(tmp_path, "text\nyes,\nno\n")
    assert faults({"csv": "t.csv"}, tmp_path) == ["MS602 t.csv:2 has 2 cells, expected 1 column"]


@pytest.mark.parametrize("passes", [False, True])
def test_a_first_column_without_a_name_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passes: bool
) -> None:
    """As pandas writes the numbers of the rows."""
    if passes:
        read_in_passes(monkeypatch)
    table = opened({"csv": write(tmp_path, ',a,b\n0,1,x\n1,2,"y"\n')}, tmp_path)
    assert (table.names, table.count, [one.code for one in table.warnings]) == (
        ("a", "b"),
        2,
        ["MS604"],
    )
    assert (table.column("a").tolist(), table.column("b").tolist()) == ([1.0, 2.0], ["x", "y"])
    assert in_blocks(table, "ab", 1)["a"].tolist() == [1.0, 2.0]
    with pytest.raises(DataError):
        table.column("")


def test_more_cells_than_the_header_names_are_to_be_named(tmp_path: Path) -> None:
    write(tmp_path, "1,x,5\n2,y,\n")
    with pytest.raises(DataError) as caught:
        opened({"csv": {"path": "t.csv", "delimiter": ",", "header": ["a", "b"]}}, tmp_path)
    assert [one.help for one in caught.value.diagnostics] == ["list all 3 columns in `header`"]


def test_several_files_are_one_table(tmp_path: Path) -> None:
    write(tmp_path, "a,b\n1,10\n2,\n", "part-2.csv")
    write(tmp_path, "a,b\n3,x1\n", "part-10.csv")
    write(tmp_path, "b\n", ".part-0.csv")
    table = opened({"csv": "part-*.csv"}, tmp_path)
    assert table.column("a").tolist() == [
        3.0,
        1.0,
        2.0,
    ]  # sorted by name: part-10 comes before part-2
    assert table.column("b").tolist() == [
        "x1",
        "10",
        "",
    ]  # text in one file is text in all, exactly as written
    assert table.place("a", (2,)) == "part-2.csv:3"
    listed = opened({"csv": {"path": ["part-2.csv", "part-10.csv"]}}, tmp_path)
    assert listed.column("a").tolist() == [1.0, 2.0, 3.0]
    assert listed.fingerprint != table.fingerprint


@pytest.mark.parametrize("passes", [False, True])
def test_a_large_number_in_one_file_keeps_its_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passes: bool
) -> None:
    if passes:
        read_in_passes(monkeypatch)
    write(tmp_path, "a,b\n1,x\n2,x\n", "1.csv")
    write(tmp_path, "a,b\n9007199254740993,x\n", "2.csv")
    table = opened({"csv": "*.csv"}, tmp_path)
    assert table.column("a").tolist() == [1, 2, 2**53 + 1]
    assert in_blocks(table, "ab", 2)["a"].tolist() == [1, 2, 2**53 + 1]


def test_files_that_do_not_go_together(tmp_path: Path) -> None:
    write(tmp_path, "a,b\n1,2\n", "one.csv")
    write(tmp_path, "a,c\n1,2\n", "two.csv")
    assert faults({"csv": "*.csv"}, tmp_path) == [
        "MS640 `two.csv` has no column `b`, but `one.csv` has"
    ]
    assert faults({"csv": {"path": ["one.csv", "./one.csv"]}}, tmp_path) == [
        "MS640 `./one.csv` is the same file as `one.csv`"
    ]
    assert faults({"csv": "*.tsv"}, tmp_path) == ["MS601 no file matches `*.tsv`"]


def test_patterns_stay_in_the_project(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    write(tmp_path, "a\n1\n", "secret.csv")
    (project / "x.csv").symlink_to(tmp_path / "secret.csv")
    assert [one[:5] for one in faults({"csv": "*.csv"}, project)] == ["MS210"]
    for path in ("../*.csv", "*/../../secret.csv", "/etc/*.conf"):
        with pytest.raises(ValueError, match=r"outside the project|pattern without `..`"):
            opened({"csv": path}, project)


def read_in_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "IN_MEMORY", 0)


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_file_that_is_read_in_passes_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quote: str
) -> None:
    rows = [
        f"{i / 7},{'' if i % 5 == 0 else i},{quote}t{i}{quote},{'x' if i == 2999 else i}"
        for i in range(3000)
    ]
    source = {"csv": write(tmp_path, "a,b,c,d\n" + "\n".join(rows) + "\n")}
    whole = opened(source, tmp_path)
    read_in_passes(monkeypatch)
    table = opened(source, tmp_path)
    assert table.count == whole.count == 3000 and table.fingerprint == whole.fingerprint
    found = in_blocks(table, "abcd", 700)
    for name in "abcd":
        expected = whole.column(name)
        np.testing.assert_array_equal(found[name], expected)
        np.testing.assert_array_equal(table.column(name), expected)
        np.testing.assert_array_equal(is_nothing(found[name]), is_nothing(expected))
    assert table.place("a", (2000,)) == "t.csv:2002"


cells = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "NA",
            "nan",
            "1",
            "-2.5",
            "1e5",
            "+3",
            "x",
            "1_0",
            "inf",
            "9007199254740993",
            'q"q',
            "a,b",
            "l\nl",
            "é",
            "0x1",
            "\u0661",
            "1.7976931348623157e309",
            "1e-320",
        ]
    ),
    st.floats(allow_nan=False).map(repr),
)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=6), st.booleans(), st.booleans())
def test_arrow_and_python_read_the_same(
    tmp_path_factory: Any, rows: list[tuple[str, str]], every: bool, passes: bool
) -> None:
    """Whatever stands in the cells, the fast way and the plain one give one table."""
    folder = tmp_path_factory.getbasetemp()
    text = io.StringIO()
    writer = python_csv.writer(
        text, quoting=python_csv.QUOTE_ALL if every else python_csv.QUOTE_MINIMAL
    )
    writer.writerow(["a", "b"])
    writer.writerows(rows)
    source = {"csv": {"path": write(folder, text.getvalue(), "same.csv"), "delimiter": ","}}
    with pytest.MonkeyPatch.context() as patch:
        if passes:
            patch.setattr(files, "IN_MEMORY", 0)
        fast = opened(source, folder)
        patch.setattr(delimited.Rows, "is_plain", lambda self: False)
        plain = opened(source, folder)
    for name in "ab":
        one, other = fast.column(name), plain.column(name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(is_nothing(one), is_nothing(other))
        if one.dtype == np.float64:
            written = [row["ab".index(name)] for row in rows]
            expected = [
                np.nan if lacks else float(cell)
                for cell, lacks in zip(written, is_nothing(one), strict=True)
            ]
            np.testing.assert_array_equal(one, expected)


tokens = st.sampled_from(
    ['"', ",", "\n", "\r\n", "\r", " ", "1", "2.5", "x", "é", ",,", '""', '"a,b"', "NA"]
)
row_of_cells = st.lists(
    st.sampled_from(["", " ", "1", "2.5", "x", '"y"', '"a,b"', '"l\nl"', 'q"q', '"', "NA", "+1"]),
    min_size=2,
    max_size=4,
).map(",".join)
lines = st.one_of(
    row_of_cells,
    row_of_cells.map(lambda row: f"1,x{'' if row[0] == '1' else ',,'}"),
    st.lists(tokens, max_size=25).map("".join),
)


@given(st.lists(lines, min_size=1, max_size=4), st.booleans(), st.booleans())
def test_arrow_and_python_find_the_same_faults(
    tmp_path_factory: Any, rows: list[str], named: bool, passes: bool
) -> None:
    """Whatever a file holds, the fast way and the plain one give one table, or say the same of
    it.
    """
    folder = tmp_path_factory.getbasetemp()
    text = ("" if named else "a,b\n") + "\n".join(rows)
    source = {
        "csv": {
            "path": write(folder, text, "raw.csv"),
            "delimiter": ",",
            **({"header": ["a", "b"]} if named else {}),
        }
    }
    with pytest.MonkeyPatch.context() as patch:
        if passes:
            patch.setattr(files, "IN_MEMORY", 0)
        fast = told(source, folder)
        patch.setattr(delimited.Rows, "is_plain", lambda self: False)
        assert told(source, folder) == fast


def told(source: Any, folder: Path) -> Any:
    """The columns of a table with their types, or what is wrong with it."""
    try:
        table = opened(source, folder)
        return [
            (str(table.column(name).dtype), list(map(repr, table.column(name))))
            for name in table.names
        ]
    except DataError as error:
        return [str(one) for one in error.diagnostics]
