"""Every kind of Keras has the address of its page, or is listed as having none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modelspec.catalog.library import kinds as library_kinds
from modelspec.views.manual import find
from modelspec.views.manual.kind_pages import families
from modelspec.views.schema import schema
from modelspec.views.schema.keras_pages import _pages, address, without_page


def of_keras() -> Iterator[tuple[str, str]]:
    """Family and kind."""
    for family in families().values():
        for kind in family.kinds():
            cls = family.find(kind)
            if cls is not None and cls.keras_module not in ("", "modelspec"):
                yield family.noun, kind


def test_every_kind_of_keras_has_a_page_or_a_reason() -> None:
    known = list(of_keras())
    assert len(known) > 250
    assert [
        one for one in known if address(*one) is None and one[1] not in without_page(one[0])
    ] == []
    assert [one for one in known if address(*one) and one[1] in without_page(one[0])] == []


def test_no_page_is_left_over() -> None:
    known = {*of_keras(), *(("library", kind) for kind in library_kinds())}
    listed = {(noun, kind) for part in _pages().values() for noun in part for kind in part[noun]}
    assert listed - known == set()


@pytest.mark.parametrize(
    ("noun", "kind", "path"),
    [
        ("layer", "Dense", "layers/core_layers/dense/"),
        ("layer", "Conv2D", "layers/convolution_layers/convolution2d/"),
        ("optimizer", "Nadam", "optimizers/Nadam/"),
        ("schedule", "CosineDecay", "optimizers/learning_rate_schedules/cosine_decay/"),
        ("activation", "relu", "layers/activations/#relu-function"),
        ("loss", "Dice", "losses/regression_losses/#dice-class"),
        ("library", "ResNet50", "applications/resnet/#resnet50-function"),
    ],
)
def test_an_address(noun: str, kind: str, path: str) -> None:
    """As a browser has them."""
    assert address(noun, kind) == f"https://keras.io/api/{path}"


def test_a_kind_that_keras_does_not_have_has_no_address() -> None:
    assert address("layer", "SReLU") is None
    assert address("nothing", "Dense") is None


def test_explain_and_the_schema_show_it() -> None:
    page = "https://keras.io/api/layers/core_layers/dense/"
    assert f"Keras documentation: {page}" in find("Dense")[0].notes
    assert schema()["$defs"]["layer.Dense"]["description"].endswith(f"Keras: {page}")
    assert any("keras.io" in note for note in find("VGG16")[0].notes)
    assert not any("keras.io" in note for note in find("SReLU")[0].notes)
