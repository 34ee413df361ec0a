"""What runs of VASP leave behind, with the fields that are read; written here, none is copied."""

from __future__ import annotations

from pathlib import Path

import ase

INITIAL, FINAL = ' name="initialpos"', ' name="finalpos"'
TITLES = {"Li": "PAW_PBE Li_sv 10Sep2004", "Ni": "PAW_PBE Ni_pv 06Sep2000", "O": "PAW_PBE O 08Apr2002"}


def vectors(rows) -> str:
    return "".join("<v>{:.10f} {:.10f} {:.10f}</v>\n".format(*row) for row in rows)


def structure(atoms: ase.Atoms, name: str) -> str:
    return (
        f'<structure{name}><crystal><varray name="basis">{vectors(atoms.cell)}</varray>'
        f'<i name="volume">{atoms.get_volume():.6f}</i></crystal>'
        f'<varray name="positions">{vectors(atoms.get_scaled_positions(wrap=False))}</varray></structure>'
    )


def write_vasprun(
    folder: Path,
    atoms: ase.Atoms,
    energy: float,
    *,
    cutoff: float = 520.0,
    hubbard: dict[str, float] | None = None,
    steps: int = 3,
    electronic: int = 10,
    mesh: tuple[int, int, int] = (4, 4, 2),
    titles: dict[str, str] = TITLES,
) -> Path:
    """Write a relaxation of `steps` of at most 99 steps, each of `electronic` of at most 60."""
    symbols = list(dict.fromkeys(atoms.get_chemical_symbols()))
    numbers = [atoms.get_chemical_symbols().count(s) for s in symbols]
    u = " ".join(f"{(hubbard or {}).get(s, 0.0):.2f}" for s in symbols)
    zeros = " ".join("0.00" for _ in symbols)
    parameters = (
        f'<i name="ENMAX">{cutoff:.8f}</i><i type="int" name="NSW">99</i><i type="int" name="NELM">60</i>'
        '<i type="int" name="NELMIN">2</i><i type="int" name="IBRION">2</i><i type="int" name="ISPIN">2</i>'
        f'<i type="logical" name="LDAU">{"T" if hubbard else "F"}</i><v name="LDAUU">{u}</v>'
        f'<v name="LDAUJ">{zeros}</v><i type="string" name="GGA">PE</i>'
        '<i type="logical" name="LHFCALC">F</i><i name="AEXX">0.0</i><i name="HFSCREEN">0.0</i>'
        '<i type="string" name="METAGGA">--</i>'
        '<i type="int" name="IVDW">0</i><i type="logical" name="LUSE_VDW">F</i><i name="EDIFF">0.00001</i>'
    )
    electronic_step = (
        f'<scstep><energy><i name="e_fr_energy">{energy - 0.2:.8f}</i><i name="e_wo_entrp">{energy + 0.2:.8f}</i>'
        f'<i name="e_0_energy">{energy:.8f}</i></energy></scstep>'
    )
    calculation = (
        f"<calculation>{electronic_step * electronic}{structure(atoms, '')}"
        f'<varray name="forces">{vectors([(0, 0, 0)] * len(atoms))}</varray>'
        f'<energy><i name="e_fr_energy">{energy - 0.2:.8f}</i><i name="e_wo_entrp">{energy + 0.2:.8f}</i>'
        f'<i name="e_0_energy">{energy:.8f}</i></energy></calculation>'
    )
    atoms_ = "".join(f"<rc><c>{s}</c><c>{symbols.index(s) + 1}</c></rc>" for s in atoms.get_chemical_symbols())
    types = "".join(
        f"<rc><c>{n}</c><c>{s}</c><c>1.0</c><c>1.0</c><c>{titles[s]}</c></rc>"
        for n, s in zip(numbers, symbols, strict=True)
    )
    divisions = " ".join(map(str, mesh))
    text = (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n'
        '<generator><i name="program" type="string">vasp</i><i name="version" type="string">6.4.2</i>'
        '<i name="subversion" type="string">made for a test</i></generator>'
        f'<incar><i name="ENCUT">{cutoff:.2f}</i></incar>'
        f'<kpoints><generation param="Gamma"><v type="int" name="divisions">{divisions}</v>'
        '<v name="usershift">0.0 0.0 0.0</v></generation>'
        f'<varray name="kpointlist">{vectors([(0, 0, 0)])}</varray><varray name="weights"><v>1.0</v></varray></kpoints>'
        f'<parameters><separator name="all">{parameters}</separator></parameters>'
        f'<atominfo><atoms>{len(atoms)}</atoms><types>{len(symbols)}</types><array name="atoms"><set>{atoms_}</set>'
        f'</array><array name="atomtypes"><set>{types}</set></array></atominfo>'
        f"{structure(atoms, INITIAL)}{calculation * steps}{structure(atoms, FINAL)}"
        "</modeling>\n"
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "vasprun.xml"
    path.write_text(text)
    return path


def write_outcar(folder: Path, atoms: ase.Atoms, energy: float, *, u: str = "", done: bool = True) -> None:
    """Write an OUTCAR with the lines that are read, and the CONTCAR beside it."""
    symbols = list(dict.fromkeys(atoms.get_chemical_symbols()))
    lines = [" vasp.6.4.2 20Jul23 (build) complex", *(f"   TITEL  = {TITLES[s]}" for s in symbols)]
    lines += [" generate k-points for:    4    4    2", "   ENCUT  =  520.0 eV  38.22 Ry    6.18 a.u."]
    lines += [
        "   NELM   =     60;   NELMIN=  2; NELMDL= -5     # of ELM steps",
        "   NSW    =     99    number of steps",
    ]
    lines += ["   ISPIN  =      2    spin polarized calculation?", "   GGA     =    PE    GGA type"]
    lines += [f" U (eV)           for each species LDAUU =   {u}", " J (eV)   for each species LDAUJ =   0.0  0.0  0.0"]
    lines += ["--- Iteration      3(  10)  ---"]
    lines += [f"  energy  without entropy=  {energy + 0.2:.8f}  energy(sigma->0) =  {energy:.8f}"]
    lines += [" reached required accuracy - stopping structural energy minimisation"]
    lines += [" General timing and accounting informations for this job:"] if done else []
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "OUTCAR").write_text("\n".join([*lines, ""]))
    ase.io.write(folder / "CONTCAR", atoms, format="vasp", direct=True)
