"""Alerts: what an operator's rules find in a run is told to people elsewhere, without touching the trainer."""
