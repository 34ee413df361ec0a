"""Universal potentials as models: without any fitting, fine-tuned, or for their features."""
