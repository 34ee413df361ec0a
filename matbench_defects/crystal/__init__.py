"""Parents, supercells, the permutation group of their sites, and the spaces of configurations on them."""
