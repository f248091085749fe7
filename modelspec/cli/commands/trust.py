"""`modelspec trust [FOLDER]`: let a project's `pyproject.toml` grant plugins, data roots and
hosts.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import status
from ..output import write

if TYPE_CHECKING:
    from modelspec.core.project import Project

ORDER = 165


@click.command()
@click.argument("folder", metavar="[FOLDER]", required=False, type=click.Path(path_type=Path))
@click.option("--list", "listing", is_flag=True, help="List the projects that you trust.")
@click.option("--remove", is_flag=True, help="Trust the project no more.")
def command(folder: Path | None, listing: bool, remove: bool) -> None:
    """Let a project's pyproject.toml grant plugins, data roots and hosts.

    What `plugins`, `data_roots` and `allow_hosts` in `[tool.modelspec]` of the pyproject.toml in
    FOLDER (or the nearest above it; by default above the working directory) say counts from now
    on. A hash of the section is kept in your configuration: once the section changes, it is ignored
    until you trust it again. MODELSPEC_TRUST=FOLDER does the same for one command, or in CI.
    """
    if listing:
        if folder is not None or remove:
            raise click.UsageError("--list takes neither a FOLDER nor --remove")
        write(_listed())
        return
    folder = (folder or Path.cwd()).resolve()
    if not remove and not folder.is_dir():
        raise click.UsageError(f"there is no folder {folder}")  # those above it were not meant
    try:
        write(_removed(folder) if remove else _trusted(folder))
    except OSError as error:
        from modelspec.core.project import store

        reason = error.strerror or str(error)
        write(f"`{store()}` cannot be written: {reason.lower()}", sys.stderr)
        sys.exit(status.FAILED)


def _project(folder: Path) -> Project:
    """The project of a folder. Exits where there is none."""
    from modelspec.core.project import FILE, project_of

    found = project_of(folder)
    if found is None:
        raise click.ClickException(f"no {FILE} at or above {folder} has a `[tool.modelspec]`")
    if found.problem:
        raise click.ClickException(f"`{found.file}` cannot be trusted: {found.problem}")
    return found


def _trusted(folder: Path) -> str:
    from modelspec.core.project import trust
    from modelspec.core.visible import visible

    project = _project(folder)
    trust(project)
    lines = [f"trusted: `[tool.modelspec]` of {project.file}"]
    for key in project.granting:
        texts = project.texts(key)
        said = ", ".join(map(visible, texts))  # a stranger wrote them
        lines.append(f"  {key}: {said or 'not a list of texts: ignored'}")
    if not project.granting:
        lines.append("  it grants nothing yet, and what is added to it must be trusted again")
    return "\n".join(lines)


def _removed(folder: Path) -> str:
    """A project is removed by its folder, or by one inside it; its file may be gone by now."""
    from modelspec.core.project import distrust, trusted_projects

    known = trusted_projects()
    for one in (folder, *folder.parents):
        if str(one) in known:
            distrust(one)
            return f"not trusted any more: {one}"
    raise click.ClickException(
        f"you do not trust {folder}; `modelspec trust --list` lists projects"
    )


def _listed() -> str:
    from modelspec.core.project import store, store_of_others, trusted_projects
    from modelspec.core.text_table import text_table

    if who := store_of_others():
        return f"nothing is trusted: `{store()}` {who}"
    known = trusted_projects()
    if not known:
        return "you trust no projects"
    rows = [(folder, *_state(Path(folder), digest)) for folder, digest in known.items()]
    return text_table(("project", "state", "grants"), rows)


def _state(folder: Path, digest: str) -> tuple[str, str]:
    from modelspec.core.project import project_of

    project = project_of(folder)
    if project is None or project.folder != folder or project.problem:
        return "gone", "-"
    if project.digest != digest:
        return "changed since: ignored", "-"
    return "trusted", ", ".join(project.granting) or "-"
