"""All exercises, by name, in the order in which they are best read."""

from __future__ import annotations

from nictate.exercises.lesson import Lesson
from nictate.exercises.lessons import (
    on_activations,
    on_bayes,
    on_case_study,
    on_convolution,
    on_pitfalls,
    on_weight_decay,
)
from nictate.signals import ConfigError

LESSONS: dict[str, Lesson] = {
    module.LESSON.name: module.LESSON
    for module in (on_activations, on_pitfalls, on_weight_decay, on_bayes, on_convolution, on_case_study)
}


def lesson_named(name: str) -> Lesson:
    """Raises `ConfigError` when there is no exercise of that name."""
    if name not in LESSONS:
        raise ConfigError(f"there is no exercise {name}: {', '.join(LESSONS)}")
    return LESSONS[name]
