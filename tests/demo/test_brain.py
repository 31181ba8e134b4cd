"""The values that the simulated brain logs."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from thalia_monitor.demo.brain import WEEKS, Brain, Simulation


@pytest.mark.parametrize("stage", WEEKS)
def test_learning_is_noisy_and_saturates_in_every_stage(stage: int) -> None:
    """Performance scatters about its curve, rises much more early than late, and stays a share of 1."""
    brain = Brain(Simulation(), Random(7), stage=stage)
    length = WEEKS[stage] * brain.simulation.steps_per_week
    values = []
    for step in np.linspace(0, 1.4 * length, 400):
        brain.step = int(step)
        values.append(brain.metrics()["performance"])
    performance = np.array(values)

    assert np.std(np.diff(performance, 2)) > 0.002
    eighths = [float(np.median(part)) for part in np.array_split(performance, 8)]
    # A straight line gains as much late as early.
    assert eighths[3] - eighths[0] > 3 * abs(eighths[7] - eighths[4])
    assert 0 <= performance.min() < performance.max() < 1
