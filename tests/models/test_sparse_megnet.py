"""The network on defects: far defects fade out, and a new element is placed by its properties."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from matbench_defects.errors import NotServedError
from matbench_defects.models.element_properties import OF_ONE, element_properties
from matbench_defects.models.model import make_model
from matbench_defects.models.networks.defect_graphs import defect_graphs
from matbench_defects.models.networks.property_reference import PropertyReference
from matbench_defects.models.rows import Background, Rows
from matbench_defects.testing.moved_rows import rewritten

QUICK = {"epochs": 1, "width": 8, "layers": 1}


@pytest.fixture(scope="module")
def rows(lno):
    table = lno.structures.slice(10, 12)
    return Rows.of(table, Background(lno.spec, "formation_energy", lno.quantity("formation_energy")))


def doped(rows, element):
    """Return the rows with an element on each site that had lost its lithium."""

    def change(row):
        row["defect_species"] = [element] * len(row["defect_species"])
        row["species_at_sites"] = [*row["species_at_sites"], *row["defect_species"]]
        row["cartesian_site_positions"] = [*row["cartesian_site_positions"], *row["defect_cartesian_positions"]]
        return row

    return rewritten(rows, change)


def test_no_node_learns_of_an_edge_at_the_cutoff():
    torch = pytest.importorskip("torch")
    from matbench_defects.models.networks.layers.megnet import MEGNetBlock

    torch.manual_seed(0)
    block = MEGNetBlock(8, neighbours=1.5)
    node, edge, state = torch.randn(4, 8), torch.randn(5, 8), torch.randn(2, 8)
    pairs, graph = torch.tensor([[0, 1, 1, 2, 3], [1, 0, 2, 1, 3]]), torch.tensor([0, 0, 0, 1])
    weight = torch.tensor([1.0, 0.7, 0.2, 0.0, 0.0])
    counted = block(node, pairs, edge * weight[:, None], state, graph, weight)
    few = block(node, pairs[:, :3], (edge * weight[:, None])[:3], state, graph, weight[:3])
    torch.testing.assert_close(counted[0], few[0])
    every = block(node, pairs, edge, state, graph)
    assert not torch.allclose(every[0], counted[0], atol=1e-3)


def test_edges_fade_out(rows):
    graphs = defect_graphs(rows, 10.0)
    distance, weight = graphs.of_edges["distance"], graphs.of_edges["weight"]
    np.testing.assert_allclose(weight, (1 - distance / 10) ** 2, rtol=1e-5, atol=1e-6)
    assert weight.min() >= 0 and weight.max() < 1


def test_a_new_element_is_placed_by_its_properties(rows):
    """Values are linear in the electronegativity of a dopant; training did not have barium."""
    defects = np.array([len(s) for s in rows.column("defect_species")])
    units = rows.table["formula_units"].to_numpy()

    def values(element):
        return defects / units * (element_properties(element)[0] - element_properties("Li")[0])

    seen = ("Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Al", "Zn", "Y")
    table = pa.concat_tables([doped(rows, element).table for element in seen])
    training = Rows(table, rows.background), np.concatenate([values(element) for element in seen])
    barium = doped(rows, "Ba")
    model = make_model("sparse-megnet-properties", settings=QUICK)
    model.fit(*training, None)
    assert np.abs(model.predict(barium).values - values("Ba")).max() < 0.1 * np.abs(values("Ba")).max() + 0.02
    with pytest.raises(NotServedError, match="the electronegativity of Ne is not known"):
        model.predict(doped(rows, "Ne"))
    embedded = make_model("sparse-megnet", settings=QUICK)
    embedded.fit(*training, None)
    with pytest.raises(NotServedError, match="holds Ba, which no training row had"):
        embedded.predict(barium)


def test_the_reference_is_a_sum_over_defects():
    amounts = np.array([[2.0, 0.0], [1.0, 1.0]])
    found = PropertyReference.features(amounts, [(3, 0), (3, 11)])
    assert found.shape == (2, len(OF_ONE))
    of = dict(zip(OF_ONE, found.T, strict=True))
    assert of["defects"].tolist() == [2, 2] and of["vacancies"].tolist() == [2, 1]
    assert of["change of row"].tolist() == [0, 1]
    assert of["row of what is gone for nothing"].tolist() == [4, 2]
    assert PropertyReference.features(np.zeros((3, 0)), []).shape == (3, len(OF_ONE))
