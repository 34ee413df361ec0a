"""Run one other code on one case: `python peers.py CODE CASE.json` prints its number and seconds as JSON.

Imported by nothing: it runs under whichever Python has the other codes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any


def _structure(case: dict[str, Any], content: list[list[int]] | None) -> Any:
    """Return the supercell; with a content, its sublattices are partly occupied."""
    from pymatgen.core import Composition, DummySpecies, Lattice, Structure

    species: list[Any] = list(case["species"])
    for sublattice, counts in zip(case["sublattices"], content or [], strict=False):
        total = sum(counts)
        held = {
            (DummySpecies("X", 0) if name == "vacancy" else name): n / total
            for name, n in zip(sublattice["species"], counts, strict=True)
            if n
        }
        for site in sublattice["sites"]:
            species[site] = Composition(held)
    return Structure(Lattice(case["lattice"]), species, case["positions"], coords_are_cartesian=True)


def _together(site: Any) -> str:
    """Let SHRY spread a content over all sites that hold the same species, whatever their Wyckoff orbit."""
    return str(site.species)


def shry(case: dict[str, Any]) -> int:
    """Count the patterns that SHRY generates."""
    from shry.core import Substitutor

    total = 0
    for content in case["contents"]:
        structure = _structure(case, content)
        if structure.is_ordered:
            total += 1
            continue
        total += sum(1 for _ in Substitutor(structure, groupby=_together, symprec=1e-3).make_patterns())
    return total


def bsym(case: dict[str, Any]) -> int:
    """Count the structures that bsym makes on one sublattice."""
    from bsym.interface.pymatgen import unique_structure_substitutions

    (sublattice,) = case["sublattices"]
    host = _structure(case, None)
    for site in sublattice["sites"]:
        host.replace(site, "Og")
    total = 0
    for content in case["contents"]:
        wanted = {
            ("Rn" if name == "vacancy" else name): n
            for name, n in zip(sublattice["species"], content[0], strict=True)
            if n
        }
        total += 1 if len(wanted) == 1 else len(unique_structure_substitutions(host, "Og", wanted, show_progress=False))
    return total


def icet(case: dict[str, Any]) -> int:
    """Count the structures that icet enumerates on the supercell as a cell of its own."""
    from ase import Atoms
    from icet.tools import enumerate_structures

    atoms = Atoms(case["species"], positions=case["positions"], cell=case["lattice"], pbc=True)
    symbols = [[s] for s in case["species"]]
    for sublattice in case["sublattices"]:
        for site in sublattice["sites"]:
            symbols[site] = ["X" if s == "vacancy" else s for s in sublattice["species"]]
    total = 0
    for content in case["contents"]:
        wanted = {
            ("X" if s == "vacancy" else s): (n / len(atoms), n / len(atoms))
            for sublattice, counts in zip(case["sublattices"], content, strict=True)
            for s, n in zip(sublattice["species"], counts, strict=True)
        }
        total += sum(
            1 for _ in enumerate_structures(atoms, [1], symbols, concentration_restrictions=wanted, symprec=1e-3)
        )
    return total


def dsenum(case: dict[str, Any]) -> int:
    """Count the structures that dsenum makes on the supercell as a cell of its own, with zero-suppressed diagrams."""
    from dsenum import ZddStructureEnumerator

    host = _structure(case, None)
    total = 0
    for content in case["contents"]:
        colours = list(dict.fromkeys(case["species"]))
        sites = [[colours.index(s)] for s in case["species"]]
        numbers = [case["species"].count(s) for s in colours]
        for sublattice, counts in zip(case["sublattices"], content, strict=True):
            placed = [(s, n) for s, n in zip(sublattice["species"], counts, strict=True) if n]
            for site in sublattice["sites"]:
                numbers[colours.index(case["species"][site])] -= 1
                sites[site] = list(range(len(colours), len(colours) + len(placed)))
            colours += [s for s, _ in placed]
            numbers += [n for _, n in placed]
        kept = [i for i, n in enumerate(numbers) if n]
        found = ZddStructureEnumerator(
            host,
            index=1,
            num_types=len(kept),
            mapping_color_species=[_species(colours[i]) for i in kept],
            composition_constraints=[numbers[i] for i in kept],
            base_site_constraints=[[kept.index(i) for i in allowed] for allowed in sites],
            remove_superperiodic=False,
            remove_incomplete=False,
            verbose=False,
        )
        total += len(found.generate(output="poscar"))
    return total


def _species(name: str) -> Any:
    from pymatgen.core import DummySpecies, Element

    return DummySpecies("X", 0) if name == "vacancy" else Element(name)


def supercell(case: dict[str, Any]) -> int:
    """Count the configurations that the ``supercell`` binary is left with after merging; it writes no structures."""
    total = 0
    for content in case["contents"]:
        structure = _structure(case, content)
        if structure.is_ordered:
            total += 1
            continue
        Path("case.cif").write_text(_cif(structure))
        command = ["supercell", "-i", "case.cif", "-s", "1x1x1", "-m", "-d", "-v", "2"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        total += int(output.rpartition("Combinations after merge:")[2].split()[0])
    return total


def _cif(structure: Any) -> str:
    """Write a CIF file without symmetry; sites that share a label are filled together, and vacancies are left out."""
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lines = ["data_case", *(f"_cell_{n} {x:.9f}" for n, x in zip(names, structure.lattice.parameters, strict=True))]
    lines += ["_symmetry_space_group_name_H-M 'P 1'", "loop_", "_symmetry_equiv_pos_as_xyz", "'x, y, z'", "loop_"]
    lines += [f"_atom_site_{n}" for n in ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")]
    for site in structure:
        place = " ".join(f"{x:.9f}" for x in site.frac_coords)
        lines += [f"{s.symbol}1 {s.symbol} {place} {n:.9f}" for s, n in site.species.items() if s.symbol != "X"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Time the code that was asked for."""
    code, file = sys.argv[1:3]
    case = json.loads(Path(file).read_text())
    warnings.simplefilter("ignore")
    if code != "supercell":  # a program, not a package
        __import__(code)
    start = time.perf_counter()
    number = {"shry": shry, "bsym": bsym, "icet": icet, "dsenum": dsenum, "supercell": supercell}[code](case)
    print(json.dumps({"number": number, "seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main()
