"""One difference of DFT energies for each domain, from small cells, beside those of the potentials.

    OMP_NUM_THREADS=1 python benchmarks/dft/reactions.py [--only DOMAIN ...] [--write]
    OMP_NUM_THREADS=1 python benchmarks/dft/reactions.py --only DOMAIN ... --cutoff 500 --finer 1.5

Reads reactions.yaml. Each phase is relaxed by SevenNet-0 (cell or positions, as it says there); GPAW, SevenNet-0 and
CHGNet then give the static energy of that geometry, so all three are of the same structure. What was computed before is
read from labels.parquet, and the input and log of each GPAW run are kept in `calculations` beside it. With `--write`
the table goes into specs/README.md. With another cutoff or finer k-points it shows how far the numbers are converged,
and what it computes stays in `calculations`. Needs the extra `gpaw`.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from matbench_defects.crystal.parent import build_parent
from matbench_defects.crystal.structure import Crystal
from matbench_defects.files import digest, write_text
from matbench_defects.labels.engine import Method, Outcome, engines
from matbench_defects.labels.running import Job, run_jobs
from matbench_defects.labels.store import Label, LabelStore
from matbench_defects.spec.document import read_document
from matbench_defects.spec.fields import VACANCY
from matbench_defects.spec.models import Relaxation
from matbench_defects.spec.parents import ParentSpec

FOLDER = Path(__file__).parent
README = FOLDER.parents[1] / "specs" / "README.md"
BEGIN, END = "<!-- dft -->\n", "<!-- end of dft -->"
FROM_MEMORY = {"source": "A starting point for relaxation.", "verified": False}
POTENTIALS = {"SevenNet-0": ("sevennet", {"model": "7net-0"}), "CHGNet": ("chgnet", {"model": "0.3.0"})}


def job(name: str, crystal: Crystal, engine: str, settings: dict[str, Any], relax: Relaxation | None = None) -> Job:
    """Return what is to be computed of a phase."""
    method = Method("label", engine, engines.get(engine).Settings.model_validate(settings), relax)
    host = digest([crystal.lattice.round(6).tolist(), crystal.species, crystal.positions.round(6).tolist()])
    return Job(name, host, crystal, method)


def compute(jobs: list[Job], store: LabelStore) -> list[Label]:
    """Return the labels of jobs, from the store where they are there."""
    found = run_jobs(jobs, [store], workers=1, progress=lambda done, wanted: print(f"{done} of {wanted}", flush=True))
    for one in jobs:
        if not found[one.key].usable:
            raise SystemExit(f"{one.id} by {one.method.engine}: {found[one.key].problem}")
    return [found[one.key] for one in jobs]


def geometries(phases: dict[str, Any], wanted: set[str], store: LabelStore) -> dict[str, Crystal]:
    """Return the crystal of each wanted phase, relaxed if the file says so, and of their hosts."""
    for name in list(wanted):
        while (name := phases[name].get("host")) is not None:
            wanted.add(name)
    known: dict[str, Crystal] = {}
    while left := [name for name in phases if name in wanted and name not in known]:
        ready = [name for name in left if phases[name].get("host") in (None, *known)]
        made = {name: unrelaxed(phases[name], known) for name in ready}
        jobs = []
        for name, crystal in made.items():
            if phases[name]["relax"] == "nothing":
                known[name] = crystal
            else:
                relax = Relaxation(cell=phases[name]["relax"] == "cell", fmax=0.02, steps=500)
                jobs.append(job(name, crystal, *POTENTIALS["SevenNet-0"], relax))
        for label in compute(jobs, store):
            # Rounded as the store rounds it, so that the next run finds what is made of it.
            found = outcome(label).crystal
            known[label.key.id] = Crystal(found.lattice.round(6), found.species, found.positions.round(6))
    return known


def unrelaxed(phase: dict[str, Any], known: dict[str, Crystal]) -> Crystal:
    """Return the crystal that a phase of the file describes, hosts being known."""
    if "host" not in phase:
        given = {field: phase[field] for field in ("spacegroup", "lattice", "sites")}
        return primitive(build_parent(ParentSpec.model_validate({**given, "provenance": FROM_MEMORY}), FOLDER).crystal)
    atoms = known[phase["host"]].to_ase().repeat(phase.get("supercell", [1, 1, 1]))
    exchange = {int(number): species for number, species in phase.get("exchange", {}).items()}
    for number, species in exchange.items():
        if species != VACANCY:
            atoms[number].symbol = species
    del atoms[[number for number, species in exchange.items() if species == VACANCY]]
    return Crystal.from_ase(atoms)


def primitive(crystal: Crystal) -> Crystal:
    """Return the primitive cell of a crystal, atoms in the order of their species."""
    import spglib
    from ase.data import atomic_numbers, chemical_symbols

    numbers = [atomic_numbers[symbol] for symbol in crystal.species]
    fractional = crystal.positions @ np.linalg.inv(crystal.lattice)
    lattice, positions, kinds = spglib.find_primitive((crystal.lattice, fractional, numbers), symprec=1e-3)
    first = {number: place for place, number in reversed(list(enumerate(numbers)))}
    order = sorted(range(len(kinds)), key=lambda i: (first[int(kinds[i])], i))
    return Crystal(lattice, tuple(chemical_symbols[kinds[i]] for i in order), positions[order] @ lattice)


def table(reactions: list[dict[str, Any]], found: dict[tuple[str, str], Label]) -> list[str]:
    """Return the lines of the table."""
    names = ["GPAW", *POTENTIALS]
    settings = ["Atoms", "Cutoff, eV", "k-points per Å⁻¹", "U, eV", "Largest force by GPAW, eV/Å"]
    head = ["Domain", "Energy of", "Unit", *names, *settings]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for reaction in reactions:
        of = {phase: float(Fraction(str(times))) for phase, times in reaction["of"].items()}
        values = [sum(times * outcome(found[phase, name]).energy for phase, times in of.items()) for name in names]
        cells = [f"`{reaction['domain']}`", reaction["what"], reaction["unit"], *(f"{value:.3f}" for value in values)]
        lines.append(f"| {' | '.join([*cells, *_how([found[phase, 'GPAW'] for phase in of])])} |")
    return lines


def _how(labels: list[Label]) -> list[str]:
    """Return how the DFT energies of a reaction were computed, a cell of the table each."""
    of = [label.description["settings"] for label in labels]
    hubbard = {element: plus["u"] for settings in of for element, plus in settings.get("hubbard", {}).items()}
    return [
        ", ".join(str(len(outcome(label).crystal)) for label in labels),
        *(
            " and ".join(f"{value:g}" for value in sorted({one[name] for one in of}))
            for name in ("cutoff", "kpoint_density")
        ),
        ", ".join(f"{element} {u:g}" for element, u in sorted(hubbard.items())) or "none",
        f"{max(outcome(label).max_force or 0.0 for label in labels):.2f}",
    ]


def outcome(label: Label) -> Outcome:
    """Return what was computed, of a label that has it."""
    assert label.outcome is not None
    return label.outcome


def main() -> None:
    """Compute what is missing, print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", help="domains")
    parser.add_argument("--potentials", action="store_true", help="leave GPAW out; no table")
    parser.add_argument("--write", action="store_true", help="write the table into specs/README.md")
    parser.add_argument("--cutoff", type=float, help="plane waves to this energy, eV, in place of the file's")
    parser.add_argument("--finer", type=float, default=1.0, help="times as many k-points per Å⁻¹ as the file says")
    options = parser.parse_args()
    said = read_document(FOLDER / "reactions.yaml").data
    reactions = [one for one in said["reactions"] if not options.only or one["domain"] in options.only]
    trial = options.cutoff is not None or options.finer != 1.0
    if options.write and (trial or options.only or options.potentials):
        parser.error("--write is for the whole table as the file describes it")
    store = LabelStore(FOLDER / "labels.parquet")
    phases = list(dict.fromkeys(phase for reaction in reactions for phase in reaction["of"]))
    crystals = geometries(said["phases"], set(phases), store)
    jobs = {}
    for name in phases:
        for title, potential in POTENTIALS.items():
            jobs[name, title] = job(name, crystals[name], *potential)
        if not options.potentials:
            gpaw = {**said["gpaw"], **said["phases"][name]["gpaw"]}
            gpaw["cutoff"] = options.cutoff or gpaw["cutoff"]
            gpaw["kpoint_density"] *= options.finer
            jobs[name, "GPAW"] = job(name, crystals[name], "gpaw", gpaw)
    if trial:
        store = LabelStore(FOLDER / "calculations" / "labels.parquet")
    found = dict(zip(jobs, compute(list(jobs.values()), store), strict=True))
    if options.potentials:
        return
    lines = table(reactions, found)
    print("\n".join(lines))
    if options.write:
        text = README.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        write_text(README, before + BEGIN + "\n".join(lines) + "\n" + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
