"""The plugins that a run uses."""

from __future__ import annotations

from pathlib import Path

from modelspec.core.diagnostics import listed
from modelspec.core.plugins import OpenedPlugins, plugins_for

from ..data import RunError
from ..history.used_plugins import recorded
from .manifest import Manifest


def run_plugins(directory: Path, manifest: Manifest) -> OpenedPlugins:
    """The plugins of the projects of the working directory, of the run, and of its spec: only of
    those that the user trusts.
    """
    folders = [Path.cwd().resolve(), directory.resolve()]
    if manifest.spec_folder is not None and manifest.spec_folder.is_absolute():
        folders.append(manifest.spec_folder.resolve())
    return plugins_for(*folders)


def need_plugins(directory: Path, manifest: Manifest) -> None:
    """Raises `RunError` (MS857) if a plugin that the run uses is missing."""
    wanted = recorded(manifest.values)
    if not wanted:
        return
    opened = run_plugins(directory, manifest)
    missing = [name for name in wanted if opened.plugins.of(name) is None]
    if not missing:
        return
    noun = "plugin" if len(missing) == 1 else "plugins"
    raise RunError.of(
        "MS857",
        f"the run in `{directory}` uses the {noun} {listed(missing)}, which cannot be loaded here",
        notes=[str(one) for one in opened.diagnostics if one.severity == "error"],
        help=(
            "trust its project (`modelspec trust FOLDER`), install its package, or pass"
            f" `--plugin {missing[0]}`"
        ),
    )
