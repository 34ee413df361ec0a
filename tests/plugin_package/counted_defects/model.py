"""A model that knows contents alone."""

from __future__ import annotations

import numpy as np

from matbench_defects.models.model import SUPERCELL, Model, Prediction, models


@models.register("nearest-content")
class NearestContent(Model):
    """Predicts the mean of the training rows with the nearest number of vacancies."""

    invariances = Model.invariances - {SUPERCELL}

    def fit(self, rows, values, validation):
        """Remember the rows."""
        self.learnt = {"vacancies": vacancies(rows), "values": values}

    def predict(self, rows):
        """Return the mean of the nearest."""
        away = [np.abs(self.learnt["vacancies"] - here) for here in vacancies(rows)]
        return Prediction(np.array([self.learnt["values"][d == d.min()].mean() for d in away]))


def vacancies(rows):
    """Return how many vacancies each row has."""
    return np.array([species.count("vacancy") for species in rows.column("species_at_sites")])
