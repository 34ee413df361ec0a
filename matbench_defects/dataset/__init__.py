"""Datasets: columns, targets, splits and their audit, building, reading, the card."""
