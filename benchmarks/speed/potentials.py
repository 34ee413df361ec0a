"""Time a force call of SevenNet-0 with the one-pass convolution, beside the calculator of its own package.

    OMP_NUM_THREADS=1 python benchmarks/speed/potentials.py

Energy, forces and stress of the host cell of some shipped domains, displaced a little before each call so that nothing
is remembered. Both take turns in one process on one thread; the median of the calls counts. Prints a Markdown table.
"""

from __future__ import annotations

import statistics
import time
import warnings

import numpy as np
from sevenn.calculator import SevenNetCalculator

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.structure import Crystal
from matbench_defects.labels.engines.sevennet import SevenNet, SevenNetSettings
from matbench_defects.shipped import find_spec
from matbench_defects.spec.loading import load_spec

DOMAINS = ("lno-cathode", "kfeo2-ti", "w-borides", "cspbi3", "2dmd-low")
CALLS = 7


def main() -> None:
    """Time and print."""
    warnings.simplefilter("ignore")
    calculators = [SevenNetCalculator("7net-0", device="cpu"), SevenNet(SevenNetSettings()).calculator()]
    print("| Host cell | Atoms | SevenNet's own, s | one pass, s | Ratio | Largest difference of a force, eV/Å |")
    print("|---|---|---|---|---|---|")
    for domain in DOMAINS:
        space = next(iter(build_spaces(load_spec(find_spec(domain))).values()))
        atoms = Crystal(space.lattice, space.host_species, space.positions).to_ase()
        seconds: tuple[list[float], list[float]] = ([], [])
        difference = 0.0
        for call in range(CALLS + 1):
            atoms.rattle(0.01, seed=call)
            forces = []
            for calculator, taken in zip(calculators, seconds, strict=True):
                atoms.calc = calculator
                start = time.perf_counter()
                forces.append(atoms.get_forces())
                taken.append(time.perf_counter() - start)
            difference = max(difference, float(np.abs(forces[0] - forces[1]).max()))
        own, fused = (statistics.median(taken[1:]) for taken in seconds)
        print(f"| `{domain}` | {len(atoms)} | {own:.2f} | {fused:.3f} | {own / fused:.1f} | {difference:.0e} |")


if __name__ == "__main__":
    main()
