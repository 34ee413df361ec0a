"""Time the enumeration, and other codes where they are installed, and write the table in README.md.

    python benchmarks/speed/enumeration.py [--old CHECKOUT] [--peers-python PYTHON] [--limit 60] [--only TEXT] [--write]

Each case runs three times in one process and the fastest counts, in seconds of the processor, the group known
beforehand; in the same run so does the engine of another checkout, such as that of version 1, in a process of its own.
Then once more as a fresh process with its imports. Other codes run once each, in a process of their own, imports not
counted. All are stopped after the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from cases import CASES, Case

from matbench_defects.enumeration.counting import count_inequivalent
from matbench_defects.enumeration.orderly import enumerate_configurations

HERE = Path(__file__).resolve().parent
PEERS = ("shry", "bsym", "icet", "dsenum")
PROGRAM = "supercell"
"""A binary that is timed where it is on the PATH; its structures are read by the Python that has the other codes."""
REPEATS = 3
LONG = 5.0
"""What takes longer, seconds, is not done a third time; the first may compile."""
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"


def in_process(case: Case) -> float:
    """Return seconds of the processor to enumerate a case, or to count it, the fastest of some repetitions."""
    space = case.space()
    contents = case.contents or space.contents()
    taken = []
    for _ in range(REPEATS):
        start = time.process_time()
        if case.counted:
            found = sum(count_inequivalent(space, content) for content in contents)
        else:
            found = len(enumerate_configurations(space, contents))
        taken.append(time.process_time() - start)
        assert found == case.number, (case.name, found)
        if case.counted or (len(taken) > 1 and taken[-1] > LONG):  # a second count would know the first
            break
    return min(taken)


def of_checkout(checkout: Path, number: int, limit: float) -> float | None:
    """Return the seconds of the processor that the engine of a checkout takes; None where it cannot or takes long."""
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    try:
        done = subprocess.run(
            [sys.executable, __file__, "--timed", str(number)],
            capture_output=True,
            text=True,
            timeout=limit,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return None
    return None if done.returncode else float(done.stdout)


def fresh(number: int) -> tuple[float, float]:
    """Return seconds of the processor and peak MB of a process that does one case once, imports and spec included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = subprocess.run(
        [sys.executable, __file__, "--case", str(number)], capture_output=True, text=True, check=True
    ).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, float(output)


def peer(code: str, python: str, case: Case, limit: float) -> str:
    """Return what the table says of another code on one case."""
    space = case.space()
    data: dict[str, Any] = {
        "lattice": space.lattice.tolist(),
        "species": list(space.host_species),
        "positions": space.positions.tolist(),
        "sublattices": [{"sites": s.sites.tolist(), "species": list(s.species)} for s in space.sublattices],
        "contents": case.contents or space.contents(),
    }
    if code == "bsym" and len(space.sublattices) > 1:
        return "-"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "case.json"
        file.write_text(json.dumps(data))
        try:
            done = subprocess.run(
                [python, str(HERE / "peers.py"), code, str(file)],
                capture_output=True,
                text=True,
                timeout=limit,
                cwd=folder,
                env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
            )
        except subprocess.TimeoutExpired:
            return f"> {limit:.0f} s"
    if done.returncode:
        print(code, case.name, done.stderr.strip().splitlines()[-1:], file=sys.stderr)
        return "fails"
    found = json.loads(done.stdout.strip().splitlines()[-1])
    note = "" if found["number"] == case.number else f" (finds {found['number']:,})"
    return f"{found['seconds']:.2f} s{note}"


def installed(python: str) -> list[str]:
    """Return which other codes a Python has."""
    test = "import importlib.util, sys; print(*[c for c in sys.argv[1:] if importlib.util.find_spec(c)])"
    run = subprocess.run([python, "-c", test, *PEERS], capture_output=True, text=True, check=True, cwd="/")
    return run.stdout.split()


def shown(seconds: float) -> str:
    """Return seconds for people."""
    return (
        f"{seconds * 1e3:.2g} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
    )


def ratio(text: str, seconds: float) -> str:
    """Add to another code's time how many times ours it is."""
    if not text.removeprefix("> ")[:1].isdigit():
        return text
    value = float(text.removeprefix("> ").split()[0])
    return f"{text}, {'> ' if text.startswith('>') else ''}{value / seconds:,.0f}x"


def main() -> None:
    """Time, print, and write the table where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers-python", default=sys.executable, help="a Python that has other codes installed")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds after which another code is stopped")
    parser.add_argument("--only", default="", help="only cases whose name holds this")
    parser.add_argument("--write", action="store_true", help="write the table into README.md")
    parser.add_argument("--old", type=Path, help="a checkout with another engine, to compare with")
    parser.add_argument("--timed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--case", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.timed is not None:
        print(in_process(CASES[options.timed]))
        return
    if options.case is not None:
        case = CASES[options.case]
        space = case.space()
        if case.counted:
            assert sum(count_inequivalent(space, c) for c in space.contents()) == case.number
        else:
            assert len(enumerate_configurations(space, case.contents or None)) == case.number
        status = Path("/proc/self/status").read_text()  # getrusage would count what the parent process had
        print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)
        return
    peers = installed(options.peers_python) + [PROGRAM] * (shutil.which(PROGRAM) is not None)
    cases = [
        "| Case | Inequivalent | c | a row | as many c of version 1 | Fresh process c, peak MB |",
        "|---|" + "---|" * 5,
    ]
    others = ["| Case | " + " | ".join(peers) + " |", "|---|" + "---|" * len(peers)]
    for number, case in enumerate(CASES):
        if options.only not in case.name:
            continue
        seconds = of_checkout(HERE.parent.parent, number, options.limit)
        assert seconds is not None, case.name
        old = of_checkout(options.old, number, options.limit) if options.old else None
        whole, peak = fresh(number)
        each = "counted" if case.counted else f"{seconds / case.number * 1e6:.3g} µs"
        times = "-" if old is None else f"{old / seconds:.3g}"
        rows = f"{case.number:,}" if case.number < 1e15 else f"{case.number:.3g}"
        cases.append(f"| {case.name} | {rows} | {shown(seconds)} | {each} | {times} | {whole:.2f} s, {peak:.0f} |")
        print(cases[-1], flush=True)
        if case.peers and peers:
            texts = [ratio(peer(code, options.peers_python, case, options.limit), seconds) for code in peers]
            others.append(f"| {case.name} | " + " | ".join(texts) + " |")
            print(others[-1], flush=True)
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load} at the end.\n"
    lines = cases + ["", machine] + (others if len(others) > 2 else [])
    print("\n".join(lines))
    if options.write:
        readme = HERE / "README.md"
        before, _, rest = readme.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        readme.write_text(before + BEGIN + "\n".join(lines) + "\n" + END + after)


if __name__ == "__main__":
    main()
