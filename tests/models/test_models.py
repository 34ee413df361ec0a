"""What single models promise beyond the contract."""

from __future__ import annotations

import numpy as np
import pytest

from matbench_defects.errors import InputError
from matbench_defects.models.model import Background, Rows, make_model


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
