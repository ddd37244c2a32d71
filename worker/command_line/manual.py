"""The commands as a page: docs/reference/command-line.md is made of it."""

from collections.abc import Iterator

import click

from worker.command_line.program import program


def text() -> str:
    """Every command with its help, as Markdown."""
    top = click.Context(program, info_name="bin/opscore", **program.context_settings)
    return "\n\n".join(_section(context) for context in _commands(top))


def _commands(context: click.Context) -> Iterator[click.Context]:
    yield context
    command = context.command
    if isinstance(command, click.Group):
        for name in sorted(command.list_commands(context)):
            below = command.get_command(context, name)
            if below is not None:
                yield from _commands(click.Context(below, info_name=name, parent=context))


def _section(context: click.Context) -> str:
    # A fixed width: the page must not depend on whose terminal wrote it.
    context.terminal_width = 100
    context.max_content_width = 100
    return f"## {context.command_path}\n\n```\n{context.command.get_help(context)}\n```"
