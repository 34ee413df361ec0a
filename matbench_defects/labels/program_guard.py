"""Runs a program and ends it with the process that asked for it: ``python -P program_guard.py PROCESS PROGRAM ...``.

A program outlives a worker that is killed. It would compute for nobody, and write into the folder in which its label is
computed anew. This file is run by its path and imports nothing of this package.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

LOOK_EVERY = 1.0
"""How often the guard looks after the process that asked, seconds."""
GRACE = 10.0
"""What a program has to end by itself once it is told to, seconds."""


def guarded(command: str, *, shell: bool) -> str:
    """Return a command that runs another one for as long as this process lives.

    Parameters
    ----------
    command : str
        The program with its arguments.
    shell : bool
        Whether the command is one for a shell, else words that a program is started with.
    """
    words = [sys.executable, "-P", str(Path(__file__).absolute()), str(os.getpid())]
    return f"{shlex.join(words)} {shlex.join(['sh', '-c', command]) if shell else command}"


def main() -> int:
    """Run the program; return its exit code, or 128 and the number of the signal that ended it."""
    asking, *words = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked decides what an interrupt means
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        process = subprocess.Popen(words, start_new_session=True)
    except OSError as error:
        print(f"{words[0]}: {error.strerror}", file=sys.stderr)
        return 127
    try:
        while True:
            try:
                code = process.wait(timeout=LOOK_EVERY)
            except subprocess.TimeoutExpired:
                if _has_ended(int(asking)):
                    return 1
            else:
                return code if code >= 0 else 128 - code
    finally:
        _end(process)


def _has_ended(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:  # there is none, or one of somebody else has its number by now
        return True
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text(errors="replace").rpartition(")")[2].split()[0] == "Z"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that still runs, and what it has started."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
