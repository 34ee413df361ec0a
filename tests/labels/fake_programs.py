"""Programs in the place of pw.x and vasp: they read the inputs that ASE writes and answer with effective-medium theory.

FAKE tells them to misbehave: ``unconverged``, ``stopped`` (Quantum ESPRESSO's own word for it) or ``crash``.
"""

from __future__ import annotations

import stat
import sys
from pathlib import Path

PW = """
import os, sys
from ase.calculators.emt import EMT
from ase.io import read
from ase.units import Bohr, Ry
atoms = read(sys.argv[sys.argv.index("-in") + 1], format="espresso-in")
fake = os.environ.get("FAKE", "")
if fake == "crash":
    sys.exit("Error in routine readpp")
atoms.calc = EMT()
print("     Program PWSCF v.7.3 starts")
print("     number of atoms/cell      = ", len(atoms))
print("     number of atomic types    = ", len(set(atoms.symbols)))
print("     celldm(1)= %.9f" % (1 / Bohr))
print("     crystal axes: (cart. coord. in units of alat)")
for i, row in enumerate(atoms.cell):
    print("  a(%d) = ( %.9f %.9f %.9f )" % (i + 1, *row))
print("     site n.     atom                  positions (alat units)")
for i, atom in enumerate(atoms):
    print("  %d  %s  tau( %d) = ( %.9f %.9f %.9f )" % (i + 1, atom.symbol, i + 1, *atom.position))
print()
if fake == "stopped":
    print("     convergence NOT achieved after 100 iterations: stopping")
    sys.exit(2)
print("!    total energy              = %.10f Ry" % (atoms.get_potential_energy() / Ry))
print()
print("     Forces acting on atoms (cartesian axes, Ry/au):")
print()
for i, force in enumerate(atoms.get_forces() / Ry * Bohr):
    print("     atom %d type 1   force = %.9f %.9f %.9f" % (i + 1, *force))
print()
"""
VASP = """
import os, sys
from ase.calculators.emt import EMT
from ase.io import read
atoms = read("POSCAR", format="vasp")
fake = os.environ.get("FAKE", "")
if fake == "crash":
    sys.exit("internal error in subroutine SGRCON")
atoms.calc = EMT()
energy = atoms.get_potential_energy()
rows = lambda array: "".join("<v>%.9f %.9f %.9f</v>" % tuple(row) for row in array)
crystal = "<crystal><varray name='basis'>" + rows(atoms.cell) + "</varray></crystal>"
structure = crystal + "<varray name='positions'>" + rows(atoms.get_scaled_positions()) + "</varray>"
energies = "<energy><i name='e_fr_energy'>%.9f</i><i name='e_0_energy'>%.9f</i></energy>" % (energy, energy)
with open("vasprun.xml", "w") as file:
    file.write("<modeling><kpoints><varray name='kpointlist'><v>0 0 0</v></varray>")
    file.write("<varray name='weights'><v>1</v></varray></kpoints><atominfo><array name='atoms'><set>")
    file.write("".join("<rc><c>%s</c><c>1</c></rc>" % symbol for symbol in atoms.symbols))
    file.write("</set></array></atominfo><structure name='initialpos'>" + structure + "</structure>")
    file.write("<calculation><scstep>" + energies + "</scstep><structure>" + structure + "</structure>" + energies)
    file.write("<varray name='forces'>" + rows(atoms.get_forces()) + "</varray>")
    file.write("<varray name='stress'>" + rows([[0, 0, 0]] * 3) + "</varray>")
    file.write("<dos><i name='efermi'>5.0</i></dos></calculation></modeling>")
with open("OUTCAR", "w") as file:
    file.write(" vasp.6.4.2 20Jul23\\n   NBANDS=  8\\n")
    if fake == "unconverged":
        file.write(" aborting loop EDIFF was not reached (unconverged)\\n")
    else:
        file.write(" aborting loop because EDIFF is reached\\n")
"""
LIST = """
ase:
  pw:
    calculator: espresso
    version: PWSCF 7.3
    command: "COMMAND_PW"
    configuration: {pseudo_dir: FOLDER}
    level_of_theory: PBE, made-up pseudopotentials, 60 Ry
    machine_learned: false
    settings:
      pseudopotentials: {Cu: Cu.upf}
      input_data: {ecutwfc: 60, tprnfor: true}
  vasp:
    calculator: vasp
    version: VASP 6.4.2
    command: "COMMAND_VASP"
    level_of_theory: PBE, PAW, 400 eV
    machine_learned: false
    settings: {xc: PBE, encut: 400}
"""


def programs(folder: Path) -> Path:
    """Write both programs and a list that names them as ``pw`` and ``vasp``; return the list's path."""
    text = LIST.replace("FOLDER", str(folder))
    for name, lines in (("PW", PW), ("VASP", VASP)):
        program = folder / f"fake_{name.lower()}"
        program.write_text(f"#!{sys.executable}{lines}")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        text = text.replace(f"COMMAND_{name}", str(program))
    potentials = folder / "potentials" / "potpaw_PBE" / "Cu"
    potentials.mkdir(parents=True)
    (potentials / "POTCAR").write_text("  PAW_PBE Cu\n   ENMAX  =  295.446\n")
    (folder / "engines.yaml").write_text(text)
    return folder / "engines.yaml"
