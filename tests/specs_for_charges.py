"""A layered cathode with nickel in two oxidation states and lithium vacancies, as a user would write it."""

LNMO = """
name: lnmo
version: 0.1.0
title: Layered LiNi0.5Mn0.5O2 with vacancies
parent:
  spacegroup: R-3m
  lattice: {a: 2.88, c: 14.2}
  sites: {Li: [0, 0, 1/2], Ni: [0, 0, 0], O: [0, 0, 0.26]}
  oxidation_states: {Ni: 3, O: -2}
  provenance: {source: made up for a test}
supercell: [2, 1, 1]
sublattices:
  Li: {Li+: rest, vacancy: 0..2}
  Ni: {Ni2+: 0..3, Ni3+: 0..3, Mn4+: 3}
moments: {Ni2+: 1.7, Ni3+: 1, Mn4+: 3}
configurations: {where: {charges: neutral}}
"""
