"""Files, bytes and budgets: what is not a text is refused, and nothing that a file holds costs more
than a second.
"""

from __future__ import annotations

import io
import math
import os
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from modelspec.core.diagnostics import Diagnostic
from modelspec.core.source import budgets, plain, read, read_mapping, read_text

BYTES: list[tuple[str, bytes, tuple[str, int, int]]] = [
    ("latin-1", "a: 1\nb: Größe\n".encode("latin-1"), ("MS101", 2, 6)),
    ("cut in a character", "a: é".encode()[:-1], ("MS101", 1, 4)),
    ("UTF-16 with a mark", "a: 1\n".encode("utf-16"), ("MS101", 1, 1)),
    ("UTF-16 without", "a: 1\n".encode("utf-16-le"), ("MS101", 1, 1)),
    ("UTF-16 big-endian", "a: 1\n".encode("utf-16-be"), ("MS101", 1, 1)),
    ("UTF-32", "a: 1\n".encode("utf-32"), ("MS101", 1, 1)),
    ("an encoded surrogate", b"a: \xed\xa0\x80\n", ("MS101", 1, 4)),
    ("HDF5", b"\x89HDF\r\n\x1a\n\0\0", ("MS101", 1, 1)),
    ("zip", b"PK\x03\x04 and so on", ("MS101", 1, 1)),
    ("NUL", b"a: \0\n", ("MS102", 1, 4)),
    ("a mark at the start is no part of the columns", b"\xef\xbb\xbfa: \x07\n", ("MS102", 1, 4)),
]


def refused(path: Path | str) -> Diagnostic:
    checked = read(path)
    assert checked.value is None
    (fault,) = checked.diagnostics
    return fault


@pytest.mark.parametrize(
    ("raw", "place"), [row[1:] for row in BYTES], ids=[row[0] for row in BYTES]
)
def test_bytes_that_are_no_text_are_refused_at_their_place(
    raw: bytes, place: tuple[str, int, int], tmp_path: Path
) -> None:
    file = tmp_path / "spec.yaml"
    file.write_bytes(raw)
    fault = refused(file)
    assert (fault.code, fault.line, fault.column) == place
    assert fault.file == str(file)


def test_the_reader_goes_by_the_name(tmp_path: Path) -> None:
    for name, code in (
        ("a.yaml", []),
        ("a.yml", []),
        ("a.YAML", []),
        ("a.json", ["MS103"]),
        ("a", []),
        ("a.txt", []),
    ):
        file = tmp_path / name
        file.write_text("a: 1e-3\n")
        assert [fault.code for fault in read(file).diagnostics] == code, name


def test_without_a_name_json_is_known_by_its_look() -> None:
    text = '{\n\t"a": "\\ud83d\\ude00"\n}'
    checked = read_text(text, "<stdin>", "auto")
    assert checked.value is not None
    assert plain(checked.value.root) == {"a": "\U0001f600"}
    yaml = read_text("{a: 1, b: yes}", "<stdin>", "auto")
    assert yaml.value is not None
    assert plain(yaml.value.root) == {"a": 1, "b": "yes"}
    assert [
        fault.code for fault in read_text('{"a": 1, "a": 2}', "<stdin>", "auto").diagnostics
    ] == ["MS104"]


def test_a_minus_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: 1\nb: !x 2\n")))
    checked = read("-")
    assert checked.value is not None
    assert plain(checked.value.root) == {"a": 1, "b": 2}
    assert [str(fault.span) for fault in checked.diagnostics] == ["<stdin>:2:4"]


def test_standard_input_may_be_missing_or_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert refused("-").code == "MS701"
    with open("/dev/zero", "rb") as endless:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(endless))
        assert refused("-").code == "MS108"


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    pipe, loop = tmp_path / "pipe.yaml", tmp_path / "loop.yaml"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    found = {
        name: refused(name)
        for name in (tmp_path, pipe, loop, "/dev/zero", tmp_path / "none.yaml", "a\0b", "")
    }
    assert {fault.code for fault in found.values()} == {"MS701"}
    assert all(fault.span is None for fault in found.values())
    assert "a directory" in found[tmp_path].message
    assert "a pipe" in found[pipe].message
    assert "a device" in found["/dev/zero"].message
    assert "does not exist" in found[tmp_path / "none.yaml"].message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text("a: 1")
    file.chmod(0)
    assert "cannot be read: permission denied" in refused(file).message


def test_an_operating_system_that_refuses_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    assert refused(tmp_path / "spec.yaml").message.endswith("cannot be read: permission denied")


def test_a_link_to_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("a: 1")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "real.yaml")
    assert read(tmp_path / "link.yaml").ok


def test_a_file_over_the_limit_is_refused_without_reading_it(tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    with file.open("wb") as out:
        out.truncate(100 * budgets.TEXT_BYTES)
    assert refused(file).code == "MS108"
    assert read_text("x" * (budgets.TEXT_BYTES + 1), "spec").diagnostics[0].code == "MS108"
    assert read_text("é" * (budgets.TEXT_BYTES // 2 + 1), "spec").diagnostics[0].code == "MS108"


def test_a_file_that_grows_while_it_is_read_stays_within_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "spec.yaml"
    file.write_bytes(b" " * (budgets.TEXT_BYTES + 10))
    real = os.fstat

    def small(handle: int) -> os.stat_result:
        status = list(real(handle))
        status[6] = 10
        return os.stat_result(status)

    monkeypatch.setattr(os, "fstat", small)
    assert refused(file).code == "MS108"


def bomb(levels: int, width: int) -> str:
    rows = [f"b{i}: &b{i} [{','.join([f'*b{i - 1}'] * width)}]" for i in range(1, levels)]
    return "\n".join(["b0: &b0 [" + "x," * width + "]", *rows])


def merge_bomb(levels: int) -> str:
    rows = [f"b{i}: &b{i} {{<<: [*b{i - 1}, *b{i - 1}], k{i}: 1}}" for i in range(1, levels)]
    return "\n".join(["b0: &b0 {x: 1}", *rows])


M = 1_000_000
HOSTILE: dict[str, tuple[str, str, str | None]] = {
    "alias bomb 9x9": ("yaml", bomb(9, 9), "MS108"),
    "aliases 200 deep": ("yaml", bomb(200, 1), "MS108"),
    "merge bomb 18": ("yaml", merge_bomb(18), "MS108"),
    "merge bomb 40": ("yaml", merge_bomb(40), "MS108"),
    "merge of 300 into 300": (
        "yaml",
        "a: &a {"
        + ",".join(f"k{i}: 1" for i in range(1000))
        + "}\n"
        + "".join(f"b{i}: {{<<: *a}}\n" for i in range(300)),
        "MS108",
    ),
    "flow 101": ("yaml", "a: " + "[" * 100 + "]" * 100, "MS108"),
    "flow 330": ("yaml", "[" * 330 + "]" * 330, "MS108"),
    "flow 30,000": ("yaml", "[" * 30_000, "MS108"),
    "flow 9 MB": ("yaml", "[" * 9 * M, "MS108"),
    "flow mappings 100,000": ("yaml", "{a: " * 100_000, "MS108"),
    "block 1,000": ("yaml", "".join(" " * i + "a:\n" for i in range(1000)), "MS108"),
    "dashes 100,000": ("yaml", "- " * 100_000, "MS108"),
    "question marks": ("yaml", "? " * 100_000, "MS108"),
    "JSON 100,000 deep": ("json", '{"a": ' + "[" * 100_000, "MS108"),
    "JSON objects deep": ("json", '{"a": ' * 100_000, "MS108"),
    "JSON 3 million numbers": ("json", '{"a": [' + "1," * 3 * M, "MS108"),
    "JSON 10 MB text": ("json", '{"a": "' + "x" * 9 * M + '"}', None),
    "JSON 4 million escapes": ("json", '{"a": "' + "\\n" * 4 * M + '"}', None),
    "JSON 9 MB of spaces": ("json", " " * 9 * M, "MS111"),
    "JSON 9 million digits": ("json", '{"a": ' + "9" * 9 * M + "}", "MS109"),
    "JSON 60,000 duplicates": ("json", "{" + '"a": 1,' * 60_000 + '"a": 1}', "MS108"),
    "9 MB plain scalar": ("yaml", "a: " + "x" * 9 * M, None),
    "9 MB quoted scalar": ("yaml", "a: '" + "x" * 9 * M + "'", None),
    "9 MB of words": ("yaml", "a: " + "x " * (9 * M // 2), None),
    "9 MB literal": ("yaml", "a: |\n" + " x\n" * 3 * M, None),
    "9 MB comment": ("yaml", "#" * 9 * M, "MS111"),
    "9 million lines": ("yaml", "\n" * 9 * M, "MS111"),
    "2 million items": ("yaml", "- x\n" * 2 * M, "MS108"),
    "an ordinary list of 818 KiB": ("yaml", "a:\n" + "  - [1, 2]\n" * 32_000, None),
    "60,000 duplicates": ("yaml", "a: 1\n" * 60_000, "MS108"),
    "60,000 tags": ("yaml", "a:\n" + "- !x 1\n" * 60_000, "MS108"),
    "40,000 missing spaces": ("yaml", "{" + "a:b," * 40_000 + "}", "MS108"),
    "a million missing dashes": ("yaml", "a:\n" + "  -a\n" * M, "MS103"),
    "9 million zeros": ("yaml", "a: " + "0" * 9 * M, "MS112"),
    "a million hexadecimal digits": ("yaml", "a: 0x" + "f" * M, "MS109"),
    "a million decimals": ("yaml", "a: 1." + "9" * M, None),
    "8 million parentheses": ("yaml", "a: [" + "$(" * 4 * M + "]", "MS103"),
    "an anchor of 9 MB": ("yaml", "a: &" + "b" * 9 * M + " c", None),
    "an alias of 9 MB": ("yaml", "a: *" + "b" * 9 * M, "MS106"),
    "a tag of 9 MB": ("yaml", "a: !" + "b" * 9 * M + " c", "MS105"),
    "3 million anchors": ("yaml", "&a " * 3 * M, "MS103"),
    "a line indented by 9 million": ("yaml", "a: 1\n" + " " * 9 * M + "b: 2", "MS103"),
    "a mistake after 9 million lines": ("yaml", "a: 1" + "\n" * 9 * M + "  b: 2", "MS103"),
    "3 million directives": ("yaml", "%a\n" * 3 * M, "MS103"),
    "9 million control characters": ("yaml", "a: " + "\x01" * 9 * M, "MS102"),
    "3 million odd spaces": ("yaml", "a: " + "\u00a0" * 3 * M, "MS102"),
    "4 million dollar signs in brackets": ("yaml", "[" + "$a" * 4 * M + "[", "MS103"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_is_refused_or_read(name: str) -> None:
    """What each costs is printed by `benchmarks/hostile.py`."""
    kind, text, code = HOSTILE[name]
    checked = read_text(text, "spec", "json" if kind == "json" else "yaml")
    assert (checked.diagnostics[-1].code if checked.diagnostics else None) == code
    if code in ("MS103", "MS108"):
        assert checked.value is None


def test_a_bomb_takes_no_memory() -> None:
    texts = [bomb(9, 9), merge_bomb(40), "[" * 100_000]
    tracemalloc.start()
    for text in texts:
        read_text(text, "spec")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50 * M


def test_what_a_mapping_cannot_hold_is_shown_in_its_text() -> None:
    values: dict[Any, Any] = {
        "a": {1, 2},
        3.5: math.inf,
        "b": [object(), b"x", 1j],
        "c": 10**30,
        "d": 10**5000,
    }
    found = read_mapping(values)
    assert [(fault.code, fault.span.text) for fault in found.diagnostics if fault.span] == [
        ("MS204", "null"),
        ("MS107", '"3.5"'),
        ("MS109", "1.0"),
        ("MS204", "null"),
        ("MS204", "null"),
        ("MS204", "null"),
        ("MS109", "1" + "0" * 30),
        ("MS109", "1"),
    ]


def test_a_mapping_may_hold_tuples_paths_and_numpy() -> None:
    import numpy as np

    value: dict[str, Any] = {
        "t": (1, 2),
        "p": Path("a/b"),
        "i": np.int32(3),
        "f": np.float64(0.5),
        "b": np.bool_(True),
        "s": np.str_("x"),
        "a": np.arange(3),
        "e": {},
        "l": [],
        "n": None,
        "u": "é\u2028\x7f\u202e",
    }
    checked = read_mapping(value)
    assert checked.diagnostics == ()
    assert checked.value is not None
    assert plain(checked.value.root) == {
        "t": (1, 2),
        "p": "a/b",
        "i": 3,
        "f": 0.5,
        "b": True,
        "s": "x",
        "a": (0, 1, 2),
        "e": {},
        "l": (),
        "n": None,
        "u": "é\u2028\x7f\u202e",
    }


def test_a_mapping_that_holds_itself_or_too_much_is_refused() -> None:
    loop: dict[str, Any] = {"a": 1}
    loop["b"] = [loop]
    for value in (loop, {"a": list(range(200_000))}, {"a": "x" * 11 * M}):
        checked = read_mapping(value)
        assert checked.value is None
        assert [fault.code for fault in checked.diagnostics] == ["MS108"]


def test_a_mapping_is_shown_as_yaml() -> None:
    model = {
        "inputs": {"a": [1, 2]},
        "layers": [{"Dense": {"units": 3}}, "ReLU", [{"a": [[1], []]}]],
    }
    checked = read_mapping({"model": model, "name": "yes", "x-\u2028": {}})
    assert checked.value is not None
    assert checked.value.root.span.source.text.splitlines() == [
        "model:",
        "  inputs:",
        "    a: [1, 2]",
        "  layers:",
        "    - Dense: {units: 3}",
        "    - ReLU",
        "    - - a:",
        "          - [1]",
        "          - []",
        'name: "yes"',
        '"x-\\u2028": {}',
    ]


def test_a_mapping_that_yaml_cannot_hold_is_shown_as_json() -> None:
    for key in ("k" * 2000, "\ud800"):
        checked = read_mapping({key: 1})
        source = checked.value.root.span.source if checked.value else None
        assert source is None or source.text.startswith("{")
        assert checked.value is not None or checked.diagnostics
