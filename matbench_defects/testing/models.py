"""What every model must do."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from matbench_defects.columns import Quantity
from matbench_defects.errors import InputError
from matbench_defects.models.descriptors.descriptor import CrystalDescriptor
from matbench_defects.models.model import INVARIANCES, SUPERCELL, Model, Prediction, models
from matbench_defects.models.networks.graph_model import GraphModel
from matbench_defects.models.portable import Portable
from matbench_defects.models.regressors.descriptor_model import DescriptorModel
from matbench_defects.models.rows import Background, Rows
from matbench_defects.models.saving import load_model, save_model
from matbench_defects.testing import samples
from matbench_defects.testing.moved_rows import (
    equivalent,
    operations_that_change,
    permutation,
    rewritten,
    rotation,
    translation,
    with_a_host_atom_of,
)

HOST_LEFT = 1e-5
"""How much of the host's own value may be left: sums over its atoms are in float32."""


class ModelCase:
    """A kind of model with what it is fitted on, once for all checks.

    Parameters
    ----------
    kind : type
        The class, a subclass of `Model`.
    settings : dict, optional
        Settings under which it is quick; what is checked does not depend on how well it is fitted.
    sample : Sample, optional
        What it is fitted on and predicts; rows of LiNiO2 where left out.
    """

    def __init__(
        self, kind: type[Model], settings: dict[str, Any] | None = None, sample: samples.Sample | None = None
    ) -> None:
        name = models.name_of(kind)
        if name is None:  # so that it can be saved and sent to another process as registered ones are
            name = f"{kind.__module__}:{kind.__qualname__}"
            models.register(name)(kind)
        self.kind = kind
        self.name = name
        self.settings = settings or {}
        self.sample = sample or samples.structures()
        self.rows = self.sample.test[0]
        self._fitted: Model | None = None

    @property
    def model(self) -> Model:
        """The model, fitted."""
        if self._fitted is None:
            self._fitted = self.fitted()
        return self._fitted

    def fitted(self, seed: int = 0, *, validation: bool = True) -> Model:
        """Return a new fitted model."""
        model = self.kind(self.kind.Settings(**self.settings), seed, "cpu")
        model.fit(*self.sample.train, self.sample.validation if validation else None)
        return model


Check = Callable[[ModelCase], None]


def one_finite_number_a_row(case: ModelCase) -> None:
    """Check that values are finite, one a row; deviations are not negative."""
    found = case.model.predict(case.rows)
    assert found.values.shape == (len(case.rows),), f"{found.values.shape} values for {len(case.rows)} rows"
    assert found.values.dtype == np.float64, f"values are {found.values.dtype}, not float64"
    assert np.isfinite(found.values).all(), "a value is not finite"
    assert found.deviation is None or (found.deviation >= 0).all(), "a deviation is negative"


def order_of_rows_does_not_matter(case: ModelCase) -> None:
    """Check that a row gets its value wherever it stands."""
    order = np.array([2, 0, 3, 1])
    values = case.model.predict(case.rows).values
    assert_allclose(case.model.predict(case.rows.take(order)).values, values[order], rtol=1e-5, atol=1e-6)


def a_batch_of_one(case: ModelCase) -> None:
    """Check that a row alone gets the value that it gets among others."""
    one = case.model.predict(case.rows.take([1])).values
    assert_allclose(one, case.model.predict(case.rows).values[1:2], rtol=1e-5, atol=1e-6)


def the_seed_decides(case: ModelCase) -> None:
    """Check that equal seeds give equal numbers, and other seeds other numbers just if the model is `seeded`."""
    # Without a validation part: with one, fine-tuning may keep the weights that every seed starts from.
    first, again, other = (case.fitted(seed, validation=False).predict(case.rows).values for seed in (1, 1, 2))
    assert_array_equal(first, again)
    assert np.array_equal(first, other) != case.kind.seeded, f"seeded is {case.kind.seeded}, which it is not"


def fits_without_a_validation_part(case: ModelCase) -> None:
    """Check that there need not be a validation part."""
    assert np.isfinite(case.fitted(validation=False).predict(case.rows).values).all()


def another_process_can_have_it(case: ModelCase) -> None:
    """Check that sent to another process it predicts the same."""
    sent = pickle.loads(pickle.dumps(Portable(case.model))).model
    assert_allclose(sent.predict(case.rows).values, case.model.predict(case.rows).values, rtol=1e-5, atol=1e-6)


def saved_and_loaded_it_predicts_the_same(case: ModelCase) -> None:
    """Check that saved and loaded it predicts the same, to the last bit."""
    background = case.rows.background
    with tempfile.TemporaryDirectory() as folder:
        save_model(case.model, Path(folder) / "saved", case.name, background)
        loaded = load_model(Path(folder) / "saved")
    assert (loaded.name, loaded.target, loaded.quantity) == (case.name, background.target, background.quantity)
    assert_array_equal(loaded.model.predict(case.rows).values, case.model.predict(case.rows).values)


def equivalent_structures_get_the_same_value(case: ModelCase) -> None:
    """Check that a symmetry operation of the supercell permutes occupation and positions; nothing may change."""
    row = max(range(len(case.rows)), key=lambda i: operations_that_change(case.rows, i))
    _same(case.model.predict(equivalent(case.rows, row)), case.model.predict(case.rows.take([row])))


def unchanged_by_permutation(case: ModelCase) -> None:
    """Check that another order of atoms and defects changes nothing."""
    _same(case.model.predict(rewritten(case.rows, permutation)), case.model.predict(case.rows))


def unchanged_by_rotation(case: ModelCase) -> None:
    """Check that a rotation of the cell with all in it changes nothing."""
    _same(case.model.predict(rewritten(case.rows, rotation)), case.model.predict(case.rows))


def unchanged_by_translation(case: ModelCase) -> None:
    """Check that a shift of all positions changes nothing."""
    _same(case.model.predict(rewritten(case.rows, translation)), case.model.predict(case.rows))


def unchanged_by_supercell(case: ModelCase) -> None:
    """Check that a repeated cell gets the same value."""
    if case.sample.repeated is not None:
        rows = case.rows.take([0, 2])
        _same(case.model.predict(case.sample.repeated(rows)), case.model.predict(rows))


def the_host_is_taken_off(case: ModelCase) -> None:
    """Check that of a target per defect site the ideal host has nothing, before anything is fitted.

    What a row has more than its host is then known from the start, however many cells of the host there are. A network
    is asked with its first weights, a descriptor for its sums over the cell. A model of the defects alone has no host.
    """
    hosts = samples.hosts()
    model = case.kind(case.kind.Settings(), 0, "cpu")
    if isinstance(model, GraphModel):
        if len(model.graphs(hosts).of_nodes["share"]):
            model.begin(hosts, np.zeros(len(hosts)))
            cell = Background(hosts.background.spec, "energy", Quantity("eV", "cell"))
            alone = float(np.abs(model.predict(Rows(hosts.table, cell)).values).max())
            assert_allclose(model.predict(hosts).values, 0.0, atol=HOST_LEFT * max(1.0, alone))
    elif isinstance(model, DescriptorModel) and isinstance(model.descriptor, CrystalDescriptor):
        model.descriptor.learn(hosts)
        if model.descriptor.extensive:
            assert_allclose(model.descriptor.features(hosts), 0.0, atol=HOST_LEFT)


def an_unseen_element_is_refused_or_not_looked_at(case: ModelCase) -> None:
    """Check that an element that no training row had is refused, unless the model serves it or does not look at it."""
    for element in ("Og",) if case.kind.trained_on else ("Pd", "Og"):  # universal potentials know palladium
        answer = answer_to_an_unseen_element(case, element)
        assert answer != "other values", f"{element} changes values, but no training row had it"
        assert answer != "served" or element == "Pd", f"{element} is served, of which nothing is known"


def answer_to_an_unseen_element(case: ModelCase, element: str) -> str:
    """Return ``refused``, ``served`` by a model of `new_elements`, ``same values``, or what is wrong: ``other values``.

    Parameters
    ----------
    case : ModelCase
        The case.
    element : str
        What one atom of the host, which is no defect, is exchanged for.
    """
    rows = case.rows.take([0])
    try:
        found = case.model.predict(with_a_host_atom_of(rows, element))
    except InputError as error:
        assert element in str(error) or case.kind.zero_shot, f"the refusal does not name {element}: {error}"
        return "refused"
    if np.array_equal(found.values, case.model.predict(rows).values):
        return "same values"
    served = case.kind.new_elements and np.isfinite(found.values).all()
    return "served" if served else "other values"


def features_that_count_have_names(case: ModelCase) -> None:
    """Check that what it says of its features is one finite number for each."""
    try:
        found = case.model.explain()
    except InputError:  # some regressions on a descriptor cannot
        return
    assert len(found.names) == len(found.weights) and np.isfinite(found.weights).all()


def occupations_give_what_rows_give(case: ModelCase) -> None:
    """Check that values straight from occupations are those of the rows."""
    background = case.rows.background
    expected = case.model.predict(case.rows).values
    for name in set(case.rows.column("space")):
        where, occupations = case.rows.occupations(name)
        found = case.model.occupation_values(background.spaces[name], occupations, background.quantity.per)
        assert_allclose(found, expected[where], rtol=1e-9, atol=1e-10)


def pretrained_it_still_fits(case: ModelCase) -> None:
    """Check that having learnt from other rows first, it is fitted as ever."""
    model = case.kind(case.kind.Settings(**case.settings), 0, "cpu")
    model.pretrain(*case.sample.validation, None)
    model.fit(*case.sample.train, case.sample.validation)
    assert np.isfinite(model.predict(case.rows).values).all()


def says_what_it_is(case: ModelCase) -> None:
    """Check that title, description, references (DOIs), settings and invariances are what they have to be."""
    kind = case.kind
    assert kind.title, "it has no title"
    assert kind.description.endswith("."), f"the description is no sentence: {kind.description}"
    assert all("/" in doi for doi in kind.references), f"references are DOIs, not {kind.references}"
    assert kind.invariances <= INVARIANCES, f"not known as invariances: {sorted(kind.invariances - INVARIANCES)}"
    assert case.model.parameters is None or case.model.parameters >= 0, "it has a negative number of parameters"
    assert kind.Settings.model_json_schema()


def _same(first: Prediction, second: Prediction) -> None:
    assert_allclose(first.values, second.values, rtol=1e-4, atol=2e-5)


ALWAYS: tuple[Check, ...] = (
    says_what_it_is,
    one_finite_number_a_row,
    order_of_rows_does_not_matter,
    a_batch_of_one,
    the_seed_decides,
    fits_without_a_validation_part,
    another_process_can_have_it,
    saved_and_loaded_it_predicts_the_same,
    equivalent_structures_get_the_same_value,
    the_host_is_taken_off,
    an_unseen_element_is_refused_or_not_looked_at,
)
IF_DECLARED: dict[str, Check] = {
    "permutation": unchanged_by_permutation,
    "rotation": unchanged_by_rotation,
    "translation": unchanged_by_translation,
    SUPERCELL: unchanged_by_supercell,
}
IF_OFFERED: dict[str, Check] = {
    "explain": features_that_count_have_names,
    "occupation_values": occupations_give_what_rows_give,
    "pretrain": pretrained_it_still_fits,
}


def model_checks(kind: type[Model]) -> list[Check]:
    """Return the checks that a kind of model has to pass: those of what it does not declare are not among them."""
    declared = [check for name, check in IF_DECLARED.items() if name in kind.invariances]
    offered = [check for name, check in IF_OFFERED.items() if kind.offers(name)]
    return [*ALWAYS, *declared, *offered]


def check_model(
    model: type[Model] | str, *, settings: dict[str, Any] | None = None, sample: samples.Sample | None = None
) -> None:
    """Check that a model keeps the contract of models.

    Parameters
    ----------
    model : type or str
        A subclass of `Model`, or its registered name.
    settings : dict, optional
        Settings under which it is quick.
    sample : Sample, optional
        What it is fitted on and predicts: `samples.structures` where left out, `samples.pathways` for a model of those.

    Raises
    ------
    AssertionError
        Naming the check that failed.

    Examples
    --------
    >>> from matbench_defects.testing import check_model
    >>> check_model("mean")
    """
    kind = models.get(model) if isinstance(model, str) else model
    assert issubclass(kind, Model), f"{kind.__name__} is no subclass of matbench_defects.models.model.Model"
    case = ModelCase(kind, settings, sample)
    for check in model_checks(kind):
        try:
            check(case)
        except AssertionError as error:
            raise AssertionError(f"{case.name}, {check.__name__.replace('_', ' ')}: {error}") from error
