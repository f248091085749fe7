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
@click.pass_context
def command(ctx: click.Context, topic: str | None, markdown: bool, everything: bool) -> None:
    """The manual page of a code, a layer, a component or a key.

    TOPIC is a code (MS402), a layer (Conv2D), a component (Adam), a key (training.loss), a command
    (predict) or a list (layers, optimizers, codes, keys). Without TOPIC, say what lists there are.
    """
    if everything:
        from modelspec.views.manual.reference import text

        write(text())
        return
    from modelspec.views.manual import as_markdown, as_text, find, overview

    pages = [overview()] if topic is None else find(topic)
    help = None if topic is None else _help(topic, ctx)
    if not pages and help is None:
        assert topic is not None
        raise click.UsageError(_unknown(topic, ctx))
    if markdown:
        texts = [as_markdown(page, level=1) for page in pages]
        texts += [] if help is None else [f"# modelspec {topic}\n\n```text\n{help}\n```\n"]
        write("\n".join(texts))
    else:
        texts = [as_text(page, width=_width()) for page in pages]
        write(f"\n{'-' * 40}\n\n".join([*texts, *([] if help is None else [help])]))


def _commands(ctx: click.Context) -> click.Group:
    found = ctx.find_root().command
    return found if isinstance(found, click.Group) else click.Group()


def _help(topic: str, ctx: click.Context) -> str | None:
    """What `modelspec TOPIC --help` says; None where there is no such command."""
    found = _commands(ctx).get_command(ctx, topic)
    if found is None:
        return None
    return found.get_help(found.make_context(topic, [], ctx.find_root(), resilient_parsing=True))


def _unknown(topic: str, ctx: click.Context) -> str:
    from modelspec.core.diagnostics import nearest
    from modelspec.views.manual import near

    if meant := near(topic) or nearest(topic, _commands(ctx).list_commands(ctx)):
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
