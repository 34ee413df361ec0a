"""Croissant metadata of a dataset folder (MLCommons Croissant 1.0)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from matbench_defects.columns import Quantity
from matbench_defects.files import sha256_of_file
from matbench_defects.spec.models import Spec

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "key": "cr:key",
    "md5": "cr:md5",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(spec: Spec, folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a dataset folder: its Parquet files, and its plain columns with their units.

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
        "conformsTo": "http://mlcommons.org/croissant/1.0",
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
    if pa.types.is_boolean(type_):
        return "sc:Boolean"
    if pa.types.is_integer(type_):
        return "sc:Integer"
    if pa.types.is_floating(type_):
        return "sc:Float"
    return "sc:Text" if pa.types.is_string(type_) else None


def _field(field: pa.Field, record_set: str, path: str) -> dict[str, Any]:
    quantity = Quantity.of(field)
    result = {
        "@type": "cr:Field",
        "@id": f"{record_set}/{field.name}",
        "name": field.name,
        "dataType": _data_type(field.type),
        "source": {"fileObject": {"@id": path}, "extract": {"column": field.name}},
    }
    if quantity is not None:
        parts = [quantity.description or field.name, f"unit {quantity.shown_unit}"]
        result["description"] = "; ".join(
            [*parts, *([f"relative to {quantity.reference}"] if quantity.reference else [])]
        )
    return result
