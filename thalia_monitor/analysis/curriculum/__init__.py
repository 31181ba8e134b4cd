"""The curriculum of a run: its stages against their plans, why it does not advance, what it keeps, its safety."""
