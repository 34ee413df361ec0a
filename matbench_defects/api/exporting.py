"""Configurations out: structures and calculator inputs for other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matbench_defects.api.domains import Spec, load_spec
from matbench_defects.dataset.reading import MANIFEST, Dataset, open_dataset
from matbench_defects.errors import InputError
from matbench_defects.exchange.exporting import export_structures, of_dataset, of_spec, read_ids


@dataclass(frozen=True)
class Export:
    """Configurations that were written for another program.

    Parameters
    ----------
    path : path
        The folder, with ``ids.csv`` and ``export.json`` in it.
    number : int
        How many there are.
    notes : tuple of str
        What may not be meant, such as inputs that are the same though their oxidation states differ.
    """

    path: Path
    number: int
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Export: {self.number:,} configurations in {self.path}>"


def export(
    source: Spec | Dataset | str | Path | dict[str, Any],
    to: str | Path,
    format: str = "poscar",
    *,
    ids: Iterable[str] | str | Path | None = None,
    all: bool = False,
    label: str | None = None,
    template: str | Path | None = None,
    settings: dict[str, Any] | None = None,
    replace: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Export:
    """Write configurations as structures or calculator inputs, with a table that says which is where.

    Atoms of one element stand together, as VASP's POTCAR needs them.

    Parameters
    ----------
    source : Spec, Dataset, str, path or dict
        A spec, as for `load_spec`: the configurations that it labels; or a built dataset: its rows.
    to : path-like
        The folder. Each configuration has a file, or where the format or a template wants several a folder, called
        after its id: ``lno-cathode/Li6Va6/4f``.
    format : str
        A name of `listing("export-formats")`.
    ids : iterable of str, or path-like, optional
        Only these, or those that a file lists: CSV or Parquet with a column ``id``, as ``enumerate`` and ``screen``
        write them, or text with an id a line.
    all : bool
        Every configuration that a spec means, labelled or not.
    label : str, optional
        Of a dataset, the relaxed structures of this label; the ideal ones where left out.
    template : path-like, optional
        A folder of files that are put beside each structure, such as INCAR and KPOINTS. Of ``POTCAR.Li``, ``POTCAR.O``
        one POTCAR is made, in the order of the elements.
    settings : dict, optional
        Of the format.
    replace : bool
        Whether an earlier export in that folder is replaced.
    progress : callable, optional
        Called with how many are written and how many there are.

    Returns
    -------
    Export

    Raises
    ------
    InputError
        If there is nothing to write, an id is not known, the folder holds something else, or the format refuses.

    Examples
    --------
    >>> import matbench_defects as md
    >>> md.export("lno-cathode", "calculations", "poscar", ids=["lno-cathode:Li6Va6:4f", "lno-cathode:Li12:0"])
    <Export: 2 configurations in calculations>
    >>> import ase.io
    >>> ase.io.read("calculations/lno-cathode/Li6Va6/4f.vasp").get_chemical_formula("metal")
    'Li6Ni12O24'
    """
    chosen = read_ids(Path(ids)) if isinstance(ids, str | Path) else None if ids is None else list(ids)
    if all and (chosen is not None or isinstance(source, Dataset)):
        raise InputError("`all` means every configuration of a spec; leave out `ids`, and give a spec")
    dataset = source if isinstance(source, Dataset) else None
    if isinstance(source, str | Path) and (Path(source) / MANIFEST).is_file():
        dataset = open_dataset(source)
    if dataset is not None and not all:
        wanted = of_dataset(dataset, ids=chosen, label=label)
    else:
        if label is not None:
            raise InputError("relaxed structures are in a dataset; build it, and export that")
        of: Any = dataset.spec if dataset is not None else source
        wanted = of_spec(of if isinstance(of, Spec) else load_spec(of), ids=chosen, every=all)
    number = export_structures(
        wanted,
        Path(to),
        format,
        dict(settings or {}),
        template=None if template is None else Path(template),
        replace=replace,
        progress=progress,
    )
    return Export(Path(to), number, wanted.notes)
