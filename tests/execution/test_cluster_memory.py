"""What was computed on a cluster leaves the process that asked for it."""

from __future__ import annotations

import gc

import pytest

pytest.importorskip("distributed")

from matbench_defects.execution.cluster_spec import ClusterSpec
from matbench_defects.execution.dask_cluster import MESSAGES_KEPT, DaskCluster


def same(item, shared=None):
    return item


@pytest.mark.slow
def test_sent_batches_are_not_kept():
    """Dask kept a thousand of them for each connection, a gigabyte for a million labels."""
    from distributed.protocol.serialize import Serialized

    batches = 40
    with DaskCluster(ClusterSpec(local={"workers": 1})) as cluster:
        with cluster.run(same, ([bytes(2000)] * 10 for _ in range(batches))) as results:
            assert sum(len(pairs) for pairs in results) == 10 * batches
        gc.collect()
        kept = [each for each in gc.get_objects() if type(each) is Serialized]
        assert len(kept) <= 2 * (MESSAGES_KEPT + 1) < batches
