"""Universal potentials without any fitting: their energy of the ideal structure stands for the label."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.phases import REFERENCE
from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.structures import row_crystal
from matbench_defects.dataset.targets import Labelled, LabelledConfiguration, ResolvedTarget
from matbench_defects.dataset.targets.end_members import end_member_contents, families, is_end_member
from matbench_defects.dataset.targets.extremes import Extreme
from matbench_defects.dataset.targets.target import EndMember
from matbench_defects.enumeration.counting import count_inequivalent
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.errors import NotServedError
from matbench_defects.labels.engine import Band, Method, Outcome, engines
from matbench_defects.labels.job import Job
from matbench_defects.labels.jobs import reference_jobs
from matbench_defects.labels.label_files import labels_in_cache
from matbench_defects.labels.running import run_jobs
from matbench_defects.labels.store import Key, Label, LabelStore
from matbench_defects.models.model import Model, ModelSettings, Prediction, models
from matbench_defects.models.potentials.energy_differences import hop_crystals
from matbench_defects.models.potentials.pretrained import networks
from matbench_defects.models.rows import Background, Rows
from matbench_defects.spec.models import Relaxation

Asked = tuple[Configuration, dict[str, Crystal]]
"""A configuration with the structures whose energies its value needs, by what their labels' ids end in."""

MOST_END_MEMBERS = 50
"""An end member of which no row has a label is computed if it has at most so many configurations."""


class ZeroShotSettings(ModelSettings):
    """Settings of a potential that is not fitted."""

    relax: Relaxation | None = None
    """How structures are relaxed before their energy counts; left out, the ideal ones are taken as they are."""


class ZeroShot(Model):
    """Any target that energies of ideal or relaxed structures give, by one engine; nothing is fitted.

    The target's own definition is applied to the engine's energies. End members and reference phases are computed by
    the same engine in the same way, so no label enters at all. What a value refers to, the lowest configuration of an
    end member or those that span a hull, is looked for among the configurations of the dataset that have a label, as
    it is for the labels: it does not depend on which rows are asked for. A barrier is the energy with the ion half-way
    in a straight line, all else in place, above the end points: a crude upper bound.

    Nothing is learnt, so a saved model holds nothing.
    Energies are kept in the cache as labels are, and the time they took is reported also when they come from there.
    Engines run on the CPU, whatever the device.
    """

    Settings: ClassVar[type[ModelSettings]] = ZeroShotSettings
    engine: ClassVar[str]
    zero_shot: ClassVar[bool] = True

    def __init__(self, settings: Any, seed: int, device: str) -> None:
        super().__init__(settings, seed, device)
        self.method = self.make_method()

    def make_method(self) -> Method:
        """Return how energies are computed."""
        kind = "static" if self.settings.relax is None else "relaxed"
        return Method(f"{self.engine}_{kind}", self.engine, engines.get(self.engine).Settings(), self.settings.relax)

    @classmethod
    def depends_on(cls) -> list[type]:
        """Return the engine, which is found by its name."""
        return [engines.get(cls.engine)] if cls.engine in engines else []

    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Do nothing: nothing is learnt."""

    def predict(self, rows: Rows) -> Prediction:
        """Return the value of each row.

        Raises
        ------
        InputError
            If such energies do not give the target, or an energy cannot be computed.
        """
        background = rows.background
        target = background.resolved
        self._check(target, rows)
        asked = _asked(rows)
        compared = _compared(rows, target)
        phases = reference_jobs(background.spec, [self.method])
        jobs = list({job.key: job for one in (*asked, *compared) for job in self._jobs(one)}.values())
        store = LabelStore(labels_in_cache(background.spec))
        labels = {label.key: label for label in run_jobs([*jobs, *phases], [store], wait=True).values()}
        for job in jobs:
            if not _counts(labels[job.key]):
                raise NotServedError(f"{self.engine} gives no energy for {job.id}: {labels[job.key].problem}")
        found = Labelled(
            [self._labelled(one, labels) for one in asked],
            {j.id.removeprefix(REFERENCE): labels[j.key] for j in phases if _counts(labels[j.key])},
            [self._labelled(one, labels) for one in compared],
        )
        values = target.computed.values(found)
        for (one, _), value in zip(asked, values, strict=True):
            if value is None:
                raise NotServedError(f"the energies of {self.engine} give no {background.target} for {one.id}")
        seconds = sum(labels[job.key].seconds for one in asked for job in self._jobs(one))
        return Prediction(np.array(values, dtype=np.float64), seconds=seconds)

    @property
    def parameters(self) -> int | None:
        """Nothing is fitted."""
        return 0

    def _check(self, target: ResolvedTarget, rows: Rows) -> None:
        if not target.computed.needs_label:
            raise NotServedError(f"{target.name} is a number of a table, which no energy gives")
        if target.computed.needs_relaxation and self.settings.relax is None:
            raise NotServedError(f"{target.name} is of relaxed structures; give the model the setting `relax`")
        if target.computed.given_references:
            raise NotServedError(
                f"{target.name} refers to energies that its spec gives as numbers; those of {self.engine} have "
                "another zero"
            )
        several = any(len(space.kind.end_points) > 1 for space in rows.background.spaces.values())
        if several and self.settings.relax is not None:
            raise NotServedError("a barrier without a band is of ideal structures; leave the setting `relax` out")

    def _jobs(self, asked: Asked) -> list[Job]:
        one, crystals = asked
        host = one.space.digest()
        return [Job(one.id + suffix, host, crystal, self.method) for suffix, crystal in crystals.items()]

    def _labelled(self, asked: Asked, labels: dict[Key, Label]) -> LabelledConfiguration:
        found = [labels[job.key] for job in self._jobs(asked)]
        return LabelledConfiguration.of(asked[0], found[0] if len(found) == 1 else _along(found))


def _asked(rows: Rows) -> list[Asked]:
    result: list[Asked] = []
    for row in rows.table.to_pylist():
        if row.get("hop_atom") is None:
            crystals = {"": row_crystal(row)}
        else:
            crystals = dict(zip((":first", ":half-way", ":second"), hop_crystals(row), strict=True))
        result.append((_configuration(row, rows.background), crystals))
    return result


def _compared(rows: Rows, target: ResolvedTarget) -> list[Asked]:
    """Return the configurations that the values of some rows refer to.

    Raises
    ------
    NotServedError
        If it is not known which they are.
    """
    background = rows.background
    if not (target.computed.compares_rows or target.computed.refers_to):
        return []
    if background.labelled is None and target.computed.compares_rows:
        raise NotServedError(f"{target.name} compares configurations of a dataset, and none is known here")
    every = [] if background.labelled is None else background.labelled.to_pylist()
    if target.computed.compares_rows:
        found = [_configuration(row, background) for row in every]
    else:
        found = []
        used = {name: background.spaces[name] for name in sorted(set(rows.column("space")))}
        for family, spaces in families(used.values()).items():
            there = [
                _configuration(row, background)
                for row in every
                if (background.spaces[row["space"]].family or row["space"]) == family
            ]
            for wanted in target.computed.refers_to:
                ends = [one for one in there if is_end_member(one.space, one.content, wanted)]
                found += ends or [one for space in spaces for one in _all_of(space, wanted, target)]
    return [(one, {"": one.crystal}) for one in {(one.space.name, one.id): one for one in found}.values()]


def _all_of(space: Space, wanted: EndMember | Extreme, target: ResolvedTarget) -> list[Configuration]:
    """Return every configuration of an end member of which the dataset has none, as one that stands in another space.

    Raises
    ------
    NotServedError
        If they are too many.
    """
    contents = end_member_contents(space, wanted)
    if sum(count_inequivalent(space, content) for content in contents) > MOST_END_MEMBERS:
        names = " or ".join(space.content_name(content) for content in contents)
        raise NotServedError(
            f"{target.name} refers to the lowest configuration of {names}, of which there are more than "
            f"{MOST_END_MEMBERS} and none is in the dataset"
        )
    return list(enumerate_configurations(space, contents)) if contents else []


def _configuration(row: dict[str, Any], background: Background) -> Configuration:
    occupation = np.frombuffer(row["occupation"], dtype=np.uint8)
    return Configuration.canonical(background.spaces[row["space"]], occupation, id=row["id"])


def _counts(label: Label) -> bool:
    """Return whether an energy serves as a prediction: unlike a label's, its relaxation need not have finished."""
    return label.usable or (label.outcome is not None and not label.outcome.converged)


def _along(found: list[Label]) -> Label:
    """Return the static energies along a pathway as one label."""
    outcomes = [label.outcome for label in found if label.outcome is not None]
    first, middle, second = outcomes
    energies = np.array([outcome.energy for outcome in outcomes])
    moved = np.linalg.norm(second.crystal.positions - first.crystal.positions, axis=1)
    band = Band(energies, middle.crystal.positions, second.crystal.positions, int(moved.argmax()))
    outcome = Outcome(first.energy, first.crystal, None, None, None, True, 0, band)
    return Label(
        found[0].key,
        found[0].engine_version,
        found[0].level_of_theory,
        found[0].description,
        outcome,
        "",
        sum(label.seconds for label in found),
    )


@models.family(suffix="-zero-shot", members=networks.names)
def zero_shot(name: str) -> type[ZeroShot] | None:
    """Return the model that takes the energies of a universal potential as they are."""
    if name not in networks:
        return None
    network = networks.get(name)
    members = {
        "__doc__": f"{network.title}, zero-shot.",
        "engine": name,
        "title": f"{network.title}, zero-shot",
        "description": f"Energies of ideal structures by {network.checkpoint}, reference states by the same; nothing "
        "fitted.",
        "references": network.references,
        "trained_on": network.trained_on,
    }
    return type(f"{network.__name__}ZeroShot", (ZeroShot,), members)
