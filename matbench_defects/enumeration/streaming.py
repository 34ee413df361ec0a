"""The index of a space, written to Parquet while it is generated."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from matbench_defects.columns import Quantity
from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.conditions import Checks
from matbench_defects.enumeration.configurations import Part, base36_text, decode, part_ids, ranks
from matbench_defects.enumeration.counting import count_inequivalent
from matbench_defects.enumeration.orderly import generate
from matbench_defects.enumeration.site_sets import site_type
from matbench_defects.enumeration.stabilisers import Stabilisers
from matbench_defects.files import atomic_path
from matbench_defects.spec.spaces import Conditions

ROWS = 262_144
"""Configurations that are held at a time."""


def index_schema(space: Space) -> pa.Schema:
    """Return the columns of a space's index.

    ``id``; ``content``; ``placed``, the compact occupation: the sites that `canonical.stages` places, one after
    another, as little-endian integers of 1, 2 or 4 bytes, read by `read_occupations`; ``multiplicity``.
    """
    width = np.dtype(_site_type(space)).itemsize
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("content", pa.string(), nullable=False),
            pa.field("placed", pa.binary(), nullable=False, metadata={"bytes_per_site": str(width)}),
            Quantity("1", description="number of symmetry-equivalent configurations").field("multiplicity", pa.int32()),
        ],
        metadata={"space": space.name, "digest": space.digest()},
    )


def write_index(
    space: Space,
    path: str | os.PathLike[str],
    progress: Callable[[int, int], None] | None = None,
    *,
    where: Conditions | None = None,
    rows: int = ROWS,
) -> int:
    """Write every inequivalent configuration of a space to a Parquet file, in bounded memory.

    Parameters
    ----------
    space : Space
        The space.
    path : path-like
        The file. It appears whole or not at all.
    progress : callable, optional
        Called with the number of configurations written and of those expected (without conditions).
    where : Conditions, optional
        What each configuration must fulfil.
    rows : int
        About how many configurations are held at a time.

    Returns
    -------
    int
        How many configurations were written.
    """
    contents = space.contents()
    expected = sum(count_inequivalent(space, c) for c in contents)
    met = Stabilisers(space, Checks.of(space, where))
    pieces = (piece for content in contents for piece in generate(space, content, where, rows, met))
    return write_parts(space, pieces, path, expected, progress, rows=rows)


def write_parts(
    space: Space,
    parts: Iterable[Part],
    path: str | os.PathLike[str],
    expected: int,
    progress: Callable[[int, int], None] | None = None,
    *,
    rows: int = ROWS,
    content_defined: bool = False,
) -> int:
    """Write configurations to a Parquet file as they come, with the columns of `index_schema`.

    Parameters
    ----------
    space : Space
        Their space.
    parts : iterable of Part
        The configurations, compactly.
    path : path-like
        The file. It appears whole or not at all.
    expected : int
        How many there will be, for `progress`.
    progress : callable, optional
        Called with the number of configurations written and of those expected.
    rows : int
        How many rows a group of the file has at most.
    content_defined : bool
        Whether pages end where their content says so, and not after so many bytes. The Hub then stores and transfers
        only what a new version changed; writing takes somewhat longer.

    Returns
    -------
    int
        How many configurations were written.
    """
    schema = index_schema(space)
    written = 0
    with (
        atomic_path(path) as temporary,
        pq.ParquetWriter(
            temporary,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=["content", "multiplicity"],
            column_encoding={"id": "DELTA_BYTE_ARRAY", "placed": "DELTA_BYTE_ARRAY"},
            write_statistics=["content"],  # ids and occupations are in no order that a reader could skip by
            write_page_index=True,
            use_content_defined_chunking=content_defined,
        ) as writer,
    ):
        for piece in parts:
            for i in range(0, len(piece), rows):
                here = slice(i, i + rows)
                part = Part(piece.content, piece.placed[:, here], piece.multiplicities[here])
                writer.write_batch(_batch(space, part, schema))
                written += len(part)
                if progress is not None:
                    progress(written, expected)
    return written


def _site_type(space: Space) -> type[np.unsignedinteger]:
    return site_type(max(r.stop - r.start for r in space.ranges))


def _batch(space: Space, part: Part, schema: pa.Schema) -> pa.RecordBatch:
    total = len(part)
    content = pa.repeat(space.content_name(part.content), total)
    rows = np.ascontiguousarray(part.placed.T.astype(np.dtype(_site_type(space)).newbyteorder("<"), copy=False))
    ends = np.arange(total + 1, dtype=np.int32) * (rows.shape[1] * rows.itemsize)
    placed = pa.Array.from_buffers(pa.binary(), total, [None, pa.py_buffer(ends), pa.py_buffer(rows)])
    multiplicity = pa.array(part.multiplicities, pa.int32())
    return pa.record_batch([_id_column(space, part), content, placed, multiplicity], schema=schema)


def _id_column(space: Space, part: Part) -> pa.Array:
    found = ranks(space, part.content, part.placed)
    if isinstance(found, list):
        return pa.array(part_ids(space, part), pa.string())
    begin = np.frombuffer(f"{space.name}:{space.content_name(part.content)}:".encode(), dtype=np.uint8)
    text, starts = base36_text(found)
    width = text.shape[1]
    whole = np.empty((len(found), len(begin) + width), dtype=np.uint8)
    whole[:, : len(begin)] = begin
    whole[:, len(begin) :] = text
    lengths = len(begin) + width - starts
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    if starts.any():  # leave the zeros before the first digit out
        kept = np.ones(whole.shape, dtype=bool)
        kept[:, len(begin) :] = np.arange(width) >= starts[:, None]
        whole = whole[kept]
    return pa.Array.from_buffers(
        pa.string(), len(found), [None, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(whole))]
    )


def read_occupations(space: Space, content: Content, placed: pa.Array) -> NDArray[np.uint8]:
    """Decode the compact occupations of one content.

    Parameters
    ----------
    space : Space
        The space.
    content : Content
        The content that all of them have.
    placed : pyarrow.Array
        The column ``placed`` of an index.

    Returns
    -------
    ndarray of uint8, shape (m, n)
    """
    kind = np.dtype(_site_type(space)).newbyteorder("<")
    joined = b"".join(placed.to_pylist())
    sites = np.frombuffer(joined, dtype=kind).reshape(len(placed), -1)
    return decode(space, content, sites.T)
