"""Contract checks for packages of others: ours pass, what breaks a contract is said, and no test runner is needed."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from matbench_defects.dataset.targets import quantities
from matbench_defects.dataset.targets.volume import Volume
from matbench_defects.discovery.policies import policies
from matbench_defects.evaluation.metrics import metrics
from matbench_defects.evaluation.metrics.metric import Metric
from matbench_defects.models.mean import Mean
from matbench_defects.models.model import Model, Prediction
from matbench_defects.models.networks.megnet import MEGNet
from matbench_defects.testing import check_metric, check_model, check_policy, check_target
from matbench_defects.testing.models import ModelCase, the_host_is_taken_off

TARGETS = {
    "average_voltage": {"unit": "V", "ion": "Au", "end_member": {"Cu": 8}},
    "defect_formation_energy": {"unit": "eV", "per": "cell", "host": "Cu"},
    "energy_above_hull": {"unit": "eV"},
    "formation_energy": {"unit": "eV", "per": "atom", "end_members": ["host"], "references": ["Au"]},
    "lattice_parameter": {"unit": "Å", "axis": "a"},
    "magnetic_moment": {"unit": "μB", "per": "atom"},
    "migration_barrier": {"unit": "eV"},
    "phase_difference": {"unit": "eV", "phases": ["narrow", "wide"]},
    "total_energy": {"unit": "eV", "per": "atom"},
    "volume": {"unit": "Å³", "per": "cell"},
}


CHARGED = "charged_defect_formation_energy"
"""It needs labels of several charges a row, which the alloys of the contract have not; test_charge_states has them."""


@pytest.mark.parametrize("name", [n for n, kind in quantities.items() if kind.needs_label and n != CHARGED])
def test_every_quantity_keeps_the_contract(name):
    check_target(name, TARGETS[name], of_pathways=name == "migration_barrier")


@pytest.mark.parametrize("name", metrics.names())
def test_every_metric_keeps_the_contract(name):
    check_metric(name)


@pytest.mark.parametrize("name", policies.names())
def test_every_policy_keeps_the_contract(name):
    check_policy(name)


class Leaking(Volume):
    """Holds a number of all rows in each value, and does not say so."""

    def values(self, labelled):
        found = super().values(labelled)
        known = [value for value in found if value is not None]
        return [None if value is None else round(value - min(known), 9) + 0.0 for value in found]


def test_a_quantity_that_mixes_labels_is_told():
    with pytest.raises(AssertionError, match="is in the value of"):
        check_target(Leaking, {"unit": "Å³", "per": "cell"})


class Noise(Mean):
    """Says that it ignores its seed, and does not."""

    def predict(self, rows):
        return Prediction(np.full(len(rows), float(self.seed)))


class Origin(Model):
    """Looks at where the cell was put."""

    def fit(self, rows, values, validation):
        self.learnt = {"mean": float(values.mean())}

    def predict(self, rows):
        return Prediction(np.array([row[0][0] for row in rows.column("cartesian_site_positions")]))


class Averaged(MEGNet):
    """Averages over a row and the host beside it, whatever their shares: the host is not taken off."""

    def network(self):
        import torch

        class Network(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.species = torch.nn.Embedding(100, 1)

            def forward(self, batch):
                return torch.zeros(batch.size).index_add(0, batch.graph, self.species(batch.of_nodes["number"])[:, 0])

        return Network()


def test_a_network_that_leaves_the_host_in_is_told():
    with pytest.raises(AssertionError):
        the_host_is_taken_off(ModelCase(Averaged))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Noise, "the seed decides: seeded is False"),
        (Origin, "equivalent structures|unchanged by"),
        (int, "int is no subclass"),
    ],
)
def test_a_model_that_breaks_the_contract_is_told_which_part(kind, message):
    with pytest.raises(AssertionError, match=message):
        check_model(kind)


def test_a_metric_that_is_upside_down_is_found():
    upside_down = Metric(
        "a", "A", None, "higher", "An error.", lambda scored: abs(scored.truth - scored.prediction).max()
    )
    with pytest.raises(AssertionError, match="a, the truth is no worse than an error: higher is better"):
        check_metric(upside_down)


def test_no_test_runner_is_needed():
    code = "import sys; from matbench_defects.testing import check_metric; check_metric('mae')"
    code += "; print('pytest' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
