"""What a model is: it is fitted on rows with values and predicts rows without."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.errors import InputError, NotServedError, nearest
from matbench_defects.models.explanation import Explanation
from matbench_defects.models.rows import Rows
from matbench_defects.registry import Registry
from matbench_defects.spec.fields import StrictModel

if TYPE_CHECKING:
    from matbench_defects.crystal.space import Space

PERMUTATION, ROTATION, TRANSLATION, SUPERCELL = "permutation", "rotation", "translation", "supercell"
INVARIANCES = frozenset({PERMUTATION, ROTATION, TRANSLATION, SUPERCELL})
"""What a prediction may be unchanged under: another order of the atoms or defects in a row, a rotation of the cell with
all in it, a shift of all positions, and repeating the cell (of a target that is per atom or formula unit)."""

State = dict[str, Any]
"""What a model has learnt: numbers by name as numpy arrays, the rest as values that JSON can hold; never an object."""


class ModelSettings(StrictModel):
    """Settings of a model; each adds its own fields with defaults. Unknown ones are refused."""


@dataclass(frozen=True)
class Prediction:
    """What a model says.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        Predictions in the target's unit.
    deviation : ndarray of float, shape (n,), optional
        Standard deviations, where the model gives them.
    seconds : float, optional
        What predicting cost, where a cache makes the clock say less.

    Examples
    --------
    >>> import matbench_defects as md
    >>> import numpy as np
    >>> md.Prediction(np.array([0.1, 0.2]), deviation=np.array([0.01, 0.02])).values
    array([0.1, 0.2])
    """

    values: NDArray[np.float64]
    deviation: NDArray[np.float64] | None = None
    seconds: float | None = None


Passes = Callable[[int, int, float], None]
"""Takes how many passes over the training part are done, how many there may be, and the mean absolute error on what was
held out, in the target's unit."""


class Model(ABC):
    """A model of one target. A new one says how it is fitted and how it predicts; everything else has a default.

    What was learnt leaves a model as its `state` and comes back by `restore`, called on a new model of the same kind,
    settings and seed that was never fitted. `saving.save_model` writes a state as ``model.json`` and ``arrays.npz``,
    nothing pickled, and `saving.load_model` reads it. A torch network gives its ``state_dict`` as arrays; a
    scikit-learn estimator becomes one array of bytes by `saving.estimator_bytes` and comes back by
    `saving.estimator_of`. A restored model predicts what the saved one did, to the last bit on the same machine.

    Models that can be pre-trained, explain themselves or need no structure override `pretrain`, `explain` or
    `occupation_values`; `offers` says who does.

    Parameters
    ----------
    settings : ModelSettings
        Of the type `Settings`.
    seed : int
        Seed of everything random in it.
    device : str
        ``cpu`` or ``cuda``; models that do not use torch ignore it.

    Examples
    --------
    >>> import matbench_defects as md
    >>> import numpy as np
    >>> class MeanOfContent(md.Model):
    ...     title = "Mean of the training rows with as much lithium, or of all"
    ...
    ...     def fit(self, rows, values, validation):
    ...         lithium = np.array(rows.column("content_Li_Li"))
    ...         self.learnt = {str(n): values[lithium == n].mean() for n in lithium} | {"all": values.mean()}
    ...
    ...     def predict(self, rows):
    ...         means = [self.learnt.get(str(n), self.learnt["all"]) for n in rows.column("content_Li_Li")]
    ...         return md.Prediction(np.array(means))
    >>> model = MeanOfContent(MeanOfContent.Settings(), 0, "cpu")
    >>> for fold in md.load_task("lno-formation-energy").folds():
    ...     model.fit(fold.train.rows, fold.train.values, fold.validation)
    ...     fold.record(model.predict(fold.test.rows))
    >>> fold
    <Fold of all: ... recorded>
    """

    Settings: ClassVar[type[ModelSettings]] = ModelSettings
    title: ClassVar[str]
    """What tables call it; the name of the class where left out."""
    description: ClassVar[str]
    """One sentence; the first line of the docstring where left out."""
    references: ClassVar[tuple[str, ...]] = ()
    """DOIs."""
    seeded: ClassVar[bool] = False
    """Whether the seed changes the predictions; a model that ignores it is fitted once."""
    invariances: ClassVar[frozenset[str]] = INVARIANCES
    """Which of `INVARIANCES` its predictions have; `testing.check_model` holds it to them."""
    new_elements: ClassVar[bool] = False
    """Whether it serves rows with an element that no training row had."""
    trained_on: ClassVar[str] = ""
    """What a model that knows other data, such as a universal potential, was trained on, as a submission says it."""
    zero_shot: ClassVar[bool] = False
    """Whether it learns nothing from the training part."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "title" not in vars(cls):
            cls.title = cls.__name__
        if "description" not in vars(cls):
            cls.description = (vars(cls).get("__doc__") or cls.title).strip().partition("\n")[0]

    def __init__(self, settings: Any, seed: int, device: str) -> None:
        self.settings = settings
        self.seed = seed
        self.device = device
        self.learnt: State = {}
        """What `state` and `restore` take care of where a model does not override them."""
        self.progress: Passes | None = None
        """Called during `fit` by a model that is trained in passes, after each, if it is set."""

    @abstractmethod
    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Fit on rows with values; the validation part may serve for early stopping or be fitted too."""

    @abstractmethod
    def predict(self, rows: Rows) -> Prediction:
        """Return a value for each row, in order.

        Raises
        ------
        InputError
            If a row holds what the model cannot know, such as an element that no training row had.
        """

    def state(self) -> State:
        """Return what was learnt; only called after `fit`."""
        return self.learnt

    def restore(self, state: State) -> None:
        """Take over what another model of the same kind and settings has learnt."""
        self.learnt = state

    @property
    def parameters(self) -> int | None:
        """How many numbers were fitted; None where that is not a sensible question."""
        return None

    @classmethod
    def offers(cls, method: str) -> bool:
        """Return whether models of this kind have a method that others need not have.

        Parameters
        ----------
        method : str
            ``pretrain``, ``explain`` or ``occupation_values``.
        """
        return getattr(cls, method) is not getattr(Model, method)

    def pretrain(
        self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None
    ) -> None:
        """Learn from rows of another dataset or target; the next `fit` starts from that instead of at random.

        Scale and mean of the values are those of the rows that are fitted at the time, never kept from here.

        Raises
        ------
        NotServedError
            If the model cannot be pre-trained.
        """
        raise NotServedError(f"{self.title} cannot be pre-trained")

    def explain(self) -> Explanation:
        """Return how much each feature counts; only called after `fit`.

        Raises
        ------
        NotServedError
            If the model has no features of its own.
        """
        raise NotServedError(f"{self.title} has no features of its own")

    def occupation_values(self, space: Space, occupations: NDArray[np.uint8], per: str) -> NDArray[np.float64]:
        """Return what `predict` would say of configurations, no structure needed: `screen` asks for millions at a time.

        Parameters
        ----------
        space : Space
            The space.
        occupations : ndarray of uint8, shape (m, n)
            Configurations of it.
        per : str
            What the target is per.

        Returns
        -------
        ndarray of float, shape (m,)

        Raises
        ------
        NotServedError
            If the model needs structures.
        """
        raise NotServedError(f"{self.title} needs structures")


models: Registry[type[Model]] = Registry(
    "model",
    "matbench_defects.models",
    "matbench_defects.models.regressors",
    "matbench_defects.models.networks",
    "matbench_defects.models.potentials",
)
"""Every registered model, by name."""
CALCULATOR = "ase:"
"""What stands before the name of an ASE calculator that a user names as a model."""


def make_model(name: str, *, seed: int = 0, device: str = "cpu", settings: dict[str, Any] | None = None) -> Model:
    """Return a new model by its registered name.

    Parameters
    ----------
    name : str
        The registered name.
    seed : int
        Seed of everything random in it.
    device : str
        ``cpu`` or ``cuda``; models that do not use torch ignore it.
    settings : dict, optional
        Settings that differ from the defaults.

    Raises
    ------
    InputError
        If the name, a setting or the device is not known.
    """
    return models.get(name)(settings_of(name, settings or {}), seed, device)


def settings_of(name: str, given: dict[str, Any]) -> ModelSettings:
    """Return the settings of a model.

    Parameters
    ----------
    name : str
        The model's registered name.
    given : dict
        Settings that differ from the defaults.

    Raises
    ------
    InputError
        If the name or a setting is not known, or a value does not suit.
    """
    from pydantic import ValidationError

    kind = models.get(name)
    try:
        return kind.Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = nearest(place, kind.Settings.model_fields)
            raise InputError(f"the model {name} has no setting '{place}'; {known}") from None
        raise InputError(f"model {name}, setting {place}: {first['msg']}") from None
