"""Loops in `branches`, in mappings and in expressions, and columns by patterns: each gives what the
spec written out by hand gives.
"""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms
from modelspec.compiler.expand.evaluator import evaluate
from modelspec.compiler.expand.expression_syntax import Misread, parse
from modelspec.compiler.pipeline import compile_spec
from modelspec.compiler.spec.column_names import Selection, matching
from modelspec.views.resolve import resolved
from modelspec.views.schema import schema


def resolved_of(text: str, tmp_path: Path) -> dict[str, Any]:
    """The resolved spec; fails on any fault."""
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    found = compile_spec(path)
    assert found.diagnostics == (), "\n".join(map(str, found.diagnostics))
    assert found.value is not None
    return resolved(found.value)


def faults(text: str, tmp_path: Path, file: str = "spec.yaml") -> list[tuple[str, str]]:
    """The codes, and the underlined text."""
    path = tmp_path / file
    path.write_text(text, encoding="utf-8")
    said = ms.check(path).diagnostics
    return [(one.code, one.span.text if one.span else "") for one in said]


def layers(text: str, tmp_path: Path) -> list[tuple[Any, ...]]:
    """Every layer: its name, kind, inputs, shape and parameters."""
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return [
        (one.name, one.kind, one.inputs, one.output_shape, one.parameters)
        for one in ms.load_spec(path).graph.layers
    ]


def model(entries: str, inputs: str = "{a: [2], b: [3], c: [4]}", head: str = "") -> str:
    return f"{head}\nmodel:\n  inputs: {inputs}\n  layers:\n{entries}\n    - Dense: {{units: 1, name: y}}"


# Chains -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loop",
    [
        """
    - branches:
        - for: {n: $names}
          do: [Dense: {units: 4, from: $n}, ReLU]
        - [Dense: {units: 2, from: a, name: other}]
      join: Concatenate
      name: all""",
        """
    - branches:
        - for: {i: "$(range(3))"}
          do: [Dense: {units: 4, from: "$(names[i])"}, ReLU]
        - when: $(len(names) > 3)
          do: [Dense: {units: 9, name: never}]
        - when: $(len(names) > 3)
          do: [Dense: {units: 9, name: neither}]
          else: [Dense: {units: 2, from: a, name: other}]
      name: all""",
    ],
)
def test_a_loop_in_branches_makes_the_chains_that_are_written_out(
    loop: str, tmp_path: Path
) -> None:
    by_hand = """
    - branches:
        - [Dense: {units: 4, from: a, name: dense_1}, ReLU: {name: re_lu_1}]
        - [Dense: {units: 4, from: b, name: dense_2}, ReLU: {name: re_lu_2}]
        - [Dense: {units: 4, from: c, name: dense_3}, ReLU: {name: re_lu_3}]
        - [Dense: {units: 2, from: a, name: other}]
      join: Concatenate
      name: all"""
    head = "vars: {names: [a, b, c]}"
    assert layers(model(loop, head=head), tmp_path) == layers(model(by_hand), tmp_path)


@pytest.mark.parametrize("loop", ["for: {w: [5, 5]}", "repeat: 2"])
def test_join_makes_a_loop_parallel(loop: str, tmp_path: Path) -> None:
    entries = f"    - {loop}\n      do: [Dense: 5]\n      join: Add\n      from: b\n      name: sum"
    by_hand = """
    - Dense: {units: 5, from: b, name: dense_1}
    - Dense: {units: 5, from: b, name: dense_2}
    - Add: {from: [dense_1, dense_2], name: sum}"""
    inputs = "{b: [3]}"
    assert layers(model(entries, inputs), tmp_path) == layers(model(by_hand, inputs), tmp_path)


def test_rounds_of_for_number_unnamed_entries_by_kind_and_leave_names_alone(
    tmp_path: Path,
) -> None:
    entries = """
    - for: {w: [4, 5]}
      index: i
      do:
        - Dense: $w
        - when: $(i == 0)
          do: [Dropout: 0.5]
        - ReLU
        - Dense: {units: 2, name: "narrow_$w"}
    - Concatenate: {from: [dense, dense_1]}"""
    found = [one[:2] for one in layers(model(entries, "{a: [2]}"), tmp_path)]
    assert found == [
        ("dense_1", "Dense"),
        ("dropout_1", "Dropout"),
        ("re_lu_1", "ReLU"),
        ("narrow_4", "Dense"),
        ("dense_2", "Dense"),
        ("re_lu_2", "ReLU"),
        ("narrow_5", "Dense"),
        ("concatenate", "Concatenate"),
        ("y", "Dense"),
    ]


def test_faults_of_chains_are_at_their_places(tmp_path: Path) -> None:
    entries = """
    - branches: [{for: {w: [1]}, do: [{Dense: {unitz: $w}}]}, []]
    - branches: [{for: {w: []}, do: [Dense: $w]}]
    - branches: [{for: {w: [1]}, from: a, do: [Dense: $w]}, []]
    - for: {w: [1, 2]}
      do: [Dense: $w]
      join: Add
      else: [ReLU]"""
    assert faults(model(entries, "{a: [2]}"), tmp_path) == [
        ("MS202", "unitz"),
        ("MS205", "[{for: {w: []}, do: [Dense: $w]}]"),
        ("MS207", "from"),
        ("MS207", "else"),
    ]


# Keys ---------------------------------------------------------------------------------------------


def test_a_loop_in_a_mapping_writes_its_keys(tmp_path: Path) -> None:
    loop = """
vars: {names: [p, q], sizes: [{name: r, size: 3}]}
model:
  inputs:
    first: [1]
    for: {n: $names}
    index: i
    do:
      $n: {shape: ["$(i + 1)"]}
      "$(n)_flag": [1]
  layers:
    - Concatenate: {from: "$(['first'] + names + [n + '_flag' for n in names])"}
    - for: {n: $names}
      do: [Dense: {units: 1, from: concatenate, name: "to_$n"}]
  outputs: {for: {n: $names}, do: {"y_$n": "to_$n"}}
training:
  loss: {for: {n: $names}, do: {"y_$n": mse}}
  loss_weights: {for: {n: $names}, do: {"y_$n": 0.5}}
  metrics: {y_p: [mae], for: {n: "$(names[1:])"}, do: {"y_$n": [mae]}}
data:
  source: {csv: table.csv}
  inputs:
    first: first
    for: {n: $names}
    do: {$n: {columns: "$(['c0'] if n == 'p' else ['c1', 'c2'])"}, "$(n)_flag": $n}
  targets: {for: {n: $names}, do: {"y_$n": {column: "t_$n"}}}
"""
    by_hand = """
model:
  inputs: {first: [1], p: {shape: [1]}, p_flag: [1], q: {shape: [2]}, q_flag: [1]}
  layers:
    - Concatenate: {from: [first, p, q, p_flag, q_flag]}
    - Dense: {units: 1, from: concatenate, name: to_p}
    - Dense: {units: 1, from: concatenate, name: to_q}
  outputs: {y_p: to_p, y_q: to_q}
training:
  loss: {y_p: mse, y_q: mse}
  loss_weights: {y_p: 0.5, y_q: 0.5}
  metrics: {y_p: [mae], y_q: [mae]}
data:
  source: {csv: table.csv}
  inputs:
    first: first
    p: {columns: [c0]}
    p_flag: p
    q: {columns: [c1, c2]}
    q_flag: q
  targets: {y_p: {column: t_p}, y_q: {column: t_q}}
"""
    found, expected = resolved_of(loop, tmp_path), resolved_of(by_hand, tmp_path)
    for layer in found["model"]["layers"]:
        for body in layer.values():
            body.pop("name") if body.get("name") == "concatenate" else None
    assert found == expected


def test_faults_of_loops_in_mappings_are_at_their_places(tmp_path: Path) -> None:
    text = """
vars: {n: [a, b]}
model:
  inputs:
    a: [1]
    for: {c: $n}
    do: {$c: [1], same: [1], "$(len(c))": [2]}
  layers: [Concatenate: {from: [a, b, same]}, Dense: 1]
training:
  metrics: {for: {c: 3}, do: {$c: [mae]}}
  loss: {for: {c: $n}, do: [mse]}
"""
    found = faults(text, tmp_path)
    assert found == [
        ("MS304", "$c"),
        ("MS304", "same"),
        ("MS204", '"$(len(c))"'),
        ("MS204", "3"),
        ("MS204", "[mse]"),
    ]


def test_a_loop_over_too_many_keys_stops_at_the_limit() -> None:
    many: Any = list(range(400))
    inner = {"for": {"b": many}, "do": {}}
    spec = {"model": {"inputs": {"for": {"a": many}, "do": inner}, "layers": [{"Dense": 1}]}}
    assert [one.code for one in ms.check(spec).diagnostics] == ["MS108"]


# Comprehensions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "[x for x in xs]",
        "[2 * x for x in xs if x > 1]",
        "[x + y for x in xs for y in [10, 20] if x != y if x]",
        "[[x * y for x in xs] for y in xs]",
        "[x for x in [x + 1 for x in xs]]",
        "sum([k for k in xs]) + len([c for c in 'abc'])",
        "[x for x in xs if x in [x for x in xs if x > 2]]",
    ],
)
def test_a_comprehension_has_the_value_that_python_gives(text: str) -> None:
    def listed(value: Any) -> Any:
        return [listed(one) for one in value] if isinstance(value, (tuple, list)) else value

    expected = eval(text, {"xs": [1, 2, 3], "sum": sum, "len": len})
    assert listed(evaluate(parse(text), {"xs": (1, 2, 3)})[0]) == expected


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("[x for x, y in xs]", "MS122", "x, y"),
        ("sum(x for x in xs)", "MS122", "(x for x in xs)"),
        ("{x for x in xs}", "MS122", "{x for x in xs}"),
        ("[x for x in 3]", "MS123", "3"),
        ("[x for x in range(9999) for y in range(9)]", "MS108", None),
    ],
)
def test_what_is_wrong_in_a_comprehension_is_at_its_place(
    text: str, code: str, at: str | None
) -> None:
    with pytest.raises(Misread) as caught:
        evaluate(parse(text), {"xs": (1,)})
    assert caught.value.fault.code == code
    assert at is None or text[caught.value.start : caught.value.end] == at


def test_variables_of_a_comprehension_are_not_names_of_the_spec() -> None:
    assert [name.text for name in parse("[x + w for x in x]").names] == ["w", "x"]


# Columns ------------------------------------------------------------------------------------------


def test_a_pattern_takes_columns_in_the_order_of_the_source() -> None:
    names = ["id", "p_10", "p_2", "q*", "label"]
    assert matching("p_*", names) == ["p_10", "p_2"]
    assert matching("q*", [*names, "qq"]) == ["q*"]  # a column of this name
    assert matching("*_*", names) == ["p_10", "p_2"]
    assert list(Selection(["p_2", "p_*"]).among(names)) == ["p_2", "p_10"]
    assert list(Selection(["id", "p_*"], all_but=True).among(names)) == ["q*", "label"]


def columns_spec(columns: str, size: int, source: str, target: str = "y") -> str:
    return f"""
model:
  inputs: {{x: [{size}]}}
  layers: [Dense: {{units: 1, name: y}}]
training: {{loss: mse, epochs: 1}}
data:
  source: {source}
  inputs: {{x: {{columns: {columns}, transform: [Normalization]}}}}
  targets: {{y: {target}}}
"""


def write_tables(folder: Path) -> None:
    """The same table in files of several kinds."""
    rows = ["id,p_0,p_1,p_2,y", "7,1,2,3,4", "8,2,3,4,5"]
    (folder / "t.csv").write_text("\n".join(rows) + "\n")
    (folder / "semicolons.csv").write_text("# a comment\n" + "\n".join(rows).replace(",", ";"))
    with gzip.open(folder / "t.csv.gz", "wt") as file:
        file.write("\n".join(rows))
    objects = [dict(zip(rows[0].split(","), [7, 1, 2, 3, 4], strict=True))] * 2
    (folder / "t.jsonl").write_text("\n".join(map(json.dumps, objects)))


SOURCES = [
    "{csv: t.csv}",
    '{csv: {path: semicolons.csv, comment: "#"}}',
    "{csv: t.csv.gz}",
    "{csv: [t.csv, t.csv]}",
    "{csv: {path: absent.csv, header: [id, p_0, p_1, p_2, y]}}",
]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("columns", ['["p_*"]', '"p_*"', "{all_but: [id, y]}", "[p_0, 'p_*']"])
def test_check_knows_the_number_of_columns_from_the_beginning_of_a_file(
    source: str, columns: str, tmp_path: Path
) -> None:
    write_tables(tmp_path)
    assert faults(columns_spec(columns, 3, source), tmp_path) == []
    assert faults(columns_spec(columns, 4, source), tmp_path) == [("MS626", "Normalization")]


@pytest.mark.parametrize("source", ["{jsonl: t.jsonl}", "{npz: t.npz}"])
def test_check_knows_the_names_of_keys_and_arrays(source: str, tmp_path: Path) -> None:
    import zipfile

    write_tables(tmp_path)
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
        for name in ("id", "p_0", "p_1", "p_2", "y"):
            archive.writestr(f"{name}.npy", b"")  # only the names are read
    (tmp_path / "spec.yaml").write_text(columns_spec('["p_*"]', 3, source))
    found = compile_spec(tmp_path / "spec.yaml")
    assert found.diagnostics == () and found.value is not None and found.value.data is not None
    assert found.value.data.inputs is not None
    assert found.value.data.inputs["x"].columns == ("p_0", "p_1", "p_2")


def test_what_the_columns_lack_is_at_its_place(tmp_path: Path) -> None:
    write_tables(tmp_path)
    for columns, expected in {
        '["p_*", "q_*"]': [("MS665", '"q_*"')],
        "{all_but: [idd, y]}": [("MS665", "idd")],
        '{all_but: ["*"]}': [("MS673", '{all_but: ["*"]}')],
        "{all_bot: [id]}": [("MS204", "{all_bot: [id]}")],
        "{all_but: 3}": [("MS204", "3")],
    }.items():
        assert faults(columns_spec(columns, 3, "{csv: t.csv}"), tmp_path) == expected


def test_a_target_that_all_but_does_not_leave_out_is_reported(tmp_path: Path) -> None:
    write_tables(tmp_path)
    found = faults(columns_spec("{all_but: [id]}", 4, "{csv: t.csv}"), tmp_path)
    assert [code for code, _ in found] == ["MS530"]


@pytest.mark.parametrize("source", ["{csv: absent.csv}", "{parquet: absent.parquet}"])
def test_check_notes_columns_that_it_cannot_know(source: str, tmp_path: Path) -> None:
    assert faults(columns_spec('["p_*"]', 3, source), tmp_path) == [("MS663", '["p_*"]')]


def test_a_star_in_the_name_of_a_column_is_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a*b,a1b,a2b,y\n1,2,3,4\n1,2,3,5\n")
    for columns, size in {r"['a\*b']": 1, "['a*b']": 1, "['a*']": 3}.items():
        assert faults(columns_spec(columns, size, "{csv: t.csv}"), tmp_path) == []
        text = columns_spec(columns, size + 1, "{csv: t.csv}")
        assert faults(text, tmp_path) == [("MS626", "Normalization")]


def test_check_loads_nothing_to_read_the_columns(tmp_path: Path) -> None:
    import subprocess
    import sys

    write_tables(tmp_path)
    (tmp_path / "spec.yaml").write_text(columns_spec('["p_*"]', 3, "{csv: t.csv}"))
    code = (
        "import sys, modelspec as ms; assert ms.check('spec.yaml').ok;"
        "assert not {'numpy', 'pyarrow', 'keras', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_the_data_determine_columns_that_check_did_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Parquet file is read only with the data; the prepared spec then names its columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from modelspec.runtime.data import DataError, prepare
    from modelspec.runtime.run.resolved_spec import resolved as resolved_run

    monkeypatch.chdir(tmp_path)
    table = {name: [1.0, 2.0, 3.0, 4.0] for name in ("id", "p_1", "p_0", "y")}
    pq.write_table(pa.table(table), "t.parquet")
    Path("s.yaml").write_text(columns_spec("{all_but: [id, y]}", 2, "{parquet: t.parquet}"))
    compiled = compile_spec("s.yaml").value
    assert compiled is not None
    prepared = prepare(compiled, load=lambda: None)
    assert prepared.binding.inputs["x"].names == ("p_1", "p_0")
    assert prepared.compiled.data is not None and prepared.compiled.data.columns is not None
    assert resolved_run(prepared)["data"]["inputs"]["x"]["columns"] == ["p_1", "p_0"]
    Path("s.yaml").write_text(columns_spec('["q_*"]', 2, "{parquet: t.parquet}"))
    compiled = compile_spec("s.yaml").value
    assert compiled is not None
    with pytest.raises(DataError) as raised:
        prepare(compiled, load=lambda: None)
    assert [one.code for one in raised.value.diagnostics] == ["MS665"]


# A table of 41 columns ----------------------------------------------------------------------------

CENSUS = """\
vars:
  categories: "$(['cat_' + str(i) for i in range(32)])"
model:
  inputs:
    numbers: [7]
    for: {c: $categories}
    do: {$c: {shape: [3]}}
  layers:
    - Concatenate: {from: "$(['numbers'] + categories)"}
    - Dense: {units: 4, activation: relu, repeat: 2}
    - Dense: {units: 1, activation: sigmoid, name: income}
data:
  source: {csv: census.csv}
  split: {validation: 0.25}
  inputs:
    numbers: {columns: ["num_*"], transform: [Normalization]}
    for: {c: $categories}
    do: {$c: {column: $c, transform: [StringLookup: {output_mode: one_hot}]}}
  targets:
    income: {column: income, transform: [StringLookup: {num_oov_indices: 0}]}
training: {loss: binary_crossentropy, metrics: [accuracy], epochs: 1, batch_size: 16}
"""


def write_census(folder: Path) -> list[str]:
    numbers = [f"num_{i}" for i in range(7)]
    categories = [f"cat_{i}" for i in range(32)]
    names = ["id", *numbers, *categories, "income"]
    chance = random.Random(3)
    rows = [
        [
            str(row),
            *(f"{chance.gauss(0, 1):.3f}" for _ in numbers),
            *("ab"[(row + i) % 2] for i, _ in enumerate(categories)),
            "high" if row % 3 == 0 else "low",
        ]
        for row in range(48)
    ]
    lines = [",".join(row) for row in (names, *rows)]
    (folder / "census.csv").write_text("\n".join(lines) + "\n")
    return names


def written_out() -> dict[str, Any]:
    """The same spec without loops and patterns."""
    categories = [f"cat_{i}" for i in range(32)]
    one_hot = [{"StringLookup": {"output_mode": "one_hot"}}]
    numbers = {"columns": [f"num_{i}" for i in range(7)], "transform": ["Normalization"]}
    lookup = [{"StringLookup": {"num_oov_indices": 0}}]
    return {
        "model": {
            "inputs": {"numbers": [7], **{name: {"shape": [3]} for name in categories}},
            "layers": [
                {"Concatenate": {"from": ["numbers", *categories]}},
                {"Dense": {"units": 4, "activation": "relu", "name": "dense_1"}},
                {"Dense": {"units": 4, "activation": "relu", "name": "dense_2"}},
                {"Dense": {"units": 1, "activation": "sigmoid", "name": "income"}},
            ],
        },
        "data": {
            "source": {"csv": "census.csv"},
            "split": {"validation": 0.25},
            "inputs": {
                "numbers": numbers,
                **{name: {"column": name, "transform": one_hot} for name in categories},
            },
            "targets": {"income": {"column": "income", "transform": lookup}},
        },
        "training": {
            "loss": "binary_crossentropy",
            "metrics": ["accuracy"],
            "epochs": 1,
            "batch_size": 16,
        },
    }


def test_a_table_of_41_columns_takes_25_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = write_census(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert len(names) == 41 and len(CENSUS.splitlines()) <= 25
    short, long = resolved_of(CENSUS, tmp_path), compile_spec(written_out()).value
    assert long is not None
    expected = resolved(long)
    compiled = compile_spec(tmp_path / "spec.yaml").value
    assert compiled is not None and compiled.data is not None and compiled.data.inputs is not None
    numbers = compiled.data.inputs["numbers"]
    assert numbers.columns == tuple(expected["data"]["inputs"]["numbers"]["columns"])
    short["data"]["inputs"]["numbers"]["columns"] = list(numbers.columns)
    assert short["data"] == expected["data"]
    graph, by_hand = compiled.graph, long.graph
    assert graph is not None and by_hand is not None
    assert [(one.name, one.outputs, one.weights) for one in graph.layers] == [
        (one.name, one.outputs, one.weights) for one in by_hand.layers
    ]


def test_the_schema_takes_the_new_forms(tmp_path: Path) -> None:
    from jsonschema import Draft202012Validator

    from modelspec.core.source import plain, read_text

    def lists(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: lists(item) for key, item in value.items()}
        return [lists(item) for item in value] if isinstance(value, (tuple, list)) else value

    validator = Draft202012Validator(schema())
    joined = "    - for: {w: [5]}\n      do: [Dense: 5]\n      join: Add\n      name: sum"
    chains = "    - branches: [{for: {n: [a]}, do: [Dense: {units: 4, from: $n}]}, []]"
    columns = columns_spec("{all_but: [id, y]}", 3, "{csv: t.csv}")
    good = [CENSUS, model(joined), model(chains), columns, columns_spec("p_0..p_2", 3, "{csv: t}")]
    for text in good:
        document = read_text(text, "spec.yaml").value
        assert document is not None
        assert list(validator.iter_errors(lists(plain(document.root)))) == []
    for text in (columns.replace("all_but", "all"), model(joined.replace("do:", "dot:"))):
        document = read_text(text, "spec.yaml").value
        assert document is not None
        assert list(validator.iter_errors(lists(plain(document.root))))
