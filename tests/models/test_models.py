"""What single models promise beyond the contract."""

from __future__ import annotations

import numpy as np
import pytest

from matbench_defects.crystal.building import build_spaces
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.errors import InputError
from matbench_defects.models.cluster_expansion import pair_shells
from matbench_defects.models.model import Background, Rows, make_model
from matbench_defects.spec.loading import load_spec


def rows_and_values(dataset, split, part):
    background = Background(dataset.spec, "formation_energy", dataset.quantity("formation_energy"))
    table = dataset.part(split, part, "formation_energy")
    return Rows.of(table, background), table["formation_energy"].to_numpy()


def error(dataset, name, split="random"):
    model = make_model(name)
    model.fit(*rows_and_values(dataset, split, "train"), rows_and_values(dataset, split, "validation"))
    rows, values = rows_and_values(dataset, split, "test")
    return np.abs(model.predict(rows).values - values).mean()


def test_arrangement_tells_more_than_composition_and_composition_more_than_nothing(lno):
    assert error(lno, "cluster-expansion") < error(lno, "composition") < error(lno, "mean")


def test_pair_shells_are_the_neighbours_that_ase_finds():
    from ase.neighborlist import neighbor_list

    space = build_spaces(load_spec("lno-cathode"))["lno-cathode"]
    for occupation in enumerate_configurations(space).occupations[::11]:
        atoms = space.crystal(occupation).to_ase()
        lithium = atoms[[a.symbol == "Li" for a in atoms]]
        held = (occupation == 0).astype(float)
        shells = pair_shells(space, 6.0)
        assert len(shells) > 3
        for (_, _, distance), matrix in shells.items():
            expected = 0
            if len(lithium):
                found = neighbor_list("d", lithium, 6.0)
                expected = (np.abs(found - distance) < 1e-3).sum()
            assert held @ matrix @ held == expected


def test_cluster_expansion_learns_a_pair_energy_exactly(lno):
    """Energies made of pairs are fitted to rounding, so the features span them."""
    rows, _ = rows_and_values(lno, "random", "train")
    test, _ = rows_and_values(lno, "random", "test")
    space = rows.background.spaces["lno-cathode"]
    nearest = min(pair_shells(space, 9.0).items(), key=lambda item: item[0][2])[1]

    def energy(part):
        held = (part.occupations("lno-cathode")[1] == 0).astype(float)
        return np.einsum("mi,ij,mj->m", held, nearest, held) * 0.01

    model = make_model("cluster-expansion")
    model.fit(rows, energy(rows), None)
    np.testing.assert_allclose(model.predict(test).values, energy(test), atol=1e-3)


def test_what_cannot_be_made_is_said():
    with pytest.raises(InputError, match="no model is called 'schnett'; did you mean 'schnet'"):
        make_model("schnett")
    with pytest.raises(InputError, match="model schnet, setting cutoff: Input should be greater than 0"):
        make_model("schnet", settings={"cutoff": -1})
    import torch

    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="no CUDA device is available"):
            make_model("schnet", device="cuda")
