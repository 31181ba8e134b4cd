"""A simulated curriculum training, logged as a real one would be."""

from thalia_monitor.demo.live_run import run, simulate

__all__ = ["run", "simulate"]
