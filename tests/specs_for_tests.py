"""The specs that tests use, by what they hold.

Words in capitals are places that a test fills. Two files have specs of their own, since their tests count its lines:
``spec/rock_salt.py`` and ``hostile/test_hostile_specs.py``. Parts of specs stand with the helpers that complete them.
"""

FETCHED = """
name: salt
version: 1.0.0
title: MgO with calcium
parent: {materials_project: mp-1265}
supercell: [1, 1, 1]
sublattices: {Mg: {Ca: 0..2, Mg: rest}}
splits: {random: {train: 0.5, test: 0.5}}
"""
"""MgO whose parent is fetched from the Materials Project."""

TWO_SALTS = """
name: salts
version: 1.0.0
title: MgO and CaO with strontium
parent: {spacegroup: Fm-3m, provenance: {source: a test}}
supercell: [1, 1, 1]
spaces:
  MgO:
    parent: {lattice: {a: 4.2}, sites: {Mg: [0, 0, 0], O: [0.5, 0.5, 0.5]}}
    sublattices: {Mg: {Sr: 0..4, Mg: rest}}
  CaO:
    parent: {lattice: {a: 4.8}, sites: {Ca: [0, 0, 0], O: [0.5, 0.5, 0.5]}}
    sublattices: {Ca: {Sr: 0..4, Ca: rest}}
splits:
  folds: {by: k-fold, folds: 3}
  random: {train: 0.6, test: 0.4}
"""
"""Two spaces with one dopant, and two splits."""

ALLOY = """
name: alloy
version: 1.0.0
title: Gold in copper
parent:
  spacegroup: Fm-3m
  lattice: {a: 3.7}
  sites: {Cu: [0, 0, 0]}
  provenance: {source: a test}
supercell: SUPERCELL
sublattices: {Cu: {Au: CONTENT, Cu: rest}}
configurations: SELECTION
labels:
  - {engine: ewald, charges: {Cu: 1, Au: 1}, background: true}
"""
"""Gold in copper with point charges; SUPERCELL, CONTENT and SELECTION are to be given."""

DEFECTIVE_SALT = """
name: salt
version: 1.0.0
title: Defects in a salt
parent:
  spacegroup: Pm-3m
  lattice: {a: 4.0}
  sites: {Na: [0, 0, 0], Cl: [1/2, 1/2, 1/2]}
  provenance: {source: a test}
supercell: [2, 1, 1]
sublattices: {Na: {Na: rest, K: 0..1, vacancy: 0..1}}
configurations: {select: all}
reference_phases:
  NaCl:
    spacegroup: Pm-3m
    lattice: {a: 4.0}
    sites: {Na: [0, 0, 0], Cl: [1/2, 1/2, 1/2]}
    provenance: {source: a test}
  Na: {spacegroup: Im-3m, lattice: {a: 4.3}, sites: {Na: [0, 0, 0]}, cell: true, provenance: {source: a test}}
  K: {spacegroup: Im-3m, lattice: {a: 5.3}, sites: {K: [0, 0, 0]}, cell: true, provenance: {source: a test}}
labels:
  - {engine: sevennet, model: 7net-0, relax: {cell: false}}
"""
"""Vacancies and a dopant, with all reference phases of defect formation energies."""

TWO_DOPANTS = """
name: rock-salt
version: 1.0.0
title: Two dopants in MgO, for tests
parent:
  spacegroup: Fm-3m
  lattice: {a: 4.2}
  sites: {Mg: [0, 0, 0], O: [1/2, 1/2, 1/2]}
  provenance: {source: a test}
supercell: [1, 1, 1]
spaces:
  ca:
    groups: {dopant: Ca}
    sublattices: {Mg: {Ca: 0..3, Mg: rest}, O: {vacancy: 0..2, O: rest}}
  sr:
    groups: {dopant: Sr}
    sublattices: {Mg: {Mg: rest, Sr: 0..2}, O: {vacancy: 0..2, O: rest}}
"""
"""Two spaces in one host, each with a dopant and vacancies, in groups."""

NAMED_CONTENTS = """
name: types
version: 1.0.0
title: Named contents, for tests
extends: rock-salt.yaml
spaces: {sr: null, ca: {contents: {none: {}, one: {Ca: 1}, pair: {Ca: 1, vacancy: 1}, two: {Ca: 2, vacancy: 2}}}}
"""
"""The first space of `TWO_DOPANTS`, there as ``rock-salt.yaml``, with named contents."""

SIZES = """
name: fcc
version: 1.0.0
title: Face-centred cubic alloys
parent: {spacegroup: Fm-3m, lattice: {a: 4.0}, sites: {Cu: [0, 0, 0]}, provenance: {source: a test}}
supercell: {sizes: SIZES}
sublattices: {Cu: {Cu: rest, Au: CONTENT}}
splits: {random: {train: 0.5, test: 0.5}}
"""
"""An alloy in supercells of several sizes; SIZES and CONTENT are to be given."""

LONG_MAGNESIA = """\
name: mgo
version: 1.0.0
title: MgO with calcium
parent:
  spacegroup: Fm-3m
  lattice: {a: 4.2}
  sites: {Mg: [0, 0, 0], O: [1/2, 1/2, 1/2]}
  provenance: {source: a test}
supercell: [1, 1, 2]
sublattices: {Mg: {Ca: 0..3, Mg: rest}}
splits: {random: {train: 0.5, test: 0.5}}
"""
"""MgO with calcium in two cells."""

MAGNESIA = """
name: salt
version: 1.0.0
title: MgO with calcium
parent:
  spacegroup: Fm-3m
  lattice: {a: 4.2}
  sites: {Mg: [0, 0, 0], O: [0.5, 0.5, 0.5]}
  provenance: {source: a test}
supercell: [1, 1, 1]
sublattices: {Mg: {Ca: 0..4, Mg: rest}}
splits: {random: {train: 0.5, test: 0.5}}
"""
"""MgO with calcium in one cell."""

ALLOY_WITH_VACANCIES = """
name: alloy
version: 1.0.0
title: Gold and vacancies in copper
parent:
  spacegroup: Fm-3m
  lattice: {a: 3.7}
  sites: {Cu: [0, 0, 0]}
  provenance: {source: a test}
supercell: [2, 2, 2]
sublattices: {Cu: {vacancy: 2, Au: 4, Cu: rest}}
configurations: {select: uniform, count: COUNT, seed: 0}
labels:
  - {engine: ase, calculator: counted}
"""
"""COUNT configurations of copper with gold and vacancies, by a calculator of the user's list."""

COPPER = """
name: copper
version: 1.0.0
title: Vacancies in copper
parent:
  spacegroup: Fm-3m
  lattice: {a: 3.6}
  sites: {Cu: [0, 0, 0]}
  provenance: {source: a test}
supercell: [2, 2, 2]
sublattices: {Cu: CONTENT}
PATHWAY
labels: [LABEL]
"""
"""Copper; CONTENT, PATHWAY and LABEL are to be given."""

SMALL_SHEET = """
name: small
version: 1.0.0
title: Defects in a small layer of MoS2
supercell: [2, 2, 1]
spaces:
  MoS2:
    parent:
      spacegroup: P-6m2
      lattice: {a: 3.19, c: 14.88}
      sites: {Mo: [1/3, 2/3, 0], S: [2/3, 1/3, 0.105]}
      provenance: {source: a test}
    sublattices:
      M: {sites: [Mo], species: {W: 0..1, Mo: rest}}
      X: {sites: [S], species: {vacancy: 0..1, Se: 0..1, S: rest}}
    contents: {X1: {X.vacancy: 1}, X3: {X.Se: 1}, X5: {X.vacancy: 1, X.Se: 1}, S2: {M.W: 1, X.vacancy: 1}}
"""
"""MoS2 with the defect types of 2DMD as named contents, in a small cell."""

DOPED_BORON_NITRIDE = """
name: doped
version: 1.0.0
title: Carbon in boron nitride
parent:
  spacegroup: P-6m2
  lattice: {a: 2.512, c: 8}
  sites: {B: [1/3, 2/3, 0], N: [2/3, 1/3, 0]}
  provenance: {source: a test}
supercell: [2, 1, 1]
sublattices: {B: {C: 1, B: rest}}
configurations: {select: all}
labels: [{engine: gpaw, cutoff: 300, kpoint_density: 1.5}]
"""
"""Carbon in boron nitride by DFT: four atoms."""

SALT = """
name: salt
version: 1.0.0
title: Vacancies in rock salt
parent:
  spacegroup: Fm-3m
  lattice: {a: 5.6}
  sites: {Na: [0, 0, 0], Cl: [1/2, 1/2, 1/2]}
  provenance: {source: a test}
supercell: [2, 2, 2]
sublattices: {Na: {vacancy: 1, Na: rest}}
MORE
labels: [LABEL]
"""
"""Vacancies in rock salt; MORE and LABEL, on line 13, are to be given."""

POTASSIUM_HOPS = """
name: kfeo2
version: 1.0.0
title: Potassium hops in KFeO2
parent:
  spacegroup: Pbca
  lattice: {a: 5.727, b: 11.457, c: 16.207}
  sites: {K1: [.2384, .5091, .9404], K2: [.2800, .2668, .8154], Fe1: [.2281, .5105, .6899], Fe2: [.2665, .2638, .5651],
    O1: [.0506, .4812, .7876], O2: [.0419, .1927, .4941], O3: [.1320, .4062, .6041], O4: [.3369, .3323, .1577]}
  provenance: {source: a test}
supercell: [2, 1, 1]
sublattices: {K: {vacancy: 1, K: rest}, Fe: {Ti: 1, Fe: rest}}
pathway: {species: K, cutoff: 3.9}
configurations: {select: uniform, count: 1}
labels:
  - {engine: neb, forces: {engine: chgnet}, relax: {cell: false}}
"""
"""One hop in KFeO2 with titanium, from its published structure."""

SALT_SPACES = """
name: salt
version: 1.0.0
title: Two sublattices with vacancies, two supercells and a hop
spaces:
  small:
    supercell: [2, 2, 2]
  large:
    supercell: [2, 2, 4]
  hops:
    supercell: [3, 3, 3]
    pathway: {species: Na, cutoff: 4.1}
parent:
  spacegroup: Pm-3m
  lattice: {a: 4.0}
  sites: {Na: [0, 0, 0], Cl: [1/2, 1/2, 1/2]}
  provenance: {source: a test}
sublattices: {Na: {vacancy: 1..2, K: 0..1, Na: rest}, Cl: {Br: 0..2, Cl: rest}}
configurations: {select: uniform, count: 40, seed: 0}
"""
"""Two sublattices in two supercells, and hops in a third."""

LITHIUM_HOPS = """
name: hops
version: 1.0.0
title: Hops in rock salt
parent:
  spacegroup: Fm-3m
  lattice: {a: 5.6}
  sites: {Li: [0, 0, 0], O: [1/2, 1/2, 1/2]}
  provenance: {source: a test}
supercell: [2, 2, 2]
sublattices: {Li: {Li: rest, vacancy: 1, Na: 2}}
pathway: {species: Li, cutoff: 4.0}
configurations: {select: uniform, count: COUNT, seed: 0}
"""
"""COUNT hops in rock salt beside sodium."""

SALT_OF_TWO_DOPANTS = """
name: salt
version: 1.0.0
title: Vacancies and two dopants in a cubic salt
parent:
  spacegroup: Pm-3m
  lattice: {a: 4.0}
  sites: {Na: [0, 0, 0], Cl: [1/2, 1/2, 1/2]}
  provenance: {source: a test}
supercell: [3, 3, 3]
sublattices: {Na: {vacancy: 0..1, K: 0..1, Na: rest}, Cl: {Br: 0..1, Cl: rest}}
configurations: {select: all}
"""
"""Every configuration of up to a vacancy and two dopants."""

SALT_WITH_BROMINE = """
name: case
version: 1.0.0
title: A case
parent:
  spacegroup: Pm-3m
  lattice: {a: 4.0}
  sites: {Na: [0, 0, 0], Cl: [1/2, 1/2, 1/2]}
  provenance: {source: a test}
supercell: [3, 3, 3]
sublattices: {Na: {vacancy: 1, Na: rest}, Cl: {Br: 0..2, Cl: rest}}
"""
"""Sodium vacancies with up to two dopants on the other sublattice."""

COPPER_HOPS = """
name: hops
version: 1.0.0
title: Hops of a vacancy in copper with gold
parent:
  spacegroup: Fm-3m
  lattice: {a: 3.6}
  sites: {Cu: [0, 0, 0]}
  provenance: {source: a test}
supercell: [2, 2, 2]
sublattices: {Cu: {vacancy: 1, Au: 1, Cu: rest}}
pathway: {species: Cu, cutoff: 2.7}
labels:
  - {engine: neb, forces: {engine: ase, calculator: emt}, relax: {cell: false}, name: band}
targets:
  migration_barrier: {unit: eV}
"""
"""Hops beside gold in copper, by elastic bands of effective-medium theory."""

COPPER_GOLD = """
name: copper-gold
version: 1.0.0
title: Gold in copper
parent:
  spacegroup: Fm-3m
  lattice: {a: 3.8}
  sites: {Cu: [0, 0, 0]}
  provenance: {source: a test}
supercell: [2, 1, 1]
SUBLATTICES
reference_phases:
  Cu: {spacegroup: Fm-3m, lattice: {a: 3.6}, sites: {Cu: [0, 0, 0]}, provenance: {source: a test}}
  Au: {spacegroup: Fm-3m, lattice: {a: 4.08}, sites: {Au: [0, 0, 0]}, provenance: {source: a test}}
labels:
  - {engine: ase, calculator: emt, name: emt RELAX}
targets:
  TARGET
splits:
  random: {by: random, train: 0.5, validation: 0.2, test: 0.3, seed: 0}
"""
"""Gold in copper by effective-medium theory; SUBLATTICES, RELAX and TARGET are to be given."""

SHEET = """
name: sheet
version: 1.0.0
title: A sheet
parent:
  spacegroup: P-6m2
  lattice: {a: 3.19, c: 14.9}
  sites: {Mo: [1/3, 2/3, 0], S: [2/3, 1/3, 0.105]}
  provenance: {source: a test}
supercell: [3, 3, 1]
sublattices:
  M: {sites: [Mo], species: {vacancy: 0..1, W: 0..1, Mo: rest}}
  X: {sites: [S], species: {vacancy: 0..2, Se: 0..2, S: rest}}
"""
"""MoS2 with defects on both sublattices."""
