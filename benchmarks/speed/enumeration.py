"""Time the enumeration, and other codes where they are installed, and write the table in README.md.

    python benchmarks/speed/enumeration.py [--peers-python /path/to/python] [--limit 60] [--only TEXT] [--write]

Each case runs three times in one process and the fastest counts, the group known beforehand; then once more as a fresh
process with its imports. Other codes run once each, in a process of their own, imports not counted, and are stopped
after the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from cases import CASES, Case

from matbench_defects.crystal.space import Space
from matbench_defects.enumeration.counting import count_inequivalent
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.enumeration.streaming import write_index

HERE = Path(__file__).resolve().parent
PEERS = ("shry", "bsym", "icet", "dsenum")
PROGRAM = "supercell"
"""A binary that is timed where it is on the PATH; its structures are read by the Python that has the other codes."""
REPEATS = 3
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"


def in_process(case: Case) -> tuple[float, float]:
    """Return seconds to enumerate and to count one content, the fastest of some repetitions."""
    space = case.space()
    contents = case.contents or space.contents()
    sum(count_inequivalent(space, c) for c in contents)
    enumerated, counted = [], []
    for _ in range(REPEATS):
        start = time.perf_counter()
        found = enumerate_configurations(space, contents)
        enumerated.append(time.perf_counter() - start)
        assert len(found) == case.number, (case.name, len(found))
        del found
        forget_counts(space)
        start = time.perf_counter()
        for content in contents:
            count_inequivalent(space, content)
        counted.append((time.perf_counter() - start) / len(contents))
    return min(enumerated), min(counted)


def forget_counts(space: Space) -> None:
    """Forget what was counted, and keep the group with its types of cycles."""
    types, counted = space.memory["cycle types"]
    counted.clear()
    for several, _ in types:
        for ways in several:
            while ways is not None:
                ways.known.clear()
                ways = ways.shorter


def fresh(number: int) -> tuple[float, float]:
    """Return seconds and peak MB of a process that does one case once, imports and spec included."""
    start = time.perf_counter()
    output = subprocess.run(
        [sys.executable, __file__, "--case", str(number)], capture_output=True, text=True, check=True
    ).stdout
    return time.perf_counter() - start, float(output)


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
    parser.add_argument("--case", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case is not None:
        case = CASES[options.case]
        space = case.space()
        assert len(enumerate_configurations(space, case.contents or None)) == case.number
        status = Path("/proc/self/status").read_text()  # getrusage would count what the parent process had
        print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)
        return
    peers = installed(options.peers_python) + [PROGRAM] * (shutil.which(PROGRAM) is not None)
    lines = [
        "| Case | Inequivalent | Enumerated, warm | Counted, one content | Fresh process, peak MB | "
        + "".join(f"{p} | " for p in peers),
        "|---|" + "---|" * (4 + len(peers)),
    ]
    print("\n".join(lines))
    for number, case in enumerate(CASES):
        if options.only not in case.name:
            continue
        seconds, counting = in_process(case)
        whole, peak = fresh(number)
        row = f"| {case.name} | {case.number:,} | {shown(seconds)} | {shown(counting)} | {whole:.2f} s, {peak:.0f} | "
        for code in peers:
            text = peer(code, options.peers_python, case, options.limit) if case.peers else "-"
            row += ratio(text, seconds) + " | "
        lines.append(row)
        print(row, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        case = next(c for c in CASES if c.more)
        start = time.perf_counter()
        write_index(case.space(), Path(folder) / "index.parquet")
        size = (Path(folder) / "index.parquet").stat().st_size / 1e6
        streamed = (
            f"\n{case.name}, from spec to a Parquet file of {size:.1f} MB: {time.perf_counter() - start:.1f} s.\n"
            f"Python {platform.python_version()}, {os.cpu_count()} cores.\n"
        )
    print(streamed)
    if options.write:
        readme = HERE / "README.md"
        before, _, rest = readme.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        readme.write_text(before + BEGIN + "\n".join(lines) + "\n" + streamed + END + after)


if __name__ == "__main__":
    main()
