"""`modelspec trust [FOLDER]`: lets the `pyproject.toml` of a project allow plugins, data roots and
hosts.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import status
from ..examples import examples
from ..output import write

if TYPE_CHECKING:
    from modelspec.core.project import Project

ORDER = 165


@click.command(
    epilog=examples(
        "modelspec trust",
        "modelspec trust /home/me/project",
        "modelspec trust --list",
    )
)
@click.argument("folder", metavar="[FOLDER]", required=False, type=click.Path(path_type=Path))
@click.option("--list", "listing", is_flag=True, help="List the trusted projects.")
@click.option("--remove", is_flag=True, help="Stop trusting the project.")
def command(folder: Path | None, listing: bool, remove: bool) -> None:
    """Let the pyproject.toml of a project allow plugins, data roots and hosts.

    Activates `plugins`, `data_roots` and `allow_hosts` in `[tool.modelspec]` of the pyproject.toml
    in FOLDER or the nearest folder above it (by default the working directory). A hash of the
    section is stored in your configuration: if the section changes, it is ignored until you trust
    it again. MODELSPEC_TRUST=FOLDER does the same for one command, or in CI.
    """
    if listing:
        if folder is not None or remove:
            raise click.UsageError("--list cannot be combined with FOLDER or --remove")
        write(_listed())
        return
    folder = (folder or Path.cwd()).resolve()
    if not remove and not folder.is_dir():
        raise click.UsageError(f"folder {folder} does not exist")  # do not fall back to its parents
    try:
        write(_removed(folder) if remove else _trusted(folder))
    except OSError as error:
        from modelspec.core.project import store

        reason = error.strerror or str(error)
        write(f"`{store()}` cannot be written: {reason.lower()}", sys.stderr)
        sys.exit(status.FAILED)


def _project(folder: Path) -> Project:
    """The project of a folder. Exits if there is none."""
    from modelspec.core.project import FILE, project_of

    found = project_of(folder)
    if found is None:
        raise click.ClickException(f"no {FILE} in {folder} or above has `[tool.modelspec]`")
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
        strings = project.strings(key)
        said = ", ".join(map(visible, strings))  # of unknown origin
        lines.append(f"  {key}: {said or 'not a list of strings: ignored'}")
    if not project.granting:
        lines.append("  it allows nothing yet; after a change, trust it again")
    return "\n".join(lines)


def _removed(folder: Path) -> str:
    """A project is removed by its folder, or one inside it; its file may no longer exist."""
    from modelspec.core.project import distrust, trusted_projects

    known = trusted_projects()
    for one in (folder, *folder.parents):
        if str(one) in known:
            distrust(one)
            return f"no longer trusted: {one}"
    raise click.ClickException(
        f"{folder} is not trusted; `modelspec trust --list` lists the trusted projects"
    )


def _listed() -> str:
    from modelspec.core.project import store, store_of_others, trusted_projects
    from modelspec.core.text_table import text_table

    if who := store_of_others():
        return f"no project is trusted: `{store()}` {who}"
    known = trusted_projects()
    if not known:
        return "no project is trusted"
    rows = [(folder, *_state(Path(folder), digest)) for folder, digest in known.items()]
    return text_table(("project", "state", "allows"), rows)


def _state(folder: Path, digest: str) -> tuple[str, str]:
    from modelspec.core.project import project_of

    project = project_of(folder)
    if project is None or project.folder != folder or project.problem:
        return "missing", "-"
    if project.digest != digest:
        return "changed: ignored", "-"
    return "trusted", ", ".join(project.granting) or "-"
