"""`modelspec schema`: the JSON Schema of the language."""

from __future__ import annotations

import click

from ..compiling import own_plugins
from ..examples import examples
from ..options import plugin_option
from ..output import write

ORDER = 160


@click.command(epilog=examples("modelspec schema > modelspec.schema.json"))
@plugin_option
def command() -> None:
    """Print the JSON Schema of the language, for editors.

    Editors with YAML support use it (draft 2020-12) for completion and validation: write
    `# yaml-language-server: $schema=modelspec.schema.json` in the first line of a spec. Includes
    the plugins of the working directory.
    """
    with own_plugins() as plugins:
        if plugins.all:
            from modelspec.views.schema import text

            found = text()
        else:
            from modelspec.views.schema.shipped import shipped

            found = shipped()
    write(found)
