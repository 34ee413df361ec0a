"""A spec that is right, for tests to make mistakes in; apart from `specs_for_tests`, since they count its lines."""

SPEC = """\
name: rock-salt
version: 1.0.0
title: Rock salt
parent:
  spacegroup: Fm-3m
  lattice: {a: 5.6}
  sites:
    Na: [0, 0, 0]
    Cl: [1/2, 1/2, 1/2]
  provenance: {source: textbook, verified: true}
supercell: [1, 1, 2]
sublattices:
  Na: {Na: rest, vacancy: 0..2}
  Cl:
    sites: [Cl]
    species: {Cl: 6..8, F: rest}
labels:
  - {engine: sevennet, relax: {cell: true}}
targets:
  formation_energy: {unit: eV}
splits:
  random: {train: 0.6}
"""


def changed(before, after):
    """Return the spec with something replaced that stands in it once."""
    assert SPEC.count(before) == 1
    return SPEC.replace(before, after)
