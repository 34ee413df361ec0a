"""The command line as a whole: every file of commands, and what is said of an error that none dealt with."""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from matbench_defects._version import __version__
from matbench_defects.cli import commands
from matbench_defects.cli.app import app
from matbench_defects.errors import InputError, one_line
from matbench_defects.files import anything_finished

DEBUG = "MATBENCH_DEFECTS_DEBUG"
"""Where this variable is set, an error shows where it came from."""

for _file in pkgutil.iter_modules(commands.__path__):
    importlib.import_module(f"{commands.__name__}.{_file.name}")


def _version(asked: bool) -> None:
    if asked:
        print(f"matbench-defects {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help=f"Show where an error came from; {DEBUG}=1 does so too.")
    ] = False,
) -> None:
    """Nothing is shared between the commands."""
    if debug:
        os.environ[DEBUG] = "1"


def main() -> None:
    """Run the command line; whatever goes wrong is one message, a line each mistake, and an exit code.

    2 for the input or the machine: a mistake in a file, a full disk, too little memory. 1 for a fault of this program.
    130 and 143 where it was interrupted (SIGINT) or ended (SIGTERM).
    """
    # Threads that spin while they wait made training ten times slower on a core that another process wanted too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):  # else the caller has it ignored
            signal.signal(number, _stop)
    try:
        app()
    except BrokenPipeError:
        raise SystemExit(1) from None
    except (Exception, _Stopped) as error:
        lines, code = _last_words(error)
        if os.environ.get(DEBUG):
            traceback.print_exc()
        for line in lines:
            print(f"matbench-defects: {line}", file=sys.stderr)
        raise SystemExit(code) from None


class _Stopped(BaseException):
    """The user or the system asked this process to stop. Typer would say nothing of a KeyboardInterrupt."""


def _stop(number: int, frame: FrameType | None) -> None:
    """Leave by way of everything that clears up, so that nothing half-written is left. Batch systems send SIGTERM."""
    signal.signal(number, signal.SIG_IGN)
    raise _Stopped(number)


def _last_words(error: BaseException) -> tuple[list[str], int]:
    """Return what is said of an error that no command dealt with, a line each mistake, and the exit code."""
    if isinstance(error, InputError):
        return error.each, 2
    message, code = _of_the_program(error)
    return [message], code


def _of_the_program(error: BaseException) -> tuple[str, int]:
    said = one_line(str(error))
    if isinstance(error, _Stopped):
        number = int(error.args[0])
        kept = "what was finished is kept" if anything_finished() else "nothing was finished, so nothing is kept"
        return f"{'ended' if number == signal.SIGTERM else 'interrupted'}; {kept}", 128 + number
    if isinstance(error, MemoryError):
        return (
            f"out of memory{f' ({said})' if said else ''}; a smaller supercell, fewer contents or workers need less",
            2,
        )
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return one_line(f"{error.filename}: {error.strerror}"), 2
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"a fault of this program, not of the input: {type(error).__name__}{f': {said}' if said else ''} "
        f"({Path(place.filename).name}:{place.lineno}). Please report it with the command, the version ({__version__}) "
        f"and what `matbench-defects --debug ...` or {DEBUG}=1 shows",
        1,
    )
