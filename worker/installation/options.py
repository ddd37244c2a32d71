"""What may be written after `bin/up` and `bin/down`."""

import argparse
import os
import shlex
from pathlib import Path

from settings import Settings

UP = """\
Set up what is missing, start OpsCore, and stay until Ctrl-C.

The first start also runs a sample task: it surveys the source code of the Python standard library.
"""
UP_END = """\
exit codes: 0 stopped in order, or with --once: the sample succeeded; 1 it did not, or a process could not
be started; 2 OpsCore cannot start, and says why.  More settings: docs/reference/settings.md.
"""
DOWN = "Stop the OpsCore that `bin/up` started on this data folder, and wait until it has ended."
DOWN_END = "exit codes: 0 stopped, or it was not running; 1 it had to be killed."


def of_up() -> argparse.Namespace:
    """The options of bin/up; ends the program with code 2 where they are wrong."""
    parser = _parser("bin/up", UP, UP_END)
    parser.add_argument("--port", type=_port, metavar="N", help="port of the pages (default: 8000)")
    parser.add_argument("--once", action="store_true", help="run the sample task, then stop")
    parser.add_argument("--no-sample", action="store_true", help="do not run the sample task")
    parser.add_argument("--detach", action="store_true", help="go on in the background; bin/down stops it")
    parser.add_argument("--verbose", action="store_true", help="show what every process prints")
    options = parser.parse_args()
    if options.once and (options.no_sample or options.detach):
        parser.error("--once is for the sample in the foreground; leave out --no-sample and --detach")
    _tell_settings(options)
    return options


def of_down() -> argparse.Namespace:
    """The options of bin/down."""
    options = _parser("bin/down", DOWN, DOWN_END).parse_args()
    _tell_settings(options)
    return options


def command(program: str, told: Settings) -> str:
    """The program as one writes it for this installation: `bin/down`, with `--data DIR` where that is not the usual."""
    if told.data_dir == Settings.model_fields["data_dir"].default.absolute():
        return program
    return f"{program} --data {shlex.quote(str(told.data_dir))}"


def _parser(name: str, purpose: str, end: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=name, description=purpose, epilog=end, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of everything it keeps (default: var)")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port; give a number from 1 to 65535")
    return int(text)


def _tell_settings(options: argparse.Namespace) -> None:
    """Put the options where settings.py reads them, in this process and in every child."""
    if options.data is not None:
        os.environ["OPSCORE_DATA_DIR"] = str(options.data.absolute())
    if getattr(options, "port", None) is not None:
        os.environ["OPSCORE_PORT"] = str(options.port)
