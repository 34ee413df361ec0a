"""A kind of space that no file of the package knows: pairs of substituted neighbours, one of which is looked at.

All that it needs is the class below. It is counted, generated and named as the package's own kinds are, and a dataset
of it is built, parted by its own group and described by models of structures.
"""

from __future__ import annotations

import itertools
from typing import Annotated, ClassVar

import numpy as np
import pytest
from cases import PARENTS, orbits_of
from pydantic import Field

from matbench_defects.columns import Quantity
from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.canonical import configuration_of
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.edges import edge_types, edges_within
from matbench_defects.crystal.kinds.kind import Kind, Points, kinds
from matbench_defects.dataset.build import build_dataset
from matbench_defects.enumeration.counting import count_both, count_space
from matbench_defects.enumeration.identify import identify
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.enumeration.sampling import sample
from matbench_defects.errors import InputError
from matbench_defects.models.model import make_model
from matbench_defects.models.rows import Background, Rows
from matbench_defects.spec.fields import Species, StrictModel
from matbench_defects.spec.loading import load_spec


class PairSettings(StrictModel):
    species: Species
    cutoff: Annotated[float, Field(gt=0)]


class NeighbourPairs(Kind):
    """Both ends of an edge hold the same species; others may be substituted besides."""

    Settings: ClassVar[type[StrictModel]] = PairSettings
    grouping: ClassVar[str] = "pair"

    @classmethod
    def build(cls, space, settings):
        for i, sublattice in enumerate(space.sublattices):
            if settings.species in sublattice.species:
                held = sublattice.species.index(settings.species)
                edges = edges_within(space, i, settings.cutoff)
                return cls(Points(i, len(sublattice.species), edges, ((held, held),)))
        raise InputError(f"no sublattice holds {settings.species}", field="species")

    @classmethod
    def columns(cls):
        return [Quantity("Å", description="distance between the two sites of the pair").field("pair_length")]

    def column_values(self, configuration):
        space = configuration.space
        point = space.point(configuration.occupation)
        start, end = space.positions[space.variable_sites[self.points.sites[point]]]
        return {"pair_length": round(apart(space, start, end), 8)}

    def point_types(self, space):
        return edge_types(space, self.points)


def apart(space, start, end):
    """The distance to the nearest of 27 images, Å."""
    images = np.array(list(itertools.product((-1, 0, 1), repeat=3))) @ space.lattice
    return float(np.linalg.norm(end - start + images, axis=1).min())


@pytest.fixture(autouse=True, scope="module")
def registered():
    """In a file of its own the class would be decorated with this; here other tests shall not meet it."""
    kinds.register("neighbour-pairs")(NeighbourPairs)
    yield
    del kinds._entries["neighbour-pairs"]


SPEC = """
name: pairs
version: 1.0.0
title: Pairs of potassium
parent: PARENT, provenance: {source: a test}}
supercell: SUPERCELL
sublattices: SUBLATTICES
kind: {name: neighbour-pairs, species: K, cutoff: CUTOFF}
"""
CASES = [
    ("hexagonal", "[3, 3, 1]", "{Na: {K: 0..4, Na: rest}}", 3.1),
    ("hexagonal", "[3, 3, 1]", "{Na: {K: 3, vacancy: 0..1, Na: rest}, Cl: {Br: 0..1, Cl: rest}}", 3.1),
    ("rectangular", "[3, 3, 1]", "{Na: {K: 2..3, Na: rest}, Cl: {Br: 0..1, Cl: rest}}", 4.5),
    ("general", "[3, 1, 3]", "{Na: {vacancy: 1, K: 2..3, Na: rest}}", 3.1),
]


def load(folder, case, more=""):
    parent, supercell, sublattices, cutoff = case
    text = SPEC.replace("PARENT", PARENTS[parent]).replace("SUPERCELL", supercell)
    text = text.replace("SUBLATTICES", sublattices).replace("CUTOFF", str(cutoff))
    (folder / "spec.yaml").write_text(text + more)
    return load_spec(folder / "spec.yaml")


def by_brute_force(space, content, species, cutoff):
    """Every decoration of a content with every pair of two neighbouring atoms of a species marked in it."""
    (index,) = (i for i, s in enumerate(space.sublattices) if species in s.species)
    held, mark = space.sublattices[index].species.index(species), len(space.sublattices[index].species)
    where, positions = space.ranges[index], space.positions[space.variable_sites]
    for chosen in itertools.product(*map(words, content)):
        whole = [k for part in chosen for k in part]
        filled = [i for i in range(where.start, where.stop) if whole[i] == held]
        for pair in itertools.combinations(filled, 2):
            if apart(space, *positions[list(pair)]) <= cutoff:
                yield tuple(mark if i in pair else k for i, k in enumerate(whole))


def words(counts):
    """Every order of so many letters of each kind."""
    if not sum(counts):
        return {()}
    return {
        (k, *rest)
        for k, n in enumerate(counts)
        if n
        for rest in words(tuple(m - (j == k) for j, m in enumerate(counts)))
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[2]}")
def test_counts_orbits_and_ids_agree_with_brute_force(case, tmp_path):
    space = build_spaces(load(tmp_path, case))["pairs"]
    assert space.contents()
    for content in space.contents():
        orbits = orbits_of(space, by_brute_force(space, content, "K", case[3]))
        assert count_both(space, content) == (sum(orbits.values()), len(orbits))
        found = enumerate_configurations(space, [content])
        named = {}
        for id_, occupation, number in zip(found.ids(), found.occupations, found.multiplicities, strict=True):
            assert space.content(occupation) == content
            assert (configuration_of(space, id_) == occupation).all()
            (orbit,) = (orbit for orbit in orbits if tuple(occupation.tolist()) in orbit)
            assert orbits[orbit] == number
            named[id_] = orbit
        assert len(named) == len(set(named.values())) == len(orbits)
    every = set(enumerate_configurations(space).ids())
    assert len(every) == count_space(space)[1]
    for weighting in ("uniform", "by-multiplicity"):
        drawn = sample(space, min(5, len(every)), 0, weighting)
        assert set(drawn.ids()) <= every


def test_a_configuration_means_one_structure(tmp_path):
    space = build_spaces(load(tmp_path, CASES[1]))["pairs"]
    assert "holds neighbour-pairs, not structures" in identify(space, space.parent.crystal).reason
    for occupation in enumerate_configurations(space).occupations[::7]:
        (structure,) = space.end_points(occupation)
        assert space.structures.content(structure) == space.content(occupation)
        assert space.structures.site_species(structure) == space.site_species(occupation)
        assert identify(space.structures, Configuration(space, occupation).crystal).id is not None


def test_a_dataset_is_built_parted_and_learnt(tmp_path):
    case = ("hexagonal", "[3, 3, 3]", "{Na: {K: 2..4, Na: rest}}", 4.1)
    ids = enumerate_configurations(build_spaces(load(tmp_path, case))["pairs"]).ids()
    rows = [f"{id_},{-100 - i / 7}" for i, id_ in enumerate(ids)]
    (tmp_path / "energies.csv").write_text("\n".join(["id,energy", *rows]))
    spec = load(
        tmp_path,
        case,
        "labels: [{engine: table, file: energies.csv, unit: eV, per: cell, level_of_theory: by hand, "
        "machine_learned: false}]\n"
        "targets: {formation_energy: {unit: eV, per: formula_unit, end_members: [{K: 2}, {K: 4}]}}\n"
        "splits: {random: {train: 0.6, test: 0.4}, pairs: {by: leave-one-group-out.pair, keep_apart: [pair]}}\n",
    )
    dataset = build_dataset(spec, tmp_path / "built", workers=1)
    table = dataset.structures
    assert sorted(table["id"].to_pylist()) == sorted(ids)
    assert table["formation_energy"].null_count == 0
    assert set(table["pair_length"].to_pylist()) == {3.0, 4.0}
    assert Quantity.of(table.schema.field("pair_length")).unit == "Å"
    for pair, length in (("a", 3.0), ("b", 4.0)):
        assert set(dataset.part("pairs", "test", fold=pair)["pair_length"].to_pylist()) == {length}
    background = Background(spec, "formation_energy", dataset.quantity("formation_energy"))
    inputs = Rows.of(table, background)
    assert "pair_length" in inputs.table.schema.names and "formation_energy" not in inputs.table.schema.names
    for name in ("defect-ridge", "cluster-expansion"):
        model = make_model(name)
        model.fit(inputs, table["formation_energy"].to_numpy(), None)
        assert np.isfinite(model.predict(inputs).values).all()
    with pytest.raises(InputError, match="pairs holds structures; these descriptors are of pathways"):
        make_model("hop-ridge").fit(inputs, table["formation_energy"].to_numpy(), None)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("neighbour-pairs", "neighbor-pairs", r"spec.yaml:\d+: kind.name: no kind of space is called 'neighbor"),
        ("species: K", "species: Rb", r"spec.yaml:\d+: kind.species: no sublattice holds Rb"),
        ("species: K", "specie: K", r"spec.yaml:\d+: kind.specie: unknown field; did you mean 'species'"),
        ("kind:", "pathway: {species: K, cutoff: 3}\nkind:", r"spec.yaml:\d+: kind: does not go with `pathway`"),
        ("[3, 3, 1]", "{sizes: 1..2}", r"spec.yaml:\d+: kind: needs one supercell, not sizes"),
    ],
)
def test_mistakes_are_located(before, after, message, tmp_path):
    load(tmp_path, CASES[0])
    text = (tmp_path / "spec.yaml").read_text()
    (tmp_path / "spec.yaml").write_text(text.replace(before, after))
    with pytest.raises(InputError, match=message):
        build_spaces(load_spec(tmp_path / "spec.yaml"))
