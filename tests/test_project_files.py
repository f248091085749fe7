"""Tables of the documents against the code, links between documents, and files for GitHub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

import modelspec
from modelspec.cli import main, status
from modelspec.compiler.expand import limits
from modelspec.compiler.infer.inference import MAX_PARAMETERS
from modelspec.core.shapes import MAX_AXES
from modelspec.core.source import budgets
from modelspec.views.manual import kind_pages

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
GITHUB = ROOT / ".github"


def rows(document: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading of a document."""
    text = (ROOT / document).read_text("utf-8").partition(f"# {heading}\n")[2]
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table is not None, f"{document} has no table below `{heading}`"
    lines = table[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def yaml_of(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


# Tables -------------------------------------------------------------------------------------------


def test_the_table_of_commands_has_every_command() -> None:
    listed = [
        re.findall(r"modelspec (\w+)", row[0])[0] for row in rows("docs/commands.md", "Commands")
    ]
    assert sorted(listed) == sorted(main.list_commands(click.Context(main)))


def test_options_that_the_table_of_commands_names_exist() -> None:
    for row in rows("docs/commands.md", "Commands"):
        name = re.findall(r"modelspec (\w+)", row[0])[0]
        command = main.get_command(click.Context(main), name)
        assert command is not None
        known = {option for parameter in command.params for option in parameter.opts}
        named = set(re.findall(r"(?<![\w-])(--?[a-z][\w-]*)", " ".join(row)))
        assert named - known == set(), name


def test_the_table_of_exit_statuses_has_every_status() -> None:
    listed = {
        int(number)
        for row in rows("docs/commands.md", "Exit status")
        for number in re.findall(r"\d+", row[0])
    }
    constants = {value for name, value in vars(status).items() if name.isupper()}
    assert listed == {value for value in constants if isinstance(value, int)} | {0}


def test_the_budgets_are_those_of_the_code() -> None:
    listed = {row[0]: int(row[1].replace(",", "")) for row in rows("docs/limits.md", "Budgets")}
    assert listed == {
        "bytes of text": budgets.TEXT_BYTES,
        "levels of nesting": budgets.LEVELS,
        "keys and values after aliases": budgets.NODES,
        "layers after expansion": limits.LAYERS,
        "keys and values after expansion": limits.NODES,
        "nested blocks, loops and branches": limits.DEPTH,
        "files that one spec extends": limits.FILES,
        "steps of one expression": limits.STEPS,
        "characters in one expression": limits.LENGTH,
        "axes of a tensor": MAX_AXES,
        "parameters of a model": MAX_PARAMETERS,
    }


def test_the_names_of_keras_that_cannot_be_used_are_those_of_the_code() -> None:
    def plain(names: Any) -> set[str]:
        return {name.lower().replace("_", "") for name in names}

    listed = {
        family: plain(re.findall(r"`(\w+)`", row[1]))
        for row in rows("docs/limits.md", "The language")
        for family in row[0].split(", ")
    }
    together = ("initializers", "regularizers", "constraints")
    refused = {plural: plain(one.refused) for plural, one in kind_pages.families().items()}
    expected = {plural: names for plural, names in refused.items() if names}
    for plural in together:
        expected[plural] = set().union(*(refused[one] for one in together))
    assert listed == expected


# Links --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(document: Path) -> None:
    for link in LINK.findall(FENCE.sub("", document.read_text("utf-8"))):
        if ":" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path) if path else document
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


def anchors(document: Path) -> set[str]:
    """The places of the headings of a document, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", document.read_text("utf-8")), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings)
    return {re.sub(r"[^\w -]", "", heading).strip().replace(" ", "-") for heading in plain}


# For GitHub ---------------------------------------------------------------------------------------


def test_the_citation_names_this_version() -> None:
    citation = yaml_of(ROOT / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == modelspec.__version__
    assert citation["license"] == "Apache-2.0"


def test_issue_forms_ask_for_something() -> None:
    forms = [path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"]
    assert len(forms) >= 3
    for path in forms:
        form = yaml_of(path)
        assert form["name"] and form["description"], path
        ids = [part["id"] for part in form["body"]]
        assert len(set(ids)) == len(ids) > 0
        assert all(part["attributes"]["label"] for part in form["body"])


def steps_of(workflow: str) -> list[dict[str, Any]]:
    jobs = yaml_of(GITHUB / "workflows" / workflow)["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", sorted(path.name for path in GITHUB.glob("workflows/*.yml")))
def test_jobs_of_a_workflow_fit_together(workflow: str) -> None:
    jobs = yaml_of(GITHUB / "workflows" / workflow)["jobs"]
    for job in jobs.values():
        assert job["runs-on"] and job.get("needs", next(iter(jobs))) in jobs
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step)
            assert "@" in step.get("uses", "@"), "an action has a version"


def test_a_release_runs_the_commands_of_the_readme() -> None:
    runs = "\n".join(step.get("run", "") for step in steps_of("release.yml")).splitlines()
    readme = (ROOT / "README.md").read_text("utf-8")
    for command in ("modelspec train configs/digits.yaml", "pytest -n auto"):
        assert f"&& {command}\n" in readme and command in runs


def test_a_release_stores_no_password() -> None:
    publish = yaml_of(GITHUB / "workflows/release.yml")["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert "secrets." not in (GITHUB / "workflows/release.yml").read_text("utf-8")


def test_the_site_is_built_as_it_is_tested() -> None:
    command = "mkdocs build --strict -f docs/site/mkdocs.yml"
    assert command in [step.get("run") for step in steps_of("site.yml")]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150
