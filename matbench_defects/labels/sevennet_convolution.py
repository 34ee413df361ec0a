"""SevenNet's convolution on a CPU in one pass over the edges, instead of one tensor for each of its terms.

The convolution multiplies the features of a neighbour by the spherical harmonics of the edge and by learned weights,
and sums over the edges of an atom (NequIP: Batzner et al., Nat. Commun. 13, 2453 (2022),
doi:10.1038/s41467-022-29939-5).
e3nn writes every product for every edge to memory, which takes three quarters of the time of a force call. Here the
products are formed and summed edge by edge, as FlashTP and OpenEquivariance do on a GPU; the place in SevenNet is
the one it has for these. The function and its gradient are the same up to rounding; second derivatives, which only
training needs, are refused.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from matbench_defects.compiling import compiled
from matbench_defects.labels.radial_table import RadialTable

# Unsigned indices spare numba the test for negative ones, without which the loops over channels use vector units.
# Sums may be reordered; not-a-number stays what it is.
_loops = partial(compiled, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")


class Paths(NamedTuple):
    """The products of one convolution: arrays with one row for each path (input irrep, harmonic, output irrep)."""

    sizes: NDArray[np.uint64]
    """Shape (paths, 8): start of input, its components, start of harmonic, its components, start of output, its
    components, start of weights, channels."""
    coupling: NDArray[np.float32]
    """Shape (paths, 5, 5, 5) at l = 2: Clebsch-Gordan coefficients with the normalisation of the path."""
    coupled: NDArray[np.bool_]
    """Shape (paths, 5, 5): which components of input and output are coupled by any component of the harmonic."""


@_loops
def _forward(features, harmonics, weights, source, target, sizes, coupling, coupled, out):  # type: ignore[no-untyped-def]
    largest = coupling.shape[1]
    coefficients = np.zeros((largest, largest), dtype=np.float32)
    channel_sum = np.zeros(sizes[:, 7].max(), dtype=np.float32)
    for edge in range(np.uint64(source.shape[0])):
        neighbour, atom = np.uint64(source[edge]), np.uint64(target[edge])
        for path in range(np.uint64(sizes.shape[0])):
            start_in, many_in, start_harmonic, many_harmonic, start_out, many_out, start_weight, channels = sizes[path]
            for i in range(many_in):
                for k in range(many_out):
                    value = np.float32(0.0)
                    for j in range(many_harmonic):
                        value += coupling[path, i, j, k] * harmonics[edge, start_harmonic + j]
                    coefficients[i, k] = value
            for k in range(many_out):
                for u in range(channels):
                    channel_sum[u] = 0.0
                for i in range(many_in):
                    if coupled[path, i, k]:
                        factor = coefficients[i, k]
                        row = start_in + i * channels
                        for u in range(channels):
                            channel_sum[u] += factor * features[neighbour, row + u]
                row = start_out + k * channels
                for u in range(channels):
                    out[atom, row + u] += weights[edge, start_weight + u] * channel_sum[u]


@_loops
def _backward(  # type: ignore[no-untyped-def]
    features, harmonics, weights, source, target, sizes, coupling, coupled, gradient,
    of_features, of_harmonics, of_weights,
):  # fmt: skip
    largest = coupling.shape[1]
    widest = sizes[:, 7].max()
    coefficients = np.zeros((largest, largest), dtype=np.float32)
    of_coefficients = np.zeros((largest, largest), dtype=np.float32)
    channel_sum = np.zeros(widest, dtype=np.float32)
    weighted = np.zeros(widest, dtype=np.float32)
    for edge in range(np.uint64(source.shape[0])):
        neighbour, atom = np.uint64(source[edge]), np.uint64(target[edge])
        for path in range(np.uint64(sizes.shape[0])):
            start_in, many_in, start_harmonic, many_harmonic, start_out, many_out, start_weight, channels = sizes[path]
            for i in range(many_in):
                for k in range(many_out):
                    value = np.float32(0.0)
                    for j in range(many_harmonic):
                        value += coupling[path, i, j, k] * harmonics[edge, start_harmonic + j]
                    coefficients[i, k] = value
            for k in range(many_out):
                row_out = start_out + k * channels
                for u in range(channels):
                    weighted[u] = weights[edge, start_weight + u] * gradient[atom, row_out + u]
                for u in range(channels):
                    channel_sum[u] = 0.0
                for i in range(many_in):
                    if coupled[path, i, k]:
                        factor = coefficients[i, k]
                        row_in = start_in + i * channels
                        total = np.float32(0.0)
                        for u in range(channels):
                            value = features[neighbour, row_in + u]
                            channel_sum[u] += factor * value
                            total += weighted[u] * value
                            of_features[neighbour, row_in + u] += factor * weighted[u]
                        of_coefficients[i, k] = total
                for u in range(channels):
                    of_weights[edge, start_weight + u] += gradient[atom, row_out + u] * channel_sum[u]
            for j in range(many_harmonic):
                total = np.float32(0.0)
                for i in range(many_in):
                    for k in range(many_out):
                        if coupled[path, i, k]:
                            total += coupling[path, i, j, k] * of_coefficients[i, k]
                of_harmonics[edge, start_harmonic + j] += total


class _Convolution(torch.autograd.Function):
    """The numba kernels as a function of torch; node features are (atoms, components then channels)."""

    @staticmethod
    def forward(ctx: Any, features: Any, harmonics: Any, weights: Any, source: Any, target: Any, layer: Any) -> Any:
        ctx.save_for_backward(features, harmonics, weights, source, target)
        ctx.layer = layer
        out = torch.zeros((len(features), layer.width), dtype=torch.float32)
        arrays = (tensor.detach().numpy() for tensor in (features, harmonics, weights, source, target))
        _forward(*arrays, *layer.paths, out.numpy())
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Any) -> Any:
        features, harmonics, weights, source, target = ctx.saved_tensors
        gradients = [torch.zeros_like(tensor) for tensor in (features, harmonics, weights)]
        arrays = (tensor.detach().numpy() for tensor in (features, harmonics, weights, source, target))
        _backward(*arrays, *ctx.layer.paths, gradient.contiguous().numpy(), *(one.numpy() for one in gradients))
        return (*gradients, None, None, None)


def _by_component(features: torch.Tensor, irreps: Any, back: bool = False) -> torch.Tensor:
    """Reorder e3nn's (channel, component) of each irrep to (component, channel), or ``back``."""
    parts = []
    # Split, not sliced: the gradient of each slice would be a tensor of the whole size, nearly all of it zero.
    blocks = torch.split(features, [channels * irrep.dim for channels, irrep in irreps], dim=1)
    for (channels, irrep), block in zip(irreps, blocks, strict=True):
        shape = (irrep.dim, channels) if back else (channels, irrep.dim)
        parts.append(block.reshape(-1, *shape).transpose(1, 2).reshape(len(features), -1))
    return torch.cat(parts, dim=1)


class OnePassConvolution(torch.nn.Module):
    """The tensor product and the sum over neighbours, with the signature SevenNet has for fused kernels.

    Parameters
    ----------
    product
        The ``e3nn.o3.TensorProduct`` it stands for, all paths ``uvu``.
    """

    def __init__(self, product: Any) -> None:
        super().__init__()
        from e3nn.o3 import wigner_3j

        self.irreps_in, self.irreps_out = product.irreps_in1, product.irreps_out
        self.width = self.irreps_out.dim
        inputs, harmonics, outputs = (one.slices() for one in (self.irreps_in, product.irreps_in2, self.irreps_out))
        dimensions = [irrep.dim for _, irrep in (*self.irreps_in, *product.irreps_in2, *self.irreps_out)]
        coupling = np.zeros((len(product.instructions), *(max(dimensions),) * 3), dtype=np.float32)
        rows = []
        start_weight = 0
        for number, path in enumerate(product.instructions):
            channels, first = self.irreps_in[path.i_in1]
            _, second = product.irreps_in2[path.i_in2]
            _, third = self.irreps_out[path.i_out]
            assert path.connection_mode == "uvu" and path.has_weight
            block = coupling[number, : first.dim, : second.dim, : third.dim]
            block[:] = path.path_weight * wigner_3j(first.l, second.l, third.l, dtype=torch.float64).numpy()
            starts = (inputs[path.i_in1].start, harmonics[path.i_in2].start, outputs[path.i_out].start)
            rows.append([starts[0], first.dim, starts[1], second.dim, starts[2], third.dim, start_weight, channels])
            start_weight += channels
        self.paths = Paths(np.array(rows, dtype=np.uint64), coupling, (coupling != 0).any(axis=2))

    def forward(
        self,
        features: torch.Tensor,
        harmonics: torch.Tensor,
        weights: torch.Tensor,
        source: torch.Tensor,
        target: torch.Tensor,
    ) -> torch.Tensor:
        """Return the summed messages, shape (atoms, width), from features of atoms and of edges."""
        by_component = _by_component(features, self.irreps_in)
        out: torch.Tensor = _Convolution.apply(  # type: ignore[no-untyped-call]
            by_component, harmonics.contiguous(), weights.contiguous(), source, target, self
        )
        return _by_component(out, self.irreps_out, back=True)


def use_one_pass_convolutions(model: Any) -> None:
    """Put the one-pass convolution in the place of e3nn's in a SevenNet model on the CPU, for energies and forces."""
    import sevenn._keys as keys
    from sevenn.nn.convolution import IrrepsConvolution, IrrepsScatterGatterFusedConvolution

    embedding = copy.deepcopy(model._modules["edge_embedding"]).double()

    def weights_of(network: Any) -> Callable[[torch.Tensor], torch.Tensor]:
        precise = copy.deepcopy(network).double()
        return lambda r: precise(embedding.basis_function(r) * embedding.cutoff_function(r)[:, None])

    bend = float(getattr(embedding.cutoff_function, "r_on", 0.0))
    for name, layer in list(model._modules.items()):
        if isinstance(layer, IrrepsConvolution):
            fused = IrrepsScatterGatterFusedConvolution.from_irreps_convolution(layer)
            fused.convolution = OnePassConvolution(layer.convolution)
            fused.weight_nn = RadialTable(weights_of(layer.weight_nn), float(model.cutoff), bend)
            fused.key_weight_input = keys.EDGE_LENGTH
            model._modules[name] = fused
