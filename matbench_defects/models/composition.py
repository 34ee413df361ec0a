"""What the composition alone can tell."""

from __future__ import annotations

from typing import ClassVar

from matbench_defects.models.descriptors.contents import Contents
from matbench_defects.models.descriptors.descriptor import Descriptor
from matbench_defects.models.model import models
from matbench_defects.models.regressors.descriptor_model import DescriptorModel
from matbench_defects.models.regressors.regressor import Regressor
from matbench_defects.models.regressors.ridge import Ridge


@models.register("composition")
class Composition(DescriptorModel):
    """Ridge regression on the contents per formula unit and their products: blind to the arrangement."""

    Descriptor: ClassVar[type[Descriptor]] = Contents
    Regressor: ClassVar[type[Regressor]] = Ridge
    title: ClassVar[str] = "Composition"
    description: ClassVar[str] = (
        "Ridge regression on how much of each species took the host's places, with squares and products; every "
        "arrangement of one content gets the same value."
    )
