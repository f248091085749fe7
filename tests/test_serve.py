"""`modelspec serve`: predictions over HTTP equal those of `modelspec predict`, whatever is asked, and
a request that cannot be answered gets every fault, within limits.

The server runs in a thread of this process, on a free port; requests come through sockets.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.runtime.run import RunError, predict

from .predicting import trained, write_rows

pytest.importorskip(
    "starlette", reason='the extra `[serve]` is not installed: pip install ".[serve]"'
)
pytest.importorskip(
    "uvicorn", reason='the extra `[serve]` is not installed: pip install ".[serve]"'
)

from modelspec.serving import service as serving
from modelspec.serving.limits import Limits
from modelspec.serving.server import listen, server_of
from modelspec.serving.service import Service, load

pytestmark = pytest.mark.tensorflow
ROOT = Path(__file__).parent.parent
JSON, CSV = "application/json", "text/csv"
GOOD = {"a": 1.5, "b": -0.25}


class Answer:
    """What a server answered."""

    def __init__(self, response: http.client.HTTPResponse, port: int) -> None:
        self.port = port
        self.status, self.headers = response.status, response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def codes(self) -> list[str]:
        return [one["code"] for one in self.json["diagnostics"]]


Ask = Callable[..., Answer]


@contextmanager
def running(service: Service, name: str = "a run", host: str = "127.0.0.1") -> Iterator[Ask]:
    """A server of a loaded run, as a function that asks it."""
    listening = listen("127.0.0.1", 0)
    server = server_of(service, name, host)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()

    def ask(
        path: str, body: Any = None, kind: str | None = JSON, method: str = "", **headers: str
    ) -> Answer:
        connection = http.client.HTTPConnection(*listening.getsockname(), timeout=60)
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        if kind is not None and body is not None:
            sent["Content-Type"] = kind
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        try:
            connection.request(method or ("GET" if body is None else "POST"), path, body, sent)
            return Answer(connection.getresponse(), connection.port)
        finally:
            connection.close()

    try:
        yield ask
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trained runs and their rows."""
    found = tmp_path_factory.mktemp("served")
    before = Path.cwd()
    os.chdir(found)
    try:
        trained(found, "species", "sick")
    finally:
        os.chdir(before)
    write_rows(found / "new.csv", 75, seed=9)
    return found


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Iterator[Service]:
    found = load(folder / "species", Limits())
    yield found
    found.worker.close()


@pytest.fixture(scope="module")
def ask(loaded: Service) -> Iterator[Ask]:
    with running(loaded) as found:
        yield found


def measures(folder: Path) -> list[dict[str, float]]:
    """The rows of the new table, as JSON would have them."""
    lines = (folder / "new.csv").read_text("utf-8").splitlines()[1:]
    return [{"a": float(cells[1]), "b": float(cells[2])} for cells in (x.split(",") for x in lines)]


# Predictions --------------------------------------------------------------------------------------


def test_json_answers_equal_the_command_and_the_run_to_the_bit(ask: Ask, folder: Path) -> None:
    rows = measures(folder)
    answer = ask("/predict", {"rows": rows})
    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON)
    assert set(answer.json) == {"predictions", "warnings", "skipped"}
    command = ["predict", str(folder / "species"), "--data", json.dumps(rows), "--format", "json"]
    printed = CliRunner().invoke(main, command)
    assert answer.json["predictions"] == json.loads(printed.stdout)
    own = ms.open_run(folder / "species").predict(rows)
    for name, values in own.items():
        served = np.array([row[name] for row in answer.json["predictions"]], values.dtype)
        assert np.array_equal(served, values)


def test_csv_answers_are_the_file_that_the_command_writes(
    ask: Ask, folder: Path, tmp_path: Path
) -> None:
    predict(folder / "species", str(folder / "new.csv"), tmp_path / "out.csv")
    answer = ask("/predict", (folder / "new.csv").read_bytes(), CSV, Accept=CSV)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.body == (tmp_path / "out.csv").read_bytes()
    as_json = ask("/predict", (folder / "new.csv").read_bytes(), CSV).json["predictions"]
    assert as_json == ask("/predict", {"rows": measures(folder)}).json["predictions"]


def test_one_row_and_a_list_of_rows_are_requests(ask: Ask) -> None:
    (one,) = ask("/predict", GOOD).json["predictions"]
    assert one["row"] == 1 and one["species"] in ("Adelie", "Chinstrap", "Gentoo")
    assert ask("/predict", [GOOD]).json["predictions"] == [one]
    more = ask("/predict", {"rows": [{**GOOD, "other": "ignored"}]})
    assert more.json["predictions"] == [one]


def test_options_of_the_query_are_those_of_the_command(folder: Path) -> None:
    service = load(folder / "sick", Limits())
    rows = measures(folder)
    run = ms.open_run(folder / "sick")
    with running(service) as ask:
        for query, options in (
            ("top=1", {"top": 1}),
            ("threshold=0.9", {"threshold": 0.9}),
            ("threshold=0.9&threshold=sick=0.1", {"threshold": {None: 0.9, "sick": 0.1}}),
        ):
            found = ask(f"/predict?{query}", rows).json["predictions"]
            wanted: Any = run.predict(rows, **options)
            assert [one["sick"] for one in found] == wanted["sick"].tolist()
            assert list(found[0]) == ["row", *wanted]
    service.worker.close()
    assert any(one["sick"] == "yes" for one in found) and any(one["sick"] == "no" for one in found)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("tip=3", "MS784"),
        ("top=many", "MS784"),
        ("top=0", "MS732"),
        ("threshold=2", "MS732"),
        ("threshold=x", "MS784"),
        ("errors=hide", "MS784"),
    ],
)
def test_a_query_that_cannot_be_read_says_why(ask: Ask, query: str, code: str) -> None:
    answer = ask(f"/predict?{query}", GOOD)
    assert (answer.status, answer.codes) == (400, [code])


def test_parallel_requests_are_answered_as_one_after_the_other(ask: Ask, folder: Path) -> None:
    rows = measures(folder)
    parts = [rows[start : start + 1 + start % 40] for start in range(20)]
    alone = [ask("/predict", part).body for part in parts]
    with ThreadPoolExecutor(20) as pool:
        together = list(pool.map(lambda part: ask("/predict", part).body, parts))
    assert together == alone and len(set(alone)) == 20


# Rows that cannot be read -------------------------------------------------------------------------


def test_every_row_that_cannot_be_read_is_named(ask: Ask) -> None:
    rows = [GOOD, {"a": "x", "b": 1}, {"a": 2, "b": None}, {"a": 1, "b": "y"}, {"a": "z", "b": 1}]
    answer = ask("/predict", {"rows": rows})
    assert answer.status == 422
    assert [one["row"] for one in answer.json["rows"]] == [2, 3, 4, 5]
    assert answer.json["rows"][0]["reason"] == (
        "`a` holds a string at row 2 of the request, but a number in other rows"
    )
    named = [(one["code"], one["rows"]) for one in answer.json["diagnostics"]]
    assert named == [("MS653", [2]), ("MS653", [5]), ("MS653", [4]), ("MS608", [3])]


def test_lines_of_csv_that_cannot_be_read_are_named(ask: Ask) -> None:
    answer = ask("/predict", "a,b\n1,2\nx,3\n4\n5,\n6,7\n", CSV)
    assert answer.status == 422
    assert [one["row"] for one in answer.json["rows"]] == [2, 3, 4]
    assert set(answer.codes) == {"MS602", "MS608", "MS609"}


@pytest.mark.parametrize("kind", [JSON, CSV])
def test_rows_that_cannot_be_read_are_left_out_where_asked(ask: Ask, kind: str) -> None:
    rows: Any = [GOOD, {"a": "x", "b": 1}, GOOD, {"a": 2, "b": None}, GOOD]
    text = "a,b\n1.5,-0.25\n1\n1.5,-0.25\n,1\n1.5,-0.25\n"
    answer = ask("/predict?errors=skip", rows if kind == JSON else text, kind)
    assert answer.status == 200
    assert [one["row"] for one in answer.json["predictions"]] == [1, 3, 5]
    assert [one["row"] for one in answer.json["skipped"]] == [2, 4]
    wanted = {**ask("/predict", GOOD).json["predictions"][0], "row": None}
    assert all({**one, "row": None} == pytest.approx(wanted) for one in answer.json["predictions"])


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", JSON, 400, "MS781"),
        (b"{", JSON, 400, "MS781"),
        (b"\xff", JSON, 400, "MS781"),
        (b'{"a": "\\ud800", "b": 1}', JSON, 400, "MS781"),
        (b"[" * 200_000, JSON, 400, "MS781"),
        (b'{"a": ' + b"9" * 9000 + b"}", JSON, 400, "MS781"),
        (b"[]", JSON, 400, "MS781"),
        (b'{"rows": []}', JSON, 400, "MS781"),
        (b'{"rows": [1]}', JSON, 400, "MS781"),
        (b"3", JSON, 400, "MS781"),
        (b'{"a": 1' + b"0" * 400 + b', "b": 1}', JSON, 422, "MS651"),
        (b'{"a": [1, [2]], "b": 1}', JSON, 422, "MS651"),
        (b'{"a": {"c": 1}, "b": 1}', JSON, 422, "MS651"),
        (b'{"aa": 1, "b": 1}', JSON, 422, "MS607"),
        (b"{}", JSON, 422, "MS607"),
        (b"", CSV, 422, "MS604"),
        (b"a,b\n", CSV, 422, "MS604"),
        (b"a,b\n\xff,1\n", CSV, 422, ""),
        (b"a\n1\n", CSV, 422, "MS607"),
        (b"a=1", "application/x-www-form-urlencoded", 415, "MS781"),
        (b"a,b\n1,2\n", "text/plain", 415, "MS781"),
    ],
)
def test_a_body_that_cannot_be_read_gets_a_sentence(
    ask: Ask, folder: Path, body: bytes, kind: str, status: int, code: str
) -> None:
    answer = ask("/predict", body, kind)
    assert answer.status == status, answer.body
    assert code in answer.codes or (not code and answer.codes)
    assert b"Traceback" not in answer.body and str(folder).encode() not in answer.body
    assert tempfile.gettempdir().encode() not in answer.body
    assert ask("/predict", GOOD).status == 200


def test_a_compressed_body_is_not_read(ask: Ask) -> None:
    assert ask("/predict", b"x", Content_Encoding="gzip").status == 415


def test_files_that_rows_name_are_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    lines = ["photo,kind"]
    for number in range(8):
        shade = 20 + 200 * (number % 2)
        Image.fromarray(np.full((2, 2, 3), shade, np.uint8)).save(f"{number}.png")
        lines.append(f"{number}.png,{'ab'[number % 2]}")
    Path("photos.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    photo = {"column": "photo", "read": "image", "size": 2, "transform": [{"Rescaling": 0.004}]}
    lookup = [{"StringLookup": {"num_oov_indices": 0}}]
    spec: Any = {
        "model": {
            "inputs": {"image": [2, 2, 3]},
            "layers": ["Flatten", {"Dense": {"units": 1, "activation": "sigmoid", "name": "kind"}}],
        },
        "data": {
            "source": {"csv": "photos.csv"},
            "inputs": {"image": photo},
            "targets": {"kind": {"column": "kind", "transform": lookup}},
        },
        "training": {"loss": "binary_crossentropy", "epochs": 1},
    }
    run = ms.load_spec(spec).train(run_dir="run")
    service = load(Path("run"), Limits())
    with running(service) as ask:
        answer = ask("/predict", {"photo": "1.png"})
        assert (answer.status, answer.codes) == (422, ["MS783"])
        assert ask("/predict", "photo\n1.png\n", CSV).codes == ["MS783"]
        (column,) = ask("/schema").json["components"]["schemas"]["Row"]["properties"]
        assert f"`{column}`" in answer.json["diagnostics"][0]["help"]
        pixels = np.full((2, 2, 3), 220).tolist()
        (found,) = ask("/predict", {column: pixels}).json["predictions"]
    service.worker.close()
    named = run.predict([{"photo": "1.png"}])
    assert found["p[b]"] == float(named["p[b]"][0])


# Limits -------------------------------------------------------------------------------------------


def limited(service: Service, **limits: Any) -> Service:
    return replace(service, limits=replace(service.limits, **limits))


def test_large_requests_are_refused_and_say_the_limit(loaded: Service) -> None:
    with running(limited(loaded, bytes=400, rows=3)) as ask:
        assert ask("/predict", [GOOD] * 3).status == 200
        for body, kind, said in (
            ([GOOD] * 4, JSON, "4 rows, more than the limit of 3"),
            ("a,b\n" + "1,2\n" * 4, CSV, "4 rows, more than the limit of 3"),
            ([{f"column {n}": 1 for n in range(k, k + 9)} for k in (0, 9, 18)], JSON, "400 bytes"),
        ):
            answer = ask("/predict", body, kind)
            assert (answer.status, answer.codes) == (413, ["MS782"])
            assert said in answer.json["diagnostics"][0]["message"]
    with running(limited(loaded, bytes=100, rows=3)) as ask:
        wide = [{"a": 1, str(n): 1, str(n + 9): 1, str(n + 50): 1} for n in range(3)]
        assert ask("/predict", wide).status == 413
        answer = ask("/predict", [{str(n): 1} for n in range(3)])
        assert set(answer.codes) == {"MS607"}
    with running(limited(loaded, bytes=60)) as ask:
        answer = ask("/predict", "a,b\n" + "1,2\n" * 14, CSV)
        assert answer.status == 413 and "answer" in answer.json["diagnostics"][0]["message"]


def test_columns_that_no_two_rows_share_are_refused_before_they_are_a_table(
    loaded: Service,
) -> None:
    rows = [{f"{n}": 1} for n in range(200)]
    with running(limited(loaded, bytes=30_000)) as ask:
        answer = ask("/predict", rows)
    assert answer.status == 413 and "200 columns" in answer.json["diagnostics"][0]["message"]


def test_a_body_without_a_length_is_counted_as_it_comes(loaded: Service) -> None:
    with running(limited(loaded, bytes=1000)) as ask:
        answer = ask("/predict", iter([b" " * 600, b" " * 600]))
    assert answer.status == 413


class Held:
    """A prediction that waits until it may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        own = serving.stream_of

        def held(*args: Any) -> Any:
            self.begun.set()
            assert self.go_on.wait(60)
            return own(*args)

        monkeypatch.setattr(serving, "stream_of", held)


def test_the_server_answers_while_a_prediction_is_computed(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, "/predict", GOOD)
        assert held.begun.wait(60)
        assert ask("/health").json["status"] == "ok"
        assert not waiting.done()
        held.go_on.set()
        assert waiting.result().status == 200


def test_a_request_beyond_its_time_is_refused_and_the_next_one_answered(
    loaded: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    with running(limited(loaded, seconds=0.05)) as ask:
        answer = ask("/predict", GOOD)
        assert (answer.status, answer.codes) == (503, ["MS782"])
        assert int(answer.headers["Retry-After"]) >= 1
        held.go_on.set()
    with running(loaded) as ask:
        assert ask("/predict", GOOD).status == 200


def test_more_requests_than_may_wait_are_refused(
    folder: Path, loaded: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    service = replace(loaded, worker=serving.Worker(2))
    with running(service) as ask, ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(ask, "/predict", GOOD) for _ in range(2)]
        assert held.begun.wait(60)
        for _ in range(6000):  # until the second one waits too
            if service.worker._count == 2:
                break
            time.sleep(0.01)
        answer = ask("/predict", GOOD)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        held.go_on.set()
        assert [one.result().status for one in waiting] == [200, 200]
        assert ask("/predict", GOOD).status == 200
    service.worker.close()


# Safety -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1:9", "[::1]", "[::1]:8000"]
)
def test_names_of_this_machine_are_answered(ask: Ask, host: str) -> None:
    assert ask("/health", Host=host).status == 200


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "a@localhost"]
)
def test_other_names_are_refused_on_loopback(ask: Ask, host: str) -> None:
    for path in ("/health", "/schema"):
        assert ask(path, Host=host).status == 421
    assert ask("/predict", GOOD, Host=host).status == 421


def test_a_server_on_another_address_answers_every_name(loaded: Service) -> None:
    with running(loaded, host="0.0.0.0") as ask:
        assert ask("/health", Host="example.org").status == 200


def test_no_other_site_may_read_answers(ask: Ask) -> None:
    answer = ask("/predict", GOOD, Origin="https://evil.example")
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    asked = ask("/predict", method="OPTIONS", Origin="https://evil.example")
    assert asked.status == 405


def test_other_paths_and_methods_get_a_sentence(ask: Ask) -> None:
    assert ask("/nothing").status == 404
    answer = ask("/predict")
    assert answer.status == 405 and "POST /predict" in answer.json["error"]


def test_an_error_of_the_model_is_logged_and_answered_with_a_sentence(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RunError.of("MS707", "the prediction failed: /secret/place")

    monkeypatch.setattr(serving, "stream_of", fail)
    answer = ask("/predict", GOOD)
    assert (answer.status, answer.codes) == (500, ["MS707"])
    assert b"secret" not in answer.body and "/secret/place" in caplog.text


def test_a_bug_is_logged_and_answered_with_a_sentence(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("/secret/place")

    monkeypatch.setattr(serving, "stream_of", fail)
    answer = ask("/predict", GOOD)
    assert answer.status == 500 and b"secret" not in answer.body
    assert "Traceback" not in answer.body.decode() and "KeyError" in caplog.text


# The schema ---------------------------------------------------------------------------------------


def references(value: Any) -> Iterator[str]:
    """Every `$ref` of a document."""
    for key, one in value.items() if isinstance(value, dict) else enumerate(value):
        if key == "$ref":
            yield one
        elif isinstance(one, (dict, list)):
            yield from references(one)


def test_the_schema_describes_requests_and_answers(ask: Ask) -> None:
    from jsonschema import Draft202012Validator

    document = ask("/schema").json
    assert document["openapi"] == "3.1.0" and document["info"]["title"] == "a run"
    assert set(document["paths"]) == {"/predict", "/health", "/schema"}
    schemas = document["components"]["schemas"]
    assert {one.rpartition("/")[2] for one in references(document)} <= set(schemas)

    def valid(schema: Any, value: Any) -> bool:
        checker = Draft202012Validator({**schema, "components": document["components"]})
        return checker.is_valid(value)

    for one in schemas.values():
        Draft202012Validator.check_schema(one)
    post = document["paths"]["/predict"]["post"]
    taken = post["requestBody"]["content"][JSON]["schema"]
    given = post["responses"]["200"]["content"][JSON]["schema"]
    faults = post["responses"]["422"]["content"][JSON]["schema"]
    for request in (GOOD, [GOOD], {"rows": [GOOD]}):
        answer = ask("/predict", request)
        assert valid(taken, request) and valid(given, answer.json)
        assert set(answer.json["predictions"][0]) == set(schemas["Prediction"]["properties"])
    for request in ({"a": 1}, [{"a": "x", "b": 1}], {"rows": [1]}):
        answer = ask("/predict", request)
        assert not valid(taken, request)
        assert answer.status in (400, 422) and valid(faults, answer.json)
    assert set(post["responses"]) == {"200", "400", "413", "415", "422", "500", "503"}


def test_the_schema_is_openapi(ask: Ask) -> None:
    validator = pytest.importorskip(
        "openapi_spec_validator", reason="openapi-spec-validator is not installed"
    )
    validator.validate(ask("/schema").json)


# The command --------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_a_fault(folder: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(main, ["serve", str(folder / "species"), "--port", port])
    assert result.exit_code == 3 and "MS780" in result.output
    result = CliRunner().invoke(main, ["serve", str(folder / "species"), "--host", "not a host"])
    assert result.exit_code == 3 and "MS780" in result.output


def test_without_the_extra_it_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelspec.cli.commands.serve.find_spec", lambda name: None)
    result = CliRunner().invoke(main, ["serve", str(folder / "species")])
    assert result.exit_code == 2 and 'pip install "modelspec[serve]"' in result.output


def test_a_folder_without_a_run_is_a_fault(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["serve", str(tmp_path), "--port", "0"])
    assert result.exit_code == 3 and "MS708" in result.output


def test_sigterm_ends_the_process_well(folder: Path) -> None:
    command = [sys.executable, "-m", "modelspec", "serve", str(folder / "species"), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        port = int(line.partition(";")[0].rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", "/predict", json.dumps(GOOD), {"Content-Type": JSON})
        found = json.loads(connection.getresponse().read())["predictions"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")
    own = ms.open_run(folder / "species").predict([GOOD])
    assert found[0]["species_probability"] == float(own["species_probability"][0])


# The document -------------------------------------------------------------------------------------


def test_the_document_shows_what_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client runs, its faults are those of a server, and its options are the command's."""
    from modelspec.cli.commands.serve import command

    text = (ROOT / "docs/serving.md").read_text("utf-8")
    (client,) = re.findall(r"^```py\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (faults,) = re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    iris = ms.load_spec(ROOT / "configs/iris.yaml", overrides={"training.epochs": 1})
    iris.train(run_dir="run")
    service = load(Path("run"), Limits())
    names: dict[str, Any] = {}
    with running(service) as ask:
        port = ask("/health", Host="localhost").port
        exec(client.replace(":8000/", f":{port}/"), names)
        row = names["row"]
        assert ask("/predict", [row, {**row, "petal_width": "wide"}]).json == json.loads(faults)
    service.worker.close()
    options = {option for one in command.params for option in one.opts if option[0] == "-"}
    assert set(re.findall(r"`(--(?:max-\w+|timeout|host|port))", text)) <= options
    for option, default in re.findall(r"^\| `--([\w-]+)` \| ([\d,]+) \|", text, re.MULTILINE):
        (known,) = (one for one in command.params if f"--{option}" in one.opts)
        assert known.default == int(default.replace(",", ""))
