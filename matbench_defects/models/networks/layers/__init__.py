"""Layers of networks. They import torch, so only the functions that make a network import them."""
