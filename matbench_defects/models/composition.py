"""What the composition alone can tell."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.linear import LinearModel
from matbench_defects.models.model import Rows, models


@models.register("composition")
class Composition(LinearModel):
    """Ridge regression on the contents per formula unit and their products: blind to the arrangement."""

    title: ClassVar[str] = "Composition"
    description: ClassVar[str] = (
        "Ridge regression on how much of each species a configuration holds, with squares and products; every "
        "arrangement of one content gets the same value."
    )
    references: ClassVar[tuple[str, ...]] = ()

    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return contents per formula unit with their squares and products."""
        from sklearn.preprocessing import PolynomialFeatures

        names = [n for n in rows.table.schema.names if n.startswith("content_")]
        counts = np.stack([rows.table[n].to_numpy() for n in names], axis=1)
        amounts = counts / rows.table["formula_units"].to_numpy()[:, None]
        return np.asarray(PolynomialFeatures(2, include_bias=False).fit_transform(amounts))
