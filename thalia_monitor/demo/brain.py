"""The toy brain of the simulated training: how its skills, capacity and regions change with the steps.

Region sizes, thresholds and growth follow Thalia's growth tables: 10 to 500 neurons at a time, at least
10,000 steps apart, up to 2.5 to 4 times the first size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from random import Random
from typing import Any, Final

from thalia_monitor.demo.events import Growth
from thalia_monitor.metric_info import lower_is_better
from thalia_monitor.stages import DOCUMENTED, Criterion

LEARNING_RATE: Final = 1e-3
"""What the simulated brain learns best with."""

WINDOW: Final = 500.0
"""Milliseconds of a window of spikes."""
SAMPLED: Final = 16
"""Neurons of each region whose spikes are logged."""

WEEKS: Final[Mapping[int, int]] = {-1: 4, 0: 8, 1: 8, 2: 10, 3: 12, 4: 16, 5: 20, 6: 24}
"""Weeks planned for each stage (Thalia's "getting started")."""

LEARNED_AT: Final[Mapping[str, float]] = {
    "basic_movements": 0.45,
    "reaching_accuracy": 1.2,
    "manipulation_success": 0.7,
    "prediction_error": 0.9,
    "cerebellum_functional": 0.3,
    "mnist_accuracy": 0.5,
    "sequence_prediction": 0.7,
    "phoneme_discrimination": 0.95,
    "categorical_perception": 0.4,
    "gaze_following": 0.3,
    "sensorimotor_maintained": 0.0,
    "mnist_maintained": 0.0,
    "phoneme_maintained": 0.0,
}
"""When a milestone is learned, as a share of the stage's planned weeks: reaching takes an extension."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """The seed, speed and intervals of a simulated training; intervals are in steps."""

    seed: int = 7
    steps_per_second: float = 40.0
    log_interval: int = 20
    growth_interval: int = 5_000
    consolidation_interval: int = 10_000
    steps_per_week: int = 25_000

    @property
    def seconds_per_line(self) -> float:
        """Training time between two metric lines."""
        return self.log_interval / self.steps_per_second


REASONS: Final = (
    "Capacity {used:.2f} > threshold {threshold:.2f}",
    "Capacity {used:.2f} > threshold {threshold:.2f}",
    "Weight saturation high ({used:.2f})",
    "Capacity {used:.2f} and learning plateau: 1.2 % gain in 5,000 steps",
)
"""Growth reasons as Thalia words them."""


@dataclass(slots=True)
class Region:
    """One simulated region: how many neurons it has and how much of their capacity is used."""

    name: str
    neurons: int
    capacity: float
    threshold: float
    fraction: float
    """Share of its neurons that growth adds."""
    largest_factor: float
    """Growth stops at this multiple of the first size."""
    pressure: float
    """How fast capacity fills, relative to the others."""
    first_neurons: int = 0
    grown_at: int = -1_000_000

    def __post_init__(self) -> None:
        self.first_neurons = self.neurons

    def learn(self, steps: int) -> None:
        """Fill a little more of what capacity is left."""
        self.capacity += (1 - self.capacity) * (1 - math.exp(-2e-5 * self.pressure * steps))

    def may_grow(self, step: int) -> bool:
        """Whether capacity is over the threshold, the last growth long ago and the region not full-grown."""
        full = self.neurons >= self.largest_factor * self.first_neurons
        return self.capacity > self.threshold and step - self.grown_at >= 10_000 and not full

    def grow(self, step: int, random: Random) -> Growth:
        """Add neurons; capacity in use falls by as much as the region got larger."""
        used = self.capacity
        added = max(10, min(500, round(self.neurons * self.fraction * random.uniform(0.8, 1.2))))
        self.capacity *= self.neurons / (self.neurons + added)
        self.neurons += added
        self.grown_at = step
        reason = random.choice(REASONS).format(used=used, threshold=self.threshold)
        return Growth(step, self.name, added, self.neurons, reason)


def _regions() -> list[Region]:
    return [
        Region("cortex", 1600, 0.55, 0.85, 0.20, 2.5, 1.0),
        Region("hippocampus", 800, 0.60, 0.80, 0.25, 3.5, 1.3),
        Region("cerebellum", 1200, 0.50, 0.80, 0.20, 3.0, 0.9),
        Region("striatum", 500, 0.45, 0.80, 0.25, 2.5, 0.7),
        Region("prefrontal", 600, 0.40, 0.80, 0.30, 4.0, 1.1),
        Region("thalamus", 400, 0.35, 0.80, 0.15, 3.0, 0.5),
    ]


@dataclass(slots=True)
class Brain:
    """The state of the simulated training."""

    simulation: Simulation
    random: Random
    regions: list[Region] = field(default_factory=_regions)
    step: int = 0
    stage: int = -1
    stage_start: int = 0
    total_weeks: int = WEEKS[-1]
    firing_was_high: bool = False
    learning_rate: float = LEARNING_RATE
    """Changed by hand: a wrong one makes the loss worse within some hundred steps."""
    may_grow: bool = True
    """Changed by hand."""
    misled: float = 0.0
    """How much of a wrong learning rate has taken effect."""

    @property
    def week(self) -> int:
        """Whole weeks into the stage."""
        return (self.step - self.stage_start) // self.simulation.steps_per_week

    @property
    def progress(self) -> float:
        """How far into the planned weeks; above 1 in an extension."""
        return (self.step - self.stage_start) / (WEEKS[self.stage] * self.simulation.steps_per_week)

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """The milestones of the stage."""
        return DOCUMENTED[self.stage].milestones

    def learn(self) -> None:
        """Let the regions learn for one interval; what a wrong learning rate costs comes and goes slowly."""
        wrong = min(abs(math.log10(self.learning_rate / LEARNING_RATE)) / 2, 1.0)
        self.misled += 0.15 * (wrong - self.misled)
        for region in self.regions:
            region.learn(self.simulation.log_interval)

    @property
    def excitation(self) -> float:
        """0 in calm times, up to 1 in the bouts of over-excitation that come every 47,000 steps."""
        return math.exp(-((((self.step % 47_000) - 30_500) / 900) ** 2))

    def noise(self, sigma: float) -> float:
        """Draw what measurement adds to a value."""
        return self.random.gauss(0, sigma)

    def skill(self, criterion: Criterion) -> float:
        """How well the brain does, now, what a milestone with a threshold asks for (0 to 1)."""
        assert criterion.threshold is not None
        goal, margin = criterion.threshold, 0.6 * (1 - criterion.threshold)
        start = 0.35
        if lower_is_better(criterion.name):
            goal, margin, start = 1 - goal, 0.6 * goal, 0.55
        learned = max(LEARNED_AT.get(criterion.name, 0.8), 0.02)
        rate = -math.log(margin / (goal + margin - start)) / learned
        value = goal + margin - (goal + margin - start) * math.exp(-rate * self.progress)
        return 1 - value if lower_is_better(criterion.name) else value

    def general_skill(self) -> float:
        """How well the brain does in a stage whose milestones have no thresholds."""
        return 0.92 - 0.57 * math.exp(-2.5 * self.progress)

    def measured(self) -> dict[str, float]:
        """The values of every milestone with a threshold, as measured."""
        return {
            each.name: round(min(max(self.skill(each) + self.noise(0.008), 0.0), 1.0), 4)
            for each in self.criteria
            if each.threshold is not None
        }

    @property
    def load(self) -> float:
        """Cognitive load: it grows with what a stage asks for, and with over-excitation; above 0.9 is too much."""
        return 0.55 + 0.2 * min(self.progress, 1.2) + 0.35 * self.excitation

    def kept(self, task: str, stage: int) -> float:
        """Accuracy of a task that an earlier stage taught, as it fades; a sleep brings some of it back.

        ``manipulation`` is lost beyond the allowed share for some weeks.
        """
        weeks = (self.step - self.stage_start) / self.simulation.steps_per_week
        fades = 0.17 if task == "manipulation" else 0.04
        lost = fades * (1 - math.exp(-weeks / 3)) * math.exp(-max(weeks - 6, 0) / 2) + 0.005 * (
            self.stage - stage
        )
        return 0.94 - lost

    def evaluate(self) -> dict[str, bool]:
        """Check every milestone: a threshold on the skill, otherwise whether it is learned by now."""
        return {
            each.name: (
                self.progress >= LEARNED_AT.get(each.name, 0.1)
                if each.threshold is None
                else (self.skill(each) < each.threshold) == each.below
            )
            for each in self.criteria
        }

    def activity(self) -> dict[str, Any]:
        """What the demo logs beside a metric line: each region's firing rate, with a silent line now and then."""
        random = Random(self.step)  # its own, so that the fixtures, which do without, stay as they are
        drift = {
            region.name: 0.02 * math.sin(self.step / 21_000 + at) for at, region in enumerate(self.regions)
        }
        rates = {
            name: 0.1 + each + 0.3 * self.excitation + random.gauss(0, 0.01) for name, each in drift.items()
        }
        if self.step % 61_000 == 0:
            rates["striatum"] = 0.0
        values = {
            "neuromodulator/dopamine_tonic": 0.4 + 0.1 * math.sin(self.step / 30_000) + random.gauss(0, 0.02),
            "neuromodulator/dopamine_phasic": max(random.gauss(0.1, 0.08), 0.0),
            "neuromodulator/norepinephrine": 0.3 + 0.3 * self.excitation + random.gauss(0, 0.02),
            "neuromodulator/acetylcholine": 0.5 + 0.05 * math.cos(self.step / 12_000) + random.gauss(0, 0.02),
            "oscillator/gamma_frequency": 42 + random.gauss(0, 0.8),
        }
        for at, name in enumerate(("thalamus_cortex", "cortex_hippocampus", "cortex_striatum")):
            mean = 0.25 + 0.04 * at + 0.1 * (1 - math.exp(-self.step / 400_000))
            spread = 0.06 + 0.02 * math.exp(-self.step / 100_000)
            values |= {f"weights/{name}_mean": mean, f"weights/{name}_std": spread}
            values |= {f"weights/{name}_min": 0.01, f"weights/{name}_max": 0.95}
        regional = {name: round(max(rate, 0.0), 4) for name, rate in rates.items()}
        return {name: round(each, 4) for name, each in values.items()} | {"region_firing_rates": regional}

    def spikes(self) -> dict[str, dict[int, list[float]]]:
        """What a sample of each region's neurons fires within :data:`WINDOW` ms, by region and neuron.

        Poisson spikes whose rate rises and falls with theta (8 Hz), and that come together in over-excitation; a few
        neurons are silent, and the striatum is now and then.
        """
        random = Random(f"spikes {self.step}")  # its own: what is drawn for the metrics stays as it is
        found: dict[str, dict[int, list[float]]] = {}
        phase = random.uniform(0, 2 * math.pi)
        for place, region in enumerate(self.regions):
            found[region.name] = {}
            for neuron in (at * region.neurons // SAMPLED for at in range(SAMPLED)):
                rate = 22 * random.lognormvariate(0, 0.5) * (1 + 3 * self.excitation)
                quiet = random.random() < 0.04 or (region.name == "striatum" and self.step % 61_000 == 0)
                times: list[float] = []
                at_ms = random.expovariate(1) * 1000 / (2 * rate)
                while not quiet and at_ms < WINDOW:
                    theta = math.sin(2 * math.pi * at_ms / 125 + phase - place / 2)
                    if random.random() < (1 + (0.6 + 0.35 * self.excitation) * theta) / 2:  # thinned
                        times.append(round(at_ms, 1))
                    at_ms += 2 + random.expovariate(1) * 1000 / (2 * rate)
                found[region.name][neuron] = times
        return found

    def metrics(self) -> dict[str, Any]:
        """One metric line."""
        measured = self.measured()
        skills = [1 - value if lower_is_better(name) else value for name, value in measured.items()]
        progress = min(self.progress, 1.5)
        neurons = sum(region.neurons for region in self.regions)
        capacity = _total(region.capacity * region.neurons for region in self.regions) / neurons
        performance = _total(skills) / len(skills) if skills else self.general_skill() + self.noise(0.008)
        loss = 0.04 + 0.46 * math.exp(-2.5 * progress) + 0.3 * self.excitation + 0.5 * self.misled
        rate = 0.10 + 0.012 * math.sin(self.step / 9_000) + 0.24 * self.excitation
        values = {
            "firing_rate": rate + self.noise(0.008),
            "capacity": capacity + self.noise(0.004),
            "performance": min(max(performance - 0.1 * self.excitation - 0.3 * self.misled, 0.0), 1.0),
            "loss": max(loss + self.noise(0.02), 0.001),
            **measured,
            "performance/steps_per_sec": self.simulation.steps_per_second * (1 + self.noise(0.03)),
            "oscillator/theta_frequency": 8 + self.noise(0.15),
        }
        return {name: round(value, 4) for name, value in values.items()} | {
            "neuron_counts": {region.name: region.neurons for region in self.regions},
            "capacity_by_region": {region.name: round(region.capacity, 4) for region in self.regions},
        }


def _total(values: Iterable[float]) -> float:
    """Add from left to right: ``sum`` compensates since Python 3.12, and the same seed is to be the same training."""
    return reduce(add, values, 0.0)
