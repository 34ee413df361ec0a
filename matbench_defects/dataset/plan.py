"""What a spec asks for as a whole: configurations, labels, targets and splits, checked before anything is computed."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.charge_blind import calculations
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Space
from matbench_defects.dataset.audit import check_kept_apart
from matbench_defects.dataset.estimate import estimate_spaces
from matbench_defects.dataset.identity import frame_of, numbered, structure_keys
from matbench_defects.dataset.parts_of_spec import resolved
from matbench_defects.dataset.references import reference_contents, with_references
from matbench_defects.dataset.splits import SplitOperator
from matbench_defects.dataset.splits.assign import Parting, part_rows
from matbench_defects.dataset.targets import ResolvedTarget
from matbench_defects.dataset.thermodynamics import check_thermodynamics
from matbench_defects.enumeration.members import empty_sizes
from matbench_defects.enumeration.selection import Rows, Selected, select
from matbench_defects.labels.asking import Jobs
from matbench_defects.labels.engine import Method
from matbench_defects.labels.following import chosen_rows, following_jobs
from matbench_defects.labels.job import Job
from matbench_defects.labels.jobs import jobs_of
from matbench_defects.labels.label import Key, Label
from matbench_defects.labels.noise import further_attempts, noise_rows, tightened
from matbench_defects.spec.models import LabelNoise, Spec

if TYPE_CHECKING:
    from matbench_defects.labels.known import KnownLabels


@dataclass(frozen=True)
class Plan:
    """Everything that a spec asks for, checked, before anything is computed.

    Parameters
    ----------
    spec : Spec
        The spec.
    selected : dict of str to Selected
        Its spaces with their configurations.
    methods : list of Method
        How each label is made.
    targets : dict of str to ResolvedTarget
        Its targets.
    splits : dict of str to SplitOperator
        Its splits.
    jobs : Jobs
        Every label that is needed, made when it is asked for.
    references : frozenset of str
        Ids of the configurations that values of others refer to.
    copies : list of (Configuration, str)
        Configurations of a space that are the same crystal as a row of an earlier space, with that row's id. They are
        no rows of their own; what refers to them in their space finds that row's label.
    partial : bool
        Whether labels may be missing: what refers to them is then left empty.
    notes : tuple of str
        What a user may not have meant, such as sizes of supercells that hold nothing.
    """

    spec: Spec
    selected: dict[str, Selected]
    methods: list[Method]
    targets: dict[str, ResolvedTarget]
    splits: dict[str, SplitOperator]
    jobs: Jobs
    references: frozenset[str] = frozenset()
    copies: list[tuple[Configuration, str]] = dataclasses.field(default_factory=list)
    partial: bool = False
    notes: tuple[str, ...] = ()

    @property
    def spaces(self) -> dict[str, Space]:
        """The spaces by name."""
        return {name: part.space for name, part in self.selected.items()}

    @functools.cached_property
    def rows(self) -> Rows:
        """Every labelled configuration, in the order of the spaces."""
        return Rows(list(self.selected.values()))

    def only(self, kept: NDArray[np.bool_]) -> Plan:
        """Return the plan with some of the labelled configurations alone.

        Parameters
        ----------
        kept : ndarray of bool, shape (n,)
            Whether each is kept, in the order of the rows.
        """
        selected = _where(self.selected, kept)
        there = {id_ for part in selected.values() for id_ in part.ids()} if self.copies else set()
        copies = [(copy, id_) for copy, id_ in self.copies if id_ in there]
        return dataclasses.replace(self, selected=selected, copies=copies, partial=True)

    @functools.cached_property
    def noisy(self) -> list[tuple[Method, LabelNoise, list[Configuration]]]:
        """Each label whose noise is measured, how, and on which rows."""
        return [
            (method, label.noise, noise_rows(self.rows, label.noise, self.references))
            for method, label in zip(self.methods, self.spec.labels, strict=True)
            if label.noise is not None
        ]

    def further_jobs(self) -> list[Job]:
        """Return the attempts that are made only to see how noisy labels are."""
        return [job for method, noise, rows in self.noisy for job in further_attempts(rows, method, noise)]

    def tightened_jobs(self, found: Mapping[Key, Label]) -> list[Job]:
        """Return the relaxations that go on where the labels ended that are found."""
        return [job for method, noise, rows in self.noisy for job in tightened(rows, method, noise, found)]

    def following_jobs(self, found: KnownLabels) -> list[Job]:
        """Return the labels on structures that other labels, which are found, ended in.

        Raises
        ------
        InputError
            Naming file and line of a label whose configurations are not there.
        """
        by_name = {method.name: method for method in self.methods}
        jobs = []
        for position, method in enumerate(self.methods):
            if method.structures:
                rows, source = self.rows_of(position), by_name[method.structures]
                jobs += following_jobs(self.spec, rows, method, source, found, self.references)
        return jobs

    def rows_of(self, position: int) -> Sequence[Configuration]:
        """Return the rows that have a label: all, but for some that are computed on the structures of another."""
        if not self.methods[position].structures:
            return self.rows
        with self.spec.at(("labels", position, "configurations")):
            return chosen_rows(self.rows, self.spec.labels[position].configurations, self.references)

    def unasked(self) -> list[str]:
        """Return what the labels' settings give though no row asks for it, such as further rows of a table."""

        def ids_by(method: Method) -> Iterator[str]:
            return (ask.key.id for ask in self.jobs.of(method.name).asks())

        notes = [method.settings.unasked(functools.partial(ids_by, method)) for method in self.methods]
        return [note for note in notes if note]

    def merged(self) -> list[str]:
        """Return how many rows share how many calculations by each label that merges oxidation states."""
        if not any(method.merged for method in self.methods):
            return []
        number = len(calculations(self.rows))
        apart = [
            name
            for name, split in self.spec.splits.items()
            if split.by in ("random", "k-fold") and "together" not in split.options
        ]
        advice = ""
        if apart:
            advice = f"; rows that share one are left out of further parts unless {apart[0]} has `together: elements`"
        return [
            f"{method.name}: {method.engine} sees elements alone, so {len(self.rows):,} configurations share "
            f"{number:,} calculations (`oxidation_states: merged`){advice}"
            for method in self.methods
            if method.merged
        ]

    def check_rows(self) -> None:
        """Check what depends on which rows there are, before anything is computed for them.

        Raises
        ------
        InputError
            Naming file and line of a label or split that the rows cannot have.
        """
        for position, method in enumerate(self.methods):
            if method.structures:
                self.rows_of(position)
        for name, parting in self.partings().items():
            with self.spec.at(("splits", name)):
                for fold, parts in parting.by_fold.items():
                    check_kept_apart(self.rows, parts, self.spec.splits[name].keep_apart, fold)

    def followed(self, found: KnownLabels) -> Plan:
        """Return the plan with the labels among its jobs that need others, which are found."""
        return dataclasses.replace(self, jobs=self.jobs.followed_by(self.following_jobs(found)))

    def partings(self) -> dict[str, Parting]:
        """Return the part of each row in each split."""
        return part_rows(self.spec, self.splits, self.rows, self.references)


def plan(spec: Spec, *, index: bool = True, counted: bool = False) -> Plan:
    """Check a spec as a whole and choose its rows.

    Parameters
    ----------
    spec : Spec
        The spec.
    index : bool
        Whether spaces of which a sample is labelled are enumerated besides.
    counted : bool
        Whether `estimate_spaces` has counted the spaces already. All that it refuses comes first, whichever command
        asks.

    Raises
    ------
    InputError
        Naming file and line of the first thing that cannot be.
    """
    if not counted:
        estimate_spaces(spec)
    selected = select(spec, index=index)
    if not any(len(part.chosen) for part in selected.values()):
        first = next(iter(spec.all_spaces().values()))
        raise spec.error((*first[1], "configurations"), "no configuration is selected; none fulfils `where`")
    spaces = {name: part.space for name, part in selected.items()}
    methods, targets, splits = resolved(spec, spaces)
    references: frozenset[str] = frozenset()
    copies: list[tuple[Configuration, str]] = []
    if spec.rules > 1:
        selected = with_references(spec, selected, targets)
        selected, copies = _each_once(selected)
        held = {name: [p.content for p in part.labelled.parts] for name, part in selected.items()}
        for copy, _ in copies:
            held[copy.space.name].append(copy.content)
        contents = {name: reference_contents(spec, space, targets, held[name]) for name, space in spaces.items()}
        references = frozenset(
            id_
            for name, part in selected.items()
            for content, batches in part.by_content()
            if content in contents[name]
            for ids, _ in batches()
            for id_ in ids
        )
        references |= {id_ for copy, id_ in copies if copy.content in contents[copy.space.name]}
    for position, label in enumerate(spec.labels):
        if label.noise is not None and label.noise.tightened and methods[position].of_pathways:
            raise spec.error(("labels", position, "noise"), "a band is not relaxed further; give `tightened: 0`")
    check_thermodynamics(spec, selected, copies)
    jobs = jobs_of(spec, selected, references)
    notes = empty_sizes(spec, spaces, {name: len(part.configurations) for name, part in selected.items()})
    planned = Plan(spec, selected, methods, targets, splits, jobs, references, copies)
    planned.check_rows()
    return dataclasses.replace(planned, notes=(*notes, *planned.unasked(), *planned.merged()))


def _each_once(selected: dict[str, Selected]) -> tuple[dict[str, Selected], list[tuple[Configuration, str]]]:
    """Return a selection with each crystal in one space alone, the first, and its copies in others."""
    if len(selected) == 1:
        return selected, []
    frames = [frame_of(part.space) for part in selected.values()]
    if len(set(frames)) == len(frames):
        return selected, []
    every = Rows(list(selected.values()))
    _, first, numbers = np.unique(numbered(structure_keys(every)), return_index=True, return_inverse=True)
    kept = first[numbers] == np.arange(len(every))
    again = np.flatnonzero(~kept)
    copies = [(row, one.id) for row, one in zip(every.at(again), every.at(first[numbers[again]]), strict=True)]
    return _where(selected, kept), copies


def _where(selected: dict[str, Selected], kept: NDArray[np.bool_]) -> dict[str, Selected]:
    """Return a selection with some of the configurations alone, in the order of the spaces."""
    result, start = {}, 0
    for name, part in selected.items():
        here = kept[start : start + len(part.chosen)]
        result[name] = part if here.all() else part.where(here)
        start += len(part.chosen)
    return result
