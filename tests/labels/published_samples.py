"""Small published sets in the formats that are imported, written on the spot."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from specs_for_tests import SMALL_SHEET

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.finding import Finder
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.spec.loading import load_spec

TYPES = {
    "X1": [{"type": "vacancy", "element": "S"}],
    "X3": [{"type": "substitution", "from": "S", "to": "Se"}],
    "X5": [{"type": "vacancy", "element": "S"}, {"type": "substitution", "from": "S", "to": "Se"}],
    "S2": [{"type": "substitution", "from": "Mo", "to": "W"}, {"type": "vacancy", "element": "S"}],
}
POTENTIALS = {"Mo": -10.0, "S": -4.0, "W": -13.0, "Se": -3.5}
PRISTINE = -80.0


def small_finder() -> Finder:
    """Return what finds structures in the small spec."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_text(SMALL_SHEET)
        return Finder(load_spec(path))


def small_spaces():
    """Return the spaces of the small spec."""
    return small_finder().spaces


def samples():
    """Return id, type, crystal (shaken and turned, in another order) and total energy of every configuration."""
    space = small_spaces()["MoS2"]
    every = enumerate_configurations(space)
    generator = np.random.default_rng(0)
    turn, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    result = []
    for i, (id_, occupation) in enumerate(zip(every.ids(), every.occupations, strict=True)):
        ideal = Configuration(space, occupation).crystal
        order = generator.permutation(len(ideal))
        shaken = ideal.positions + generator.uniform(-0.1, 0.1, (len(ideal), 3)) + [1.0, 2.0, 0.3]
        crystal = Crystal(ideal.lattice @ turn, tuple(ideal.species[j] for j in order), (shaken @ turn)[order])
        result.append((id_, space.meant[space.content(occupation)], crystal, -70.0 - 0.5 * i))
    return result


def formation_energy(kind: str, energy: float) -> float:
    """Return the formation energy of all defects of a type, eV."""
    total = energy - PRISTINE
    for defect in TYPES[kind]:
        total += POTENTIALS[defect.get("element") or defect["from"]]
        total -= POTENTIALS[defect["to"]] if "to" in defect else 0
    return total


def cif(crystal: Crystal) -> str:
    """Return a crystal as CIF text."""
    return crystal.to_pymatgen().to(fmt="cif")


def table(rows: list[dict]) -> str:
    """Return rows as CSV text."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def tar(members: dict[str, str]) -> bytes:
    """Return a compressed tar archive of texts."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return stream.getvalue()


def write_2dmd(folder: Path) -> Path:
    """Write the small set as 2DMD is laid out."""
    folder.mkdir(parents=True, exist_ok=True)
    found = samples()
    rows = [
        {"_id": f"s{i}", "descriptor_id": f"type-{kind}", "energy": energy, "homo": -1.0, "homo_lumo_gap_min": ""}
        for i, (_, kind, _, energy) in enumerate(found)
    ]
    targets = [
        {"_id": f"s{i}", "formation_energy_per_site": formation_energy(kind, energy) / len(TYPES[kind])}
        for i, (_, kind, _, energy) in enumerate(found)
    ]
    (folder / "defects.csv.gz").write_bytes(gzip.compress(table(rows).encode()))
    (folder / "targets.csv.gz").write_bytes(gzip.compress(table(targets[::-1]).encode()))
    (folder / "descriptors.csv").write_text(descriptors())
    (folder / "elements.csv").write_text(
        table([{"element": e, "chemical_potential": mu} for e, mu in POTENTIALS.items()])
    )
    (folder / "initial_structures.csv").write_text(
        table([{"": 0, "base": "MoS2", "cell_size": "(2, 2, 1)", "energy": PRISTINE, "fermi": 0.1}])
    )
    (folder / "initial.tar.gz").write_bytes(tar({f"s{i}.cif": cif(c) for i, (_, _, c, _) in enumerate(found)}))
    return folder


def write_pilot(folder: Path) -> Path:
    """Write the small set as the pilot of 2DMD is laid out."""
    write_2dmd(folder)
    found = samples()
    for name in ("defects.csv.gz", "initial.tar.gz"):
        (folder / name).unlink()
    data = [{"": f"type-{kind}", "structures": cif(crystal)} for _, kind, crystal, _ in found]
    targets = [
        {"_id": f"s{i}", "descriptor_id": f"type-{kind}", "energy": energy}
        for i, (_, kind, _, energy) in enumerate(found)
    ]
    (folder / "data.csv.gz").write_bytes(gzip.compress(table(data).encode()))
    (folder / "targets.csv.gz").write_bytes(gzip.compress(table(targets).encode()))
    return folder


def descriptors() -> str:
    """Return the table of defect types."""
    return table(
        [
            {"_id": f"type-{k}", "description": k, "base": "MoS2", "cell": "[2, 2, 1]", "pbc": "", "defects": str(d)}
            for k, d in TYPES.items()
        ]
    )


def write_zip(path: Path, folder: Path, top: str = "set/") -> Path:
    """Write the files of a folder as a ZIP archive."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, top + file.name)
    return path


def write_entries(path: Path) -> Path:
    """Write the small set as computed entries."""
    from pymatgen.entries.computed_entries import ComputedStructureEntry

    entries = [ComputedStructureEntry(c.to_pymatgen(), e, entry_id=f"s{i}") for i, (_, _, c, e) in enumerate(samples())]
    path.write_text(json.dumps([entry.as_dict() for entry in entries]))
    return path


def write_extxyz(path: Path) -> Path:
    """Write the small set as extended XYZ."""
    import ase.io
    from ase.calculators.singlepoint import SinglePointCalculator

    frames = []
    for i, (_, _, crystal, energy) in enumerate(samples()):
        atoms = crystal.to_ase()
        atoms.calc = SinglePointCalculator(atoms, energy=energy)
        atoms.info |= {"label": f"s{i}", "gap": 0.1 * i}
        frames.append(atoms)
    ase.io.write(path, frames, format="extxyz")
    return path


def write_csv(path: Path) -> Path:
    """Write the small set as a table with structure files."""
    rows = []
    for i, (_, _, crystal, energy) in enumerate(samples()):
        name, fmt = (f"cifs/s{i}.cif", "cif") if i % 2 else (f"s{i}.vasp", "poscar")
        (path.parent / name).parent.mkdir(exist_ok=True)
        (path.parent / name).write_text(crystal.to_pymatgen().to(fmt=fmt))
        rows.append({"structure": name, "energy [eV per cell]": energy, "gap": 0.1 * i, "comment": "x"})
    path.write_text(table(rows))
    return path
