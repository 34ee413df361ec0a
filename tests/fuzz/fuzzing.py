"""Spoil input at random, for a time or for ever, and keep what is neither accepted nor refused with one message.

``python tests/fuzz/fuzzing.py [specs|submissions ...] [--seconds N] [--seed S]``; `make fuzz` calls it. Cases run in a
process of their own, with a bound on memory and on the time of each; one that hangs or dies is a finding too.
"""

from __future__ import annotations

import argparse
import gc
import json
import mmap
import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from matbench_defects.errors import LONGEST, InputError

SLOWEST = 120.0
"""Seconds that one case may take, of a processor."""
STUCK = 900.0
"""Seconds after which a process that says nothing is ended: it is inside compiled code, which no alarm reaches."""
MEMORY = 6 * 2**30
"""Bytes of address space that a process may take."""
ROUND = 20_000
"""Cases after which a new process goes on, so that no memory builds up."""
WARNINGS = "ignore,error::RuntimeWarning"
"""A warning of NumPy is a line that nobody asked for, and often the first sign of a number that is none."""
KINDS = ("specs", "submissions")


class TooLong(BaseException):
    """A case that took too long; no `except Exception` of the program may swallow it."""


@dataclass
class Found:
    """What a run came to.

    Parameters
    ----------
    cases : int
        Cases that were run.
    accepted : int
        Of these, how many were accepted.
    seconds : float
        Wall time.
    findings : dict of str to str
        By where it happened, the file of a small case that does it again.
    interrupted : bool
        Whether the user stopped it.
    """

    cases: int = 0
    accepted: int = 0
    seconds: float = 0.0
    findings: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    def __str__(self) -> str:
        rate = self.cases / self.seconds if self.seconds else 0.0
        return (
            f"{self.cases:,} cases in {self.seconds:.0f} s ({rate:.0f} a second), {self.accepted:,} accepted, "
            f"{self.cases - self.accepted:,} refused or found, {len(self.findings)} findings"
        )


def target_of(kind: str, seed: int, folder: Path) -> Any:
    """Return the cases of a kind."""
    if kind == "specs":
        from fuzzed_specs import FuzzedSpecs

        return FuzzedSpecs(seed, folder)
    from fuzzed_submissions import FuzzedSubmissions

    return FuzzedSubmissions(seed, folder)


class Clock:
    """Raises `TooLong` in a case that takes more processor time than it may; it ticks once a second.

    Ticks are counted, since to ask for the processor's time takes half as long as a short case where system calls are
    slow.
    """

    def __init__(self) -> None:
        self.left: float | None = None
        signal.signal(signal.SIGPROF, self._tick)
        signal.setitimer(signal.ITIMER_PROF, 1.0, 1.0)

    def _tick(self, signum: int, frame: FrameType | None) -> None:
        if self.left is not None:
            self.left -= 1.0
            if self.left < 0:
                raise TooLong

    def start(self) -> None:
        self.left = SLOWEST

    def stop(self) -> None:
        self.left = None

    def end(self) -> None:
        """Ring no more: a process that has no handler any longer would die of it."""
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)


def outcome(target: Any, spoilt: Any, clock: Clock | None = None) -> tuple[str, str]:
    """Run a case; return ``accepted``, ``refused``, or where it went wrong, and the traceback."""
    try:
        if clock is not None:
            clock.start()
        target.run(spoilt)
    except InputError as error:
        message = str(error)
        if not message.isprintable() or len(message) > LONGEST:
            return f"message that is no line: {_place(error)}", repr(message)
        return "refused", ""
    except (TooLong, Exception) as error:
        return f"{type(error).__name__} {_place(error)}", traceback.format_exc()
    finally:
        if clock is not None:
            clock.stop()
    return "accepted", ""


def _place(error: BaseException) -> str:
    """Return the last line of the package that an error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "matbench_defects" in frame.filename] or list(frames)
    # Where time ran out inside a loop says less than what was asked for.
    last = own[min(len(own) - 1, 3)] if isinstance(error, TooLong) else own[-1]
    return f"at {Path(last.filename).name}:{last.lineno} ({last.name})"


def smaller(
    target: Any, what: Any, steps: list[int], where: str, clock: Clock | None = None, patience: float = 30.0
) -> bytes:
    """Return the file of a case, with what it does not need taken out as far as patience lasts."""
    end = time.monotonic() + patience
    same = where.split(":")[0]
    for step in list(steps):
        fewer = [s for s in steps if s != step]
        if fewer and time.monotonic() < end and outcome(target, target.spoilt(what, fewer), clock)[0].startswith(same):
            steps = fewer
    written: bytes = target.written(target.spoilt(what, steps))
    if target.suffix != ".yaml":
        return written
    lines = written.splitlines(keepends=True)
    size = max(1, len(lines) // 2)
    while size and time.monotonic() < end:
        start = 0
        while start < len(lines) and time.monotonic() < end:
            fewer_lines = lines[:start] + lines[start + size :]
            if outcome(target, b"".join(fewer_lines), clock)[0].startswith(same):
                lines = fewer_lines
            else:
                start += size
        size //= 2
    return b"".join(lines)


def work(kind: str, seed: int, start: int, seconds: float, folder: Path) -> None:
    """Run cases from a number on, in this process; write where it is and what was found into a folder."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with tempfile.TemporaryDirectory() as scratch, open(folder / "at", "r+b") as stream:
        target = target_of(kind, seed, Path(scratch))
        at = mmap.mmap(stream.fileno(), 16)
        clock = Clock()
        gc.freeze()  # what the program is made of need not be looked through each time
        begun, accepted, known = time.monotonic(), 0, set(_findings(folder))
        number = start
        while number < start + ROUND and time.monotonic() - begun < seconds:
            at[:16] = struct.pack("<qq", number, accepted)
            what, steps = target.case(number)
            where, trace = outcome(target, target.spoilt(what, steps), clock)
            accepted += where == "accepted"
            if where not in ("accepted", "refused") and where not in known:
                known.add(where)
                at[:16] = struct.pack("<qq", number, accepted)
                _keep(
                    folder,
                    where,
                    f"seed {seed}, case {number}\n{trace}",
                    smaller(target, what, steps, where, clock),
                    target,
                )
            number += 1
        clock.end()
        at[:16] = struct.pack("<qq", number, accepted)


def _findings(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.glob("finding-*.json")):
        about = json.loads(path.read_text(encoding="utf-8"))
        found[about["where"]] = about["file"]
    return found


def _keep(folder: Path, where: str, trace: str, case: bytes, target: Any) -> None:
    number = len(list(folder.glob("finding-*.json"))) + 1
    file = folder / f"finding-{number}{target.suffix}"
    file.write_bytes(case)
    about = {"where": where, "file": str(file), "traceback": trace}
    (folder / f"finding-{number}.json").write_text(json.dumps(about, indent=1), encoding="utf-8")


def fuzz(kind: str, seconds: float, seed: int, folder: Path, start: int = 0, most: float = float("inf")) -> Found:
    """Run cases for a time.

    Parameters
    ----------
    kind : str
        ``specs`` or ``submissions``.
    seconds : float
        How long; infinity goes on until it is interrupted.
    seed : int
        What the cases depend on.
    folder : path
        Where findings are written.
    start, most : int
        Number of the first case, and how many are run at most.

    Returns
    -------
    Found
    """
    folder.mkdir(parents=True, exist_ok=True)
    found, begun = Found(), time.monotonic()
    number = start
    try:
        while time.monotonic() - begun < seconds and found.cases < most:
            (folder / "at").write_bytes(struct.pack("<qq", number, 0))
            left = min(seconds - (time.monotonic() - begun), 86400.0)
            code = _watched(kind, seed, number, left, folder)
            reached, accepted = struct.unpack("<qq", (folder / "at").read_bytes())
            if code != 0:
                with tempfile.TemporaryDirectory() as scratch:
                    target = target_of(kind, seed, Path(scratch))
                    what, steps = target.case(reached)
                    died = f"process ended with {code} in case {reached}"
                    _keep(folder, died, died, target.written(target.spoilt(what, steps)), target)
                reached += 1
            found.cases += reached - number
            found.accepted += accepted
            number = reached
            found.seconds = time.monotonic() - begun
            print(f"{kind}: {found}, next is case {number}", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        found.interrupted = True
    found.seconds = time.monotonic() - begun
    found.findings = _findings(folder)
    return found


def _watched(kind: str, seed: int, start: int, seconds: float, folder: Path) -> int:
    """Run a process until it ends or is stuck; return its exit code."""
    command = [sys.executable, __file__, kind, "--work", str(start), "--seed", str(seed)]
    command += ["--seconds", str(seconds), "--findings", str(folder)]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONWARNINGS": WARNINGS,
    }
    process = subprocess.Popen(command, env=environment)
    last, since = -1, time.monotonic()
    try:
        while process.poll() is None:
            time.sleep(0.05)
            at = struct.unpack("<qq", (folder / "at").read_bytes())[0]
            if at != last:
                last, since = at, time.monotonic()
            elif time.monotonic() - since > STUCK:
                process.kill()
        if process.returncode == -signal.SIGINT:  # Ctrl-C reached it first
            raise KeyboardInterrupt
        return process.returncode
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def main() -> None:
    """Fuzz from the command line; exit code 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="specs, submissions; both if left out")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="how long; until Ctrl-C if left out")
    parser.add_argument("--seed", type=int, default=None, help="what the cases depend on; the time if left out")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"), help="where findings are kept")
    parser.add_argument("--work", type=int, default=None, help=argparse.SUPPRESS)
    given = parser.parse_args()
    seed = int(time.time()) if given.seed is None else given.seed
    if given.work is not None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        work(given.kinds[0], seed, given.work, given.seconds, given.findings)
        return
    kinds, total = given.kinds or list(KINDS), Counter[str]()
    begun = time.monotonic()
    while time.monotonic() - begun < given.seconds:
        # By turns, so that both have their share of a run without end; specs five times as long.
        for kind in kinds:
            share = min(given.seconds, 600.0) * (1.0 if len(kinds) == 1 else 5 / 6 if kind == "specs" else 1 / 6)
            start = total[kind]
            found = fuzz(kind, share, seed, given.findings / kind, start)
            total[kind] += found.cases
            print(f"{kind}, seed {seed}, cases {start} to {total[kind]}: {found}")
            for where, file in found.findings.items():
                print(f"  {where}: {file}")
            if found.interrupted:
                given.seconds = 0.0
                break
    raise SystemExit(1 if any(_findings(given.findings / kind) for kind in kinds) else 0)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
