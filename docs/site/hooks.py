"""Hooks of MkDocs: they add the generated pages, and rewrite links of the documents to them.

The documents are read on GitHub too. There `reference.md` is the whole reference, and a link may
point to any file of the repository. On the site the reference is a folder of pages. Links to other
files point to the repository (`repo_url`), or are removed if it has no address.
"""

from __future__ import annotations

import logging
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
LINK = re.compile(r"(!?)\[(?P<text>[^\]\n]*)\]\((?P<to>[^)\s#]*)(?P<anchor>#[^)\s]*)?\)")
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
COPIED = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Documents beside `docs/` that are pages of the site."""
REFERENCE = "reference/index.md"
STYLE = "site.css"

log = logging.getLogger("mkdocs.plugins.modelspec")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made from the code, and the documents of the repository's root."""
    sys.path.insert(0, str(HERE))
    from pages import pages

    for address, text in pages().items():
        files.append(File.generated(config, address, content=text))
    for name, address in COPIED.items():
        text = (REPOSITORY / name).read_text("utf-8")
        files.append(File.generated(config, address, content=text))
    style = (HERE / STYLE).read_text("utf-8")
    files.append(File.generated(config, STYLE, content=style))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Rewrite the links of a document to pages of the site."""
    uri = page.file.src_uri
    if uri.startswith("reference/"):
        return markdown
    folder = REPOSITORY if uri in COPIED.values() else (REPOSITORY / "docs" / uri).parent

    def led(match: re.Match[str]) -> str:
        to = match["to"]
        if not to or ":" in to or match[1]:
            return match[0]
        return _led(match, (folder / to).resolve(), uri, config)

    parts = FENCE.split(markdown)
    parts[::2] = [LINK.sub(led, part) for part in parts[::2]]
    return "".join(parts)


def _led(match: re.Match[str], target: Path, uri: str, config: Any) -> str:
    """The link of the site for a link to a file of the repository."""
    text, anchor = match["text"], match["anchor"] or ""
    if not target.exists():
        log.warning("a link of `%s` leads to `%s`, which does not exist", uri, match["to"])
        return text
    path = target.relative_to(REPOSITORY).as_posix()
    page = _page(path)
    if page is not None:
        place = "" if page == REFERENCE else anchor
        return f"[{text}]({posixpath.relpath(page, posixpath.dirname(uri))}{place})"
    url = config.get("repo_url")
    kind = "tree" if target.is_dir() else "blob"
    return f"[{text}]({url.rstrip('/')}/{kind}/main/{path})" if url else text


def _page(path: str) -> str | None:
    """The page of the site for a file of the repository, if it has one."""
    if path == "docs/reference.md":
        return REFERENCE
    if path.startswith("docs/") and path.endswith((".md", ".svg", ".png")):
        return path.removeprefix("docs/")
    return COPIED.get(path)
