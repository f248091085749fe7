"""`modelspec explain TOPIC`: the manual page of a code, a layer, a component or a key."""

from __future__ import annotations

import sys

import click

from ..output import write

ORDER = 150


@click.command()
@click.argument("topic", required=False)
@click.option("--markdown", is_flag=True, help="Print the page as Markdown.")
@click.option("--all", "everything", is_flag=True, help="Print every page, as Markdown.")
def command(topic: str | None, markdown: bool, everything: bool) -> None:
    """The manual page of a code, a layer, a component or a key.

    TOPIC is a code (MS402), a layer (Conv2D), a component (Adam), a key (training.loss) or a list
    (layers, optimizers, codes, keys). Without TOPIC, say what lists there are.
    """
    if everything:
        from modelspec.views.manual.reference import text

        write(text())
        return
    from modelspec.views.manual import as_markdown, as_text, find, overview

    pages = [overview()] if topic is None else find(topic)
    if not pages:
        assert topic is not None
        raise click.UsageError(_unknown(topic))
    if markdown:
        write("\n".join(as_markdown(page, level=1) for page in pages))
    else:
        write(f"\n{'-' * 40}\n\n".join(as_text(page, width=_width()) for page in pages))


def _unknown(topic: str) -> str:
    from modelspec.views.manual import near

    if meant := near(topic):
        return f"there is no page about `{topic}`: did you mean `{meant}`?"
    return f"there is no page about `{topic}`: `modelspec explain` says what there is"


def _width() -> int:
    """Columns to fill: a terminal's, but no lines longer than are good to read; of a file or a
    pipe, 100.
    """
    import shutil

    return (
        min(110, max(60, shutil.get_terminal_size((100, 24)).columns))
        if sys.stdout.isatty()
        else 100
    )
