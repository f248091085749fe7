"""`modelspec schema`: the JSON Schema of the language."""

from __future__ import annotations

import click

from ..output import write

ORDER = 160


@click.command()
def command() -> None:
    """The JSON Schema of the language, for editors.

    An editor with YAML support completes and underlines by it (draft 2020-12): put
    `# yaml-language-server: $schema=modelspec.schema.json` in the first line of a spec.
    """
    from modelspec.views.schema import text

    write(text())
