"""Every setting of every kind says what it does, in `explain`, the schema and editors alike."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.core.settings import Settings
from modelspec.views.manual.kind_pages import families, rows
from modelspec.views.schema import field_docs

ALIEN = ("stands", "told", "hands on", "whole number")
"""Words of a translation."""


def _kinds() -> Iterator[tuple[str, type[Settings]]]:
    for family in families().values():
        for kind in family.kinds():
            cls = family.find(kind)
            if cls is not None:
                yield kind, cls


def _described() -> Iterator[tuple[str, str, str]]:
    """Kind, setting, meaning."""
    for kind, cls in _kinds():
        for row in rows(cls, common=True):
            yield kind, row.name, row.text


def test_every_setting_says_what_it_does() -> None:
    silent = [f"{kind}.{name}" for kind, name, text in _described() if not text]
    assert not silent
    assert sum(1 for _ in _described()) > 1_500


def test_meanings_are_sentences() -> None:
    """They end as sentences do."""
    shared, kinds = field_docs._meanings()
    texts = [*shared.values(), *(text for one in kinds.values() for text in one.values())]
    assert [text for text in texts if not text.endswith((".", "`."))] == []
    assert [text for text in texts if any(word in text for word in ALIEN)] == []


def test_no_meaning_is_left_over() -> None:
    """A meaning that no kind has, or that a text of a class hides, would say nothing to anyone."""
    shared, kinds = field_docs._meanings()
    shown: set[tuple[str, str]] = set()
    for _, cls in _kinds():
        for name in cls.model_fields:
            owner = field_docs.home(cls, name)
            assert owner is not None
            if name not in field_docs._texts(owner.__module__).get(owner.__qualname__, {}):
                names = (one.__name__ for one in cls.__mro__)
                shown.add((next((one for one in names if name in kinds.get(one, ())), ""), name))
    written = {("", name) for name in shared}
    written |= {(kind, name) for kind, meanings in kinds.items() for name in meanings}
    assert written - shown == set()


def test_a_meaning_is_that_of_the_nearest_class() -> None:
    """A class's own text comes before that of the class that it derives from."""
    from modelspec.catalog.layers import LAYERS

    causal, plain = LAYERS.find("Conv1D"), LAYERS.find("Conv2D")
    assert causal is not None and plain is not None
    assert "causal" in (field_docs.text_of(causal, "padding") or "")
    assert "causal" not in (field_docs.text_of(plain, "padding") or "")
