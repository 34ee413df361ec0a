"""A million labels from end to end: computed on four Dask workers, killed twice, resumed, built, opened in streaming.

    python benchmarks/stress/stress.py                  # 1 082 496 labels of 12 atoms; about an hour on two cores
    python benchmarks/stress/stress.py --size 100000    # or 20000

The engine answers at once, so what is seen is everything else. It fails if a label is lost or computed twice beyond
what the workers had in hand, or if the process that labels or the one that builds ever holds 1.5 GB.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LARGEST = 1.5e9
"""Bytes that the client may hold."""
WORKERS = 4
IN_HAND = 256 * (2 * WORKERS + 8)
"""Labels that may be computed again after a kill: the batches that were out."""

SPEC = """
name: stress
version: 1.0.0
title: Twelve atoms on three orbits, from nothing that exists
supercell: [1, 1, 1]
spaces:
SPACES
labels:
  - {engine: instant, relax: {cell: false}}
targets:
  formation_energy: {unit: eV, per: atom, references: [ELEMENTS]}
splits:
  random: {train: 0.8, validation: 0.1, test: 0.1}
  folds: {by: k-fold, folds: 5}
reference_phases:
PHASES
"""
SPACE = """  NAME:
    parent:
      spacegroup: P222
      lattice: {a: 6.1, b: 6.9, c: 7.7}
      sites: {Cu: [0.13, 0.12, 0.11], Ni: [0.37, 0.38, 0.13], Pd: [0.12, 0.37, 0.39]}
      provenance: {source: invented for a test of scale, verified: false}
    sublattices:
      Cu: {Cu: 0..4, Ag: 0..4, Au: 0..4, Zn: rest}
      Ni: {Ni: 0..4, Co: 0..4, Fe: 0..4, Mn: rest}
      Pd: PALLADIUM"""
PHASE = """  ELEMENT:
    spacegroup: Fm-3m
    lattice: {a: 3.9}
    sites: {ELEMENT: [0, 0, 0]}
    provenance: {source: invented for a test of scale, verified: false}"""
ELEMENTS = "Cu Ag Au Zn Ni Co Fe Mn Pd Pt Rh"
SIZES = {
    20_000: {"one": "{Pd: 4}"},
    100_000: {"one": "{Pd: 2, Pt: rest}"},
    1_000_000: {"few": "{Pt: 0..1, Pd: 0..4, Rh: rest}", "two": "{Pt: 2, Pd: 1..2, Rh: rest}"},
}
"""What the third orbit of each space holds; 4 operations, so a quarter of all arrangements differ."""


def write_spec(folder: Path, size: int) -> None:
    """Write the spec and the file of the cluster."""
    spaces = SIZES[size]
    held = [e for e in ELEMENTS.split() if e not in ("Pt", "Rh") or any(e in text for text in spaces.values())]
    text = SPEC.replace(
        "SPACES", "\n".join(SPACE.replace("NAME", n).replace("PALLADIUM", p) for n, p in spaces.items())
    )
    text = text.replace("ELEMENTS", ", ".join(held))
    text = text.replace("PHASES", "\n".join(PHASE.replace("ELEMENT", element) for element in held))
    (folder / "spec.yaml").write_text(text)
    (folder / "cluster.yaml").write_text(f"local: {{workers: {WORKERS}}}\n")


def label(folder: Path) -> None:
    """Label, saying in a file how far it is."""
    import matbench_defects as md

    last = 0.0

    def show(done: int, total: int) -> None:
        nonlocal last
        if done in (0, total) or time.monotonic() - last > 0.2:
            (folder / "progress.part").write_text(json.dumps([done, total]))
            (folder / "progress.part").replace(folder / "progress")
            last = time.monotonic()

    found = md.label(folder / "spec.yaml", cluster=folder / "cluster.yaml", progress=show)
    print(found)


def build(folder: Path) -> None:
    """Build the dataset."""
    import matbench_defects as md

    print(md.build(folder / "spec.yaml", folder / "dataset", compute=False))


def stream(folder: Path) -> None:
    """Go through the dataset as users of `datasets` do, and through the labels."""
    from datasets import load_dataset

    rows = 0
    parts = load_dataset(str(folder / "dataset"), streaming=True)
    for part in parts.values():
        for row in part:
            rows += 1
            assert len(row["cartesian_site_positions"]) == 12
    print(json.dumps({"rows": rows}))


class Watched:
    """A step in a process of its own, in a group of its own, of which the largest memory is kept."""

    def __init__(self, step: str, folder: Path) -> None:
        path = os.pathsep.join(filter(None, [str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]))
        environment = os.environ | {
            "PYTHONPATH": path,
            "OMP_NUM_THREADS": "1",
            "MATBENCH_DEFECTS_CACHE": str(folder / "cache"),
            "HF_HOME": str(folder / "huggingface"),
            "HF_HUB_OFFLINE": "1",
        }
        self.start = time.monotonic()
        self.largest = 0
        command = [sys.executable, str(Path(__file__).resolve()), "--step", step, "--folder", str(folder)]
        self.process = subprocess.Popen(command, env=environment, start_new_session=True)

    def look(self) -> bool:
        """Note the memory; return whether it still runs."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except FileNotFoundError:
            status = ""
        if found := re.search(r"VmHWM:\s+(\d+)", status):
            self.largest = max(self.largest, 1024 * int(found[1]))
        return self.process.poll() is None

    def kill(self) -> None:
        """Kill it with all that it started, as a machine that loses power does."""
        with contextlib.suppress(ProcessLookupError):  # it was quicker
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self, step: str, report: dict[str, Any]) -> None:
        """Wait for the end and note what it took."""
        while self.look():
            time.sleep(0.2)
        assert self.process.returncode == 0, f"{step} ended with {self.process.returncode}"
        note(report, step, self)


def note(report: dict[str, Any], step: str, watched: Watched) -> None:
    """Put what a step took into the report, and refuse too much memory."""
    taken = {"seconds": round(time.monotonic() - watched.start, 1), "MB": round(watched.largest / 1e6)}
    report[step] = taken
    print(f"{step}: {taken}", flush=True)
    assert watched.largest < LARGEST, f"{step} held {watched.largest / 1e9:.2f} GB"


def on_disk(folder: Path) -> int:
    """Return how many labels are on disk."""
    from matbench_defects.labels.store import LabelStore

    return len(LabelStore(folder / "labels"))


def progress_of(folder: Path) -> tuple[int, int]:
    """Return how many labels the run has computed, and how many it began with as missing."""
    try:
        done, total = json.loads((folder / "progress").read_text())
    except FileNotFoundError:
        return 0, 0
    return done, total


def run(folder: Path, size: int) -> None:
    """Do all of it and print what it took."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_spec(folder, size)
    report: dict[str, Any] = {"size": size}
    every = kept = 0
    for number, share in enumerate((0.3, 0.6, None), start=1):
        (folder / "progress").unlink(missing_ok=True)
        watched = Watched("label", folder)
        if share is None:
            watched.end("label 3", report)
        else:
            while watched.look():
                done, total = progress_of(folder)
                every = every or total
                if total and kept + done > share * every:
                    break
                time.sleep(0.1)
            assert watched.process.returncode in (None, 0), f"label {number} ended with {watched.process.returncode}"
            done, total = progress_of(folder)
            watched.kill()
            note(report, f"label {number}", watched)
        done, total = progress_of(folder)
        assert total == every - kept, f"{total} were missing, {every - kept} should have been"
        before, kept = kept, on_disk(folder)
        assert kept >= before + done - IN_HAND, f"{before + done} were computed, {kept} are there"
        print(f"{kept} of {every} labels on disk", flush=True)
    assert kept == every
    Watched("build", folder).end("build", report)
    Watched("stream", folder).end("stream", report)
    labels = sum(path.stat().st_size for path in (folder / "labels").iterdir())
    dataset = sum(path.stat().st_size for path in (folder / "dataset").rglob("*") if path.is_file())
    report |= {
        "labels": kept,
        "shards": len(list((folder / "labels").iterdir())),
        "labels MB": round(labels / 1e6, 1),
        "bytes a label": round(labels / kept, 1),
        "dataset MB": round(dataset / 1e6, 1),
    }
    print(json.dumps(report, indent=2))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, choices=SIZES, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("stress"))
    parser.add_argument("--step", choices=("label", "build", "stream"))
    given = parser.parse_args()
    folder = given.folder.resolve()
    if given.step is None:
        run(folder, given.size)
        return
    import instant_engine  # noqa: F401  # registers the engine

    {"label": label, "build": build, "stream": stream}[given.step](folder)


if __name__ == "__main__":
    main()
