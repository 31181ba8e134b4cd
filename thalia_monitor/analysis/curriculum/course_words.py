"""The stages of a run in words: where it is in its curriculum, and how a stage compares with its plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thalia_monitor.analysis.curriculum.stage_course import counted_in_weeks, courses, curriculum, expected
from thalia_monitor.analysis.formatting import NONE

if TYPE_CHECKING:
    from thalia_monitor.analysis.curriculum.stage_course import Course
    from thalia_monitor.model.run import TrainingState


def sentence(state: TrainingState) -> str:
    """Where the run is in its curriculum, in numbers; empty where no file names a stage."""
    found = courses(state)
    if not found:
        return ""
    now = found[-1]
    numbers = [number for number, _ in curriculum(state)]
    place = f"stage {numbers.index(now.stage) + 1} of {len(numbers)}" if now.stage in numbers else ""
    words = [f"Stage {now.stage:g} {now.name}" if now.name != f"Stage {now.stage:g}" else now.name]
    words += [f"({place})"] if place else []
    done = now.end - now.start
    parts = [" ".join(words) + f": {done:,} steps"]
    if now.extended:
        total = now.extended - now.start
        share = f"week {state.current_week:g} of {state.total_weeks:g}"
        share = share if counted_in_weeks(state) else f"{done / total:.0%}"
        parts[0] += f" of {total:,.0f} planned ({share})" if total > 0 else ""
    elif now.running:
        parts[0] += ", no plan logged"
    if now.overrun:
        parts.append(f"{now.overrun:,.0f} beyond the plan")
    if now.planned and now.extended and now.extended > now.planned:
        parts.append(f"extended by {now.extended - now.planned:,.0f} steps")
    tries = len(now.attempts)
    parts += [f"attempt {now.attempts[-1].number:,}"] if tries > 1 else []
    parts += [f"next {each.what} expected at step {each.step:,}" for each in expected(state)]
    return "; ".join(parts) + "."


def tries(each: Course) -> str:
    """Attempts at a stage, and how many of them were repeated after a resume."""
    repeated = sum(attempt.repeated_from is not None for attempt in each.attempts)
    return f"{len(each.attempts):,}" + (f", {repeated:,} repeated" if repeated else "")


def planned(each: Course) -> str:
    """Steps that a stage was planned to take with its extensions, and the weeks that they are; a dash if unknown."""
    if each.extended is None:
        return NONE
    steps = each.extended - each.start
    weeks = each.plan.weeks + each.plan.more_weeks if each.plan.weeks else None
    if each.plan.weeks and each.plan.steps is not None:  # an extension in steps is some weeks, too
        weeks = each.plan.weeks * each.plan.steps / (each.plan.steps - each.plan.more_steps)
    return f"{steps:,.0f} steps" + (f" ({weeks:.4g} weeks)" if weeks else "")


def against(each: Course) -> str:
    """How a stage compares with its plan: extended, over it, early, or what is left of it."""
    if not each.counts:
        return "nothing counts after a resume"
    words = []
    if each.planned and each.extended and each.extended > each.planned:
        words.append(f"extended by {each.extended - each.planned:,.0f} steps")
    if each.overrun:
        words.append(f"{each.overrun:,.0f} steps over")
    if each.extended and not each.running and each.end < each.extended:
        words.append(f"{each.extended - each.end:,.0f} steps early")
    if each.running and each.extended and each.end < each.extended:
        words.append(f"{each.extended - each.end:,.0f} steps left")
    return ", ".join(words) or ("no plan logged" if each.extended is None else "as planned")
