"""What runs of pw.x leave behind, with the lines that are read; written here, none is copied."""

from __future__ import annotations

from pathlib import Path

import ase
from ase.units import Bohr, Ry

PSEUDOPOTENTIALS = {"Li": "Li.pbe-s.UPF", "Ni": "Ni.pbe-spn.UPF", "O": "O.pbe-n.UPF"}


def write_output(
    folder: Path,
    atoms: ase.Atoms,
    energy: float,
    *,
    cutoff: float = 60.0,
    smearing: str = "Methfessel-Paxton",
    entropy: float = 0.0,
    u: str = "",
    ending: str = "",
    done: bool = True,
) -> Path:
    """Write the output of a relaxation; `energy` (eV) is its free energy, and `entropy` minus T S."""
    alat = atoms.cell.lengths()[0]
    symbols = atoms.get_chemical_symbols()
    axes = [
        f"               a({k + 1}) = ( {v[0]:.10f} {v[1]:.10f} {v[2]:.10f} )" for k, v in enumerate(atoms.cell / alat)
    ]
    sites = [
        f"      {k + 1:5d}           {s:2s}  tau({k + 1:4d}) = ( {p[0]:.10f} {p[1]:.10f} {p[2]:.10f}  )"
        for k, (s, p) in enumerate(zip(symbols, atoms.positions / alat, strict=True))
    ]
    lines = [
        "",
        "     Program PWSCF v.7.2 starts on  1Jan2026 at 12: 0: 0 ",
        f"     lattice parameter (alat)  =   {alat / Bohr:12.6f}  a.u.",
        f"     unit-cell volume          =   {atoms.get_volume() / Bohr**3:12.4f} (a.u.)^3",
        f"     number of atoms/cell      =   {len(atoms):10d}",
        f"     number of atomic types    =   {len(set(symbols)):10d}",
        f"     kinetic-energy cutoff     =   {cutoff:12.4f}  Ry",
        "     Exchange-correlation= PBE",
        "                           (   1   4   3   4   0   0   0)",
        f"     celldm(1)= {alat / Bohr:10.6f}  celldm(2)=   0.000000  celldm(3)=   0.000000",
        "     celldm(4)=   0.000000  celldm(5)=   0.000000  celldm(6)=   0.000000",
        "",
        "     crystal axes: (cart. coord. in units of alat)",
        *axes,
        "",
        *(
            f"     PseudoPot. # {k + 1} for {s:2s} read from file:\n     ./pseudo/{PSEUDOPOTENTIALS[s]}"
            for k, s in enumerate(dict.fromkeys(symbols))
        ),
        "     atomic species   valence    mass     pseudopotential",
        *(f"        {s:2s}             1.00    10.00000     {s:2s}( 1.00)" for s in dict.fromkeys(symbols)),
        "",
        "     Starting magnetic structure ",
        *([f"     Hubbard parameters of DFT+U (Dudarev formulation) in eV:\n     {u}"] if u else []),
        "   Cartesian axes",
        "",
        "     site n.     atom                  positions (alat units)",
        *sites,
        "",
        f"     number of k points=     1  {smearing} smearing, width (Ry)=  0.0100",
        "                       cart. coord. in units 2pi/alat",
        "        k(    1) = (   0.0000000   0.0000000   0.0000000), wk =   2.0000000",
        "",
        "     Self-consistent Calculation",
        f"!    total energy              =  {energy / Ry:.8f} Ry",
        f"     smearing contrib. (-TS)   =  {entropy / Ry:.8f} Ry",
        ending or "     convergence has been achieved in  10 iterations",
        "=------------------------------------------------------------------------------=",
        *(["   JOB DONE."] if done else []),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "espresso.pwo"
    path.write_text("\n".join([*lines, ""]))
    return path
