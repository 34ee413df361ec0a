"""A model that knows contents alone."""

from __future__ import annotations

import numpy as np

from matbench_defects.models.model import Model, ModelSettings, Prediction, models


@models.register("nearest-content")
class NearestContent(Model):
    """Predicts the mean of the training rows with the nearest number of vacancies."""

    Settings = ModelSettings
    title = "Nearest content"
    description = "The mean of the training rows with the nearest number of vacancies."
    references = ()
    seeded = False
    invariances = frozenset({"permutation", "rotation", "translation"})

    def __init__(self, settings, seed, device):
        self.settings, self.seed, self.device = settings, seed, device
        self.known = {}

    def fit(self, rows, values, validation):
        """Remember the rows."""
        self.known = {"vacancies": vacancies(rows), "values": values}

    def predict(self, rows):
        """Return the mean of the nearest."""
        away = [np.abs(self.known["vacancies"] - here) for here in vacancies(rows)]
        return Prediction(np.array([self.known["values"][d == d.min()].mean() for d in away]))

    def state(self):
        """Return the rows."""
        return self.known

    def restore(self, state):
        """Take the rows."""
        self.known = state


def vacancies(rows):
    """Return how many vacancies each row has."""
    return np.array([species.count("vacancy") for species in rows.column("species_at_sites")])
