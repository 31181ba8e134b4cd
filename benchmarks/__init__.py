"""The measurements of docs/performance.md: one module a row, all run by ``python -m benchmarks``."""
