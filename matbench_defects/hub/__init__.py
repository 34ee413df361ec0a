"""Datasets on the Hub: find, download, publish."""
