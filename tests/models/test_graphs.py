"""Graphs from columns: the neighbours that ASE finds, of any part of a table, from disk or not; batches; defects."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from ase.data import chemical_symbols
from specs_for_tests import LITHIUM_HOPS

from matbench_defects.columns import Quantity
from matbench_defects.dataset.structures import row_crystal, structure_rows, structure_schema
from matbench_defects.enumeration.selection import select
from matbench_defects.models.model import make_model
from matbench_defects.models.networks import graph_cache
from matbench_defects.models.networks.batching import GraphTensors
from matbench_defects.models.networks.defect_graphs import defect_graphs, layer_normal
from matbench_defects.models.networks.graphs import HOP, atom_graphs
from matbench_defects.models.networks.species_reference import SpeciesReference
from matbench_defects.models.rows import Background, Rows
from matbench_defects.shipped import cache_folder
from matbench_defects.spec.loading import load_spec

PATHWAYS = LITHIUM_HOPS.replace("COUNT", "20")


@pytest.fixture(scope="module")
def rows(lno):
    table = lno.structures
    return Rows.of(table, Background(lno.spec, "formation_energy", lno.quantity("formation_energy")))


@pytest.fixture(scope="module")
def hops(tmp_path_factory):
    path = tmp_path_factory.mktemp("hops") / "spec.yaml"
    path.write_text(PATHWAYS)
    spec = load_spec(path)
    selected = select(spec)
    spaces = {"hops": selected["hops"].space}
    table = pa.Table.from_pylist(structure_rows(selected["hops"].rows, spaces), structure_schema(spaces))
    return Rows.of(table, Background(spec, "barrier", Quantity("eV", "hop")))


def edges_of(graphs, i):
    """Return the edges of one graph in an order of their own."""
    here = slice(graphs.edges[i], graphs.edges[i + 1])
    pairs, distance = graphs.pairs[:, here], graphs.of_edges["distance"][here]
    return sorted(zip(*pairs.tolist(), distance.round(3).tolist(), strict=True))


def test_neighbours_are_those_that_ase_finds(rows):
    from ase.neighborlist import neighbor_list

    some = rows.take([80, 3, 40])
    graphs = atom_graphs(some, 4.2, vectors=True, cache=False)
    for i, row in enumerate(some.table.to_pylist()):
        atoms = row_crystal(row).to_ase()
        first, second, distance = neighbor_list("ijd", atoms, 4.2)
        expected = sorted(zip(first.tolist(), second.tolist(), np.float32(distance).round(3).tolist(), strict=True))
        assert edges_of(graphs, i) == expected
        here = slice(graphs.edges[i], graphs.edges[i + 1])
        found = graphs.of_edges["vector"][here]
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), graphs.of_edges["distance"][here], rtol=1e-5)
        positions = atoms.positions[graphs.pairs[1, here]] - atoms.positions[graphs.pairs[0, here]]
        images = (found - positions) @ np.linalg.inv(atoms.cell[:])
        np.testing.assert_allclose(images, images.round(), atol=1e-4)
        numbers = graphs.of_nodes["number"][graphs.nodes[i] : graphs.nodes[i + 1]]
        assert [chemical_symbols[n] for n in numbers] == row["species_at_sites"]


def test_any_part_of_a_table_gives_the_same_graphs(rows):
    whole = atom_graphs(rows, 3.0, cache=False)
    chunked = Rows(pa.concat_tables([rows.table.slice(0, 5), rows.table.slice(30, 4)]), rows.background)
    for part, at in (
        (Rows(rows.table.slice(30, 4), rows.background), 0),
        (chunked, 5),
        (rows.take([30, 31, 32, 33]), 0),
    ):
        graphs = atom_graphs(part, 3.0, cache=False)
        for i in range(4):
            assert edges_of(graphs, at + i) == edges_of(whole, 30 + i)


def test_shares_add_up_to_what_a_value_is_per(rows):
    row = rows.take([0])
    nodes, units = row.table["nsites"][0].as_py(), row.table["formula_units"][0].as_py()
    defects = len(row.table["defect_species"][0])
    for per, expected in {
        "formula unit": nodes / units,
        "atom": 1,
        "cell": nodes,
        "defect site": nodes / max(defects, 1),
        "": 1,
    }.items():
        background = Background(rows.background.spec, "value", Quantity("eV", per))
        share = atom_graphs(Rows(row.table, background), 3.0, cache=False).of_nodes["share"]
        assert share.sum() == pytest.approx(expected, rel=1e-5)


def test_graphs_from_disk_are_those_that_were_built(rows, tmp_path, monkeypatch):
    monkeypatch.setenv("MATBENCH_DEFECTS_CACHE", str(tmp_path))
    some = rows.take([1, 2, 50])
    built = atom_graphs(some, 3.0, vectors=True)
    (file,) = (cache_folder() / "graphs").glob("*.arrow")
    monkeypatch.setattr("matbench_defects.models.networks.graphs.neighbours", lambda *_: pytest.fail("built again"))
    read = atom_graphs(some, 3.0, vectors=True)
    for name in ("nodes", "edges", "pairs"):
        np.testing.assert_array_equal(getattr(read, name), getattr(built, name))
    for name, values in built.of_edges.items():
        np.testing.assert_array_equal(read.of_edges[name], values)
    monkeypatch.undo()
    monkeypatch.setenv("MATBENCH_DEFECTS_CACHE", str(tmp_path))
    file.write_bytes(file.read_bytes()[:100])  # a broken file is made again
    np.testing.assert_array_equal(atom_graphs(some, 3.0, vectors=True).pairs, built.pairs)
    file.unlink()
    for _ in range(2):  # no rows at all are kept and read like any others
        none = atom_graphs(rows.take([]), 3.0, vectors=True)
        assert none.nodes.tolist() == [0] and none.pairs.shape == (2, 0) and none.of_edges["vector"].shape == (0, 3)
    assert len(list((cache_folder() / "graphs").glob("*"))) == 1
    atom_graphs(some, 3.1)
    assert len(list((cache_folder() / "graphs").glob("*"))) == 2
    monkeypatch.setattr(graph_cache, "LIMIT", 1)
    atom_graphs(some, 3.2)
    assert len(list((cache_folder() / "graphs").glob("*"))) == 1


def test_batches_are_the_graphs_in_the_order_asked(rows):
    graphs = atom_graphs(rows.take(range(10)), 3.0, cache=False)
    tensors = GraphTensors(graphs, values=np.arange(10.0))
    for chosen in ([4], [7, 2, 3], [2, 3, 4], []):
        batch = tensors.batch(chosen)
        assert batch.size == len(chosen)
        assert batch.of_graphs["value"].tolist() == chosen
        begin = 0
        for i, at in enumerate(chosen):
            numbers = graphs.of_nodes["number"][graphs.nodes[at] : graphs.nodes[at + 1]]
            here = batch.graph == i
            assert batch.of_nodes["number"][here].tolist() == numbers.tolist()
            own = batch.graph[batch.pairs[0]] == i
            pairs = graphs.pairs[:, graphs.edges[at] : graphs.edges[at + 1]]
            assert (batch.pairs[:, own] - begin).tolist() == pairs.tolist()
            begin += len(numbers)


def test_batches_keep_to_both_limits(rows):
    tensors = GraphTensors(atom_graphs(rows.take(range(12)), 4.0, cache=False), values=np.arange(12.0))
    order = np.random.default_rng(0).permutation(12)
    largest = int(tensors.edge_counts.max())
    for most, edges in ((5, 10**9), (100, 3 * largest), (100, 1)):
        batches = list(tensors.batches(order, most=most, edges=edges))
        assert [v for b in batches for v in b.of_graphs["value"].tolist()] == order.tolist()
        assert all(b.size <= most and (b.pairs.shape[1] <= edges or b.size == 1) for b in batches)
        assert len(batches) > 1


def test_defects_are_the_sites_that_differ(rows):
    graphs = defect_graphs(rows, 6.0)
    lithium = rows.table["content_Li_Li"].to_numpy()
    assert np.diff(graphs.nodes).tolist() == (12 - lithium).tolist()
    assert set(graphs.of_nodes["removed_number"]) == {3} and set(graphs.of_nodes["present_number"]) == {0}
    np.testing.assert_allclose(graphs.of_graphs["host"][:, [3, 8, 28]], np.tile([0.25, 0.5, 0.25], (len(rows), 1)))
    assert (graphs.of_edges["distance"] <= 6.0).all() and (graphs.of_edges["height"] == 0).all()
    two = int(np.flatnonzero(lithium == 10)[0])
    row = row_crystal(rows.table.slice(two, 1).to_pylist()[0])
    defects = np.array(rows.table["defect_cartesian_positions"][two].as_py())
    offsets = np.stack(np.meshgrid(*[range(-4, 5)] * 3), axis=-1).reshape(-1, 3) @ row.lattice
    every = (defects[None, :, None] - defects[:, None, None] + offsets).reshape(-1, 3)
    lengths = np.linalg.norm(every, axis=1)
    here = slice(graphs.edges[two], graphs.edges[two + 1])
    np.testing.assert_allclose(
        np.sort(graphs.of_edges["distance"][here]), np.sort(lengths[(lengths > 0.1) & (lengths < 6.0)]), rtol=1e-5
    )


def test_a_layer_has_a_normal_and_a_bulk_crystal_none(rows):
    flat = np.diag([3.0, 3.0, 15.0])
    sites = np.array([[0.0, 0.0, 14.5], [1.5, 1.5, 1.0]])
    np.testing.assert_allclose(layer_normal(flat, sites), [0, 0, 1])
    bulk = row_crystal(rows.table.slice(0, 1).to_pylist()[0])
    assert layer_normal(bulk.lattice, bulk.positions) is None


def test_a_pathway_has_a_node_for_its_hop(hops):
    for graphs in (atom_graphs(hops, 3.0, cache=False), defect_graphs(hops, 5.0)):
        number = graphs.of_nodes.get("number", graphs.of_nodes.get("removed_number"))
        at = np.flatnonzero(number == HOP)
        assert at.tolist() == (graphs.nodes[1:] - 1).tolist()
        np.testing.assert_array_equal(graphs.of_nodes["share"], number == HOP)
    graphs = atom_graphs(hops, 3.0, cache=False)
    row = hops.table.slice(0, 1).to_pylist()[0]
    half = np.linalg.norm(row["hop_cartesian_vector"]) / 2
    from_hop = graphs.pairs[0, : graphs.edges[1]] == graphs.nodes[1] - 1
    shortest = np.sort(graphs.of_edges["distance"][: graphs.edges[1]][from_hop])
    assert shortest[0] == pytest.approx(half, rel=1e-5)


@pytest.mark.parametrize("name", ["schnet", "sparse-megnet"])
def test_networks_fit_pathways(hops, name):
    values = np.linspace(0.1, 0.5, len(hops))
    model = make_model(name, settings={"epochs": 2, "width": 8, "layers": 1})
    model.fit(hops, values, None)
    assert np.isfinite(model.predict(hops).values).all()


def test_a_row_without_defects_is_a_graph_without_nodes(rows):
    lithium = rows.table["content_Li_Li"].to_numpy()
    pristine = rows.take(np.flatnonzero(lithium == 12))
    model = make_model("sparse-megnet", settings={"epochs": 2, "width": 8, "layers": 1})
    model.fit(rows.take(range(20)), np.linspace(0, 1, 20), None)
    assert len(defect_graphs(pristine, 6.0).of_nodes["share"]) == 0
    assert np.isfinite(model.predict(pristine).values).all()
    everything = rows.take(np.concatenate([np.flatnonzero(lithium == 12), [0, 1]]))
    np.testing.assert_allclose(model.predict(everything).values[:1], model.predict(pristine).values, rtol=1e-5)


def test_values_that_follow_the_species_are_learnt_before_the_network(rows):
    """A value that is linear in content is exact after two passes, also outside the contents of the training rows."""
    lithium = rows.table["content_Li_Li"].to_numpy()
    low, high = np.flatnonzero(lithium < 5), np.flatnonzero(lithium >= 6)
    model = make_model("schnet", settings={"epochs": 1, "width": 8, "layers": 1})
    values = 3.0 - 0.25 * lithium
    model.fit(rows.take(high), values[high], None)
    assert np.abs(model.predict(rows.take(low)).values - values[low]).max() < 0.05


def test_many_rows_mean_fewer_passes():
    from matbench_defects.models.networks.training import TrainingSettings, passes

    settings = TrainingSettings(batch_size=8, epochs=100, steps=1000)
    assert [passes(n, settings) for n in (1, 80, 81, 160, 10**6)] == [100, 100, 90, 50, 10]
    assert passes(10**6, TrainingSettings(epochs=3)) == 3


@pytest.mark.filterwarnings("ignore:CUDA is not available")
def test_float32_everywhere_on_a_cpu_and_bfloat16_only_where_asked():
    import torch

    from matbench_defects.models.networks.training import TrainingSettings, computed_in

    one = torch.ones(2, 2)
    with computed_in("cpu", TrainingSettings()):
        assert (one @ one).dtype == torch.float32
    assert "autocast" in type(computed_in("cuda", TrainingSettings())).__name__
    assert "autocast" not in type(computed_in("cuda", TrainingSettings(mixed_precision=False))).__name__


def test_graphs_are_not_changed_by_using_them(rows):
    graphs = atom_graphs(rows.take([0]), 3.0, cache=False)
    before = dataclasses.replace(graphs, of_nodes={k: v.copy() for k, v in graphs.of_nodes.items()})
    GraphTensors(graphs).batch([0]).of_nodes["share"].clone().mul_(2)
    np.testing.assert_array_equal(before.of_nodes["share"], graphs.of_nodes["share"])


def test_independent_defects_are_known_whatever_their_number(tmp_path):
    """The energy of a site is divided by the number of sites, and the host itself costs nothing."""
    path = tmp_path / "spec.yaml"
    text = PATHWAYS.replace("pathway: {species: Li, cutoff: 4.0}\n", "").replace("count: 20", "count: 200")
    text = text.replace("Li: [0, 0, 0], O: [1/2, 1/2, 1/2]", "Li: [1/4, 1/4, 1/4], O: [0, 0, 0]")
    both = "{Li: {Li: rest, vacancy: 0..2}, O: {O: rest, vacancy: 0..2}}"
    path.write_text(text.replace("{Li: {Li: rest, vacancy: 1, Na: 2}}", both))
    spec = load_spec(path)
    selected = select(spec)
    spaces = {"hops": selected["hops"].space}
    table = pa.Table.from_pylist(structure_rows(selected["hops"].rows, spaces), structure_schema(spaces))
    rows = Rows.of(table, Background(spec, "energy", Quantity("eV", "defect site")))
    lithium, oxygen = (table[f"content_{s}_vacancy"].to_numpy() for s in ("Li", "O"))
    sites = lithium + oxygen
    energy = (3.0 * lithium + oxygen) / np.maximum(sites, 1)

    def of(some):
        return make_model("schnet", settings={"cutoff": 3.0}).graphs(rows.take(np.flatnonzero(some)))

    three, fewer = sites == 3, (sites == 1) | (sites == 2)
    assert three.sum() > 3 and fewer.sum() > 3
    found = SpeciesReference.fitted(of(three), energy[three]).values(of(fewer))
    np.testing.assert_allclose(found, energy[fewer], atol=1e-3)


def test_a_single_defect_costs_the_same_in_any_supercell(tmp_path):
    """With the host taken off, what no message of the defect reaches adds nothing."""
    torch = pytest.importorskip("torch")
    path = tmp_path / "spec.yaml"
    found = []
    for cells in ("[2, 2, 2]", "[3, 3, 3]"):
        text = PATHWAYS.replace("pathway: {species: Li, cutoff: 4.0}\n", "").replace("[2, 2, 2]", cells)
        path.write_text(text.replace("vacancy: 1, Na: 2", "vacancy: 1").partition("configurations:")[0])
        spec = load_spec(path)
        selected = select(spec)
        spaces = {"hops": selected["hops"].space}
        table = pa.Table.from_pylist(structure_rows(selected["hops"].rows, spaces), structure_schema(spaces))
        model = make_model("schnet", settings={"cutoff": 3.0, "layers": 1, "width": 8})
        torch.manual_seed(0)
        network = model.network().eval()
        graphs = model.graphs(Rows.of(table, Background(spec, "energy", Quantity("eV", "defect site"))))
        with torch.no_grad():
            found.append(network(GraphTensors(graphs).batch([0])).item())
    assert abs(found[0]) > 0.05
    assert found[0] == pytest.approx(found[1], abs=2e-3)  # of hundreds of numbers in float32
