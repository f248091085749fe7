"""The pages of the site that are made from the code: one for each key, layer, component, source,
architecture, command and diagnostic, with links between them. `hooks.py` adds them to the site.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import click

from modelspec.cli import main
from modelspec.core.diagnostics.pages import codes
from modelspec.core.registry import Registry
from modelspec.views.manual import Page, as_markdown, find
from modelspec.views.manual import expression_page as expressions
from modelspec.views.manual import key_pages as keys
from modelspec.views.manual import kind_pages as kinds
from modelspec.views.manual import library_pages as library
from modelspec.views.manual import topic_pages as purposes
from modelspec.views.manual import trust_page as trust

ROOT = "reference"
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!\[)`(?P<code>[^`\n]+)`(?!\]\()|(?<![\w`\[/])(?P<bare>MS\d{3})\b")
EXPLAIN = "modelspec explain "


@dataclass
class Index:
    """Where the page of a name is. A name may have a page in several groups (`Orthogonal`)."""

    places: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, group: str, name: str, address: str) -> None:
        self.places.setdefault(name, {}).setdefault(group, address)

    def find(self, name: str, group: str) -> str | None:
        """The address for a name on a page of a group: in that group, or in the only one. Topics
        have common words (`memory`), and are linked only from each other.
        """
        found = self.places.get(name, {})
        if group in found:
            return found[group]
        others = {address for kind, address in found.items() if kind != purposes.TOPIC}
        return others.pop() if len(others) == 1 else None


@dataclass(frozen=True)
class Made:
    """A page of the site before its links: `address` is a path below the root of the site."""

    address: str
    group: str
    names: tuple[str, ...]
    text: str


def pages() -> dict[str, str]:
    """Every generated page by address, as Markdown with links to the others."""
    made = list(_made())
    index = Index()
    for page in made:
        for name in page.names:
            index.add(page.group, name, page.address)
    return {page.address: _linked(page, index) for page in made}


# Groups -------------------------------------------------------------------------------------------


def _made() -> Iterator[Made]:
    yield from _keys()
    for plural, family in kinds.families().items():
        yield from _family(plural, family)
    yield from _architectures()
    yield from _purposes()
    yield from _codes()
    yield from _commands()
    yield _one("expressions", expressions.page(), expressions.TOPIC)
    yield _one("trust", trust.page(), trust.TOPIC)
    yield Made(f"{ROOT}/index.md", "", (), _contents())


def _one(name: str, page: Page, *names: str, group: str = "", folder: str = "") -> Made:
    address = "/".join(part for part in (ROOT, folder, f"{name}.md") if part)
    text = as_markdown(page, level=1)
    for table in page.tables:
        text = text.replace(f"\n{table.heading}\n\n|", f"\n## {table.heading}\n\n|")
    return Made(address, group, names, text)


def _keys() -> Iterator[Made]:
    yield _one("index", keys.list_page(), "keys", folder="keys")
    for path in keys.paths():
        yield _one(path, keys.page(path), path, group="keys", folder="keys")


def _family(plural: str, family: Registry) -> Iterator[Made]:
    yield _one("index", kinds.family_page(family), plural, folder=plural)
    for name in family.kinds():
        others = (other for other, kind in family.aliases.items() if kind == name)
        page = kinds.page(family, name)
        yield _one(name, page, name, *others, group=plural, folder=plural)
    for name in _refused(family):
        yield _one(name, kinds.page(family, name), name, group=plural, folder=plural)


def _refused(family: Registry) -> list[str]:
    """Names of Keras that a spec cannot use, each in one spelling."""
    found = {name.lower().replace("_", ""): name for name in reversed(list(family.refused))}
    taken = {name.lower() for name in family.kinds()}
    return [name for name in found.values() if name.lower() not in taken]


def _architectures() -> Iterator[Made]:
    folder = library.TOPIC
    yield _one("index", library.list_page(), folder, folder=folder)
    for name in library.names():
        yield _one(name, library.page(name), name, group=folder, folder=folder)


def _purposes() -> Iterator[Made]:
    folder = purposes.TOPIC
    yield _one("index", purposes.list_page(), folder, folder=folder)
    for name in purposes.names():
        yield _one(name.replace(" ", "-"), purposes.page(name), name, group=folder, folder=folder)


def _codes() -> Iterator[Made]:
    yield _one("index", find("codes")[0], "codes", folder="codes")
    for code in codes():
        yield _one(code, find(code)[0], code, group="codes", folder="codes")


def _commands() -> Iterator[Made]:
    lines = ["# Commands", "", "| command | what it does |", "|---|---|"]
    for name in main.list_commands(click.Context(main)):
        command = main.get_command(click.Context(main), name)
        assert command is not None
        context = click.Context(command, info_name=f"modelspec {name}", max_content_width=78)
        text = f"# modelspec {name}\n\n```text\n{command.get_help(context)}\n```\n"
        yield Made(f"{ROOT}/commands/{name}.md", "commands", (name, f"modelspec {name}"), text)
        lines.append(f"| `modelspec {name}` | {command.get_short_help_str(200)} |")
    yield Made(f"{ROOT}/commands/index.md", "", ("commands",), "\n".join(lines) + "\n")


def _contents() -> str:
    """The first page of the reference."""
    lists = "\n".join(
        f"- [{plural}]({plural}/index.md): {len(list(family.kinds()))}"
        for plural, family in kinds.families().items()
    )
    return (
        "# Reference\n\n"
        "These pages are generated from the code, like the output of `modelspec explain TOPIC`."
        " The search at the top finds each of them.\n\n"
        f"- [topics](topics/index.md), what to do for a purpose: {len(purposes.names())}\n"
        "- [keys](keys/index.md) of a spec\n"
        "- [expressions](expressions.md): `$name` and `$(...)`\n"
        f"{lists}\n"
        f"- [architectures and blocks](library/index.md): {len(library.names())}\n"
        "- [commands](commands/index.md)\n"
        "- [diagnostics](codes/index.md)\n"
        "- [trust](trust.md): what a spec may read, and how you grant more\n"
    )


# Links --------------------------------------------------------------------------------------------


def _linked(page: Made, index: Index) -> str:
    """The text with a link at each name that has a page; code blocks and headings as they are."""
    parts = FENCE.split(page.text)
    parts[::2] = [
        "\n".join(line if line.startswith("#") else _line(line, page, index) for line in lines)
        for lines in (part.split("\n") for part in parts[::2])
    ]
    return "".join(parts)


def _line(line: str, page: Made, index: Index) -> str:
    def link(match: re.Match[str]) -> str:
        name = match["bare"] or match["code"].removeprefix(EXPLAIN)
        if name.startswith("docs/"):  # a document, as a topic names it
            return f"[{match[0]}]({_relative(page.address, name.removeprefix('docs/'))})"
        address = index.find(name, _group(name, page))
        if address is None or address == page.address:
            return match[0]
        return f"[{match[0]}]({_relative(page.address, address)})"

    return SPAN.sub(link, line)


def _group(name: str, page: Made) -> str:
    """The group of a name on a page: that of the page, or the one that it lists."""
    return page.group or page.address.split("/")[1]


def _relative(here: str, there: str) -> str:
    return posixpath.relpath(there, posixpath.dirname(here))
