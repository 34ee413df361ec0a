"""The one-pass convolution against e3nn's product followed by a sum, and within SevenNet."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
o3 = pytest.importorskip("e3nn.o3")


def product(irreps_in: str, harmonics: str, highest: int):
    """Return an e3nn product with every path up to a degree, outputs sorted as SevenNet sorts them."""
    first, second = o3.Irreps(irreps_in), o3.Irreps(harmonics)
    outputs, paths = [], []
    for i, (channels, a) in enumerate(first):
        for j, (_, b) in enumerate(second):
            for irrep in a * b:
                if irrep.l <= highest:
                    paths.append((i, j, len(outputs), "uvu", True))
                    outputs.append((channels, irrep))
    sorted_outputs, order, _ = o3.Irreps(outputs).sort()
    return o3.TensorProduct(
        first,
        second,
        sorted_outputs,
        sorted([(i, j, order[k], mode, weighted) for i, j, k, mode, weighted in paths], key=lambda path: path[2]),
        shared_weights=False,
        internal_weights=False,
    )


@pytest.mark.parametrize(
    ("irreps", "harmonics", "highest"),
    [("3x0e", "1x0e+1x1e+1x2e", 2), ("4x0e+3x1e+2x2e", "1x0e+1x1e+1x2e", 2), ("5x0e+2x1o+3x3o", "0e+1o+2e+3o", 3)],
)
def test_values_and_gradients_are_those_of_e3nn(irreps, harmonics, highest):
    from matbench_defects.labels.sevennet_convolution import OnePassConvolution

    torch.manual_seed(0)
    plain = product(irreps, harmonics, highest)
    fused = OnePassConvolution(plain)
    atoms, edges = 7, 40
    source, target = torch.randint(atoms, (edges,)), torch.randint(atoms - 1, (edges,))  # the last atom has no edge
    inputs = [
        torch.randn(atoms, plain.irreps_in1.dim, requires_grad=True),
        torch.randn(edges, plain.irreps_in2.dim, requires_grad=True),
        torch.randn(edges, plain.weight_numel, requires_grad=True),
    ]
    expected = torch.zeros(atoms, plain.irreps_out.dim)
    expected = expected.index_add(0, target, plain(inputs[0][source], inputs[1], inputs[2]))
    found = fused(*inputs, source, target)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    direction = torch.randn_like(expected)
    wanted = torch.autograd.grad((expected * direction).sum(), inputs)
    for one, other in zip(torch.autograd.grad((found * direction).sum(), inputs), wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["7net-0", "7net-l3i5"])
@pytest.mark.parametrize("repeat", [(1, 1, 1), (2, 2, 1)])
def test_sevennet_gives_the_same_with_it(model, repeat):
    from ase.build import bulk
    from sevenn.calculator import SevenNetCalculator

    from matbench_defects.labels.engines.sevennet import SevenNet, SevenNetSettings

    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True).repeat(repeat)
    atoms.rattle(0.1, seed=1)
    results = []
    for calculator in (SevenNetCalculator(model, device="cpu"), SevenNet(SevenNetSettings(model=model)).calculator()):
        atoms.calc = calculator
        results.append((atoms.get_potential_energy() / len(atoms), atoms.get_forces(), atoms.get_stress()))
    (energy, forces, stress), (same_energy, same_forces, same_stress) = results
    assert same_energy == pytest.approx(energy, abs=1e-6)
    np.testing.assert_allclose(same_forces, forces, atol=1e-5)
    np.testing.assert_allclose(same_stress, stress, atol=1e-6)


@pytest.mark.slow
def test_an_atom_without_neighbours_has_an_energy():
    from ase import Atoms

    from matbench_defects.labels.engines.sevennet import SevenNet, SevenNetSettings

    atom = Atoms("Na", positions=[[0, 0, 0]], cell=[20, 20, 20], pbc=True)
    atom.calc = SevenNet(SevenNetSettings()).calculator()
    assert np.isfinite(atom.get_potential_energy())
    assert np.abs(atom.get_forces()).max() == 0
