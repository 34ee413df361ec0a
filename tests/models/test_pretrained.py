"""Models on a pre-trained network: frozen features, fine-tuning, and the networks themselves."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch
from ase.neighborlist import neighbor_list
from zero_shot_samples import alloy, part_of

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError
from matbench_defects.models.model import make_model, models
from matbench_defects.models.potentials.energy_differences import energy_differences
from matbench_defects.models.potentials.pretrained import PretrainedNetwork, networks

ENERGY = "formation_energy: {unit: eV, per: atom, references: [Cu, Au]}"
DEFECTS = "formation_energy: {quantity: defect_formation_energy, unit: eV, per: defect_site, host: Cu}"


class Toy(PretrainedNetwork):
    """A random network on the element and the number of like and unlike neighbours of each atom."""

    title: ClassVar[str] = "Toy"
    checkpoint: ClassVar[str] = "toy 1"
    trained_on: ClassVar[str] = "nothing"
    references: ClassVar[tuple[str, ...]] = ()
    width: ClassVar[int] = 4
    asked = 0

    @classmethod
    def version(cls):
        return "toy 1"

    def _load(self):
        torch.manual_seed(7)
        return torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 4), torch.nn.Tanh())

    def graph(self, crystal):
        Toy.asked += 1
        atoms = crystal.to_ase()
        first, second = neighbor_list("ij", atoms, 3.5)
        alike = atoms.numbers[first] == atoms.numbers[second]
        counts = [np.bincount(first[which], minlength=len(atoms)) for which in (alike, ~alike)]
        return torch.tensor(np.stack([atoms.numbers / 50, *(c / 12 for c in counts)], axis=1), dtype=torch.float32)

    def features(self, graphs):
        return torch.stack([self.module(graph).sum(dim=0) for graph in graphs])

    def last_layers(self, convolutions):
        return [self.module[2]] if convolutions == 1 else [self.module]


@pytest.fixture(autouse=True)
def _toy():
    with networks.temporarily("toy", Toy):
        yield


def tuned(dataset, seed=0, **settings):
    settings = {"learning_rate": 1e-3, "epochs": 15, "patience": 15} | settings
    model = make_model("toy-fine-tuned", seed=seed, settings=settings)
    model.fit(*part_of(dataset, "formation_energy", "train"), part_of(dataset, "formation_energy", "validation"))
    return model


def error(model, dataset, part):
    rows, values = part_of(dataset, "formation_energy", part)
    return np.abs(model.predict(rows).values - values).mean()


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    return alloy(tmp_path, monkeypatch, ENERGY, "sublattices: {Cu: {Cu: 2..8, Au: rest}}")


def test_features_are_asked_for_once(dataset):
    rows, values = part_of(dataset, "formation_energy", "train")
    first, second = (make_model("toy-features-ridge") for _ in range(2))
    first.fit(rows, values, None)
    asked = Toy.asked
    second.fit(rows, values, None)
    assert Toy.asked == asked
    np.testing.assert_array_equal(first.predict(rows).values, second.predict(rows).values)
    assert first.predict(rows).seconds > 0


def test_fine_tuning_starts_from_the_ridge_regression_and_only_gets_better_on_the_validation_part(dataset):
    start, trained = tuned(dataset, epochs=0), tuned(dataset)
    ridge = make_model("toy-features-ridge")
    ridge.fit(*part_of(dataset, "formation_energy", "train"), None)
    rows, _ = part_of(dataset, "formation_energy", "test")
    np.testing.assert_allclose(start.predict(rows).values, ridge.predict(rows).values, atol=1e-5)
    assert error(trained, dataset, "validation") < error(start, dataset, "validation")


def test_only_the_last_layers_move(dataset):
    before = Toy("cpu").module.state_dict()
    last, whole = tuned(dataset), tuned(dataset, convolutions=9)
    moved = {
        name: [not torch.equal(m._network.module.state_dict()[name], before[name]) for m in (last, whole)]
        for name in before
    }
    assert moved == {n: [n.startswith("2."), True] for n in before}


def test_a_second_fit_starts_anew_unless_pre_trained(dataset):
    rows, _ = part_of(dataset, "formation_energy", "test")
    model, again = tuned(dataset), tuned(dataset)
    parts = [part_of(dataset, "formation_energy", part) for part in ("train", "validation")]
    again.fit(*parts[0], parts[1])
    np.testing.assert_array_equal(model.predict(rows).values, again.predict(rows).values)
    again.pretrain(*parts[0], parts[1])
    again.fit(*parts[0], parts[1])
    assert not np.array_equal(model.predict(rows).values, again.predict(rows).values)


def test_saved_and_restored(dataset):
    rows, _ = part_of(dataset, "formation_energy", "test")
    model = tuned(dataset)
    other = models.get("toy-fine-tuned")(model.settings, 0, "cpu")
    other.restore(model.state())
    np.testing.assert_array_equal(model.predict(rows).values, other.predict(rows).values)


def test_a_value_per_defect_belongs_to_what_differs_from_the_host(tmp_path, monkeypatch):
    """A network whose features of an atom do not depend on its surroundings sees the exchanged atoms alone."""
    dataset = alloy(tmp_path, monkeypatch, DEFECTS)
    rows, _ = part_of(dataset, "formation_energy", "test")
    for difference, defects in zip(energy_differences(rows), rows.column("defect_species"), strict=True):
        parts = list(zip(difference.coefficients, difference.crystals, strict=True))
        gold, copper = (sum(n * c.species.count(element) for n, c in parts) for element in ("Au", "Cu"))
        assert (gold, copper) == pytest.approx((1, -1) if defects else (0, 0))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["chgnet", "sevennet"])
def test_a_published_network(name):
    network = networks.get(name)("cpu")
    one = Crystal(np.diag([4.2, 4.3, 4.4]), ("Li", "O"), np.array([[0, 0, 0], [2.1, 2.1, 2.05]]))
    two = Crystal(
        np.diag([8.4, 4.3, 4.4]), one.species * 2, np.concatenate([one.positions, one.positions + [4.2, 0, 0]])
    )
    graphs = [network.graph(crystal) for crystal in (one, two)]
    features = network.features(graphs)
    assert features.shape == (2, network.width)
    np.testing.assert_allclose(features[1].detach(), 2 * features[0].detach(), rtol=1e-3, atol=1e-4)
    alone = network.features(graphs[:1])
    np.testing.assert_allclose(alone[0].detach(), features[0].detach(), rtol=1e-4, atol=1e-5)
    features.sum().backward()
    for layer in network.last_layers(1):
        gradients = [p.grad for p in layer.parameters() if p.grad is not None]
        assert all(torch.isfinite(g).all() for g in gradients)
    trained = [p for layer in network.last_layers(1) for p in layer.parameters()]
    every = list(network.module.parameters())
    assert 0 < sum(p.numel() for p in trained) < sum(p.numel() for p in every) / 2
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in trained)
    with pytest.raises(InputError, match=r"does not know (Cm|Og)"):
        network.graph(Crystal(one.lattice, ("Li", "Og" if name == "sevennet" else "Cm"), one.positions))


def test_who_was_trained_before_says_on_what():
    """A submission names everything that its model was fitted on."""
    kinds = {name: kind for name, kind in models.items() if kind.trained_on and not name.startswith("toy")}
    assert {name.partition("-")[0] for name in kinds} >= {"chgnet", "sevennet"}
    universal = {name for name in models.names() if name.startswith(("chgnet", "sevennet"))}
    assert universal <= set(kinds) and all("MPtrj" in kinds[name].trained_on for name in universal)
    assert {name for name, kind in kinds.items() if kind.zero_shot} == {"chgnet-zero-shot", "sevennet-zero-shot"}
