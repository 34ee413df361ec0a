"""Time SevenNet-0 on small cells that share their calls, beside one cell after another.

    OMP_NUM_THREADS=1 python benchmarks/speed/together.py            # one process
    OMP_NUM_THREADS=1 python benchmarks/speed/together.py --two      # and again in two at once

Energy, forces and stress of cells with random contents, displaced by 0.05 Å: a layer MX2 of 3 atoms, of 12 with some
atoms missing, LiNiO2 of 44. Then whole relaxations of some of them. Both ways take turns in one process on one thread;
seconds are of the processor, the fastest of the turns counts. Prints a Markdown table.
"""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import mx2

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.structure import Crystal
from matbench_defects.labels.ase_engine import AseEngine
from matbench_defects.labels.engines import sevennet
from matbench_defects.labels.engines.sevennet import SevenNet, SevenNetSettings
from matbench_defects.labels.sevennet_graphs import SevenNetGraphs
from matbench_defects.shipped import find_spec
from matbench_defects.spec.loading import load_spec
from matbench_defects.spec.models import Relaxation

TURNS = 7
AT_ONCE = (1, 2, 4, 8, 16, 32)
RELAXED = 16
"""Cells that are relaxed."""


class OneByOne(SevenNet):
    """SevenNet through the calculator of its package and ASE's own loop."""

    make_ready = AseEngine.make_ready
    compute = AseEngine.compute


def layer(seed: int, cells: int) -> Atoms:
    """Return a layer of cells x cells MX2; of more than one cell a tenth of the atoms is missing."""
    generator = np.random.default_rng(seed)
    atoms = mx2("MoS2", a=3.19, thickness=3.13, vacuum=8.4).repeat((cells, cells, 1))
    atoms.pbc = True
    others = {"Mo": ["Mo", "W"], "S": ["S", "Se"]}
    atoms.set_chemical_symbols([str(generator.choice(others[symbol])) for symbol in atoms.get_chemical_symbols()])
    if cells > 1:
        atoms = atoms[generator.random(len(atoms)) > 0.1]
    atoms.rattle(0.05, seed=seed)
    return atoms


def lithium_nickelate(seed: int) -> Atoms:
    """Return the cell of `lno-cathode` with four lithium atoms missing."""
    space = next(iter(build_spaces(load_spec(find_spec("lno-cathode"))).values()))
    atoms = Crystal(space.lattice, space.host_species, space.positions).to_ase()
    lithium = [i for i, symbol in enumerate(atoms.get_chemical_symbols()) if symbol == "Li"]
    del atoms[np.random.default_rng(seed).choice(lithium, 4, replace=False)]
    atoms.rattle(0.05, seed=seed)
    return atoms


CELLS: dict[str, Callable[[int], Atoms]] = {
    "MX2, 3 atoms": lambda seed: layer(seed, 1),
    "MX2, 12 sites": lambda seed: layer(seed, 2),
    "LNO, 44 atoms": lithium_nickelate,
}


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Return the processor's seconds that a call takes, and what it returns."""
    start = time.process_time()
    result = function(*arguments)
    return time.process_time() - start, result


def force_calls() -> None:
    """Time single calls."""
    engine = SevenNet(SevenNetSettings())
    calculator, graphs = engine.calculator(), SevenNetGraphs(engine.calculator())
    print("| Cell | at once | alone, ms a cell | together, ms a cell | Ratio |\n|---|---|---|---|---|")
    for name, make in CELLS.items():
        structures = [make(seed) for seed in range(max(AT_ONCE))]
        for at_once in AT_ONCE:
            if at_once * len(structures[0]) > 800:
                continue
            few = structures[: min(at_once, 4)]
            taken = []
            for _ in range(TURNS):
                alone = timed(_calls, calculator, few)[0] / len(few)
                taken.append((alone, timed(graphs, structures[:at_once])[0] / at_once))
            alone, together = (1e3 * min(column) for column in zip(*taken, strict=True))
            print(f"| {name} | {at_once} | {alone:.1f} | {together:.1f} | {alone / together:.2f} |", flush=True)


def _calls(calculator: Any, structures: list[Atoms]) -> None:
    for atoms in structures:
        calculator.reset()
        calculator.calculate(atoms, ["energy"], [])


def relaxations() -> None:
    """Time whole relaxations."""
    single, several = OneByOne(SevenNetSettings()), SevenNet(SevenNetSettings())
    print("\n| Structure | Cell free | steps | alone, labels/s | together, labels/s | Ratio | Apart, meV/atom |")
    print("|---|---|---|---|---|---|---|")
    for name, make in list(CELLS.items())[1:]:
        crystals = [Crystal.from_ase(make(seed)) for seed in range(RELAXED if "MX2" in name else 4)]
        for cell in (False, True):
            relax = Relaxation(cell=cell, fmax=0.02, steps=100)
            alone, one_by_one = timed(_relaxed, single, crystals, relax)
            together, at_once = timed(several.compute_together, crystals, relax)
            apart = max(
                1e3 * abs(a.energy - b.energy) / len(a.crystal)
                for a, b in zip(one_by_one, at_once, strict=True)
                if a.converged and b.converged
            )
            steps = np.mean([outcome.steps for outcome in one_by_one])
            rates = len(crystals) / alone, len(crystals) / together
            print(
                f"| {name} | {'yes' if cell else 'no'} | {steps:.0f} | {rates[0]:.2f} | {rates[1]:.2f} "
                f"| {alone / together:.2f} | {apart:.3f} |",
                flush=True,
            )


def _relaxed(engine: SevenNet, crystals: list[Crystal], relax: Relaxation) -> list[Any]:
    return [engine.compute(crystal, relax) for crystal in crystals]


def main() -> None:
    """Time and print."""
    warnings.simplefilter("ignore")
    if "--two" in sys.argv[1:]:
        processes = [subprocess.Popen([sys.executable, __file__]) for _ in range(2)]
        sys.exit(max(process.wait() for process in processes))
    print(f"At most {sevennet.ATOMS_AT_ONCE} atoms share a call of a relaxation.\n")
    force_calls()
    relaxations()


if __name__ == "__main__":
    main()
