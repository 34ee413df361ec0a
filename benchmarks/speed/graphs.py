"""Time the way from Parquet rows to batched graphs and an epoch of SchNet, and write the tables in graphs.md.

    python benchmarks/speed/graphs.py [--structures 1000] [--matgl-python /path/to/python] [--device cpu] [--write]

All ways are timed in turn, three times over, and the fastest of each counts, since a machine is seldom quiet. The
seconds are of the processor, not of the clock, unless the device is a GPU. The structures are CsPbI3 with three of 32
lead atoms exchanged for cadmium, 160 atoms each. matgl is timed in a process of its own, under a Python that has it:
`python -m venv PEERS; PEERS/bin/pip install matgl pymatgen`.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from matbench_defects.columns import Quantity
from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.models.model import make_model
from matbench_defects.models.networks.batching import GraphTensors
from matbench_defects.models.networks.graphs import atom_graphs, cartesian, list_offsets
from matbench_defects.models.rows import Background, Rows
from matbench_defects.spec.loading import load_spec

HERE = Path(__file__).resolve().parent
CUTOFF = 5.0
BATCH = 16
REPEATS = 3
COLUMNS = ["id", "nsites", "formula_units", "lattice_vectors", "cartesian_site_positions", "species_at_sites"]
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"


def write_rows(path: Path, count: int) -> Background:
    """Write structures with the columns of a dataset, and return what they share."""
    spec = load_spec("cspbi3")
    space = build_spaces(spec)["gamma-Cd"]
    rng = np.random.default_rng(0)
    rows = []
    for i in range(count):
        occupation = np.zeros(space.size, dtype=np.uint8)
        occupation[rng.choice(space.size, 3, replace=False)] = 1
        crystal = Configuration(space, occupation).crystal
        rows.append(
            {
                "id": str(i),
                "nsites": len(crystal),
                "formula_units": space.formula_units,
                "lattice_vectors": crystal.lattice.tolist(),
                "cartesian_site_positions": crystal.positions.tolist(),
                "species_at_sites": list(crystal.species),
            }
        )
    pq.write_table(pa.Table.from_pylist(rows), path, compression="zstd")
    return Background(spec, "value", Quantity("eV", "atom"))


def ours(path: Path, background: Background, *, cache: bool = False, vectors: bool = False) -> list[Any]:
    """Go from the file to batches, as the networks do."""
    rows = Rows(pq.read_table(path, columns=COLUMNS), background)
    graphs = GraphTensors(atom_graphs(rows, CUTOFF, vectors=vectors, cache=cache))
    return list(graphs.batches(np.arange(len(rows)), most=BATCH, edges=10**9))


def bare(path: Path, background: Background) -> Callable[[], None]:
    """Return the neighbour lists alone, positions and lattices being numpy arrays already."""
    from vesin import NeighborList

    rows = Rows(pq.read_table(path, columns=COLUMNS), background)
    points, boxes = cartesian(rows, "cartesian_site_positions"), cartesian(rows, "lattice_vectors").reshape(-1, 3, 3)
    starts = list_offsets(rows, "species_at_sites")
    finder = NeighborList(cutoff=CUTOFF, full_list=True)

    def run() -> None:
        for i in range(len(rows)):
            finder.compute(points[starts[i] : starts[i + 1]], boxes[i], True, "ijd")

    return run


def through_ase(path: Path, background: Background, find: str) -> list[Any]:
    """Build Atoms, then PyG's Data from a neighbour list, then PyG's batches: the usual way."""
    import torch
    from ase import Atoms
    from ase.neighborlist import neighbor_list
    from torch_geometric.data import Batch, Data
    from vesin import ase_neighbor_list

    neighbours = {"ase": neighbor_list, "vesin": ase_neighbor_list}[find]
    graphs = []
    for row in pq.read_table(path, columns=COLUMNS).to_pylist():
        atoms = Atoms(
            row["species_at_sites"],
            positions=row["cartesian_site_positions"],
            cell=row["lattice_vectors"],
            pbc=True,
        )
        first, second, distance = neighbours("ijd", atoms, CUTOFF)
        graphs.append(
            Data(
                z=torch.from_numpy(atoms.numbers),
                edge_index=torch.from_numpy(np.stack([first, second]).astype(np.int64)),
                distance=torch.from_numpy(distance.astype(np.float32)),
                num_nodes=len(atoms),
            )
        )
    return [Batch.from_data_list(graphs[i : i + BATCH]) for i in range(0, len(graphs), BATCH)]


def through_pymatgen(path: Path, background: Background) -> list[Any]:
    """Build Structure, then PyG's Data from its compiled neighbour list, then PyG's batches."""
    import torch
    from pymatgen.core import Structure
    from torch_geometric.data import Batch, Data

    graphs = []
    for row in pq.read_table(path, columns=COLUMNS).to_pylist():
        structure = Structure(
            row["lattice_vectors"],
            row["species_at_sites"],
            row["cartesian_site_positions"],
            coords_are_cartesian=True,
        )
        first, second, _, distance = structure.get_neighbor_list(CUTOFF)
        graphs.append(
            Data(
                z=torch.tensor(structure.atomic_numbers),
                edge_index=torch.from_numpy(np.stack([first, second])),
                distance=torch.from_numpy(distance.astype(np.float32)),
                num_nodes=len(structure),
            )
        )
    return [Batch.from_data_list(graphs[i : i + BATCH]) for i in range(0, len(graphs), BATCH)]


def epoch(path: Path, background: Background, device: str) -> Callable[[], None]:
    """Return one epoch of our SchNet."""
    import torch

    from matbench_defects.models.networks.training import run_epoch

    rows = Rows(pq.read_table(path, columns=COLUMNS), background)
    model: Any = make_model("schnet", device=device, settings={"batch_size": BATCH})
    graphs = GraphTensors(atom_graphs(rows, CUTOFF), device, np.linspace(-1, 1, len(rows)))
    network = model.network().to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)

    def run() -> None:
        order = np.random.default_rng(0).permutation(len(rows))
        run_epoch(network, graphs, model.settings, optimizer, order)
        if device != "cpu":
            torch.cuda.synchronize()

    return run


def plain_epoch(path: Path, background: Background, device: str) -> Callable[[], None]:
    """Return one epoch of a plain torch_geometric script on the same graphs: Data objects, its loader, its SchNet."""
    import torch
    from torch_geometric.data import Data
    from torch_geometric.loader import DataLoader
    from torch_geometric.nn import SchNet

    rows = Rows(pq.read_table(path, columns=COLUMNS), background)
    graphs = atom_graphs(rows, CUTOFF)
    values = np.linspace(-1, 1, len(rows))
    data = []
    for i in range(len(rows)):
        nodes, edges = slice(*graphs.nodes[i : i + 2]), slice(*graphs.edges[i : i + 2])
        data.append(
            Data(
                z=torch.from_numpy(graphs.of_nodes["number"][nodes]),
                edge_index=torch.from_numpy(graphs.pairs[:, edges].astype(np.int64)),
                distance=torch.from_numpy(graphs.of_edges["distance"][edges].copy()),
                y=torch.tensor([values[i]], dtype=torch.float32),
                num_nodes=nodes.stop - nodes.start,
            )
        )
    loader = DataLoader(data, batch_size=BATCH, shuffle=True)
    given: dict[str, Any] = {}
    network = SchNet(
        hidden_channels=64,
        num_filters=64,
        num_interactions=3,
        num_gaussians=40,
        cutoff=CUTOFF,
        interaction_graph=lambda *_: given["edges"],
        readout="mean",
    ).to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)

    def run() -> None:
        for batch in loader:
            batch = batch.to(device)
            given["edges"] = batch.edge_index, batch.distance
            loss = torch.nn.functional.mse_loss(network(batch.z, batch.distance, batch.batch).squeeze(-1), batch.y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if device != "cpu":
            torch.cuda.synchronize()

    return run


def fastest(ways: dict[str, Callable[[], Any]], device: str = "cpu") -> dict[str, float]:
    """Return the seconds of each, the fastest of some rounds in which all take their turn."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(REPEATS):
        for name, way in ways.items():
            start = clock()
            way()
            seconds[name].append(clock() - start)
    return {name: min(found) for name, found in seconds.items()}


def matgl_seconds(python: str, path: Path) -> float:
    """Return the seconds that matgl needs for the same under another Python."""
    output = subprocess.run(
        [python, str(HERE / "graphs_matgl.py"), str(path), str(CUTOFF), str(BATCH), str(REPEATS)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return float(output.split()[-1])


def tables(count: int, matgl_python: str | None, device: str) -> str:
    """Time everything and return the tables as Markdown."""
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MATBENCH_DEFECTS_CACHE"] = folder
        path = Path(folder) / "rows.parquet"
        background = write_rows(path, count)
        ours(path, background, cache=True)
        seconds = fastest(
            {
                "neighbour lists alone (vesin)": bare(path, background),
                "this package": lambda: ours(path, background),
                "this package, with vectors": lambda: ours(path, background, vectors=True),
                "this package, edges from its cache": lambda: ours(path, background, cache=True),
                "PyG from ASE's Atoms, vesin": lambda: through_ase(path, background, "vesin"),
                "PyG from ASE's Atoms, ASE's list": lambda: through_ase(path, background, "ase"),
                "PyG from pymatgen's Structure": lambda: through_pymatgen(path, background),
            }
        )
        if matgl_python:
            seconds["matgl's converter"] = matgl_seconds(matgl_python, path)
        lists, own = seconds["neighbour lists alone (vesin)"], seconds["this package"]
        lines = ["| From Parquet rows to batches of graphs | structures/s | time against the lists | this package is |"]
        lines += ["|---|---|---|---|"]
        for name, found in seconds.items():
            times = f"{found / own:.1f} times as fast" if found > 1.05 * own else "-"
            lines.append(f"| {name} | {count / found:,.0f} | {found / lists:.2f} | {times} |")
        trained = fastest(
            {
                "this package": epoch(path, background, device),
                "plain torch_geometric script": plain_epoch(path, background, device),
            },
            device,
        )
        plain = trained["plain torch_geometric script"]
        lines += ["", f"| One epoch of SchNet (64 x 3, batches of {BATCH}), {device} | structures/s | ratio |"]
        lines += ["|---|---|---|"]
        lines += [f"| {name} | {count / found:,.0f} | {plain / found:.2f} |" for name, found in trained.items()]
    where = f"{count} structures of 160 atoms, cutoff {CUTOFF} Å, one thread, Python {platform.python_version()}."
    return "\n".join([*lines, "", where, ""])


def main() -> None:
    """Time, print, and write the tables where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--structures", type=int, default=1000)
    parser.add_argument("--matgl-python")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    text = tables(arguments.structures, arguments.matgl_python, arguments.device)
    print(text)
    if arguments.write:
        page = HERE / "graphs.md"
        before, _, rest = page.read_text().partition(BEGIN)
        page.write_text(before + BEGIN + text + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
