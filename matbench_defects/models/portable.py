"""Fitted models on their way to other processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matbench_defects.models.model import Model, State, make_model, models
from matbench_defects.models.named_by_user import Allowed, allow_again, allowed


@dataclass(frozen=True)
class Portable:
    """A fitted model on its way to another process, as its name, settings and state.

    Classes of models are made by functions in places, as every ``descriptor-regression`` is, and those of networks
    inside of methods; pickle finds neither.

    Parameters
    ----------
    model : Model
        A fitted model.
    """

    model: Model

    def __reduce__(self) -> tuple[Any, ...]:
        name = models.name_of(type(self.model))
        if name is None:  # somebody's own class; pickle may find it
            return Portable, (self.model,)
        settings = self.model.settings.model_dump(mode="json")
        return _arrived, (name, self.model.seed, self.model.device, settings, self.model.state(), allowed(name))


def _arrived(
    name: str, seed: int, device: str, settings: dict[str, Any], state: State, named: tuple[Allowed, ...]
) -> Portable:
    allow_again(named)  # what the user named in the process that sent it
    model = make_model(name, seed=seed, device=device, settings=settings)
    model.restore(state)
    return Portable(model)
