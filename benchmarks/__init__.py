"""What the README's figures come from: one module a row, all run by ``python -m benchmarks``."""
