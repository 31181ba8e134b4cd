"""A simulated curriculum training, as values: what happens, step by step, to a toy brain with a seed."""
