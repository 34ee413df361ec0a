"""What every registered model must do; a new model inherits all of it by being registered."""

from __future__ import annotations

import functools

import pytest

from matbench_defects.models.model import models
from matbench_defects.models.networks.graph_model import GraphModel
from matbench_defects.models.rows import Background, Rows
from matbench_defects.testing import samples
from matbench_defects.testing.models import ModelCase, answer_to_an_unseen_element, model_checks

NAMES = [*models.names(), "ensemble-cluster-expansion", "ensemble-defect-boosting"]
NETWORKS = [name for name in NAMES if issubclass(models.get(name), GraphModel)]
HEAVY = {name for name in NAMES if models.get(name).trained_on}
"""Models that run a universal potential."""

QUICK = {name: {"epochs": 2, "width": 8, "layers": 1} for name in NETWORKS}
"""Settings under which a model is quick; what is tested does not depend on how well it is fitted."""
QUICK |= {"chgnet-fine-tuned": {"epochs": 1}, "sevennet-fine-tuned": {"epochs": 1}}
QUICK["ensemble-defect-boosting"] = {"trees": 10, "folds": 0, "members": 2}
QUICK |= {name: {"trees": 10, "folds": 0} for name in models.names() if name.endswith(("-forest", "-boosting"))}


@functools.cache
def case(name):
    kind = models.get(name)
    for package in (getattr(getattr(kind, "Descriptor", None), "needs", ""), getattr(kind, "package", "")):
        if package:
            pytest.importorskip(package)
    if name.startswith(("pathway-", "hop-")):
        return ModelCase(kind, QUICK.get(name), samples.pathways())
    sample = samples.structures()
    return ModelCase(kind, QUICK.get(name), sample.first(8, 3) if name in HEAVY else sample)


def marked(name, *values):
    return pytest.param(name, *values, marks=pytest.mark.slow if name in HEAVY else ())


CASES = [(name, check) for name in NAMES for check in model_checks(models.get(name))]


@pytest.mark.parametrize(
    ("name", "check"), [marked(*c) for c in CASES], ids=[f"{name}-{check.__name__}" for name, check in CASES]
)
def test_contract(name, check):
    check(case(name))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("element", ["Pd", "Og"])
def test_a_network_looks_at_every_element(name, element):
    served = models.get(name).new_elements and element == "Pd"
    assert answer_to_an_unseen_element(case(name), element) == ("served" if served else "refused")


def test_rows_hold_no_label(lno):
    background = Background(lno.spec, "formation_energy", lno.quantity("formation_energy"))
    names = Rows.of(lno.part("random", "train", "formation_energy"), background).table.schema.names
    forbidden = [n for n in lno.structures.schema.names if n.startswith(("sevennet", "chgnet", "formation", "split"))]
    assert forbidden and not set(names) & set(forbidden)
