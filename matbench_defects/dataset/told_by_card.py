"""What a dataset's card tells `datasets` and the Hub: configurations, their files, rows and content."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matbench_defects.bounded import open_parquet, open_plain
from matbench_defects.errors import InputError
from matbench_defects.spec.document import parse_document

CARD = "README.md"
LARGEST_FRONT = 200_000
"""Bytes of a card's YAML that are read."""
_MARK = "SHA-256 of the content "


def dataset_info(config: Mapping[str, Any], about: str, folder: Path, files: Mapping[str, str]) -> dict[str, Any]:
    """Return what `datasets` is told of a configuration of the dataset: rows, bytes and a digest of the content.

    `datasets` names what it keeps of a folder after the folder and the card's YAML alone. So the digest stands in a
    field that it reads, or it would take one dataset for another of the same name.

    Parameters
    ----------
    config : mapping
        Name and data files, as in the card.
    about : str
        Name and version of the dataset.
    folder : path
        The dataset's folder.
    files : mapping of str to str
        The SHA-256 of each file.
    """
    splits, held = [], {}
    for part in config["data_files"]:
        rows = size = 0
        for name in _matching(part["path"], files):
            held[name] = files[name]
            with open_parquet(folder / name) as opened:
                rows += opened.metadata.num_rows
                size += sum(batch.nbytes for batch in opened.iter_batches())
        splits.append({"name": part["split"], "num_bytes": size, "num_examples": rows})
    return {
        "config_name": config["config_name"],
        "description": f"{about}, {config['config_name']}; {_MARK}{_content(held)}",
        "splits": splits,
        "download_size": sum((folder / name).stat().st_size for name in held),
        "dataset_size": sum(split["num_bytes"] for split in splits),
    }


def _matching(pattern: str, files: Mapping[str, str]) -> list[str]:
    return sorted(name for name in files if fnmatch.fnmatchcase(name, pattern))


def _content(files: Mapping[str, str]) -> str:
    return hashlib.sha256("".join(f"{files[name]}  {name}\n" for name in sorted(files)).encode()).hexdigest()


def check_against_card(folder: Path, files: Mapping[str, str]) -> None:
    """Check that a dataset has every file and row that its card tells of, and no others for `datasets` to read.

    Parameters
    ----------
    folder : path
        The dataset's folder.
    files : mapping of str to str
        What its manifest lists, each with its SHA-256.

    Raises
    ------
    InputError
        If it has not.
    """
    for path in sorted((folder / "data").rglob("*")):
        if path.relative_to(folder).as_posix() not in files and not path.is_dir():
            raise InputError("is listed in no manifest, yet `datasets` would read it; remove it", file=str(path))
    if CARD not in files:
        return  # nothing but rows for scoring
    path = folder / CARD
    front = _front(path)
    told = {info.get("config_name"): info for info in _mappings(front.get("dataset_info"))}
    told_of: set[str] = set()
    for config in _mappings(front.get("configs")):
        name = config.get("config_name")
        held: dict[str, str] = {}
        rows = []
        for part in _mappings(config.get("data_files")):
            found = _matching(str(part.get("path")), files)
            if not found:
                raise InputError(f"tells of {part.get('path')}, which manifest.json does not list", file=str(path))
            held |= {file: files[file] for file in found}
            number = 0
            for file in found:
                with open_parquet(folder / file) as opened:
                    number += opened.metadata.num_rows
            rows.append((part.get("split"), number))
        told_of |= set(held)
        if name not in told:
            continue  # of an earlier version
        expected = [(split.get("name"), split.get("num_examples")) for split in _mappings(told[name].get("splits"))]
        if rows != expected:
            raise InputError(
                f"tells of the rows {_words(expected)} in {name}, there are {_words(rows)}", file=str(path)
            )
        if str(told[name].get("description")).rpartition(_MARK)[2] != _content(held):
            raise InputError(f"tells of other content in {name} than manifest.json lists", file=str(path))
    if others := sorted(name for name in files if name.startswith("data/") and name not in told_of):
        raise InputError(f"does not tell of {others[0]}, which manifest.json lists", file=str(path))


def _words(rows: list[tuple[Any, Any]]) -> str:
    return ", ".join(f"{name} {number}" for name, number in rows)


def _mappings(given: Any) -> list[dict[str, Any]]:
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []


def _front(path: Path) -> dict[str, Any]:
    with open_plain(path) as stream:
        text = stream.read(LARGEST_FRONT).decode("utf-8", errors="replace")
    begin, _, rest = text.partition("---\n")
    front, end, _ = rest.partition("\n---\n")
    if begin or not end:
        raise InputError("does not begin with the YAML that the Hub and `datasets` read", file=str(path))
    return parse_document(front, str(path)).data
