"""`modelspec schema`: the JSON Schema of the language."""

from __future__ import annotations

import click

from .output import write


@click.command(short_help="The JSON Schema of the language, for editors.")
def command() -> None:
    """Print the JSON Schema (draft 2020-12) of the language.

    An editor with YAML support completes and underlines by it: put
    `# yaml-language-server: $schema=modelspec.views.schema.json` in the first line of a spec.
    """
    from modelspec.views.schema import text

    write(text())
