"""Time matgl's way from Parquet rows to batched graphs: `python graphs_matgl.py ROWS CUTOFF BATCH REPEATS`.

Imported by nothing: it runs under whichever Python has matgl.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import pyarrow.parquet as pq


def batches(path: str, cutoff: float, size: int) -> list[Any]:
    """Build Structure, then matgl's graph, then torch_geometric's batches."""
    from matgl.ext.pymatgen import Structure2Graph
    from pymatgen.core import Structure
    from torch_geometric.data import Batch

    converter = Structure2Graph(element_types=("Cs", "Pb", "I", "Cd"), cutoff=cutoff)
    graphs = []
    for row in pq.read_table(path).to_pylist():
        structure = Structure(
            row["lattice_vectors"],
            row["species_at_sites"],
            row["cartesian_site_positions"],
            coords_are_cartesian=True,
        )
        graphs.append(converter.get_graph(structure)[0])
    return [Batch.from_data_list(graphs[i : i + size]) for i in range(0, len(graphs), size)]


def main() -> None:
    """Print the fewest seconds of the processor."""
    path, cutoff, size, repeats = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        batches(path, cutoff, size)
        seconds.append(time.process_time() - start)
    print(min(seconds))


if __name__ == "__main__":
    main()
