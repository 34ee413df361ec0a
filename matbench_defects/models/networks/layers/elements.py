"""Elements as what is known of them, instead of as numbers that each have to be met in training."""

from __future__ import annotations

import numpy as np
import torch
from ase.data import chemical_symbols
from torch import Tensor, nn

from matbench_defects.errors import NotServedError
from matbench_defects.models.element_properties import PROPERTIES, SCALES, element_properties


class ElementTable(nn.Module):
    """Properties of elements by atomic number, of order one; nothing is learnt.

    A vacancy (0) has zeros, and so has an element of which too little is known; the last two columns say whether there
    is an element, and whether the number is the mark of a hop.

    Parameters
    ----------
    largest : int
        The largest number in the table.
    hop : int
        The number that marks the middle of a hop.
    """

    width = len(PROPERTIES) + 2
    table: Tensor

    def __init__(self, largest: int, hop: int) -> None:
        super().__init__()
        table = np.zeros((largest + 1, self.width), dtype=np.float32)
        for number in range(1, hop):
            try:
                table[number, : len(PROPERTIES)] = element_properties(chemical_symbols[number]) / SCALES
            except NotServedError:
                continue
            table[number, -2] = 1.0
        table[hop, -1] = 1.0
        self.register_buffer("table", torch.from_numpy(table), persistent=False)

    def forward(self, numbers: Tensor) -> Tensor:
        """Return the properties of each number, shape (n, width)."""
        return self.table[numbers]

    def mean(self, amounts: Tensor) -> Tensor:
        """Return the properties averaged by how much of each number there is, shape (n, width)."""
        return amounts @ self.table.to(amounts.dtype)
