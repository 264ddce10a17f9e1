"""The detector itself, as the course's case study."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np

from nictate.exercises.case_study import (
    accuracy_of_never,
    at_random,
    average_precision,
    baseline,
    by_heart,
    by_person,
    capped,
    cleaned,
    detected,
    kept_apart,
    labels,
    matched,
    people,
    roc_area,
    windows,
)
from nictate.exercises.lesson import Golden, Lesson, Step
from nictate.signals import BoolArray, FloatArray
from nictate.training.evaluate import Truth
from nictate.training.scores import Score, add

RATE_HZ, BLINKS_PER_MIN = 250, 15
SKIP_S = 30.0
"""What comes before is not judged where the ICA has to learn first."""


def minute() -> BoolArray:
    """One minute labelled as the sheet has it: the one sample at which each of 15 blinks peaks."""
    peaks = (np.arange(BLINKS_PER_MIN) + 0.5) * 60.0 / BLINKS_PER_MIN
    truth = Truth(np.stack((peaks - 0.1, peaks, peaks + 0.2), axis=1), np.empty((0, 2)), 60.0)
    return labels(truth, np.arange(60 * RATE_HZ) / RATE_HZ, 1.0 / RATE_HZ)


@cache
def ranked() -> tuple[FloatArray, BoolArray]:
    """The matched filter's answer over what is usual in each recording, and one positive sample a blink."""
    answers = [matched(signal) for signal in people()]
    p = [answer / np.median(np.abs(answer)) for answer in answers]
    y = [labels(signal.truth, signal.times, 1.0 / signal.montage.rate_hz) for signal in people()]
    return np.concatenate(p), np.concatenate(y)


@cache
def judged() -> tuple[Score, Score]:
    """The matched filter and the shipped detector, on people that neither has seen."""
    learn, test = kept_apart(people())
    return baseline(learn, test)[1], add(detected(signal, 1.0) for signal in test)


def shared_people() -> int:
    """People who are in both parts of the product's split."""
    learn, test = kept_apart(people())
    return len({signal.subject for signal in learn} & {signal.subject for signal in test})


def blinks_by_heart(test: BoolArray) -> float:
    return by_heart(windows().x, windows().blink, test)


def coins_by_heart(test: BoolArray) -> float:
    return by_heart(windows().x, windows().coin, test)


def missed(*, clean: bool) -> float:
    """Share of the capped person's blinks that the shipped detector misses, in the EEG as it is and in cleaned EEG."""
    return 1.0 - detected(cleaned(capped()) if clean else capped(), SKIP_S).recall


GOLDENS = (
    Golden(
        "positives at 250 Hz and 15 blinks a minute, one sample each",
        "sheet",
        Fraction(1, 1000),
        lambda: Fraction(int(minute().sum()), len(minute())),
    ),
    Golden('accuracy of "never"', "corrected", 0.999, lambda: accuracy_of_never(minute()), 1e-15),
    Golden("the hand-in's split: share of the test", "hand-in", 0.30, lambda: float(at_random().mean()), 0.01),
    Golden("people in both parts of nictate's split", "corrected", 0, shared_people),
    Golden("coins, by heart, split at random", "hand-in", 0.92, lambda: coins_by_heart(at_random()), 0.05),
    Golden("coins, by heart, split by people", "corrected", 0.5, lambda: coins_by_heart(by_person()), 0.1),
    Golden("blinks, by heart, split at random", "hand-in", 0.96, lambda: blinks_by_heart(at_random()), 0.03),
    Golden("blinks, by heart, split by people", "corrected", 0.87, lambda: blinks_by_heart(by_person()), 0.05),
    Golden("matched filter: area under ROC", "hand-in", 0.984, lambda: roc_area(*ranked()), 0.005),
    Golden("the same answers: average precision", "corrected", 0.062, lambda: average_precision(*ranked()), 0.02),
    Golden("event F1 of the matched filter", "corrected", 0.95, lambda: judged()[0].f1, 0.03),
    Golden("event F1 of the shipped detector: 1 less", "corrected", 0.1, lambda: 1.0 - judged()[1].f1, at_most=True),
    Golden("8 channels as they are: blinks missed", "corrected", 0.15, lambda: missed(clean=False), at_most=True),
    Golden("8 channels cleaned by ICA: blinks missed", "hand-in", 1.0, lambda: missed(clean=True), 0.15),
)

LESSON = Lesson(
    name="case_study",
    title="The case study: a blink detector",
    question="""
Given are EEG at 250 Hz and a vector with the indices of the samples at which the person blinked,
one for each blink. Plan a detector: data and labels, architecture, loss, optimiser, and how it
is judged.
""",
    derivation=(
        Step(
            """
Labels. With one positive sample a blink and 15 blinks a minute, 15 of 60 * 250 = 15,000 samples
are positive: 0.1 %. "Never" is right in 99.9 % of all cases, so accuracy says nothing. And the
neighbours of the labelled sample look just the same and are called negative. nictate calls all
within 70 ms of the peak positive, leaves the next 60 ms open, and judges events: a detection
counts if its peak is within 0.1 s of a labelled blink, one detection for one blink; what is
told is precision, recall and F1 of events, and false alarms a minute.
""",
            r"\frac{15}{60 \cdot 250} = 10^{-3}, \qquad "
            r"F_1 = \frac{2\,\mathrm{hits}}{2\,\mathrm{hits} + \mathrm{misses} + \mathrm{false}}",
        ),
        Step(
            """
Splits. Windows that overlap share their samples; drawn at random, 30 % of them for the test,
nearly every test window has a twin in training. To see what that is worth, let the answer be a
coin, thrown anew every 2 s: nothing can be learned. Answering as the most similar training
window does (by heart) is right in 92 % (balanced) when windows are split at random, and in
about half when people are kept apart. On the true answers the same method seems to reach 0.96,
and reaches 0.87. nictate keeps people apart (`nictate.training.corpus.split_people`); where
there is only one person, keep time apart, with a gap longer than a window.
"""
        ),
        Step(
            """
ROC and precision-recall. ROC compares rates: of the blinks that are found, of the rest that is
not. With a thousand negatives for each positive a false positive rate of 1 % is ten false
alarms for each blink. A plain matched filter, judged by the sample, has an area under ROC of
0.98 and an average precision of 0.06: seen by the one it is nearly perfect, by the other
nearly useless. (As a detector of events it has an F1 of 0.95 here, where noise is kind: the labels
are to blame, not the filter.)
""",
            r"\mathrm{precision} = \frac{\pi\,\mathrm{TPR}}{\pi\,\mathrm{TPR} + (1-\pi)\,\mathrm{FPR}}, "
            r"\qquad \pi = 10^{-3}",
        ),
        Step(
            """
ICA as preprocessing. Cleaning EEG by ICA means to find the components of the eyes and take them
out. A detector of blinks behind it looks for what is gone: on a simulated cap of 8 channels the
shipped detector finds all blinks in the EEG as it is, and none in nictate's cleaned EEG. So ICA
here has two outputs: the blink source, which goes to the network beside the channels, and the
cleaned EEG, which goes to everybody else.
"""
        ),
        Step(
            """
Architecture and loss. A blink is told from a saccade by what comes before and after it, so the
network needs context: some 1.3 s, by strided and dilated convolutions. A logistic output per
time step, negative log likelihood, AdamW. It is the hand-in's choice, and right.
"""
        ),
        Step(
            """
The baseline: a matched filter with one threshold over what is usual in the recording, chosen on
some people and judged on others by the rule of `nictate evaluate` (`case_study.baseline`). On the
real recordings that the first model was tested on, 637 blinks of 16 people, with the threshold
that is best on 37 others (6.5): precision 0.943, recall 0.576, F1 0.715. That model, tested on the
same: 0.933, 0.766, 0.841.
"""
        ),
    ),
    answers=(
        (
            "hand-in",
            """
70 % for training and validation, 30 % for the test; blink 1, no blink 0; CNN with a logistic
output, negative log likelihood, Adam; accuracy and ROC; ICA as preprocessing.
""",
        ),
        (
            "corrected",
            """
Split by people. Labels with a width, an open margin and weights; events, F1 and precision-recall
in the place of accuracy and ROC. ICA beside the detector's path, not before it.
""",
        ),
    ),
    sources=(
        "Davis and Goadrich (2006), The relationship between precision-recall and ROC curves, ICML",
        "Brookshire et al. (2024), Data leakage in deep learning studies of translational EEG, Front. Neurosci. 18",
    ),
    goldens=GOLDENS,
)
