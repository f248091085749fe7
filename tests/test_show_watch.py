"""`show --watch`: the page follows the file, and answers only this machine."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from modelspec.cli import main
from modelspec.compiler.pipeline import compile_spec
from modelspec.watching.server import serving
from modelspec.watching.watch import Watch

from .browser import browser

SPEC = """\
modelspec: 1
name: small
model:
  inputs: {x: [4]}
  layers:
    - Dense: {units: 8, activation: relu, name: hidden}
    - Dense: {units: 3, activation: softmax, name: out}
"""
WAITED = 30


class Watched:
    """A page that is served, and the file that it follows."""

    def __init__(self, file: Path, watch: Watch, address: str) -> None:
        self.file, self.watch, self.address = file, watch, address

    def get(self, path: str, host: str | None = None) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection(self.address.removeprefix("http://"), timeout=WAITED)
        connection.request("GET", path, headers={} if host is None else {"Host": host})
        answer = connection.getresponse()
        return answer, answer.read()

    def view(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.get("/view.json")[1])
        return found

    def save(self, text: str, file: Path | None = None) -> dict[str, Any]:
        """Writes the file as editors do, and gives the state that follows."""
        revision, _ = self.watch.current()
        target = file or self.file
        beside = target.with_suffix(".new")
        beside.write_text(text)
        beside.replace(target)
        assert self.watch.after(revision, WAITED) == revision + 1
        return self.view()


@contextmanager
def watched(file: Path) -> Iterator[Watched]:
    watch, stop = Watch(str(file), lambda: compile_spec(file)), threading.Event()
    thread = threading.Thread(target=watch.follow, args=[stop])
    thread.start()
    try:
        with serving(watch, 0) as address:
            yield Watched(file, watch, address)
    finally:
        stop.set()
        thread.join(WAITED)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Watched]:
    file = tmp_path / "spec.yaml"
    file.write_text(SPEC)
    with watched(file) as found:
        yield found


def test_the_page_follows_the_file(page: Watched) -> None:
    first = page.view()
    assert first["ok"] and first["counted"] == "no errors"
    assert ["hidden", "Dense", "", "[8]", "40", "32"] in first["model"]["rows"]
    changed = page.save(SPEC.replace("units: 8", "units: 16"))
    assert changed["revision"] == 2
    assert ["hidden", "Dense", "", "[16]", "80", "64"] in changed["model"]["rows"]
    assert b"hidden" in page.get(changed["model"]["picture"])[1]


def test_a_version_with_errors_keeps_the_last_model(page: Watched) -> None:
    before = page.view()["model"]["rows"]
    broken = page.save(SPEC.replace("units: 8", "units: <b>8"))
    assert not broken["ok"] and broken["model"]["rows"] == before
    (severity, text), *rest = broken["diagnostics"]
    assert severity == "error" and "spec.yaml:6" in text and rest == []
    assert page.save(SPEC.replace("Dense", "Dens", 1))["model"]["rows"] == before
    assert page.save("modelspec: [")["model"]["rows"] == before
    assert page.save(SPEC)["ok"]


def test_the_files_that_a_spec_extends_are_followed_and_one_that_is_created(tmp_path: Path) -> None:
    base = tmp_path / "base.yaml"
    file = tmp_path / "spec.yaml"
    file.write_text("extends: base.yaml\nname: extended\n")
    with watched(file) as page:
        assert not page.view()["ok"] and page.view()["model"] is None
        assert page.save(SPEC, base)["model"]["name"] == "extended"
        changed = page.save(SPEC.replace("units: 8", "units: 5"), base)
        assert ["hidden", "Dense", "", "[5]", "25", "20"] in changed["model"]["rows"]
        base.unlink()
        assert page.watch.after(3, WAITED) == 4
        assert not page.view()["ok"]


def test_only_this_machine_is_answered_and_scripts_come_only_from_the_server(page: Watched) -> None:
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example"):
        assert page.get("/view.json", host)[0].status == 421
    answer, _ = page.get("/")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert page.get("/../spec.yaml")[0].status == page.get("/spec.yaml")[0].status == 404
    picture, _ = page.get("/picture.svg")
    assert picture.headers["Content-Security-Policy"] == "style-src 'unsafe-inline'"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-", "--watch"], "standard input"),
        (["spec.yaml", "--watch", "--format", "json"], "cannot be combined"),
        (["spec.yaml", "--port", "80"], "--port requires --watch"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["show", *arguments], input=SPEC)
    assert result.exit_code == 2 and said in result.output


def test_the_command_ends_at_a_signal_and_reports_a_port_in_use(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    command = [sys.executable, "-m", "modelspec", "show", "spec.yaml", "--watch"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            port = running.stdout.readline().split(";")[0].rsplit(":")[-1]
            second = subprocess.run(
                [*command, "--port", port], cwd=tmp_path, capture_output=True, text=True
            )
            assert second.returncode == 2 and f"port {port}" in second.stderr
            running.send_signal(signal.SIGINT)
            assert running.wait(WAITED) == 0
        finally:
            running.kill()


def test_the_page_in_a_browser(page: Watched) -> None:
    """The page shows a new version without being loaded again, at every width."""
    with browser() as tab:

        def shown(expression: str, wanted: object) -> None:
            until = time.monotonic() + WAITED
            while (found := tab.value(expression)) != wanted:
                assert time.monotonic() < until, found
                time.sleep(0.05)

        for width, dark in ((320, False), (400, True), (800, False), (1600, True)):
            tab.open(page.address, width, dark=dark)
            shown("document.body.dataset.revision", "1")
            assert tab.value("document.documentElement.scrollWidth") <= width
        shown("document.getElementById('picture').naturalWidth > 50", True)
        assert tab.value("document.getElementById('name').textContent") == "small"
        page.save(SPEC.replace("units: 8", "units: <b>8"))
        shown("document.querySelectorAll('#faults pre.error').length", 1)
        assert tab.value("getComputedStyle(document.getElementById('stale')).display") != "none"
        assert "<b>8" in tab.value("document.getElementById('faults').textContent")
        assert tab.value("document.title") == "(errors) small"
        page.save(SPEC.replace("units: 8", "units: 9"))
        shown("document.querySelectorAll('#faults pre').length", 0)
        assert "[9]" in tab.value("document.getElementById('rows').textContent")
        assert tab.complaints() == []
