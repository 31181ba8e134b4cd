"""Alerts: notifications of what an operator's rules find in the runs."""
