"""What a value of the cell is divided by."""

import numpy as np
import pytest

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.per import counts_per
from matbench_defects.enumeration.sampling import sample
from matbench_defects.errors import InputError
from matbench_defects.shipped import shipped_specs
from matbench_defects.spec.loading import load_spec


@pytest.mark.parametrize("name", ["lno-cathode", "2dmd-low", "kfeo2-ti-pathways"])
def test_counts_are_those_of_the_atoms_and_sites_that_are_there(name):
    space = next(iter(build_spaces(load_spec(shipped_specs()[name])).values()))
    occupations = sample(space, 10, seed=0).occupations
    assert counts_per(space, occupations, "atom").tolist() == [
        len(Configuration(space, o).crystal) for o in occupations
    ]
    different = [len(Configuration(space, o).different_sites) for o in occupations]
    assert counts_per(space, occupations, "defect site").tolist() == different
    assert counts_per(space, occupations, "defect_site").tolist() == different
    assert set(counts_per(space, occupations, "formula_unit").tolist()) == {space.formula_units}
    assert set(counts_per(space, occupations, "cell").tolist()) == {1}
    assert counts_per(space, np.zeros((0, space.size), dtype=np.uint8), "atom").tolist() == []


def test_an_unknown_word_is_refused_with_the_nearest():
    space = build_spaces(load_spec(shipped_specs()["lno-cathode"]))["lno-cathode"]
    with pytest.raises(InputError, match="atom"):
        counts_per(space, np.zeros((1, space.size), dtype=np.uint8), "atoms")
