"""Learned radial weights of a potential as a table over the distance, interpolated.

In NequIP-like potentials the weights of a convolution are a small neural network of one number, the length of the
edge. Evaluating it for every edge takes a third of a force call once the products are cheap. The network is smooth,
so cubic polynomials that meet its value and slope at
2000 points give it to the rounding of single precision.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from matbench_defects.compiling import compiled

INTERVALS = 2000
"""Intervals from zero to the cutoff, at least; forces are then right to about 1e-6 of their size."""
_loops = functools.partial(compiled, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")


@_loops
def _interpolate(lengths, spacing, cubics, out):  # type: ignore[no-untyped-def]
    last = cubics.shape[0] - 1
    for edge in range(lengths.shape[0]):
        place = lengths[edge] / spacing
        cell = np.uint64(min(max(int(place), 0), last))
        t = np.float32(place - cell)
        for w in range(np.uint64(cubics.shape[2])):
            out[edge, w] = cubics[cell, 0, w] + t * (
                cubics[cell, 1, w] + t * (cubics[cell, 2, w] + t * cubics[cell, 3, w])
            )


@_loops
def _differentiate(lengths, spacing, cubics, gradient, of_lengths):  # type: ignore[no-untyped-def]
    last = cubics.shape[0] - 1
    two, three = np.float32(2.0), np.float32(3.0)
    for edge in range(lengths.shape[0]):
        place = lengths[edge] / spacing
        cell = np.uint64(min(max(int(place), 0), last))
        t = np.float32(place - cell)
        total = np.float32(0.0)
        for w in range(np.uint64(cubics.shape[2])):
            change = cubics[cell, 1, w] + t * (two * cubics[cell, 2, w] + t * (three * cubics[cell, 3, w]))
            total += gradient[edge, w] * change
        of_lengths[edge] = total / spacing


class _Table(torch.autograd.Function):
    """The interpolation as a function of torch."""

    @staticmethod
    def forward(ctx: Any, lengths: Any, table: Any) -> Any:
        ctx.save_for_backward(lengths)
        ctx.table = table
        out = torch.empty((len(lengths), table.cubics.shape[2]), dtype=torch.float32)
        _interpolate(lengths.detach().numpy(), table.spacing, table.cubics, out.numpy())
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Any) -> Any:
        (lengths,) = ctx.saved_tensors
        table = ctx.table
        found = torch.empty_like(lengths)
        arrays = (table.cubics, gradient.contiguous().numpy(), found.numpy())
        _differentiate(lengths.detach().numpy(), table.spacing, *arrays)
        return found, None


class RadialTable(torch.nn.Module):
    """Weights of edges from their lengths.

    Parameters
    ----------
    function : callable
        Takes lengths, shape (n,), in double precision, and returns weights, shape (n, w).
    cutoff : float
        Longest edge, Å.
    bend : float
        Where the curvature of the function jumps, Å, as at the onset of a smooth cutoff; a point lies there.
    """

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor], cutoff: float, bend: float) -> None:
        super().__init__()
        intervals = next(n for n in itertools.count(INTERVALS) if abs(n * bend / cutoff % 1) < 1e-9)
        self.spacing = h = cutoff / intervals
        lengths = torch.linspace(0, cutoff, intervals + 1, dtype=torch.float64)
        lengths[0] = 1e-6  # the sine over the length has a limit at zero, not a value
        values, slopes = torch.func.jvp(function, (lengths,), (torch.ones_like(lengths),))[:2]
        rise, start, end = torch.diff(values, dim=0), h * slopes[:-1], h * slopes[1:]
        cubics = torch.stack([values[:-1], start, 3 * rise - 2 * start - end, start + end - 2 * rise], dim=1)
        self.cubics = cubics.detach().to(torch.float32).numpy()
        """Coefficients of each interval, lowest power first; shape (intervals, 4, w)."""

    def forward(self, lengths: torch.Tensor) -> torch.Tensor:
        """Return the weights of edges, shape (edges, w), from their lengths, shape (edges,), Å."""
        weights: torch.Tensor = _Table.apply(lengths, self)  # type: ignore[no-untyped-call]
        return weights
