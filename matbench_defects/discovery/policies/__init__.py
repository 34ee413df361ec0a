"""Acquisition policies: what to label next in a search for the lowest configuration; each registers itself."""

from matbench_defects.discovery.policies.policy import Policy, Search, policies, policy

__all__ = ["Policy", "Search", "policies", "policy"]
