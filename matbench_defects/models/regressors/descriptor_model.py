"""Models that are a regression on a descriptor: every descriptor with every regression, ``soap-ridge`` and so on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import create_model

from matbench_defects.models.descriptors.descriptor import Descriptor, descriptors
from matbench_defects.models.explanation import Explanation
from matbench_defects.models.model import Model, ModelSettings, Prediction, State, models
from matbench_defects.models.regressors.regressor import Regressor, regressors
from matbench_defects.models.rows import Rows, with_validation


class DescriptorModel(Model):
    """A regression on a descriptor; validation rows are training rows too.

    Settings, references, invariances and what else follows from the two need not be said.
    """

    Descriptor: ClassVar[type[Descriptor]]
    Regressor: ClassVar[type[Regressor]]

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if not hasattr(cls, "Descriptor"):
            return
        follows = {
            "Settings": _joined(cls.__name__, cls.Descriptor.Settings, cls.Regressor.Settings),
            "references": (*cls.Descriptor.references, *cls.Regressor.references),
            "seeded": cls.Regressor.seeded,
            "invariances": cls.Descriptor.invariances,
            "new_elements": cls.Descriptor.new_elements,
            "trained_on": cls.Descriptor.trained_on,
        }
        for name, value in follows.items():
            if name not in vars(cls):
                setattr(cls, name, value)

    def __init__(self, settings: Any, seed: int, device: str) -> None:
        super().__init__(settings, seed, device)
        self.descriptor = self.Descriptor(settings, device)
        self.regressor = self.Regressor(settings, seed)

    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Fit on the training and validation parts together; hyper-parameters are chosen by folds of these."""
        rows, values = with_validation(rows, values, validation)
        self.descriptor.learn(rows)
        self.regressor.fit(self.descriptor.features(rows), values)

    def predict(self, rows: Rows) -> Prediction:
        """Return a value for each row, with a deviation where the regression gives one."""
        features, seconds = self.descriptor.timed_features(rows)
        return Prediction(*self.regressor.predict(features), seconds)

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
        """Take over what descriptor and regression had learnt."""
        self.descriptor.restore(state.get("descriptor", state))  # version 0.1 had all in one in some of its models
        self.regressor.restore(state)

    @property
    def parameters(self) -> int | None:
        """How many numbers the regression fitted."""
        return self.regressor.parameters


def _joined(name: str, *kinds: type[ModelSettings]) -> type[ModelSettings]:
    """Return the settings of both."""
    bases = tuple(dict.fromkeys(kind for kind in kinds if kind is not ModelSettings)) or (ModelSettings,)
    return bases[0] if len(bases) == 1 else create_model(f"{name}Settings", __base__=bases)


def _names() -> Iterator[str]:
    for regressor in regressors.names():
        for descriptor in descriptors.names():
            yield f"{descriptor}-{regressor}"


@models.family(members=_names)
def descriptor_model(name: str) -> type[DescriptorModel] | None:
    """Return the model of a descriptor's and a regression's name with a dash between them."""
    for ending in regressors.names():
        beginning = name.removesuffix(f"-{ending}")
        if beginning != name and beginning in descriptors:
            descriptor, regressor = descriptors.get(beginning), regressors.get(ending)
            members = {
                "__doc__": f"{regressor.title.capitalize()} on {descriptor.description}.",
                "Descriptor": descriptor,
                "Regressor": regressor,
                "title": f"{descriptor.title}, {regressor.title}",
                "description": f"{regressor.description} on {descriptor.description}.",
            }
            return type(f"{descriptor.__name__}{regressor.__name__}", (DescriptorModel,), members)
    return None
