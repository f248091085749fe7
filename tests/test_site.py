"""The documentation site: built as it is published, with every page and no broken link.

Needs the extra `docs`.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from types import SimpleNamespace
from urllib.parse import unquote, urljoin

import click
import pytest

from modelspec.cli import main
from modelspec.core.diagnostics.pages import codes
from modelspec.views.manual import key_pages, kind_pages, library_pages, topic_pages

from .browser import browser

pytest.importorskip("mkdocs", reason="the site needs modelspec[docs]")
pytest.importorskip("material", reason="the site needs modelspec[docs]")

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "docs/site/mkdocs.yml"
LOADS = re.compile(r"<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>")
HREF = re.compile(r"<a\b[^>]*?\bhref=[\"']?([^\"' >]+)")
ID = re.compile(r"\bid=[\"']?([^\"' >]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built once; a warning of MkDocs is an error."""
    built = tmp_path_factory.mktemp("site")
    # Not `--quiet`: MkDocs then counts no warnings.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(
        [*command, "-f", str(CONFIG), "-d", str(built)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "REPOSITORY_URL": "", "SITE_URL": ""},
        capture_output=True,
        text=True,
        timeout=540,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return built


def test_everything_that_a_spec_can_name_has_a_page(site: Path) -> None:
    wanted = [f"keys/{path}" for path in key_pages.paths()]
    for plural, family in kind_pages.families().items():
        wanted += [f"{plural}/{name}" for name in ("index", *family.kinds())]
    wanted += [f"library/{name}" for name in library_pages.names()]
    wanted += [f"topics/{name.replace(' ', '-')}" for name in topic_pages.names()]
    wanted += [f"codes/{code}" for code in codes()]
    wanted += [f"commands/{name}" for name in main.list_commands(click.Context(main))]
    assert len(wanted) > 600
    assert [one for one in wanted if not (site / f"reference/{one}.html").is_file()] == []


def test_pages_differ_in_more_than_case(site: Path) -> None:
    """A disk that ignores case would lose one of two."""
    paths = [path.relative_to(site).as_posix().lower() for path in site.rglob("*.html")]
    assert len(paths) == len(set(paths))


def test_nothing_is_loaded_from_another_server(site: Path) -> None:
    found = {
        load
        for path in site.rglob("*.html")
        for load in LOADS.findall(path.read_text("utf-8"))
        if 'rel="canonical"' not in load
    }
    assert found == set()
    for path in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", path.read_text("utf-8")), path


def test_every_link_leads_to_a_page_and_a_place_on_it(site: Path) -> None:
    texts = {
        path.relative_to(site).as_posix(): path.read_text("utf-8") for path in site.rglob("*.html")
    }
    places = {name: set(ID.findall(text)) for name, text in texts.items()}
    broken = set()
    count = 0
    for name, text in texts.items():
        if name == "404.html":
            continue
        for href in HREF.findall(text):
            if re.match(r"\w+:", href):
                continue
            count += 1
            path, _, anchor = (
                urljoin(f"http://x/{name}", href).removeprefix("http://x/").partition("#")
            )
            path = unquote(path) or "index.html"
            if path not in texts:
                if not (site / path).is_file():
                    broken.add((name, href))
            elif anchor and not anchor.startswith("__") and unquote(anchor) not in places[path]:
                broken.add((name, href))
    assert count > 10_000 and broken == set()


def test_pages_lead_to_each_other(site: Path) -> None:
    dense = (site / "reference/layers/Dense.html").read_text("utf-8")
    assert "../initializers/GlorotUniform.html" in dense
    listed = (site / "reference/codes/index.html").read_text("utf-8")
    assert "MS402.html" in listed
    images = (site / "images.html").read_text("utf-8")
    assert "reference.md" not in images


def test_the_search_knows_a_setting_and_a_code(site: Path) -> None:
    entries = json.loads((site / "search/search_index.json").read_text("utf-8"))["docs"]
    found = {
        word: {entry["location"].partition("#")[0] for entry in entries if word in entry["text"]}
        for word in ("kernel_initializer", "dilation")
    }
    assert "reference/layers/Dense.html" in found["kernel_initializer"]
    assert "reference/layers/Conv2D.html" in found["dilation"]
    assert any("MS402" in entry["title"] for entry in entries)


def test_the_search_finds_a_page_in_a_browser(site: Path) -> None:
    """A reader types the name of a setting; nothing is asked of another server."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, browser() as page:
        Thread(target=server.serve_forever, daemon=True).start()
        home = f"http://127.0.0.1:{server.server_port}/"
        page.ask("Page.navigate", url=f"{home}index.html?q=dilation_rate")
        found: list[str] = []
        ends = monotonic() + 120
        while not found and monotonic() < ends:
            sleep(0.5)
            found = page.value(
                "[...document.querySelectorAll('.md-search-result__link')].map(link => link.href)"
            )
        asked = page.requests()
        server.shutdown()
    assert any("reference/layers/" in link for link in found), found
    assert asked and [url for url in asked if not url.startswith((home, "blob:"))] == []


class TestLinksOfDocuments:
    """Documents are read on GitHub too: their links are led to pages of the site."""

    @staticmethod
    def led(text: str, url: str = "", uri: str = "testing.md") -> str:
        sys.path.insert(0, str(CONFIG.parent))
        try:
            import hooks
        finally:
            sys.path.pop(0)

        page = SimpleNamespace(file=SimpleNamespace(src_uri=uri))
        return str(hooks.on_page_markdown(text, page, {"repo_url": url}, None))

    def test_to_the_reference(self) -> None:
        assert self.led("[a](reference.md#x)") == "[a](reference/index.md)"

    def test_to_another_document_with_its_place(self) -> None:
        assert self.led("[a](numbers.md#loss)") == "[a](numbers.md#loss)"
        assert self.led("[a](../CHANGELOG.md)") == "[a](changelog.md)"
        assert self.led("[a](docs/ci.md)", uri="contributing.md") == "[a](ci.md)"
        assert self.led("[a](../ci.md#x)", uri="guide/graph.md") == "[a](../ci.md#x)"
        assert (
            self.led("[a](../reference.md)", uri="guide/graph.md") == "[a](../reference/index.md)"
        )

    def test_to_a_file_that_is_not_a_page(self) -> None:
        assert self.led("[a](../configs)", "https://x.org/o/r/") == (
            "[a](https://x.org/o/r/tree/main/configs)"
        )
        assert self.led("[a](../configs/iris.yaml)") == "a"

    def test_code_is_left_alone(self) -> None:
        text = "```text\n[a](../configs)\n```"
        assert self.led(text) == text

    def test_to_nothing_is_an_error_of_the_build(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING, logger="mkdocs"):
            self.led("[a](missing.md)")
        assert "`missing.md`" in caplog.text
