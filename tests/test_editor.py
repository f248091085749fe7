"""The answers of the language server as functions of one version of a text."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from modelspec.editor.analysis import Analysis, analyze
from modelspec.editor.fixes import differences, fix_all, fixes
from modelspec.editor.folding import folds
from modelspec.editor.hints import hints
from modelspec.editor.hover import hover
from modelspec.editor.lenses import lenses
from modelspec.editor.open_files import Change, OpenFile
from modelspec.editor.outline import Item, outline
from modelspec.editor.pictures import drawn
from modelspec.editor.positions import Lines, Position, Unit
from modelspec.editor.problems import problems
from modelspec.editor.tokens import tokens
from tests.tools import fuzz_editor

BLOCKS = """\
modelspec: 1
vars: {width: 8}
blocks:
  wide:
    parameters: {units: null}
    primary: units
    layers:
      - Dense: {units: $units, name: a}
      - Dense: $(units * 2)
model:
  inputs: {x: [32]}
  shared:
    enc:
      - Dense: 4
  layers:
    - wide: {units: $width}
    - wide: 16
    - Dense: {units: 3, repeat: 2}
    - enc
    - Dense: 1
"""


def of(text: str, name: str = "model.yaml", folder: Path = Path("/nowhere")) -> Analysis:
    return analyze(folder / name, text)


def hinted(analysis: Analysis, cursor: int | None = None) -> dict[str, str]:
    """The hints by the content of their lines."""
    lines = analysis.lines
    return {
        lines.line(lines.number(one.offset)).strip(): one.text
        for one in hints(analysis, cursor=cursor)
    }


def hovered(analysis: Analysis, at: str, skip: int = 0) -> str:
    found = hover(analysis, analysis.text.index(at) + skip)
    return "" if found is None else found.markdown


# Hints --------------------------------------------------------------------------------------------


def test_each_line_has_shape_and_parameters_of_its_layer() -> None:
    text = "model:\n  inputs: {x: [28, 28, 1]}\n  layers:\n    - Conv2D: {filters: 8, kernel_size: 3}\n    - Flatten\n    - Dense: 10\n"
    assert hinted(of(text)) == {
        "model:": "54,170 parameters · 102.8 k multiply-adds · output [10]",
        "- Conv2D: {filters: 8, kernel_size: 3}": "[26, 26, 8] · 80",
        "- Flatten": "[5408]",
        "- Dense: 10": "[10] · 54,090",
    }


def test_layers_of_blocks_loops_and_shared_models_have_hints_of_the_first_use() -> None:
    found = hinted(of(BLOCKS))
    assert found["- Dense: {units: $units, name: a}"] == "[8] · 264 (first of 2 uses)"
    assert found["- Dense: $(units * 2)"] == "[16] · 144 (first of 2 uses)"
    assert found["- wide: {units: $width}"] == "[16] · 408"
    assert found["- wide: 16"] == "[32] · 816"
    assert found["- Dense: {units: 3, repeat: 2}"] == "[3] · 99 (first of 2 uses)"
    assert found["- Dense: 4"] == "[4] · 16"
    assert found["- enc"] == "[4] · 16"


def test_the_use_at_the_cursor_is_shown_in_the_block() -> None:
    analysis = of(BLOCKS)
    found = hinted(analysis, BLOCKS.index("wide: 16"))
    assert found["- Dense: {units: $units, name: a}"] == "[16] · 272 (this of 2 uses)"
    assert found["- Dense: {units: 3, repeat: 2}"] == "[3] · 99 (first of 2 uses)"


def test_a_broken_line_costs_its_own_hint_and_those_that_depend_on_it() -> None:
    for broken in ("    - Den", "    - Dense: {units", "    - Dense: 4]", "    - : :"):
        found = hinted(of(BLOCKS.replace("    - Dense: 1\n", f"{broken}\n")))
        assert found["- wide: 16"] == "[32] · 816", broken
        assert found["- enc"] == "[4] · 16", broken


def test_a_file_in_json_has_the_same_hints() -> None:
    text = json.dumps(
        {
            "model": {
                "inputs": {"x": [4]},
                "layers": [{"Dense": 3}, "ReLU", {"Dense": {"units": 2}}],
            }
        },
        indent=1,
    )
    found = hinted(of(text, "model.json"))
    assert found['"Dense": 3'] == "[3] · 15"
    assert found['"ReLU",'] == "[3]"
    assert found['"Dense": {'] == "[2] · 8"


def test_several_layers_of_one_line_share_a_hint() -> None:
    found = hinted(of("model: {inputs: {x: [4]}, layers: [Dense: 3, Dense: 2]}\n"))
    assert list(found.values()) == [
        "23 parameters · 18 multiply-adds · output [2] | [3] · 15 | [2] · 8"
    ]


def test_only_the_lines_between_two_offsets_have_hints() -> None:
    analysis = of(BLOCKS)
    start = BLOCKS.index("    - wide: {")
    found = hints(analysis, start, start + 5)
    assert [one.text for one in found] == ["[16] · 408"]


# Hover --------------------------------------------------------------------------------------------


def test_hover_has_values_types_and_pages() -> None:
    analysis = of(BLOCKS)
    assert "`8`, `16`" in hovered(analysis, "$units", 2)
    assert "`16`, `32`" in hovered(analysis, "$(units * 2)", 4)
    assert hovered(analysis, "width: 8", 1).startswith("`width` is `8`")
    assert "set in line 2" in hovered(analysis, "$width", 2)
    page = hovered(analysis, "Dense: 4", 1)
    assert "[4] float32" in page and "### Dense" in page and "[1]" not in page
    assert "264 parameters" in hovered(analysis, "wide: {", 1)


def test_hover_on_a_tensor_has_its_type() -> None:
    text = "model:\n  inputs: {a: [4], b: [6]}\n  layers:\n    - Dense: {units: 4, from: b, name: c}\n    - Add: {from: [a, c]}\n  outputs: [add]\n"
    analysis = of(text)
    assert "[6] float32" in hovered(analysis, "from: b", 6)
    assert "[4] float32" in hovered(analysis, "[a, c]", 4)
    assert "[4] float32" in hovered(analysis, "outputs: [add", 11)


def test_hover_on_keys_and_words_has_the_manual() -> None:
    text = "model:\n  inputs: {x: [4]}\n  layers:\n    - Dense: {units: 4, activation: relu}\ntraining:\n  loss: mse\n  optimizer: adam\n  epochs: 3\n# MS402 here\n"
    analysis = of(text)
    for at, word in (
        *(("units", "Dense.units"), ("training", "training"), ("loss", "training.loss")),
        *(("mse", "MeanSquaredError"), ("adam", "Adam"), ("epochs", "training.epochs")),
        *(("relu", "relu"), ("MS402", "MS402"), ("inputs", "model.inputs")),
    ):
        assert word in hovered(analysis, at, 1), at


def test_hover_shows_where_a_value_comes_from(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("training: {loss: mse, epochs: 3}\n")
    text = "extends: base.yaml\nvars: {n: 7}\nmodel: {inputs: {x: [4]}, layers: [Dense: 1]}\ntraining: {epochs: $n}\n"
    found = hovered(of(text, folder=tmp_path), "epochs", 1)
    assert "`training.epochs` is `7`" in found and "line 2" in found


# Problems and fixes -------------------------------------------------------------------------------


def test_problems_have_notes_help_and_related_places() -> None:
    text = "model:\n  inputs: {x: [4]}\n  layers:\n    - Dense: {units: 3, name: a}\n    - Dense: {units: 3, name: a}\n"
    [one] = problems(of(text))["/nowhere/model.yaml"]
    assert one.code == "MS304" and [place.span.line for place in one.related] == [4]


def test_faults_of_an_extended_file_are_in_that_file_and_the_rest_where_it_is_extended(
    tmp_path: Path,
) -> None:
    base = tmp_path / "base.yaml"
    text = "extends: base.yaml\nmodel: {inputs: {x: [4]}}\n"
    base.write_text("model:\n  layers:\n    - Dense: {units: 3, units: 4}\n")
    found = problems(of(text, folder=tmp_path))
    assert [one.code for one in found[str(base)]] == ["MS104"]
    base.write_text("model:\n  layers:\n    - Conv2D: {filters: 3, kernel_size: 3}\n")
    found = problems(of(text, folder=tmp_path))
    assert list(found) == [str(tmp_path / "model.yaml")]
    [one] = found[str(tmp_path / "model.yaml")]
    assert one.span.text == "base.yaml" and one.related[0].span.file == str(base)


def applied(text: str, edits: object) -> str:
    for start, end, new in sorted(edits, reverse=True):  # type: ignore[call-overload]
        text = text[:start] + new + text[end:]
    return text


def test_every_suggestion_is_a_fix() -> None:
    text = "model:\n  inputs: {x: [4]}\n  layers:\n    - Dense: {unts: 3}\n    - Dnse: 2\n"
    found = fixes(of(text), 0, len(text))
    assert [one.title for one in found] == [
        "Replace `unts` with `units`",
        "Replace `Dnse` with `Dense`",
    ]
    after = applied(text, [edit for one in found for edit in one.edits])
    assert of(after).checked.ok
    assert fixes(of(text), 0, 10) == []


def test_old_spellings_are_updated_together() -> None:
    text = "model:\n  inputs: {x: [4]}\n  layers:\n    - Dense: {output_dim: 3, init: uniform} # kept\n    - Dense: {output_dim: 2}\n"
    analysis = of(text)
    assert {one.certain for one in fixes(analysis, 0, len(text))} == {True}
    after = applied(text, fix_all(analysis))
    assert "output_dim" not in after and "# kept" in after
    assert not of(after).diagnostics
    assert fix_all(of(after)) == []


def test_differences_are_lines() -> None:
    assert differences("a\nb\nc\n", "a\nx\nc\nd\n") == [(2, 4, "x\n"), (6, 6, "d\n")]


# Outline, folding, lenses, colors -----------------------------------------------------------------


def names(items: tuple[Item, ...], level: int = 0) -> list[str]:
    return [
        line
        for one in items
        for line in (f"{'  ' * level}{one.name}", *names(one.below, level + 1))
    ]


def test_the_outline_lists_sections_names_and_layers() -> None:
    analysis = of(BLOCKS)
    assert analysis.document is not None
    found = names(outline(analysis.document.root))
    assert found[:6] == ["modelspec", "vars", "  width", "blocks", "  wide", "    parameters"]
    assert "      a" in found and "    enc" in found and "    wide" in found


def test_ranges_of_the_outline_contain_those_below() -> None:
    analysis = of(BLOCKS)
    assert analysis.document is not None
    pending = list(outline(analysis.document.root))
    while pending:
        one = pending.pop()
        assert one.start <= one.name_start <= one.name_end <= one.end
        assert all(one.start <= inner.start and inner.end <= one.end for inner in one.below), one
        pending += one.below


def test_values_of_several_lines_and_comments_are_folded() -> None:
    text = "# one\n# two\nmodel:\n  inputs: {x: [4]}\n  layers:\n    - Dense:\n        units: 3\n\ntraining: {loss: mse}\n"
    found = [(one.first, one.last, one.kind) for one in folds(of(text))]
    assert found == [(0, 1, "comment"), (2, 6, "region"), (4, 6, "region"), (5, 6, "region")]


def test_lenses_are_at_sections_that_exist() -> None:
    text = BLOCKS + "training: {loss: mse}\nsweep: {parameters: {vars.width: [4, 8]}}\n"
    found = [(text[one.start : one.end], one.title) for one in lenses(of(text))]
    assert found == [
        *(
            ("model", "show picture"),
            ("training", "sweep"),
            ("training", "train"),
            ("sweep", "sweep"),
        ),
    ]
    assert [one.title for one in lenses(of("vars: {a: 1}\n"))] == []


def colored(text: str) -> list[tuple[str, str]]:
    return [(text[one.start : one.end], one.kind) for one in tokens(of(text))]


def test_expressions_and_formulas_are_colored() -> None:
    text = (
        "vars: {w: 8}\nmodel:\n  inputs: {a: [4], b: [4]}\n  layers:\n"
        "    - Dense: {units: \"$(w // 2 if w > 3 else 'a')\", from: a, name: d-$w}\n"
        "    - Expression: {formula: tanh(a) * 2, from: {a: b}}\n    - Dense: 3\n"
    )
    found = colored(text)
    assert found[:3] == [("$(", "operator"), ("w", "variable"), ("//", "operator")]
    assert ("if", "keyword") in found and ("'a'", "string") in found
    assert ("tanh", "function") in found and ("2", "number") in found
    assert ("d", "variable") not in found  # the rest of the string is text


# Pictures -----------------------------------------------------------------------------------------


def test_the_picture_names_its_layers_and_their_lines() -> None:
    analysis = of(BLOCKS)
    found = drawn(analysis)
    shown = set(re.findall(r'data-layer="([^"]*)"', found["svg"]))
    lines = BLOCKS.splitlines()
    by_line = {one["line"]: one["name"] for one in reversed(found["layers"])}
    assert {one["name"] for one in found["layers"]} <= shown
    assert by_line[lines.index("    - wide: 16")].startswith("wide_1")
    assert found["layers"] == sorted(found["layers"], key=lambda one: (one["line"], one["name"]))


def test_a_broken_model_has_a_message_and_no_picture() -> None:
    found = drawn(of(BLOCKS.replace("- Dense: 1\n", "- Den\n")))
    assert found["svg"] is None and found["message"]
    assert drawn(of("- nothing"))["svg"] is None


# Texts that change --------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["utf-8", "utf-16", "utf-32"])
def test_changes_are_applied_in_the_unit_of_the_client(unit: str) -> None:
    file = OpenFile("file:///a.yaml", Path("/a.yaml"), "name: é\U0001f600x\n", 1)
    file.unit = unit  # type: ignore[assignment]
    before = "name: é\U0001f600"
    size = {"utf-8": len(before.encode()), "utf-16": 9, "utf-32": 8}[unit]
    file.change([Change("y", Position(0, size), Position(0, size + 1))], 2)
    assert file.text == "name: é\U0001f600y\n"


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("a\nb", [0, 2]),
        ("a\r\nb\rc\n", [0, 3, 5, 7]),
        ("\u2028a\x0bb\x85c", [0]),  # only CR, LF and CRLF end a line
        ("", [0]),
    ],
)
def test_lines_end_as_the_protocol_says(text: str, starts: list[int]) -> None:
    assert Lines(text).starts == starts


@pytest.mark.parametrize(("unit", "size"), [("utf-8", 3), ("utf-16", 1), ("utf-32", 1)])
def test_a_byte_order_mark_counts_in_the_columns_of_the_first_line(unit: Unit, size: int) -> None:
    lines = analyze(Path("/a.yaml"), "\ufeffname: é\nmodel: {}\n", unit).lines
    assert lines.text.startswith("name")
    assert lines.position(0) == (0, size) and lines.position(8) == (1, 0)
    assert [lines.offset(0, at) for at in (0, size, size + 2)] == [0, 0, 2]
    assert lines.offset(1, 3) == 11


def test_positions_outside_of_the_text_are_its_ends() -> None:
    lines = Lines("ab\ncd")
    assert lines.offset(0, 99) == 2 and lines.offset(9, 0) == 5
    file = OpenFile("file:///a.yaml", Path("/a.yaml"), "ab\ncd", 1)
    file.change(
        [
            Change("x", Position(7, 3), Position(9, 1)),
            Change("y", Position(0, 99), Position(0, 99)),
        ],
        2,
    )
    assert file.text == "aby\ncdx"


def test_a_file_is_a_spec_if_it_looks_like_one_or_was_one() -> None:
    def opened(text: str, language: str = "yaml") -> OpenFile:
        return OpenFile("file:///a.yaml", Path("/a.yaml"), text, 1, language)

    assert not opened("services: {web: {image: nginx}}\n").is_spec
    assert opened("services: {}\n", "modelspec").is_spec
    file = opened(BLOCKS)
    file.change([Change("services: {}\n")], 2)
    assert file.is_spec


def test_the_cursor_moves_with_the_text_around_it() -> None:
    file = OpenFile("file:///a.yaml", Path("/a.yaml"), "ab\ncd\n", 1)
    file.cursor = 4
    file.change([Change("xyz\n", Position(0, 0), Position(0, 0))], 2)
    assert file.cursor == 8
    file.change([Change("", Position(0, 0), Position(2, 2))], 3)
    assert file.cursor == 0


def test_random_edits_give_no_exception_no_place_outside_and_no_stale_answer(
    tmp_path: Path,
) -> None:
    fuzz_editor.run(60, 3, tmp_path, rare=0.05, fresh=0.3)


def test_no_answer_needs_a_framework() -> None:
    import subprocess

    code = (
        "import sys; from pathlib import Path; import tests.test_editor as t;"
        "from tests.tools.fuzz_editor import answers, rare_answers;"
        "a = t.of(t.BLOCKS + 'training: {loss: mse}\\n'); answers(a, 60); rare_answers(a);"
        "print([m for m in ('tensorflow', 'keras', 'numpy', 'h5py') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
