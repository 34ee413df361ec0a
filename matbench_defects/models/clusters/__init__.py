"""Clusters of sites and their correlations, straight from occupations."""

from matbench_defects.models.clusters.counting import ClusterCounts, cluster_counts, features
from matbench_defects.models.clusters.orbits import Cluster

__all__ = ["Cluster", "ClusterCounts", "cluster_counts", "features"]
