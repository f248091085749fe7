"""The manual: the pages of `modelspec explain TOPIC`, and the reference that consists of the same
pages.

Pages are generated from a single source: the page of a layer from its docstring and its settings,
the page of a code from its Markdown file, the page of a key from the description in the JSON
Schema.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.library import is_kind
from modelspec.core.diagnostics import nearest
from modelspec.core.diagnostics.pages import codes
from modelspec.core.diagnostics.pages import page as code_page
from modelspec.core.registry import Registry

from . import expression_page as expressions
from . import key_pages as keys
from . import kind_pages as kinds
from . import library_pages as library
from . import topic_pages as purposes
from . import trust_page as trust
from .page import Page, Row, Table, as_markdown, as_text

__all__ = ["Page", "as_markdown", "as_text", "find", "is_code", "near", "overview"]


def find(topic: str) -> list[Page]:
    """The pages of a topic: usually one, several if a name has several meanings (`mse`, a loss and
    a metric; `attention`, a purpose and a layer); none for an unknown topic.
    """
    topic = topic.strip()
    exact, purpose = list(_exact(topic)), purposes.called(topic)
    if exact and topic != purpose:  # `Attention` is the layer, `attention` a purpose too
        return exact
    found = [purposes.page(purpose)] if purpose else []
    found += exact or _loose(topic)
    if not found and (purpose := purposes.nearly_called(topic)):
        found = [purposes.page(purpose)]
    return found


def _exact(topic: str) -> Iterator[Page]:
    if topic in _LISTS:
        yield _LISTS[topic]()
    elif manual := code_page(topic.upper()):
        yield Page(f"{manual.code}: {manual.title}", "", manual.text.partition("\n")[2].strip())
    elif (family := _family_called(topic)) is not None:
        yield kinds.family_page(family)
    else:
        yield from _named(topic)


def _family_called(topic: str) -> Registry | None:
    """The family of a noun, in the singular or the plural."""
    for plural, family in kinds.families().items():
        if topic in (plural, family.noun):
            return family
    return None


def _named(topic: str) -> Iterator[Page]:
    """The pages with this name: members of families, a kind of the library, a key."""
    for family in kinds.families().values():
        if topic in family or topic in family.refused:
            yield kinds.page(family, topic)
    if is_kind(topic):
        yield library.page(topic)
    if path := keys.full_path(topic):
        yield keys.page(path)


def _loose(topic: str) -> Iterator[Page]:
    """A name in another case, or a setting: `conv2d`, `Conv2D.strides`,
    `training.optimizer.Adam.beta_1`.
    """
    for family in kinds.families().values():
        for name in _in_any_case(family, topic):
            yield kinds.page(family, name)
    yield from map(library.page, library.names(topic))
    if shipped := library.setting(topic):
        yield shipped
    path, _, setting = topic.rpartition(".")
    if path:
        for family in kinds.families().values():
            yield from _below(path, setting, family)


def _in_any_case(family: Registry, topic: str) -> list[str]:
    """The members of this name in another case."""
    folded = topic.lower()
    found = (name for name in family.names() if name.lower() == folded)
    return list(dict.fromkeys(family.aliases.get(name, name) for name in found))


def _below(path: str, setting: str, family: Registry) -> Iterator[Page]:
    """The pages of `path.setting`: a member of the family below a key, or a setting of a member."""
    if setting in family and keys.full_path(path):
        yield kinds.page(family, setting)
    kind = path.rpartition(".")[2]
    cls = family.find(kind) if kind in family else None
    if cls is None:
        return
    for row in kinds.rows(cls, common=True):
        if row.name == setting:
            yield _setting(cls.kind(), family, row)


def _setting(kind: str, family: Registry, row: Row) -> Page:
    notes = (f"Takes {row.takes}.", row.default_sentence, f"See `modelspec explain {kind}`.")
    text = row.text or f"A setting of `{kind}`."
    return Page(f"{kind}.{row.name}", f"setting of a {family.noun}", text, notes=notes)


# Lists --------------------------------------------------------------------------------------------


def overview() -> Page:
    """The list of topics."""
    families = (
        Row(plural, f"every {family.noun}, e.g. `{next(iter(family.kinds()))}`")
        for plural, family in kinds.families().items()
    )
    rows = (
        Row(purposes.TOPIC, "what to do for a purpose, e.g. `finetune`, `gan`, `kfold`"),
        Row("keys", "every key of a spec, e.g. `training.loss`"),
        Row(expressions.TOPIC, "`$name` and `$(...)`: their names, values and functions"),
        *families,
        Row("codes", "every diagnostic code, e.g. `MS402`"),
        Row(library.TOPIC, "every architecture that ships with modelspec, e.g. `ResNet50`"),
        Row(trust.TOPIC, "what a spec may access, and how to allow more"),
    )
    return Page(
        "modelspec explain TOPIC",
        "",
        "A topic is a purpose, a code, a layer, a component, a key, or one of these lists. For"
        ' other words, `modelspec explain "learning rate"` lists the topics that contain them.',
        (Table("Lists", rows, ("topic", "what it is", "")), purposes.table()),
    )


def _codes() -> Page:
    pages = [page for code in codes() if (page := code_page(code))]
    rows = tuple(Row(page.code, page.title) for page in pages)
    text = "The diagnostics of `modelspec check`; `modelspec explain MS402` shows the page of one."
    return Page("codes", "", text, (Table("Codes", rows, ("code", "meaning", "")),))


_LISTS = {
    "codes": _codes,
    "keys": keys.list_page,
    expressions.TOPIC: expressions.page,
    library.TOPIC: library.list_page,
    purposes.TOPIC: purposes.list_page,
    trust.TOPIC: trust.page,
}


def topics() -> Iterator[str]:
    """Every topic by its name."""
    yield from _LISTS
    yield from codes()
    yield from keys.paths()
    for plural, family in kinds.families().items():
        yield plural
        yield from family.names()
        yield from family.refused
    yield from library.names()
    yield from purposes.names()


def is_code(topic: str) -> bool:
    """Whether a topic has the form of a code."""
    return topic[:2].upper() == "MS" and topic[2:].isdigit()


def near(topic: str) -> str | None:
    """The topic that was probably meant. A code is never guessed: similar codes are unrelated."""
    if is_code(topic):
        return None
    return nearest(topic, dict.fromkeys((*topics(), *purposes.words())))
