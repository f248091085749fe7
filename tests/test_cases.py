"""Every spec of `tests/cases` is what its comments say; and a comment that is wrong is noticed."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from modelspec.core.source import plain, read_text

from .case_files import BadCase, Case, cases_in, expected_diagnostics
from .case_results import complaints, loaded, shown, wrong_specs

FOLDER = Path(__file__).parent / "cases"
CASES = [
    case
    for path in sorted(FOLDER.rglob("*.yaml"))
    for case in cases_in(
        path.read_text("utf-8"), path.relative_to(FOLDER).with_suffix("").as_posix()
    )
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_spec_is_what_its_comments_say(case: Case) -> None:
    found = complaints(case)
    assert not found, "\n" + "\n".join(found)


def test_every_case_has_a_name_of_its_own() -> None:
    names = [case.name for case in CASES]
    assert sorted(names) == sorted(set(names))


# The same specs in JSON ---------------------------------------------------------------------------

READABLE = [
    case
    for case in CASES
    if len(case.files) == 1
    and not case.overrides
    and "&" not in case.files["spec.yaml"]  # JSON has no aliases
    and not any("MS1" in one.value for one in case.assertions)  # nor the faults of YAML's text
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("json")


@pytest.mark.parametrize("case", READABLE, ids=lambda case: case.name)
def test_the_same_in_json(case: Case, folder: Path) -> None:
    """The diagnostics by their codes, and what is asserted of the spec as a whole."""
    document = read_text(case.files["spec.yaml"], "spec.yaml").value
    assert document is not None
    (folder / "spec.json").write_text(json.dumps(plain(document.root)), encoding="utf-8")
    spec, diagnostics = loaded(folder / "spec.json")
    assert sorted((one.severity, one.code) for one in diagnostics) == sorted(
        (one.severity, one.code) for one in expected_diagnostics(case)
    )
    assert [*wrong_specs(case, spec)] == []


# The comments themselves --------------------------------------------------------------------------


def said(text: str) -> list[str]:
    """What is complained of in the one case of a text."""
    (case,) = cases_in(textwrap.dedent(text), "case")
    return complaints(case)


RIGHT = """\
# parameters: 40
# trainable: 20
# flops: 32
# inputs: {x: (batch, 4)}
# outputs: {b: (batch, 4)}
# layers:
#   a: Dense(x) -> (batch, 4)
#   b: Dense(a)
model:
  inputs: {x: [4]}
  layers:
    - Dense: {units: 4, name: a}    # shape: (batch, 4); dtype: float32; kind: Dense; name: a; takes: x
    - Dense: {units: 4, name: b, trainable: false}    # parameters: 20; trainable: 0; flops: 16
"""
WRONG = """\
model:
  inputs: {x: [4], y: [0]}          # error: MS205 `0`
  layers:
    - Dense: {unit: 4}              # error: MS202 `unit` @15 "no setting `unit`"; fix: "units"; help: "did you mean"
"""


def test_what_is_right_is_left_alone() -> None:
    assert said(RIGHT) == []
    assert said(WRONG) == []


@pytest.mark.parametrize(
    ("text", "right", "wrong", "complaint"),
    [
        # Of the spec as a whole.
        (RIGHT, "# parameters: 40", "# parameters: 41", "parameters is 40, not 41"),
        (RIGHT, "# trainable: 20", "# trainable: 21", "trainable is 20, not 21"),
        (RIGHT, "# flops: 32", "# flops: 33", "flops is 32, not 33"),
        (RIGHT, "{x: (batch, 4)}", "{x: (4)}", "inputs is {x: (batch, 4)}, not {x: (4)}"),
        (RIGHT, "{b: (batch", "{c: (batch", "outputs is {b: (batch, 4)}, not {c: (batch, 4)}"),
        (RIGHT, "Dense(a)", "Dense(x)", "layer 2 is b: Dense(a), not b: Dense(x)"),
        (
            RIGHT,
            "-> (batch, 4)",
            "-> (batch, 5)",
            "layer 1 is a: Dense(x) -> (batch, 4), not a: Dense(x) -> (batch, 5)",
        ),
        (RIGHT, "#   b: Dense(a)\n", "", "layer 2 is b: Dense(a), not in the case"),
        (
            RIGHT,
            "#   b: Dense(a)\n",
            "#   b: Dense(a)\n#   c: ReLU(b)\n",
            "layer 3 is not there, not c: ReLU(b)",
        ),
        # Of a layer.
        (RIGHT, "# shape: (batch, 4)", "# shape: (batch, 5)", "line 12: shape is (batch, 4), not"),
        (RIGHT, "dtype: float32", "dtype: float16", "line 12: dtype is float32, not float16"),
        (RIGHT, "kind: Dense", "kind: ReLU", "line 12: kind is Dense, not ReLU"),
        (RIGHT, "; name: a;", "; name: b;", "line 12: name is a, not b"),
        (RIGHT, "takes: x", "takes: y", "line 12: takes is x, not y"),
        (RIGHT, "parameters: 20", "parameters: 19", "line 13: parameters is 20, not 19"),
        (RIGHT, "trainable: 0", "trainable: 20", "line 13: trainable is 0, not 20"),
        (RIGHT, "flops: 16", "flops: 15", "line 13: flops is 16, not 15"),
        (
            RIGHT,
            "  layers:\n",
            "  layers:  # shape: (batch, 4)\n",
            "line 11: no layer is there to have the shape (batch, 4)",
        ),
        (RIGHT, "# shape: (batch, 4);", "# shape: (batch, 4) | (batch, 4);", "line 12: shape is"),
        # Of diagnostics: all of them, each at its place.
        (
            WRONG,
            "          # error: MS205 `0`",
            "",
            "line 2: error MS205 `0` @24 is not in the case",
        ),
        (WRONG, "y: [0]}", "y: [1]}", "line 2: error MS205 `0`: there is no such diagnostic"),
        (WRONG, "MS205", "MS204", "line 2: error MS204 `0`: there is no such diagnostic"),
        (WRONG, "# error: MS205", "# warning: MS205", "line 2: warning MS205 `0`: there is no"),
        (WRONG, "`unit` @15", "`units` @15", "line 4: error MS202 `units` @15: it is at `unit`"),
        (WRONG, "@15", "@14", "line 4: error MS202 `unit` @14: it is at column 15"),
        (WRONG, '"no setting', '"some setting', "line 4: error MS202 `unit` @15: it says: `Dense`"),
        (
            WRONG,
            'fix: "units"',
            'fix: "unite"',
            "line 4: error MS202 `unit` @15: its fix is: units",
        ),
        (WRONG, 'fix: "units"', "fix: none", "line 4: error MS202 `unit` @15: its fix is: units"),
        (WRONG, '"did you', '"do you', "line 4: error MS202 `unit` @15: its help is: did you mean"),
        (WRONG, "  layers:\n", "  layers:  # shape: (batch, 4)\n", "line 3: no layer is there to"),
        (WRONG, "model:\n", "# ok\nmodel:\n", "`ok`: the spec has errors"),
        (
            WRONG,
            "  layers:\n",
            '  layers:  # because: "here"\n',
            "line 3: no note says `here`, but: []",
        ),
    ],
)
def test_a_comment_that_is_wrong_is_noticed(
    text: str, right: str, wrong: str, complaint: str
) -> None:
    assert right in text
    found = said(text.replace(right, wrong, 1))
    assert any(one.startswith(complaint) for one in found), found


def test_a_place_that_is_there_twice_needs_its_column() -> None:
    text = """\
        model:
          inputs: {x: [4]}
          layers:
            - Dense: {units: 0, name: "0"}    # error: MS205 `0`
        """
    assert said(text) == ["line 4: error MS205 `0`: `0` is there more than once; write `@22`"]
    assert said(text.replace("`0`", "`0` @22")) == []


def test_a_case_says_something() -> None:
    text = "model: {inputs: [4], layers: [ReLU]}  # a model\n"
    assert said(text) == ["it asserts nothing; write `# ok` where all is well"]
    assert said(f"# ok\n{text}") == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("model: {}  # shpe: (batch, 4)", "line 1: no assertion is called `shpe`"),
        ("model: {}  # error: MS402; shpe: 3", "line 1: no assertion is called `shpe`"),
        ("model: {}  # outputs: {x: (batch)}", "line 1: `outputs` has a line of its own"),
        ("# shape: (batch, 4)\nmodel: {}", "line 1: `shape` is written after a layer"),
        ("model: {}  # error: 402", 'line 1: write `error: MS402 `place` @28 "words"`'),
        ('model: {}  # help: "words"', "line 1: `help` comes after a diagnostic"),
    ],
)
def test_a_comment_that_is_none_is_noticed(text: str, complaint: str) -> None:
    with pytest.raises(BadCase) as caught:
        said(text)
    assert str(caught.value) == complaint


def test_cases_of_a_file_have_its_lines_and_its_head() -> None:
    text = textwrap.dedent("""\
        # What both begin with.
        model:
          inputs: {x: [4]}
          layers:
        --- # one
            - Dense: 3              # shape: (batch, 3)
        --- # another
            # error: MS205 `-1`
            - Dense: -1
        """)
    one, another = cases_in(text, "folder/file")
    assert (one.name, another.name) == ("folder/file: one", "folder/file: another")
    assert complaints(one) == complaints(another) == []
    assert another.files["spec.yaml"].splitlines()[8] == "    - Dense: -1"
    assert "Dense: 3" not in another.files["spec.yaml"]


def test_several_files_and_values_that_are_set() -> None:
    text = textwrap.dedent("""\
        # set: vars.width=-3; because: "`width` is `-3`"
        extends: parts/base.yaml
        vars: {width: 4}
        # file: parts/base.yaml
        model:
          inputs: {x: [4]}
          layers: [{Dense: $width}]     # error: MS205 `$width`
        """)
    (case,) = cases_in(text, "file")
    assert list(case.files) == ["spec.yaml", "parts/base.yaml"]
    assert complaints(case) == []


def test_the_uses_of_one_line_agree_or_are_listed() -> None:
    text = """\
        blocks:
          part: {parameters: {units: null}, layers: [{Dense: $units}, ReLU]}
        model:
          inputs: {x: [4]}
          layers:
            - part: {units: 3}              # shape: (batch, 3); parameters: 15
            - for: {units: [5, 5, 6]}       # shape: (batch, 6)
              do:
                - Dense: $units             # shape: (batch, 5) | (batch, 5) | (batch, 6)
        """
    assert said(text) == []
    found = said(text.replace("(batch, 5) | (batch, 5) | (batch, 6)", "(batch, 5)"))
    assert found == ["line 9: shape is (batch, 5) | (batch, 5) | (batch, 6), not (batch, 5)"]


def test_a_shape_is_shown_as_a_user_reads_it() -> None:
    assert shown((None, None, "time - 2", "?", 3)) == "(batch, unknown, time - 2, ?, 3)"
    assert shown((32, 4)) == "(32, 4)"
    assert shown({"a": (None,), "b": [(None, 1), (None, 2)]}) == (
        "{a: (batch), b: [(batch, 1), (batch, 2)]}"
    )
    assert shown(None) == "unknown"
