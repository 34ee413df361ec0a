"""`enumerate` and `leaderboard build`, killed 60 times each at a random moment; no remains after the next run.

    python benchmarks/stress/kills.py            # a few minutes
    python benchmarks/stress/kills.py --kills 10

After each kill the same command runs to its end. It fails if anything but the finished output is there then, if that
is not what an undisturbed run writes, or if no kill left anything, for then nothing was tried.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from stress import write_spec

import matbench_defects as md
from matbench_defects.cli.commands.crystal import enumerate as enumerate_command
from matbench_defects.leaderboard import retired, site  # noqa: F401  # so that no child has to import them

SPEC = """
name: kills
version: 1.0.0
title: Magnesia with calcium, to be killed
parent:
  spacegroup: Fm-3m
  lattice: {a: 4.2}
  sites: {Mg: [0, 0, 0], O: [1/2, 1/2, 1/2]}
  provenance: {source: invented for a test of kills}
supercell: [2, 1, 1]
sublattices: {Mg: {Mg: rest, Ca: 0..8}}
labels: [{engine: ewald, charges: {Mg: 2, Ca: 1, O: -2}, background: true}]
targets: {formation_energy: {unit: eV, per: atom, end_members: [{Mg: 8}, {Mg: 0}]}}
splits: {random: {train: 0.6, validation: 0.2, test: 0.2}}
"""
TASK = {
    "name": "kills-energy",
    "title": "Energies of what is killed",
    "description": "A task that serves no other purpose.",
    "dataset": "kills@1.0.0",
    "target": "formation_energy",
    "split": "random",
    "kind": "interpolation",
    "metrics": ["mae", "rmse"],
    "baselines": ["mean"],
}


def in_a_child(do: Callable[[], object], kill: Callable[[], object] | None = None) -> bool:
    """Run something in a process of its own, killed when a function returns; return whether it came to its end."""
    child = os.fork()
    if not child:
        code = 1
        try:
            os.setpgid(0, 0)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            do()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    if kill is not None:
        kill()
        os.kill(child, signal.SIGKILL)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended in (0, -signal.SIGKILL), f"a run ended with {ended}"
    return ended == 0


def part_files(folder: Path) -> list[Path]:
    """Return what is there that is to become something else."""
    return list(folder.rglob("*.part"))


def state(folder: Path) -> dict[str, str]:
    """Return everything in a folder, hidden or not, with the digest of each file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


def kill(name: str, do: Callable[[], object], folder: Path, kills: int, seed: int) -> dict[str, object]:
    """Kill a command again and again at a random moment, letting it run to its end after each."""
    folder.mkdir()
    in_a_child(do)  # what is compiled once is compiled
    start = time.monotonic()
    in_a_child(do)
    whole, seconds = state(folder), time.monotonic() - start
    moments = random.Random(seed)

    def at_some_moment() -> None:
        time.sleep(moments.uniform(0, seconds))

    def while_writing() -> None:
        end = time.monotonic() + 2 * seconds
        while time.monotonic() < end and not part_files(folder):
            time.sleep(0.001)
        time.sleep(moments.choice([0, moments.uniform(0, 0.02), moments.uniform(0, seconds / 2)]))

    left = killed = number = 0
    while killed < kills:  # what came to its end before it was killed does not count
        number += 1
        if number % 4 > 1:  # with what stood there, and without
            shutil.rmtree(folder)
            folder.mkdir()
        killed += not in_a_child(do, while_writing if number % 2 else at_some_moment)
        left += bool(part_files(folder))
        start = time.monotonic()
        assert in_a_child(do)
        seconds = time.monotonic() - start  # as busy as the machine is now
        found = state(folder)
        assert found == whole, f"{name}, kill {number}: {sorted(set(found) ^ set(whole))[:5]} differ"
    assert left, f"no kill of {name} left anything"
    return {"seconds a run": round(seconds, 2), "kills": killed, "left part files": left, "after the next run": 0}


def prepare(folder: Path) -> None:
    """Write specs, dataset and a submission."""
    for name in ("spec", "large"):
        (folder / name).mkdir()
    (folder / "spec" / "spec.yaml").write_text(SPEC)
    write_spec(folder / "large", 20_000)
    dataset = md.build(folder / "spec" / "spec.yaml", folder / "dataset", workers=1)
    task = md.load_task(TASK)
    result = md.evaluate(task, "mean", dataset, out=folder / "results")
    md.submit(result, task=task, dataset=dataset, out=folder / "submissions", author="Nobody")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("stress-kills"))
    given = parser.parse_args()
    folder = given.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    assert in_a_child(lambda: prepare(folder))  # what starts threads of its own stays out of this process

    def enumerating() -> None:
        enumerate_command(str(folder / "large" / "spec.yaml"), folder / "enumerated" / "out")

    def publishing() -> None:
        task, dataset = md.load_task(TASK), md.load_dataset(str(folder / "dataset"))
        out = folder / "site" / "out"
        problems = md.build_leaderboard(out, folder / "submissions", [task], {task.dataset: dataset})
        assert not problems, problems

    for name, do, where in (("enumerate", enumerating, "enumerated"), ("leaderboard build", publishing, "site")):
        print(name, json.dumps(kill(name, do, folder / where, given.kills, given.seed)), flush=True)


if __name__ == "__main__":
    main()
