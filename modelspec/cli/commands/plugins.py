"""`modelspec plugins`: the Python modules that add to what specs may name."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import status
from ..examples import examples
from ..options import plugin_option
from ..output import report, write

if TYPE_CHECKING:
    from modelspec.core.plugins import OpenedPlugins, Plugin

ORDER = 155


@click.command(
    epilog=examples(
        "modelspec plugins",
        "modelspec plugins --plugin ourlab.layers",
        "modelspec plugins --format json",
    )
)
@plugin_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output format.",
)
def command(form: str) -> None:
    """List the plugins of specs in the working directory.

    A plugin is a Python module of yours with layers, losses, metrics or other components that specs
    may use. Plugins are named by `plugins` in `[tool.modelspec]` of the pyproject.toml of a trusted
    project (`modelspec trust`), by the entry-point group `modelspec.plugins` of installed packages,
    and by --plugin.
    """
    from modelspec.core.plugins import plugins_for
    from modelspec.core.project import grants_for

    here = Path.cwd().resolve()
    opened = plugins_for(here)
    ignored = [one for one in grants_for(here).warnings if one.code in ("MS137", "MS138")]
    faults = (*ignored, *opened.diagnostics)
    write(_as_json(opened) if form == "json" else _as_text(opened))
    if faults:
        report(faults, sys.stderr)
    if any(one.severity == "error" for one in faults):
        sys.exit(status.ERRORS)


def _as_json(opened: OpenedPlugins) -> str:
    found = [
        {
            "module": one.module,
            **one.as_json(),
            "adds": {noun: sorted(kinds) for noun, kinds in _by_kind(one).items()},
            "where": one.where,
            "file": one.file,
        }
        for one in opened.plugins.all
    ]
    return json.dumps(found, indent=2)


def _by_kind(plugin: Plugin) -> dict[str, list[str]]:
    """The names that a plugin adds, by what they are: a transform is among the layers of a spec."""
    found: dict[str, list[str]] = {}
    for noun, kinds in plugin.members.items():
        for kind, cls in kinds.items():
            found.setdefault(getattr(cls, "plugin_noun", noun), []).append(kind)
    return found


def _as_text(opened: OpenedPlugins) -> str:
    from modelspec.core.text_table import text_table

    rows = [
        (one.module, one.version or "-", one.digest[:12], one.where, noun, ", ".join(kinds))
        for one in opened.plugins.all
        for noun, kinds in (_by_kind(one) or {"-": ["-"]}).items()
    ]
    if not rows:
        return "no plugins; `modelspec explain MS847` shows how to add one"
    heads = ("plugin", "version", "code", "named in", "kind", "adds")
    return text_table(heads, rows, left=range(len(heads)))
