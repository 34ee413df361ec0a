"""Models that are a regression on a descriptor: every descriptor with every regression, ``soap-ridge`` and so on."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import create_model

from matbench_defects.models.descriptors import Descriptor, descriptors
from matbench_defects.models.explanation import Explanation
from matbench_defects.models.model import INVARIANCES, ModelSettings, Prediction, Rows, State, models, with_validation
from matbench_defects.models.regressors import Regressor, regressors


class DescribedModel:
    """A regression on a descriptor; validation rows are training rows too."""

    Descriptor: ClassVar[type[Descriptor]]
    Regressor: ClassVar[type[Regressor]]
    Settings: ClassVar[type[ModelSettings]] = ModelSettings
    title: ClassVar[str]
    description: ClassVar[str]
    references: ClassVar[tuple[str, ...]] = ()
    seeded: ClassVar[bool] = False
    invariances: ClassVar[frozenset[str]] = INVARIANCES
    new_elements: ClassVar[bool] = False
    """Whether it serves rows with an element that no training row had."""

    def __init__(self, settings: Any, seed: int, device: str) -> None:
        self.settings = settings
        self.seed = seed
        self.descriptor = self.Descriptor(settings)
        self.regressor = self.Regressor(settings, seed)

    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Fit on the training and validation parts together; hyper-parameters are chosen by folds of these."""
        rows, values = with_validation(rows, values, validation)
        self.descriptor.learn(rows)
        self.regressor.fit(self.descriptor.features(rows), values)

    def predict(self, rows: Rows) -> Prediction:
        """Return a value for each row, with a deviation where the regression gives one."""
        return Prediction(*self.regressor.predict(self.descriptor.features(rows)))

    def explain(self) -> Explanation:
        """Return how much each feature counts.

        Raises
        ------
        InputError
            If the regression cannot say.
        """
        return self.regressor.explain(self.descriptor.names())

    def state(self) -> State:
        """Return what descriptor and regression have learnt."""
        return self.regressor.state() | {"descriptor": self.descriptor.state()}

    def restore(self, state: State) -> None:
        """Take both."""
        self.descriptor.restore(state["descriptor"])
        self.regressor.restore(state)

    @property
    def parameters(self) -> int | None:
        """Those of the regression."""
        return self.regressor.parameters


def described(descriptor: type[Descriptor], regressor: type[Regressor]) -> type[DescribedModel]:
    """Return the model that fits a regression on a descriptor, with the settings of both."""
    name = f"{descriptor.__name__}{regressor.__name__}"
    bases = tuple(dict.fromkeys((descriptor.Settings, regressor.Settings)))
    if len(bases) > 1:  # what both come from would stand before one of them
        bases = tuple(base for base in bases if base is not ModelSettings)
    settings = create_model(f"{name}Settings", __base__=bases)
    return type(
        name,
        (DescribedModel,),
        {
            "__doc__": f"{regressor.title.capitalize()} on {descriptor.description}.",
            "Descriptor": descriptor,
            "Regressor": regressor,
            "Settings": settings,
            "title": f"{descriptor.title}, {regressor.title}",
            "description": f"{regressor.description} on {descriptor.description}.",
            "references": (*descriptor.references, *regressor.references),
            "seeded": regressor.seeded,
            "invariances": descriptor.invariances,
            "new_elements": descriptor.new_elements,
        },
    )


for _descriptor, _descriptor_class in descriptors.items():
    for _regressor, _regressor_class in regressors.items():
        models.register(f"{_descriptor}-{_regressor}")(described(_descriptor_class, _regressor_class))
