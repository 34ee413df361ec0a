"""Submissions, their check and scores, and the static site. Needs neither torch nor pymatgen."""
