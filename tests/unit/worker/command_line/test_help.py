"""The lists of commands that --help shows."""

from collections.abc import Iterator

import click
import pytest

from worker.command_line.program import program


def groups(group: click.Group) -> Iterator[click.Group]:
    yield group
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from groups(command)


@pytest.mark.parametrize("group", list(groups(program)), ids=lambda group: group.name)
def test_every_command_of_a_group_is_told_on_one_whole_line_of_a_terminal(group: click.Group) -> None:
    context = click.Context(group, info_name="bin/opscore", terminal_width=80)
    listed = group.get_help(context).partition("Commands:\n")[2].splitlines()
    assert [line for line in listed if line.endswith("...")] == []
    # One that did not fit went on below: its second line is indented as far as the first one's words.
    assert [line for line in listed if line.startswith("     ")] == []
