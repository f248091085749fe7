"""Data at addresses: what is granted, what is fetched and kept, and what goes wrong on the way."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import modelspec as ms
from modelspec.cli import main
from modelspec.cli.downloads import Downloads
from modelspec.core import places
from modelspec.core.diagnostics import Fault
from modelspec.core.places import Address, Places, downloading
from modelspec.core.settings import Context
from modelspec.runtime.data.remote import cache, fetched, listed, servers
from modelspec.runtime.run.run_data import checked_data

pytest.importorskip("fsspec", reason="needs modelspec[remote]")
pytest.importorskip("aiohttp", reason="needs modelspec[remote]")

ROWS = b"a,y\n1,0\n2,1\n3,0\n4,1\n"
SPEC: dict[str, Any] = {
    "model": {"inputs": {"x": [1]}, "layers": [{"Dense": {"units": 1, "activation": "sigmoid"}}]},
    "data": {"source": {"csv": "d.csv"}, "inputs": ["a"], "targets": "y"},
    "training": {"loss": "binary_crossentropy", "batch_size": 1},
}


class Server(ThreadingHTTPServer):
    """A web server of this machine: its files, and whom it sends elsewhere."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {"/d.csv": ROWS}
        self.tags: dict[str, str] = {"/d.csv": '"1"'}
        self.leads: dict[str, str] = {}
        self.sizes: dict[str, int | None] = {}
        """What is announced in place of the size; None: nothing. The body is sent all the same."""
        self.status: list[int] = []
        """What the next requests are answered with."""
        self.asked: list[str] = []
        self.posted: list[bytes] = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self.server.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(self.server.files.get(self.path, b""))

    def _answer(self, body: bytes) -> None:
        server = self.server
        server.asked.append(f"{self.command} {self.path}")
        if server.status:
            self.send_error(server.status.pop(0))
        elif self.path in server.leads:
            self.send_response(302)
            self.send_header("Location", server.leads[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path not in server.files:
            self.send_error(404)
        else:
            self.send_response(200)
            size = server.sizes.get(self.path, len(server.files[self.path]))
            if self.command == "HEAD" and size is not None:
                self.send_header("Content-Length", str(size))
            if self.path in server.tags:
                self.send_header("ETag", server.tags[self.path])
            self.end_headers()
            with suppress(ConnectionError):  # the client has enough
                self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def nothing_granted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))
    for name in ("MODELSPEC_DATA_ROOTS", "MODELSPEC_TRUST", "MODELSPEC_OFFLINE", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(servers, "WAITS", (0.0,))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.shutdown()
    found.server_close()


def with_source(address: str | list[str]) -> dict[str, Any]:
    return {**SPEC, "data": {**SPEC["data"], "source": {"csv": address}}}


def context(*roots: str) -> Context:
    return Context(places=Places(addresses=tuple(map(Address.parse, roots))))


def fault(address: str, *roots: str) -> Fault:
    with pytest.raises(Fault) as error:
        fetched(address, context(*roots))
    return error.value


def errors(report: ms.Report) -> list[str]:
    return [one.code for one in report.diagnostics if one.severity == "error"]


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, args)


# Grants -------------------------------------------------------------------------------------------


def test_a_check_fetches_nothing_and_asks_for_the_grant(server: Server) -> None:
    spec = with_source(f"{server.root}d.csv")
    (found,) = ms.check(spec).diagnostics
    assert found.code == "MS682" and found.span is not None
    assert found.help is not None and f"`--data-root {server.root}`" in found.help
    assert ms.check(spec, data_roots=[server.root]).ok
    assert errors(ms.check(spec, data_roots=[f"{server.root}deeper/"])) == ["MS682"]
    assert server.asked == []


def test_the_command_line_grants_and_reads(server: Server) -> None:
    Path("s.yaml").write_text(json.dumps(with_source(f"{server.root}d.csv")))
    assert "MS682" in invoke("check", "s.yaml").output
    result = invoke("check", "s.yaml", "--data", "--data-root", server.root)
    assert result.exit_code == 0, result.output
    Path("t.yaml").write_text(json.dumps(SPEC))
    result = invoke("check", "t.yaml", "--data", "--set", f"data.source.csv={server.root}d.csv")
    assert result.exit_code == 0, result.output


def test_data_that_cannot_be_fetched_end_a_training_with_status_3(server: Server) -> None:
    Path("s.yaml").write_text(json.dumps(with_source(f"{server.root}no.csv")))
    result = invoke("train", "s.yaml", "--data-root", server.root)
    assert result.exit_code == 3 and "MS601" in result.output
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "ftp://h/a",
        "zip://a.csv::https://h/a.zip",
        "https://h/a::b",
        "https://user@h/a",
        "https://h@evil.org/a",
        "https://h\\@evil.org/a",
        "https://h/a/../b",
        "https://h/%2e%2E/b",
        "https://h/a%2f..%2fb",
        "https://h/a#b",
        "https://h/a b",
        "https:///a",
        "http://example.org/a",
        "s3://bucket/a?b=c",
        "memory://a",
    ],
)
def test_what_could_be_read_in_two_ways_is_not_an_address(address: str) -> None:
    """Whatever is granted: `user@host`, `..`, chains of protocols, another scheme."""
    with pytest.raises(Fault) as error:
        Address.parse(address)
    assert error.value.code == "MS683"
    assert errors(ms.check(with_source(address))) == ["MS683"]


def test_a_grant_holds_below_it_and_nowhere_else() -> None:
    def holds(root: str, address: str) -> bool:
        return Address.parse(root).holds(Address.parse(address))

    assert holds("s3://b", "s3://b/x/y.csv") and holds("s3://b/x/", "s3://b/x/y.csv")
    assert holds("https://H.org/", "https://h.org/x?token=1")
    assert not holds("s3://b/x", "s3://b/xy.csv") and not holds("s3://b", "s3://bb/x")
    assert not holds("s3://b", "gs://b/x") and not holds("s3://B", "s3://b/x")
    assert not holds("https://h.org/", "https://h.org:8443/x")
    assert not holds("https://h.org/", "https://h.org.evil.org/x")


def test_a_pattern_needs_a_server_that_lists(server: Server) -> None:
    spec = with_source(f"{server.root}*.csv")
    assert errors(ms.check(spec, data_roots=[server.root])) == ["MS683"]


# Fetching -----------------------------------------------------------------------------------------


def test_a_file_is_fetched_once_for_each_version(server: Server, tmp_path: Path) -> None:
    first = fetched(f"{server.root}d.csv", context(server.root))
    assert first.read_bytes() == ROWS and first.name == sha256(ROWS).hexdigest()
    assert server.asked == ["HEAD /d.csv", "GET /d.csv"]
    assert fetched(f"{server.root}d.csv", context(server.root)) == first
    assert server.asked[2:] == ["HEAD /d.csv"]
    server.files["/d.csv"], server.tags["/d.csv"] = ROWS + b"5,0\n", '"2"'
    second = fetched(f"{server.root}d.csv", context(server.root))
    assert second.read_bytes() == ROWS + b"5,0\n" and first.read_bytes() == ROWS
    left = sorted(path.name for path in (tmp_path / "cache/remote/files").iterdir())
    assert left == sorted([first.name, second.name])  # nothing half written


def test_without_a_version_a_file_is_fetched_each_time(server: Server) -> None:
    del server.tags["/d.csv"]
    fetched(f"{server.root}d.csv", context(server.root))
    server.files["/d.csv"] = ROWS.replace(b"4", b"5")
    found = fetched(f"{server.root}d.csv", context(server.root))
    assert found.read_bytes() == ROWS.replace(b"4", b"5")


def test_a_copy_that_was_changed_is_fetched_again(server: Server) -> None:
    found = fetched(f"{server.root}d.csv", context(server.root))
    found.write_bytes(ROWS.replace(b"1", b"7"))
    assert fetched(f"{server.root}d.csv", context(server.root)).read_bytes() == ROWS


def test_offline_the_last_copy_is_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSPEC_OFFLINE", "1")
    assert fault(f"{server.root}d.csv", server.root).code == "MS684"
    monkeypatch.delenv("MODELSPEC_OFFLINE")
    found = fetched(f"{server.root}d.csv", context(server.root))
    monkeypatch.setenv("MODELSPEC_OFFLINE", "1")
    server.asked.clear()
    assert fetched(f"{server.root}d.csv", context(server.root)) == found and server.asked == []


def test_the_data_are_those_of_the_server(server: Server) -> None:
    server.files["/e.csv"] = b"a,y\n5,1\n"
    spec = with_source([f"{server.root}d.csv", f"{server.root}e.csv"])
    loaded = ms.load_spec(spec, data_roots=[server.root])
    assert checked_data(loaded.compiled)[1] == ()
    assert (Path("cache/remote/files") / sha256(b"a,y\n5,1\n").hexdigest()).exists()


def test_a_redirect_to_another_host_is_refused(server: Server) -> None:
    """It is not even asked; on the same host a redirect is followed."""
    other = Server()
    try:
        server.leads = {"/away.csv": f"{other.root}d.csv", "/near.csv": "/d.csv"}
        found = fault(f"{server.root}away.csv", server.root)
        assert found.code == "MS685" and other.root.rstrip("/") in found.message
        assert other.asked == []
        assert fetched(f"{server.root}near.csv", context(server.root)).read_bytes() == ROWS
        both = context(server.root, other.root)
        assert fetched(f"{server.root}away.csv", both).read_bytes() == ROWS
    finally:
        other.shutdown()
        other.server_close()


def test_a_server_that_fails_for_a_while_is_asked_again(server: Server) -> None:
    server.status = [503, 503]
    assert fetched(f"{server.root}d.csv", context(server.root)).read_bytes() == ROWS


@pytest.mark.parametrize(("status", "code"), [(404, "MS601"), (403, "MS684"), (500, "MS684")])
def test_what_a_server_answers_is_said(server: Server, status: int, code: str) -> None:
    server.status = [status] * 8
    found = fault(f"{server.root}d.csv", server.root)
    assert found.code == code and (code == "MS601" or str(status) in found.message)


def test_a_server_that_is_not_there_is_a_fault_of_the_data() -> None:
    gone = Server()
    gone.shutdown()
    gone.server_close()
    found = fault(f"{gone.root}d.csv", gone.root)
    assert found.code == "MS684" and "Connect" in found.message
    assert found.help is not None and "MODELSPEC_OFFLINE" in found.help


def test_a_file_that_is_cut_short_is_not_kept(server: Server) -> None:
    def short(path: Path, most: int) -> None:
        path.write_bytes(b"x")

    address = Address.parse(f"{server.root}d.csv")
    with pytest.raises(Fault) as error:
        cache.keep(address, cache.There(100, "v"), short)
    assert "1 of 100 bytes" in error.value.message
    assert list((cache.folder() / "files").iterdir()) == [] and cache.find(address) is None


def test_old_copies_make_room(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were used in the last day are kept: a run may read them again."""
    first = fetched(f"{server.root}d.csv", context(server.root))
    monkeypatch.setenv("MODELSPEC_REMOTE_CACHE", "25e-9")
    server.files["/e.csv"] = b"a,y\n5,1\n"
    fetched(f"{server.root}e.csv", context(server.root))
    assert first.exists()
    os.utime(first, (1e9, 1e9))
    server.files["/f.csv"] = b"a,y\n6,1\n"
    fetched(f"{server.root}f.csv", context(server.root))
    assert not first.exists()


def test_what_sends_more_than_there_is_room_for_is_ended(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body without an announced size, one that is larger than announced, and an announced one."""
    monkeypatch.setenv("MODELSPEC_REMOTE_CACHE", "0.001")
    server.files["/endless.csv"] = server.files["/more.csv"] = b"a,y\n" + b"1,0\n" * 2_000_000
    server.sizes |= {"/endless.csv": None, "/more.csv": 5}
    found = fault(f"{server.root}endless.csv", server.root)
    assert found.code == "MS684" and "more than the 1,000,000 bytes" in found.message
    found = fault(f"{server.root}more.csv", server.root)
    assert found.code == "MS684" and "more than the 5 bytes" in found.message
    del server.sizes["/more.csv"]
    found = fault(f"{server.root}more.csv", server.root)
    assert found.code == "MS684" and "more than the limit of the cache" in found.message
    assert [path.name for path in (tmp_path / "cache/remote/files").iterdir()] == []


def test_a_redirect_to_nowhere_is_no_file(server: Server) -> None:
    server.leads["/d.csv"] = ""
    found = fault(f"{server.root}d.csv", server.root)
    assert found.code == "MS684" and "status 302" in found.message


def test_progress_is_reported_while_a_file_comes(server: Server) -> None:
    seen: list[tuple[str, int, int | None]] = []
    token = downloading.set(lambda *one: seen.append(one))
    try:
        fetched(f"{server.root}d.csv", context(server.root))
    finally:
        downloading.reset(token)
    assert seen[-1] == (f"{server.root}d.csv", len(ROWS), len(ROWS))


def test_progress_is_printed_where_a_download_takes_a_while(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr("modelspec.cli.downloads.monotonic", lambda: now[0])
    shown = Downloads()
    for second in range(4):
        now[0] = float(second)
        shown("https://h/a", second * 10**6, 4 * 10**6)
    assert capsys.readouterr().err == "fetching https://h/a: 2.0 of 4.0 MB (50 %)\n"


# Other servers ------------------------------------------------------------------------------------


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A store with buckets, in memory: for tests alone."""
    from fsspec import filesystem

    monkeypatch.setitem(places.SCHEMES, "memory", "the memory of this process")
    files = filesystem("memory")
    for name in ("a", "b"):
        files.pipe(f"/bucket/{name}.csv", ROWS)
    yield files
    files.store.clear()


def test_a_pattern_of_a_store_stands_for_its_files(memory: Any) -> None:
    found = listed("memory://bucket/*.csv", context("memory://bucket"))
    assert found == ["memory://bucket/a.csv", "memory://bucket/b.csv"]
    loaded = ms.load_spec(with_source("memory://bucket/*.csv"), data_roots=["memory://bucket/"])
    assert checked_data(loaded.compiled)[1] == ()  # equal files at two addresses, one copy
    assert len(list(Path("cache/remote/files").iterdir())) == 1


def test_a_folder_of_a_store_is_not_a_file(memory: Any) -> None:
    assert fault("memory://bucket", "memory://bucket").code == "MS601"
    assert fault("memory://bucket/no.csv", "memory://bucket").code == "MS601"


@pytest.mark.parametrize(
    ("scheme", "package"), [("s3", "s3fs"), ("gs", "gcsfs"), ("hf", "huggingface_hub")]
)
def test_a_package_that_is_missing_is_named(
    scheme: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    found = fault(f"{scheme}://bucket/a.csv", f"{scheme}://bucket")
    assert found.code == "MS686" and package in found.message
    assert found.help is not None and f"modelspec[remote]' {package}" in found.help


# Sending ------------------------------------------------------------------------------------------


def monitored(root: str) -> dict[str, Any]:
    callbacks = [{"RemoteMonitor": {"root": root, "send_as_json": True}}]
    return {**SPEC, "training": {**SPEC["training"], "callbacks": callbacks, "epochs": 2}}


def test_a_host_is_allowed_by_the_user_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = monitored("https://logs.example.org:8080")
    (found,) = ms.check(spec).diagnostics
    assert found.code == "MS585"
    assert found.help is not None and "`--allow-host logs.example.org:8080`" in found.help
    assert ms.check(spec, allow_hosts=["logs.example.org"]).ok
    assert not ms.check(spec, allow_hosts=["logs.example.org:80", "example.org"]).ok
    monkeypatch.setenv("MODELSPEC_ALLOW_HOSTS", "other.org, logs.example.org:8080")
    assert ms.check(spec).ok
    Path("s.yaml").write_text(json.dumps(spec))
    assert invoke("check", "s.yaml", "--allow-host", "a b").exit_code == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"root": "https://u@h"},
        {"root": "https://h\\@evil.org"},
        {"root": "https://h?x"},
        {"root": "ftp://h"},
        {"root": "https://h", "path": "@evil.org/"},
        {"root": "https://h", "path": ".evil.org/"},
        {"root": "https://h", "headers": {"a": "b\r\nc: d"}},
    ],
)
def test_the_address_of_a_monitor_can_be_read_in_one_way(settings: dict[str, Any]) -> None:
    spec = monitored("https://h")
    spec["training"]["callbacks"] = [{"RemoteMonitor": settings}]
    assert errors(ms.check(spec, allow_hosts=["h"])) == ["MS205"]


@pytest.mark.tensorflow
def test_a_monitor_sends_to_its_own_host_only(server: Server) -> None:
    """At the end of every epoch and not before; a redirect is not followed."""
    from modelspec.runtime.backend.compile_model import callbacks

    other = Server()
    server.leads = {"/publish/epoch/end/": f"{other.root}publish/epoch/end/"}
    loaded = ms.load_spec(monitored(server.root.rstrip("/")), allow_hosts=["127.0.0.1"])
    assert loaded.compiled.training is not None
    (monitor,) = callbacks(loaded.compiled.training)
    with pytest.warns(UserWarning, match="cannot send"):
        monitor.on_epoch_end(0, {"loss": 0.5})
    monitor.on_epoch_end(1, {"loss": 0.4})  # said once
    assert [one.split()[0] for one in server.asked] == ["POST", "POST"] and other.asked == []
    other.shutdown()
    other.server_close()
    server.leads, server.files["/publish/epoch/end/"] = {}, b""
    monitor.on_epoch_end(2, {"loss": 0.25})
    assert json.loads(server.posted[-1]) == {"epoch": 2, "loss": 0.25}


@pytest.mark.tensorflow
def test_a_run_that_sends_keeps_no_grant(server: Server) -> None:
    """Its evaluation sends nothing, and needs none."""
    Path("d.csv").write_bytes(ROWS)
    server.files["/publish/epoch/end/"] = b""
    Path("s.yaml").write_text(json.dumps(monitored(server.root.rstrip("/"))))
    allowed = ["--allow-host", "127.0.0.1"]
    trained = invoke("train", "s.yaml", "--run-dir", "r", "-q", *allowed)
    assert trained.exit_code == 0, trained.output
    assert [json.loads(one)["epoch"] for one in server.posted] == [0, 1]
    assert invoke("evaluate", "r", "--data", "d.csv").exit_code == 0
    more = ["resume", "r", "-q", "--set", "training.epochs=3"]
    refused = invoke(*more)
    assert refused.exit_code == 1 and "MS585" in refused.output
    assert invoke(*more, *allowed).exit_code == 0
    # The run continues from before the end of its last epoch, which is not sent once more.
    assert [json.loads(one)["epoch"] for one in server.posted] == [0, 1, 2]
