"""Predictions as a person uses them: what the columns are called, which row is which, what becomes of
rows that cannot be read, and what may be predicted.
"""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from modelspec.cli import main
from modelspec.runtime.data import RunError
from modelspec.runtime.run import evaluate, predict

from .predicting import LABELS, read_csv, trained, write_rows

pytestmark = pytest.mark.tensorflow
COLUMNS = ["species", "species_probability", *(f"p[{label}]" for label in LABELS)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        trained(folder, "species", "logits", "sick", "tags")
    return folder


@pytest.fixture(autouse=True)
def here(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with a link to every run, and ten rows to predict."""
    for name in ("species", "logits", "sick", "tags"):
        (tmp_path / name).symlink_to(runs / name)
    shutil.copy(runs / "rows.csv", tmp_path)
    write_rows(tmp_path / "new.csv", 10, seed=1)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), input=given)


def codes(result: Result) -> str:
    return result.output + (result.stderr if result.stderr_bytes is not None else "")


# Columns ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", ["species", "logits"])
def test_a_label_and_the_probability_of_each_are_columns(run: str) -> None:
    predict(run, "new.csv", "out.csv")
    rows = read_csv("out.csv")
    assert list(rows[0]) == ["row", *COLUMNS]
    for row in rows:
        shares = {label: np.float32(row[f"p[{label}]"]) for label in LABELS}
        assert row["species"] == max(shares, key=lambda label: shares[label])
        assert np.float32(row["species_probability"]) == max(shares.values())
        assert float(sum(shares.values())) == pytest.approx(1, abs=1e-6)


def test_of_two_labels_both_have_a_column() -> None:
    found = predict("sick", "new.csv", "out.csv")
    assert len(found) == 10
    raw = predict("sick", "new.csv").outputs["sick"][:, 0]
    rows = read_csv("out.csv")
    assert list(rows[0]) == ["row", "sick", "sick_probability", "p[no]", "p[yes]"]
    assert [np.float32(row["p[yes]"]) for row in rows] == raw.tolist()
    assert [row["sick"] for row in rows] == ["yes" if one > 0.5 else "no" for one in raw]
    assert [row["sick_probability"] for row in rows] == [row[f"p[{row['sick']}]"] for row in rows]


def test_several_labels_are_called_by_their_columns() -> None:
    predict("tags", "new.csv", "out.csv")
    rows = read_csv("out.csv")
    assert list(rows[0]) == ["row", "tags", "p[wet]", "p[cold]"]
    for row in rows:
        has = [label for label in ("wet", "cold") if float(row[f"p[{label}]"]) > 0.5]
        assert row["tags"] == "|".join(has)


def test_top_gives_the_most_probable_labels_in_their_order() -> None:
    predict("species", "new.csv", "whole.csv")
    predict("species", "new.csv", "top.csv", top=2)
    for whole, row in zip(read_csv("whole.csv"), read_csv("top.csv"), strict=True):
        assert list(row)[3:] == [
            f"species_top{place}{after}" for place in (1, 2) for after in ("", "_probability")
        ]
        best = sorted(LABELS, key=lambda label: -float(whole[f"p[{label}]"]))[:2]
        assert [row["species_top1"], row["species_top2"]] == best
        assert row["species_top2_probability"] == whole[f"p[{best[1]}]"]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "npz", "parquet"])
def test_every_kind_of_file_has_the_same_names_and_values(ending: str) -> None:
    predict("species", "new.csv", f"out.{ending}", id="code")
    rows = read_csv("new.csv")
    found = written(f"out.{ending}")
    assert list(found) == ["code", *COLUMNS] or set(found) == {"code", *COLUMNS}
    assert found["code"] == [row["code"] for row in rows]
    expected = predict("species", "new.csv")
    assert found["species"] == expected.classes["species"].tolist()
    shares = np.array([found[f"p[{label}]"] for label in LABELS], "float32").T
    assert np.array_equal(shares, expected.outputs["species"])


def written(path: str) -> dict[str, list[Any]]:
    """A file's columns as lists."""
    if path.endswith(".npz"):
        with np.load(path, allow_pickle=False) as found:
            return {name: found[name].tolist() for name in found}
    if path.endswith(".parquet"):
        from pyarrow import parquet

        return dict(parquet.read_table(path).to_pydict())
    rows: list[dict[str, Any]] = (
        [json.loads(line) for line in Path(path).read_text().splitlines()]
        if path.endswith(".jsonl")
        else list(read_csv(path))
    )
    return {name: [row[name] for row in rows] for name in rows[0]}


# Rows ---------------------------------------------------------------------------------------------


def test_rows_count_from_1_and_ids_and_kept_columns_are_as_they_are_written() -> None:
    predict("species", "new.csv", "plain.csv")
    assert [row["row"] for row in read_csv("plain.csv")] == [str(at) for at in range(1, 11)]
    predict("species", "new.csv", "all.csv", id="code", keep="all")
    given, found = read_csv("new.csv"), read_csv("all.csv")
    for old, new in zip(given, found, strict=True):
        names = {"species": "input[species]"}
        assert old == {name: new[names.get(name, name)] for name in old}
    assert next(iter(found[0])) == "code"


def test_a_column_that_there_is_not_cannot_be_an_id() -> None:
    answer = command("predict", "species", "--data", "new.csv", "--id", "coda")
    assert answer.exit_code == 3
    assert "MS607" in answer.output
    assert "did you mean `code`?" in answer.output


def test_a_hundred_thousand_rows_join_with_what_a_data_frame_gives(here: Path) -> None:
    """A csv of 100,000 rows with ids, predicted twice, is equal to `run.predict(frame)`."""
    pandas = pytest.importorskip("pandas")
    import modelspec as ms

    rng = np.random.default_rng(5)
    numbers = rng.permutation(100_000)
    values = rng.normal(size=(100_000, 2)).round(6)
    frame = pandas.DataFrame(
        {"code": [f"{one:06d}" for one in numbers], "a": values[:, 0], "b": values[:, 1]}
    )
    frame.to_csv("large.csv", index=False)
    for name in ("one.csv", "two.csv"):
        assert len(predict("species", "large.csv", name, id="code", batch_size=4096)) == 100_000
    one, two = (pandas.read_csv(name, dtype={"code": str}) for name in ("one.csv", "two.csv"))
    joined = one.merge(two, on="code", validate="one_to_one")
    assert len(joined) == 100_000
    direct = ms.open_run("species").predict(frame.set_index("code"), batch_size=4096)
    direct = direct.loc[joined["code"]]
    for name in COLUMNS:
        left, right = joined[f"{name}_x"], joined[f"{name}_y"]
        assert (left == right).all()
        expected = direct[name].to_numpy()
        assert (left.to_numpy().astype(expected.dtype) == expected).all()


def bad_rows() -> None:
    lines = ["code,a,b,more", "007,1,2,x", "008,oops,2,x", "009,1,2", "010,,2,x", "011,3,1,x"]
    Path("bad.csv").write_text("\n".join([*lines, "012,inf,1,x"]) + "\n")


def test_rows_that_cannot_be_read_are_left_out_and_listed() -> None:
    bad_rows()
    answer = command("predict", "species", "--data", "bad.csv", "-o", "out.csv", "--errors", "skip")
    assert answer.exit_code == 0
    assert "MS733" in answer.output
    assert "2 rows written to out.csv" in answer.output
    assert [row["row"] for row in read_csv("out.csv")] == ["1", "5"]
    errors = read_csv("out.csv.errors.csv")
    assert [(row["row"], row["place"]) for row in errors] == [
        ("2", "bad.csv:3"),
        ("3", "bad.csv:4"),
        ("4", "bad.csv:5"),
        ("6", "bad.csv:7"),
    ]
    reasons = [row["reason"] for row in errors]
    assert '"oops" at bad.csv:3' in reasons[0]
    assert "3 cells" in reasons[1]
    assert "no value at bad.csv:5" in reasons[2]
    assert "infinity" in reasons[3]
    predict("species", "bad.csv", "ids.csv", id="code", keep=["more"], errors="skip")
    assert [(row["code"], row["more"]) for row in read_csv("ids.csv")] == [
        ("007", "x"),
        ("011", "x"),
    ]
    assert [row["code"] for row in read_csv("ids.csv.errors.csv")] == ["008", "", "010", "012"]
    Path("good.csv").write_text("a,b\n1,2\n3,1\n")
    found, whole = predict("species", "bad.csv", errors="skip"), predict("species", "good.csv")
    assert np.array_equal(found.outputs["species"], whole.outputs["species"])
    predict("species", "good.csv", "out.csv", errors="skip")
    assert not Path("out.csv.errors.csv").exists()


def test_lines_of_json_that_are_not_as_the_others_are_left_out() -> None:
    """The first of them too: what most objects have is what a row has."""
    lines = [
        '{"a": "oops", "b": 2, "code": "007"}',
        '{"a": 1, "b": 2, "code": "008"}',
        '{"a": 1, "b": 2',
        "",
        '{"a": 1, "code": "010"}',
        '{"a": 3, "b": 1, "code": "011", "c": 4}',
        '{"a": null, "b": 1, "code": "012"}',
        "[1]",
        '{"a": 3, "b": 1.5, "code": "014"}',
        '{"a": 1, "a": 2, "b": 1, "code": "015"}',
    ]
    Path("bad.jsonl").write_text("\n".join([*lines, ""]))
    with pytest.raises(RunError):
        predict("species", "bad.jsonl")
    predict("species", "bad.jsonl", "out.csv", id="code", errors="skip")
    assert [row["code"] for row in read_csv("out.csv")] == ["008", "014"]
    errors = read_csv("out.csv.errors.csv")
    assert [(int(row["row"]), row["place"].removeprefix("bad.jsonl:")) for row in errors] == [
        (1, "1"),
        (3, "3"),
        (4, "5"),
        (5, "6"),
        (6, "7"),
        (7, "8"),
        (9, "10"),
    ]
    said = ("a string at", "is incomplete", "no `b`", "a key `c`", "no value", "a list", "twice")
    assert all(word in row["reason"] for word, row in zip(said, errors, strict=True))
    Path("good.csv").write_text("a,b\n1,2\n3,1.5\n")
    found = predict("species", "bad.jsonl", errors="skip").outputs["species"]
    assert np.array_equal(found, predict("species", "good.csv").outputs["species"])
    Path("two.jsonl").write_text("\n".join(lines[1:3]))
    both = predict("species", "jsonl={path: [bad.jsonl, two.jsonl]}", errors="skip")
    assert both.ids["row"].tolist() == [2, 8, 10]
    Path("none.jsonl").write_text("oops\n[]\n")
    with pytest.raises(RunError, match="MS734"):
        predict("species", "none.jsonl", errors="skip")


def test_labels_that_a_closed_lookup_lacks_are_left_out(tmp_path: Path) -> None:
    """So are those of a column of which `expect` says that its values are known."""
    import modelspec as ms

    rows = "plan,tier,y\n" + "basic,a,1\nplus,b,2\n" * 12
    Path("plans.csv").write_text(rows)
    lookup = {"StringLookup": {"output_mode": "one_hot", "num_oov_indices": 0}}
    spec: Any = {
        "model": {
            "inputs": {"plan": [2], "tier": [3]},
            "layers": [{"Concatenate": {"from": ["plan", "tier"]}}, {"Dense": 1}],
        },
        "data": {
            "source": {"csv": "plans.csv"},
            "inputs": {
                "plan": {"column": "plan", "transform": [lookup]},
                "tier": {
                    "column": "tier",
                    "transform": [{"StringLookup": {"output_mode": "one_hot"}}],
                },
            },
            "targets": "y",
            "expect": {"tier": {"known": True}},
        },
        "training": {"loss": "mse"},
    }
    run = ms.load_spec(spec).train(run_dir="plans")
    Path("more.csv").write_text("plan,tier\nplus,a\ngold,a\nbasic,b\nbasic,z\nbasis,a\nplus\n")
    answer = command("predict", "plans", "--data", "more.csv", "-o", "o.csv", "--errors", "skip")
    assert answer.exit_code == 0, answer.output
    assert [row["row"] for row in read_csv("o.csv")] == ["1", "3"]
    errors = read_csv("o.csv.errors.csv")
    assert [row["place"] for row in errors] == [f"more.csv:{line}" for line in (3, 5, 6, 7)]
    assert '"gold" at more.csv:3' in errors[0]["reason"] and "lookup" in errors[1]["reason"]
    whole = run.predict([{"plan": "plus", "tier": "a"}, {"plan": "basic", "tier": "b"}])
    (name,) = (name for name in whole if name != "row")
    assert [float(row[name]) for row in read_csv("o.csv")] == pytest.approx(whole[name].tolist())
    Path("gold.csv").write_text("plan,tier\ngold,a\n")
    with pytest.raises(RunError, match="MS734"):
        predict("plans", "gold.csv", errors="skip")


def test_rows_that_cannot_be_read_stop_a_prediction_otherwise() -> None:
    bad_rows()
    answer = command("predict", "species", "--data", "bad.csv", "-o", "out.csv")
    assert answer.exit_code == 3
    assert not Path("out.csv").exists()
    for text in ("a,b\nx,1\ny,2\n", "a,b\n1\n"):
        Path("none.csv").write_text(text)
        with pytest.raises(RunError, match="MS734"):
            predict("species", "none.csv", errors="skip")


# Thresholds ---------------------------------------------------------------------------------------


def test_a_threshold_decides_between_two_labels_and_for_each_of_several() -> None:
    raw = predict("sick", "new.csv").outputs["sick"][:, 0]
    at = float(np.sort(raw)[3])
    found = predict("sick", "new.csv", threshold=at)
    assert (found.classes["sick"][:, 0] == "yes").tolist() == (raw > np.float32(at)).tolist()
    assert found.classes["sick"][:, 0].tolist().count("yes") == 6
    named = predict("sick", "new.csv", threshold={"yes": at})
    assert np.array_equal(named.classes["sick"], found.classes["sick"])
    tags = predict("tags", "new.csv", threshold={"cold": 0.0})
    assert tags.classes["tags"][:, 1].all()
    plain = predict("tags", "new.csv")
    assert np.array_equal(tags.classes["tags"][:, 0], plain.classes["tags"][:, 0])
    answer = command("predict", "tags", "--data", "new.csv", "--threshold", "cold=0", "-o", "t.csv")
    assert answer.exit_code == 0, answer.output
    assert all("cold" in row["tags"] for row in read_csv("t.csv"))


@pytest.mark.parametrize(
    ("run", "given", "code", "status"),
    [
        ("sick", "yess=0.3", "MS730", 3),
        ("species", "0.3", "MS730", 3),
        ("sick", "30", "not a number from 0 to 1", 2),
    ],
)
def test_a_threshold_that_decides_nothing_is_refused(
    run: str, given: str, code: str, status: int
) -> None:
    answer = command("predict", run, "--data", "new.csv", "--threshold", given)
    assert answer.exit_code == status
    assert code in answer.output


# Sources ------------------------------------------------------------------------------------------


def test_the_dialect_of_a_new_file_is_its_own(tmp_path: Path) -> None:
    """The spec's file is one of commas; others are of semicolons, tabs and another order."""
    whole = predict("species", "new.csv").outputs["species"]
    rows = read_csv("new.csv")
    for name, mark in (("semicolons.csv", ";"), ("tabs.tsv", "\t"), ("tabs.csv", "\t")):
        lines = [mark.join(("b", "a", "note"))]
        lines += [mark.join((row["b"], row["a"], "u, v")) for row in rows]
        Path(name).write_text("\n".join(lines) + "\n")
        assert np.array_equal(predict("species", name).outputs["species"], whole), name


def test_a_header_of_the_spec_gives_way_to_that_of_a_file() -> None:
    import modelspec as ms

    Path("nohead.csv").write_text("".join(f"{n},{n % 7},{2 * n}\n" for n in range(40)))
    spec = {
        "model": {"inputs": {"n": [2]}, "layers": [{"Dense": {"units": 1, "name": "c"}}]},
        "data": {
            "source": {"csv": {"path": "nohead.csv", "header": ["a", "b", "c"], "delimiter": ","}},
            "inputs": {"n": {"columns": ["a", "b"]}},
            "targets": "c",
        },
        "training": {"loss": "mse"},
    }
    ms.load_spec(spec).train(run_dir=Path("headless"))
    Path("head.csv").write_text("b;a\n2;1\n4;3\n")
    Path("same.csv").write_text("1,2,0\n3,4,0\n")
    found = predict("headless", "head.csv").outputs["c"]
    assert np.array_equal(found, predict("headless", "same.csv").outputs["c"])


def test_one_row_and_standard_input_are_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    row = read_csv("new.csv")[0]
    whole = predict("species", "new.csv").outputs["species"]
    one = json.dumps({"a": float(row["a"]), "b": float(row["b"])})
    # Some processors round a batch of another size differently.
    found = predict("species", one).outputs["species"]
    np.testing.assert_allclose(found, whole[:1], rtol=1e-6)
    found = predict("species", f"[{one}, {one}]").outputs["species"]
    np.testing.assert_allclose(found, whole[[0, 0]], rtol=1e-6)
    text = Path("new.csv").read_text()
    for source in ("-", "csv=-"):
        answer = command(
            "predict", "species", "--data", source, "--format", "json", "--id", "code", given=text
        )
        assert answer.exit_code == 0, answer.output
        assert [row["code"] for row in json.loads(answer.output)] == [
            f"{at:05d}" for at in range(10)
        ]
    answer = command(
        "predict", "species", "--data", "jsonl=-", "--format", "json", given=one + "\n"
    )
    assert json.loads(answer.output)[0]["p[Adelie]"] == pytest.approx(float(whole[0, 0]))


@pytest.mark.parametrize(
    "source",
    [
        "{a: 1}",
        "[1, 2]",
        "[]",
        "parquet=-",
        "text=some words",
        "text=word",
        "text=" + "words " * 999,
    ],
)
def test_a_source_that_has_no_rows_to_read_is_refused(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(RunError, match="MS739"):
        predict("species", source)


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ('{"a": 1, "a": 2, "b": 3}', "MS739", "duplicate key `a`"),
        ('{"a": 1, "b": 2, "\\ud800": 3}', "MS739", "unpaired surrogate"),
        ("cvs=new.csv", "MS601", "did you mean `csv=`?"),
        ("n" * 300, "MS601", "cannot infer the format"),
    ],
)
def test_a_source_that_is_mistyped_is_said_to_be(source: str, code: str, said: str) -> None:
    answer = command("predict", "species", "--data", source)
    assert answer.exit_code == (2 if code == "MS601" else 3)
    assert code in answer.output and said in answer.output


def test_half_a_character_is_no_text() -> None:
    import modelspec as ms

    run = ms.open_run("species")
    with pytest.raises(RunError, match="surrogate"):
        run.predict([{"a": 1, "b": 2, "note": "\ud800"}])
    Path("half.jsonl").write_text('{"a": 1, "b": 2, "note": "\\ud800"}\n')
    with pytest.raises(RunError, match="surrogate"):
        predict("species", "half.jsonl")


@pytest.mark.parametrize(
    ("run", "options"),
    [
        ("species", ["--layer", "species", "--top", "2"]),
        ("sick", ["--layer", "sick", "--threshold", "0.3"]),
        ("tags", ["--top", "2"]),
    ],
)
def test_options_that_would_change_nothing_are_refused(run: str, options: list[str]) -> None:
    answer = command("predict", run, "--data", "new.csv", *options)
    assert answer.exit_code == 3 and "MS688" in answer.output


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"errors": "skp"}, "MS732"),
        ({"top": "2"}, "MS732"),
        ({"top": 1.5}, "MS732"),
        ({"batch_size": "many"}, "MS732"),
        ({"threshold": "0.3"}, "MS732"),
        ({"threshold": float("nan")}, "MS732"),
    ],
)
def test_options_of_another_type_are_refused(options: dict[str, Any], code: str) -> None:
    with pytest.raises(RunError, match=code):
        predict("sick", "new.csv", **options)


def test_rows_of_a_program_that_are_not_as_the_others_are_left_out() -> None:
    import modelspec as ms

    run = ms.open_run("species")
    rows = [
        {"code": "a", "a": "oops", "b": 2},
        {"code": "b", "a": np.float64(1), "b": 2},
        {"code": "c", "a": None, "b": 1},
        {"code": "d", "a": 3, "b": np.float32(1)},
    ]
    with pytest.raises(RunError):
        run.predict(rows)
    with pytest.warns(UserWarning, match="2 rows of rows"):
        found = run.predict(rows, errors="skip", id="code")
    assert found["code"].tolist() == ["b", "d"]
    whole = run.predict([{"a": 1, "b": 2}, {"a": 3, "b": 1}])
    assert found["p[Adelie]"].tolist() == pytest.approx(whole["p[Adelie]"].tolist())
    answer = command("predict", "species", "--errors", "skip", "-o", "o.csv", "--data", JSON_ROWS)
    assert answer.exit_code == 0, answer.output
    assert [row["row"] for row in read_csv("o.csv")] == ["2", "4"]
    with pytest.raises(RunError, match="MS739"):
        run.explain_row([1])  # type: ignore[arg-type]  # what a user may do
    with pytest.raises(RunError, match="MS688"):
        run.evaluate("new.csv", split="test")


JSON_ROWS = '[{"a": "oops", "b": 2}, {"a": 1, "b": 2}, {"a": null, "b": 1}, {"a": 3, "b": 1}]'


def test_predictions_do_not_replace_what_is_read() -> None:
    before = Path("new.csv").read_bytes()
    for source in ("new.csv", "csv=./new.csv"):
        answer = command("predict", "species", "--data", source, "-o", "new.csv")
        assert answer.exit_code == 2 and "MS711" in answer.output
    assert Path("new.csv").read_bytes() == before


def test_what_controls_a_terminal_is_not_sent_to_it() -> None:
    Path("esc.csv").write_text("code,a,b\n\x1b[31mred\x1b[2K,1,2\n")
    answer = command("predict", "species", "--data", "esc.csv", "--id", "code")
    assert (
        answer.exit_code == 0 and "\u241b[31mred" in answer.output and "\x1b" not in answer.output
    )
    predict("species", "esc.csv", "esc_out.csv", id="code")
    assert read_csv("esc_out.csv")[0]["code"] == "\x1b[31mred\x1b[2K"  # which joins with the source


def test_last_is_the_newest_run(tmp_path: Path) -> None:
    answer = command("predict", "last", "--data", "new.csv")
    assert answer.exit_code == 2
    assert "which has no runs" in answer.output
    (tmp_path / "runs").mkdir()
    for name in ("species", "sick"):  # sick was trained after species
        shutil.copytree(name, tmp_path / "runs" / name)
    for arguments in (
        ("predict", "last", "--data", "new.csv"),
        ("evaluate", "last", "--data", "rows.csv"),
        ("runs", "last"),
    ):
        answer = command(*arguments)
        assert answer.exit_code == 0, answer.output
    assert "sick_probability" in command("predict", "last", "--data", "new.csv").output


# Evaluation ---------------------------------------------------------------------------------------


def test_every_part_can_be_evaluated(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs)
    stored = json.loads(Path("species/metrics.json").read_text())
    assert evaluate("species", split="validation").metrics == stored["validation"]
    assert evaluate("species").metrics == stored["test"]
    assert evaluate("species", split="train").examples == 64
    answer = command("evaluate", "species", "--split", "test", "--data", "rows.csv")
    assert answer.exit_code == 2


def test_metrics_follow_from_the_file_of_predictions() -> None:
    predict("species", "rows.csv", "out.csv", keep=["species"])
    rows = read_csv("out.csv")
    by_hand = np.mean([row["species"] == row["input[species]"] for row in rows])
    logs = [np.log(float(row[f"p[{row['input[species]']}]"])) for row in rows]
    found = evaluate("species", "rows.csv").metrics
    assert found["accuracy"] == pytest.approx(by_hand, rel=1e-6)
    assert found["loss"] == pytest.approx(-np.mean(logs), rel=1e-5)
