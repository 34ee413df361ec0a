"""Barriers in bond-valence energy landscapes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_samples import LANDSCAPE, copper, oxide
from scipy.ndimage import label as connected
from scipy.spatial.transform import Rotation

from matbench_defects.crystal.hop import Hop
from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.build import build_dataset
from matbench_defects.enumeration.selection import select
from matbench_defects.errors import InputError
from matbench_defects.execution.executor import ThisProcess
from matbench_defects.labels import running
from matbench_defects.labels.bond_valence import (
    BondValence,
    BondValenceSettings,
    bond_valence_energies,
    bond_valence_framework,
    lowest_path,
    neighbouring_points,
    points_along,
)
from matbench_defects.labels.jobs import jobs_of
from matbench_defects.labels.running import run_jobs
from matbench_defects.labels.store import LabelStore
from matbench_defects.shipped import find_spec
from matbench_defects.spec.loading import load_spec

CHARGES = {"Li": 1.0, "O": -2.0}
POTASSIUM = {"K": 1.0, "Fe": 3.0, "Ti": 4.0, "O": -2.0}


@pytest.fixture
def bvlain():
    return pytest.importorskip("bvlain", reason="the extra `bond-valence` is not installed")


@pytest.fixture
def hop(tmp_path) -> Hop:
    """The hop of a lithium ion along the edge of the cube in Li2O."""
    spec = oxide(tmp_path)
    (job,) = jobs_of(spec, select(spec))
    return job.subject


def compute(hop, **settings):
    return BondValence(BondValenceSettings(charges=CHARGES, **settings)).compute(hop, None)


def test_a_hop_between_equivalent_sites_is_symmetric(bvlain, hop):
    outcome = compute(hop)
    band = outcome.band
    assert not outcome.problem and outcome.converged
    assert band.forward == pytest.approx(band.backward, abs=1e-6)
    assert band.energies[0] == outcome.energy
    assert max(band.energies[0], band.energies[-1]) < band.energies.max()
    assert 0.05 < band.largest < 3
    # Only the ion that hops moves. It leaves its tetrahedron through the middle of a face, or enters the other so.
    assert np.flatnonzero((band.second != hop.first.positions).any(axis=1)).tolist() == [hop.atom]
    away = np.abs((band.highest - hop.first.positions)[hop.atom])
    along = np.abs(hop.vector).argmax()
    away[along] = min(away[along], 2.31 - away[along])
    assert away == pytest.approx(4.62 / 12, abs=0.05)


def test_equivalent_hops_have_one_barrier(bvlain, hop):
    expected = compute(hop).band.largest
    length = np.linalg.norm(hop.vector)
    for direction in (*np.eye(3), *-np.eye(3)):
        assert compute(dataclasses.replace(hop, vector=length * direction)).band.largest == pytest.approx(
            expected, abs=1e-4
        )
    # Turned as a whole, the crystal meets the grid otherwise.
    turn = Rotation.random(rng=3).as_matrix()
    first = Crystal(hop.first.lattice @ turn, hop.first.species, hop.first.positions @ turn)
    turned = dataclasses.replace(hop, first=first, vector=hop.vector @ turn)
    assert compute(turned).band.largest == pytest.approx(expected, abs=0.03)


def test_the_energies_are_those_of_bvlain(bvlain, hop):
    structure = hop.first.to_pymatgen()
    structure.add_oxidation_state_by_element(CHARGES)
    lain = bvlain.Lain(verbose=False)
    lain.read_structure(structure, oxi_check=False)
    grid = lain.bvse_distribution("Li1+", resolution=1.0, k=200, use_softbv_covalent_radii=True).ravel()
    low = np.flatnonzero(grid < 5)
    assert len(low) > 50
    points = lain.sites[low] - lain.shift @ hop.first.lattice
    framework = bond_valence_framework(hop.first, "Li", CHARGES)
    assert bond_valence_energies(framework, points) == pytest.approx(grid[low], abs=1e-3)


def test_a_path_that_would_rather_go_elsewhere_is_a_problem(bvlain, hop):
    narrow = compute(hop, radius=0.5)
    assert narrow.problem == "the path leaves the radius of 0.5 Å"
    assert narrow.band.largest > compute(hop).band.largest + 0.1


def test_a_spec_is_labelled_and_built(bvlain, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "_loaded", {})
    monkeypatch.setattr(running, "LocalPool", lambda workers: ThisProcess())
    spec = oxide(tmp_path)
    jobs = jobs_of(spec, select(spec))
    (label,) = run_jobs(jobs, [LabelStore(tmp_path / "labels.parquet")]).values()
    assert label.usable and label.outcome.displacement is None
    assert "empirical" in label.level_of_theory and "not DFT" in label.level_of_theory
    dataset = build_dataset(spec, tmp_path / "out", labels=tmp_path / "labels.parquet")
    (row,) = dataset.structures.to_pylist()
    assert row["bond_valence_static_barrier"] == pytest.approx(label.outcome.band.largest, abs=1e-5)


@pytest.mark.parametrize(
    ("charges", "message"),
    [
        ({"Li": 1}, "no charge is given for O"),
        ({"Li": 0.5, "O": -1}, "Li moves and has the charge 0.5; a whole number was expected"),
        ({"Li": 1, "O": 2}, "nothing binds Li"),
        ({"Li": 3, "O": -2}, "bvlain has no parameters for Li +3 beside O -2"),
        ({"Li": 1, "O": -3}, "bvlain has no parameters for Li +1 beside O -3"),
    ],
)
def test_what_has_no_parameters_is_named(bvlain, hop, charges, message, capsys):
    with pytest.raises(InputError, match=message.replace("+", r"\+")):
        BondValence(BondValenceSettings(charges=charges)).compute(hop, None)
    assert capsys.readouterr().out == ""


def test_what_is_missing_or_impossible_is_said(tmp_path, monkeypatch):
    spec = oxide(tmp_path, LANDSCAPE.replace("}}", "}, relax: {cell: false}}"))
    with pytest.raises(InputError, match="bond-valence knows no forces and cannot relax"):
        jobs_of(spec, select(spec))
    spec = copper(tmp_path, "{vacancy: 1, Cu: rest}", "", LANDSCAPE)
    with pytest.raises(InputError, match="bond-valence labels pathways, but copper holds structures"):
        jobs_of(spec, select(spec))

    def missing(package):
        from importlib.metadata import PackageNotFoundError

        raise PackageNotFoundError(package)

    monkeypatch.setattr("importlib.metadata.version", missing)
    with pytest.raises(InputError, match=r"pip install 'matbench-defects\[bond-valence\]'"):
        BondValence(BondValenceSettings(charges=CHARGES))


@given(st.lists(st.integers(0, 30), min_size=60, max_size=60), st.integers(0, 59), st.integers(0, 59))
def test_no_path_has_a_lower_highest_point(heights, start, end):
    landscape = np.array(heights, dtype=float).reshape(5, 4, 3)
    index = np.array(list(np.ndindex(landscape.shape)))
    first, second, _ = neighbouring_points(index)
    path = lowest_path(landscape.ravel(), first, second, start, end)
    assert (path[0], path[-1]) == (start, end)
    assert (np.abs(np.diff(index[path], axis=0)).max(axis=1, initial=0) == 1).all()
    # Below its highest point the two are not connected.
    highest = landscape.ravel()[path].max()
    groups, _ = connected(landscape < highest, structure=np.ones((3, 3, 3)))
    one, other = groups.ravel()[[start, end]]
    assert one != other or one == 0


def test_points_that_nothing_joins():
    first, second, border = neighbouring_points(np.array([[0, 0, 0], [1, 1, 1], [5, 0, 0]]))
    assert (first.tolist(), second.tolist(), border.tolist()) == ([0], [1], [True] * 3)
    with pytest.raises(InputError, match="no path joins"):
        lowest_path(np.zeros(3), first, second, 0, 2)


def test_the_grid_follows_the_line():
    vector = np.array([1.0, 2.0, -2.0])
    index, points = points_along(vector, 0.25, 1.0)
    along = np.clip(points @ vector / 9, 0, 1)
    distances = np.linalg.norm(points - along[:, None] * vector, axis=1)
    assert distances.max() <= 1 + 1e-9
    assert len(points) == pytest.approx((np.pi * 3 + np.pi * 4 / 3) / 0.25**3, rel=0.05)  # a cylinder and two halves
    for end in (np.zeros(3), vector):
        assert np.linalg.norm(points - end, axis=1).min() < 1e-9
    steps = np.linalg.norm(points[1:] - points[:-1], axis=1)[np.abs(np.diff(index, axis=0)).sum(axis=1) == 1]
    assert steps == pytest.approx(0.25)


@pytest.mark.slow
def test_it_orders_potassium_hops_as_elastic_bands_do(bvlain):
    """What specs/README.md says about the two."""
    from scipy.stats import spearmanr

    spec = load_spec("kfeo2-ti-pathways")
    store = LabelStore(find_spec("kfeo2-ti-pathways").with_name("labels.parquet"))
    jobs = [j for j in jobs_of(spec, select(spec)) if (label := store.get(j.key)) is not None and label.usable]
    engine = BondValence(BondValenceSettings(charges=POTASSIUM))
    bands, landscapes = [], []
    for job in jobs[:60:3]:
        bands.append(store.get(job.key).outcome.band.largest)
        outcome = engine.compute(job.subject, None)
        assert not outcome.problem
        landscapes.append(outcome.band.largest)
    assert len(bands) >= 18
    assert 0.3 < spearmanr(bands, landscapes).statistic < 0.9
    assert 0.8 < np.mean(landscapes) - np.mean(bands) < 1.8
