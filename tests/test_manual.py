"""The manual has a page for everything that a spec may name, and every page reads well."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import modelspec as ms
from modelspec.compiler.expand.expression_functions import FUNCTIONS
from modelspec.compiler.expand.library_kinds import Kind
from modelspec.compiler.spec.model_section import MODEL_KEYS
from modelspec.compiler.spec.spec_file import KEYS as SECTIONS
from modelspec.core.diagnostics.pages import codes
from modelspec.core.registry import Registry
from modelspec.core.source import Value, plain, read_text
from modelspec.views.manual import (
    as_markdown,
    as_text,
    find,
    library_pages,
    near,
    overview,
    reference,
    topics,
)
from modelspec.views.manual import key_pages as keys
from modelspec.views.manual.kind_pages import families
from modelspec.views.manual.page import Page, Row, Table
from modelspec.views.schema import schema
from modelspec.views.schema.key_docs import KEYS

ROOT = Path(__file__).parent.parent
WIDTH = 90


@pytest.fixture(scope="module", autouse=True)
def _models_are_compiled_once() -> Iterator[None]:
    """A page of the library counts the parameters of a whole model, and several tests make it."""
    count, known = library_pages._parameters, dict[str, int | None]()

    def counted(kind: Kind) -> int | None:
        if kind.name not in known:
            known[kind.name] = count(kind)
        return known[kind.name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library_pages, "_parameters", counted)
        yield


@cache
def validator() -> Draft202012Validator:
    return Draft202012Validator(schema())


def mapping(yaml: str) -> dict[str, Value]:
    document = read_text(yaml, "example").value
    assert document is not None, yaml
    value = plain(document.root)
    assert isinstance(value, dict)
    return value


def one(topic: str) -> Page:
    found = find(topic)
    assert len(found) == 1, [page.title for page in found]
    return found[0]


def rows(page: Page) -> dict[str, Row]:
    return {row.name: row for table in page.tables for row in table.rows}


# The reference ------------------------------------------------------------------------------------


@cache
def text() -> str:
    """Every page, which takes seconds to write."""
    return reference.text()


def test_the_reference_is_what_the_code_makes() -> None:
    """`modelspec explain --all > docs/reference.md` writes it anew."""
    assert (ROOT / "docs" / "reference.md").read_text("utf-8") == text()


def test_the_reference_has_every_kind_and_code() -> None:
    made = text()
    for family in families().values():
        assert all(f"\n### {kind}\n" in made for kind in family.kinds())
    assert all(f"\n### {code}: " in made for code in codes())
    assert all(f"\n### {path}\n" in made for path in keys.paths())


# Topics -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", sorted(set(topics())))
def test_every_topic_has_a_page_that_fits_and_says_something(topic: str) -> None:
    pages = find(topic)
    assert pages
    for page in pages:
        shown = as_text(page, WIDTH)
        assert len(shown) > 60
        assert shown == "\n".join(line.rstrip() for line in shown.splitlines()) + "\n"
        # Code is never broken, and a word may be longer than its column; all else fits.
        long = [
            line
            for line in shown.splitlines()
            if len(line) > WIDTH and not line.startswith(" " * 4)
        ]
        assert not [line for line in long if line[:1].strip() and len(line.split()) > 3]
        assert as_markdown(page).startswith(f"### {page.title}\n")


@pytest.mark.parametrize("family", list(families().values()), ids=lambda family: family.noun)
def test_a_list_has_every_member(family: Registry) -> None:
    page = one(family.noun)
    assert set(family.kinds()) <= set(rows(page))
    assert f"{len(list(family.kinds()))} " in page.text


def test_a_layer() -> None:
    page = one("Conv2D")
    found = rows(page)
    assert list(found)[:2] == ["filters", "kernel_size"]
    filters = found["filters"]
    assert (filters.name, filters.takes, filters.default) == (
        "filters",
        "an integer of at least 1",
        "required",
    )
    assert filters.text == "The number of output channels."
    assert found["kernel_size"].takes == "an integer of at least 1 or a list of 2 integers"
    assert (found["padding"].takes, found["padding"].default) == ("`valid` or `same`", "valid")
    assert found["kernel_initializer"].takes == "an initializer"
    assert (found["activation"].takes, found["activation"].default) == ("an activation", "null")
    assert "name" not in found
    assert "In Keras: `keras.layers.Conv2D`." in page.notes
    assert "Also written `Convolution2D`." in page.notes
    assert "- Conv2D: {filters: 32" in page.text


def test_the_calls_of_a_layer() -> None:
    found = rows(one("MultiHeadAttention"))
    assert found["query"].takes == "a tensor"
    assert found["use_causal_mask"] == Row(
        "use_causal_mask", "`true` or `false` (in `call`)", "optional"
    )
    assert rows(one("Add"))["inputs"].takes == "a list of at least 2 tensors"
    assert rows(one("LSTM"))["initial_state"].takes == "a list of 2 tensors"


def test_the_primary_setting_is_told_where_it_is_enough() -> None:
    assert "`- Dense: ...` sets `units`." in one("Dense").notes
    assert not any("sets" in note for note in one("Conv2D").notes)
    assert "`Adam: ...` sets `learning_rate`." in one("Adam").notes


def test_every_layer_has_its_common_settings_in_the_list() -> None:
    assert {"name", "trainable", "dtype", "from", "call", "when", "repeat"} <= set(
        rows(one("layers"))
    )


def test_a_component_a_setting_and_a_code() -> None:
    assert rows(one("Adam"))["learning_rate"].takes == "a schedule or a number of at least 0"
    assert one("Conv2D.padding").notes[:2] == (
        "Takes `valid` or `same`.",
        "The default is `valid`.",
    )
    assert one("training.optimizer.Adam.beta_1").title == "Adam.beta_1"
    assert one("training.optimizer.Adam").title == "Adam"
    assert one("MS402").title.startswith("MS402: ")
    assert as_text(one("ms402")) == as_text(one("MS402"))


def test_a_name_with_several_meanings_has_several_pages() -> None:
    assert [page.subtitle for page in find("mse")] == ["loss", "metric"]


def test_a_name_that_follows_the_shape_says_which() -> None:
    assert "`SparseCategoricalAccuracy`" in one("accuracy").text


def test_a_name_that_is_refused_says_why() -> None:
    assert "is not supported in a spec" in one("LambdaCallback").text
    assert "is not supported in a spec" in one("Lambda").text


def test_names_are_found_in_any_case() -> None:
    assert one("conv2d").title == "Conv2D"
    assert one("earlystopping").title == "EarlyStopping"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("Conv2DD", "Conv2D"),
        ("Adma", "Adam"),
        ("training.los", "training.loss"),
        ("optimisers", "optimizers"),
        ("EarlyStoping", "EarlyStopping"),
        ("training.epoch", "training.epochs"),
    ],
)
def test_what_was_meant(wrong: str, right: str) -> None:
    assert find(wrong) == []
    assert near(wrong) == right


@pytest.mark.parametrize("wrong", ["MS999", "ms1", "qqqqqqqq", ""])
def test_nothing_is_guessed_where_nothing_is_near(wrong: str) -> None:
    assert find(wrong) == []
    assert near(wrong) is None


def test_the_overview_names_every_list() -> None:
    assert all(find(row.name) for row in overview().tables[0].rows)


def test_the_page_of_expressions_names_every_function_and_its_spec_has_no_fault(
    tmp_path: Path,
) -> None:
    page = one("expressions")
    assert [row.name for row in page.tables[0].rows] == list(FUNCTIONS)
    spec = tmp_path / "spec.yaml"
    spec.write_text(page.text.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    assert [str(found) for found in ms.check(spec).diagnostics] == []


# Keys ---------------------------------------------------------------------------------------------


def test_every_key_has_a_page() -> None:
    paths = keys.paths()
    assert set(SECTIONS) <= set(paths)
    assert {f"model.{key}" for key in MODEL_KEYS} <= set(paths)
    assert {"from", "call", "when", "repeat", "for", "branches"} <= set(paths)


def test_a_key_without_its_section() -> None:
    assert one("epochs").title == "training.epochs"
    assert one("epochs").notes == ("Takes an integer of at least 1.", "The default is `1`.")
    assert keys.full_path("training.nope") is None


def test_a_section_lists_its_keys() -> None:
    found = rows(one("training"))
    assert found["loss"].default == "required"
    assert found["epochs"].text
    assert rows(one("data"))["source"].takes == "a source"
    assert rows(one("model.inputs"))["dtype"].default == "float32"


@pytest.mark.parametrize("path", KEYS)
def test_the_example_of_a_key_is_one(path: str) -> None:
    """It has the key, and with a model (where it has none) an editor underlines nothing in it."""
    spec = mapping(KEYS[path].example)
    assert path.rpartition(".")[2] in str(spec)
    spec.setdefault("model", {"inputs": {"x": [8]}, "layers": ["Flatten"]})
    validator().validate(_lists(spec))


def _lists(value: object) -> object:
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, (tuple, list)) else value


# Forms of a page ----------------------------------------------------------------------------------

PAGE = Page(
    "Thing",
    "layer",
    "First words\nof a paragraph.\n\n```yaml\n- Thing: 1\n\n- Thing: 2\n```\n\n## More\n\n- a"
    " list\n- of two",
    (
        Table(
            "Settings",
            (
                Row("a", "a number", "1", "What it does."),
                Row("long_name", "a text | more", "required"),
            ),
        ),
    ),
    ("A note.",),
)


def test_a_page_as_text() -> None:
    assert (
        as_text(PAGE, 60)
        == """\
Thing (layer)

First words of a paragraph.

    - Thing: 1

    - Thing: 2

More

- a list
- of two

Settings
  a          a number       1
             What it does.
  long_name  a text | more  required

A note.
"""
    )


def test_a_page_as_markdown() -> None:
    assert (
        as_markdown(PAGE, 2)
        == """\
## Thing

*layer*

First words
of a paragraph.

```yaml
- Thing: 1

- Thing: 2
```

## More

- a list
- of two

Settings

| setting | takes | default | meaning |
| --- | --- | --- | --- |
| `a` | a number | `1` | What it does. |
| `long_name` | a text \\| more | required |  |

A note.
"""
    )
