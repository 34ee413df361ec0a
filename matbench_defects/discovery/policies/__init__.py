"""Acquisition policies: what to label next in a search for the lowest configuration; each registers itself."""

from matbench_defects.discovery.policies.policy import Policy, Search, policies

__all__ = ["Policy", "Search", "policies"]
