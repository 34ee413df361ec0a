"""What single models promise beyond the contract."""

from __future__ import annotations

import numpy as np
import pytest

from matbench_defects.errors import InputError
from matbench_defects.models.model import make_model
from matbench_defects.models.rows import Background, Rows


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


def test_what_cannot_be_made_is_said():
    with pytest.raises(InputError, match="no model is called 'schnett'; did you mean 'schnet'"):
        make_model("schnett")
    with pytest.raises(InputError, match="model schnet, setting cutoff: Input should be greater than 0"):
        make_model("schnet", settings={"cutoff": -1})
    import torch

    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="no CUDA device is available"):
            make_model("schnet", device="cuda")


def test_composition_does_not_take_a_host_for_a_dopant():
    """Tungsten and selenium are dopants in MoS2; in WSe2 they are what was there before."""
    from matbench_defects.crystal.building import build_spaces
    from matbench_defects.models.descriptors.contents import of_host
    from matbench_defects.spec.loading import load_spec

    spaces = build_spaces(load_spec("2dmd-low"))
    assert of_host(spaces["MoS2"]) == {"content_M_Mo", "content_X_S"}
    assert of_host(spaces["WSe2"]) == {"content_M_W", "content_X_Se"}
