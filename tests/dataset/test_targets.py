"""Formation energies."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench_defects.crystal.building import build_spaces
from matbench_defects.dataset.targets import targets_of
from matbench_defects.dataset.targets.formation_energy import formation_energy
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec

SPEC = """
extends: lno-cathode
name: test
version: 1.0.0
targets: {{formation_energy: {change}, formation_energy_chgnet: null}}
"""


@given(
    shares=st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(any),
    energies=st.tuples(st.floats(-100, 100), st.floats(-100, 100)),
    excess=st.floats(-5, 5),
)
def test_a_mixture_of_the_ends_costs_nothing(shares, energies, excess):
    ends = [Counter(Li=1, Ni=1, O=2), Counter(Ni=1, O=2)]
    atoms: Counter[str] = Counter()
    for share, end in zip(shares, ends, strict=True):
        atoms.update({e: n * share for e, n in end.items()})
    mixture = sum(s * e for s, e in zip(shares, energies, strict=True))
    found = formation_energy(mixture + excess, atoms, list(zip(energies, ends, strict=True)))
    assert found == pytest.approx(excess, abs=1e-6)


def test_a_composition_that_no_mixture_has_is_refused():
    ends = [(-1.0, {"Li": 1, "Ni": 1, "O": 2}), (-0.5, {"Ni": 1, "O": 2})]
    with pytest.raises(InputError, match="no mixture of the end members"):
        formation_energy(-1.0, {"Li": 1, "Ni": 1, "O": 1}, ends)


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        (
            "{per: mole}",
            5,
            "targets.formation_energy.per: input should be 'formula_unit', 'atom' or 'cell', not 'mole'",
        ),
        ("{unit: meV}", 5, "targets.formation_energy.unit: input should be 'eV', not 'meV'"),
        ("{label: sevenet_relaxed}", 5, "no label is called 'sevenet_relaxed'; did you mean 'sevennet_relaxed'?"),
        ("{quantity: formation_enrgy}", 5, "no quantity is called 'formation_enrgy'; did you mean 'formation_energy'?"),
        ("{end_members: [{Li: 13}]}", 5, "the end member {'Li': 13} is no content of test"),
        ("{end_members: [{Na: 1}]}", 5, "no content is called 'Na' in test; known: Li, Li.Li"),
        ("{end_member: 1}", 5, "unknown field; did you mean 'end_members'? known: end_members, per, references, unit"),
    ],
)
def test_a_mistake_names_its_place(tmp_path, change, line, message):
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.format(change=change))
    spec = load_spec(path)
    with pytest.raises(InputError) as caught:
        targets_of(spec, build_spaces(spec))
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}:{line}: ")
