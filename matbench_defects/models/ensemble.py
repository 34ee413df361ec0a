"""Ensembles: several members of any model, whose spread is the deviation."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, create_model

from matbench_defects.models.model import Model, ModelSettings, Prediction, State, models
from matbench_defects.models.rows import Rows, with_validation


class EnsembleSettings(ModelSettings):
    """Settings of an ensemble, besides those of its members."""

    members: Annotated[int, Field(ge=2, le=100)] = 5
    """How many members."""


class Ensemble(Model):
    """Members of one model that differ by their seed, or by the rows drawn for them where the model has no seed.

    The prediction is their mean. The deviation is their spread, together with their own deviations where they have
    some (Lakshminarayanan, Pritzel and Blundell, arXiv:1612.01474).
    """

    Member: ClassVar[type[Model]]
    Settings: ClassVar[type[ModelSettings]] = EnsembleSettings
    seeded: ClassVar[bool] = True

    def __init__(self, settings: Any, seed: int, device: str) -> None:
        super().__init__(settings, seed, device)
        own = self.Member.Settings(**{k: getattr(settings, k) for k in self.Member.Settings.model_fields})
        first = seed * settings.members  # ensembles of different seeds share no member
        self.members: list[Model] = [self.Member(own, first + i, device) for i in range(settings.members)]

    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Fit every member: on all rows, or on as many drawn with repetition where the seed changes nothing."""
        for member in self.members:
            member.progress = self.progress
        if self.Member.seeded:
            for member in self.members:
                member.fit(rows, values, validation)
            return
        rows, values = with_validation(rows, values, validation)
        for member in self.members:
            drawn = np.random.default_rng(member.seed).integers(len(rows), size=len(rows))
            member.fit(rows.take(drawn), values[drawn], None)

    def predict(self, rows: Rows) -> Prediction:
        """Return mean and deviation of the members."""
        found = [member.predict(rows) for member in self.members]
        values = np.array([one.values for one in found])
        variance = values.var(axis=0, ddof=1)
        own = [one.deviation**2 for one in found if one.deviation is not None]
        if own:
            variance = variance + np.mean(own, axis=0)
        seconds = [one.seconds for one in found if one.seconds is not None]
        return Prediction(values.mean(axis=0), np.sqrt(variance), sum(seconds) if seconds else None)

    def state(self) -> State:
        """Return the states of the members, each name with the member's number before it."""
        return {f"{i}/{key}": value for i, member in enumerate(self.members) for key, value in member.state().items()}

    def restore(self, state: State) -> None:
        """Give each member its part."""
        for i, member in enumerate(self.members):
            start = f"{i}/"
            member.restore({k.removeprefix(start): value for k, value in state.items() if k.startswith(start)})

    @property
    def parameters(self) -> int | None:
        """Those of all members."""
        numbers = [member.parameters for member in self.members]
        return None if None in numbers else sum(n for n in numbers if n is not None)


@models.family("ensemble-")
def ensemble(name: str) -> type[Ensemble] | None:
    """Return the model that is an ensemble of another, with the settings of both."""
    if name not in models:
        return None
    member = models.get(name)
    bases = (member.Settings, EnsembleSettings) if member.Settings is not ModelSettings else (EnsembleSettings,)
    what = "seeds" if member.seeded else "draws of the training rows"
    return type(
        f"{member.__name__}Ensemble",
        (Ensemble,),
        {
            "__doc__": f"An ensemble of {member.title}.",
            "Member": member,
            "Settings": create_model(f"{member.__name__}EnsembleSettings", __base__=bases),
            "title": f"{member.title}, ensemble",
            "description": f"Mean over several {what}, the spread as deviation. {member.description}",
            "references": member.references,
            "invariances": member.invariances,
            "new_elements": member.new_elements,
            "trained_on": member.trained_on,
        },
    )
