"""Live refresh: one question a tick, and the smallest answer that is right."""
