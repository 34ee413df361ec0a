"""A distance as a network reads it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Gaussians(nn.Module):
    """A number expanded in equally spaced Gaussians as wide as they are apart.

    Parameters
    ----------
    largest : float
        Centre of the last one; the first is at 0.
    count : int
        How many.
    """

    def __init__(self, largest: float, count: int) -> None:
        super().__init__()
        self.register_buffer("centres", torch.linspace(0.0, largest, count))
        self.factor = -0.5 * ((count - 1) / largest) ** 2

    def forward(self, values: Tensor) -> Tensor:
        """Return shape (n, count) for shape (n,)."""
        centres: Tensor = self.get_buffer("centres")
        return torch.exp(self.factor * (values[:, None] - centres) ** 2)
