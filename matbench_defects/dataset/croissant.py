"""Croissant metadata of a dataset folder (MLCommons Croissant 1.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from matbench_defects.columns import Quantity
from matbench_defects.files import sha256_of_file
from matbench_defects.spec.models import Spec

_OWN = """
    arrayShape citeAs column conformsTo containedIn equivalentProperty extract field fileObject fileProperty fileSet
    format includes isArray isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated
    replace samplingRate separator source subField transform
"""
"""Terms of the format's own vocabulary; those of schema.org need no mention."""

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    **{term: f"cr:{term}" for term in _OWN.split()},
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
}
"""The format's standard context."""


def croissant(spec: Spec, folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a dataset folder: its Parquet files, and their columns with their units.

    Columns of bytes and of structs (the parts in each fold) are left out, and so is the date that the format
    recommends: the same spec and labels give the same bytes.

    Parameters
    ----------
    spec : Spec
        The spec.
    folder : path
        The folder, its Parquet files already written.
    manifest : dict
        What the manifest says.
    """
    paths = sorted(p.relative_to(folder).as_posix() for p in (folder / "data").rglob("*.parquet"))
    configs = {"structures": "data/structures/", "index": "data/index/"}
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": spec.name,
        "description": spec.description or spec.title,
        "version": spec.version,
        "license": f"https://spdx.org/licenses/{spec.license}.html",
        "url": f"https://github.com/matbench-defects/matbench-defects/tree/main/specs/{spec.name}",
        "citeAs": f"matbench-defects, dataset {spec.name}, version {spec.version}",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": path,
                "name": path,
                "contentUrl": path,
                "encodingFormat": "application/x-parquet",
                "sha256": sha256_of_file(folder / path),
            }
            for path in paths
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": f"{config}/{Path(path).stem}",
                "name": f"{config}/{Path(path).stem}",
                "field": [
                    _field(field, f"{config}/{Path(path).stem}", path)
                    for field in pq.read_schema(folder / path)
                    if _data_type(field.type) is not None
                ],
            }
            for config, prefix in configs.items()
            for path in paths
            if path.startswith(prefix)
        ],
    }


def _data_type(type_: pa.DataType) -> str | None:
    """Return the type of a column's values, of lists the innermost; None for bytes and structs."""
    if pa.types.is_list(type_):
        return _data_type(type_.value_type)
    if pa.types.is_boolean(type_):
        return "sc:Boolean"
    if pa.types.is_integer(type_):
        return "sc:Integer"
    if pa.types.is_floating(type_):
        return "sc:Float"
    return "sc:Text" if pa.types.is_string(type_) else None


def _depth(type_: pa.DataType) -> int:
    """Return how many lists lie in each other."""
    return 1 + _depth(type_.value_type) if pa.types.is_list(type_) else 0


def _field(field: pa.Field, record_set: str, path: str) -> dict[str, Any]:
    quantity = Quantity.of(field)
    result = {
        "@type": "cr:Field",
        "@id": f"{record_set}/{field.name}",
        "name": field.name,
        "dataType": _data_type(field.type),
        "source": {"fileObject": {"@id": path}, "extract": {"column": field.name}},
    }
    if depth := _depth(field.type):
        result |= {"isArray": True, "arrayShape": ",".join(["-1"] * depth)}
    if quantity is not None:
        parts = [quantity.description or field.name, f"unit {quantity.shown_unit}"]
        result["description"] = "; ".join(
            [*parts, *([f"relative to {quantity.reference}"] if quantity.reference else [])]
        )
    return result
