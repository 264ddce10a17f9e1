"""Writes 40 s of EEG with a blink every 4 s, to try out an installation: blinking_recording.py NAME_eeg.fif

Uses none of nictate's own code, only its libraries, so that it can stand beside any copy of it.
"""

from __future__ import annotations

import sys

import mne
import numpy as np
from scipy import signal

RATE_HZ = 250.0
NAMES = ["Fp1", "Fp2", "Cz", "Oz"]
BLINK_REACH = np.array([1.0, 0.95, 0.15, 0.03])
PEAKS_S = np.arange(2.0, 40.0, 4.0)
RISE_S, FALL_S, HEIGHT_UV = 0.1, 0.2, 150.0

rng = np.random.default_rng(20260101)
times = np.arange(int(40 * RATE_HZ)) / RATE_HZ
# White noise through a leaky sum: the 1/f slope of the EEG, some 10 µV.
eeg_uv = 3.0 * signal.lfilter([1.0], [1.0, -0.95], rng.standard_normal((times.size, len(NAMES))), axis=0)
away_s = times[:, np.newaxis] - PEAKS_S
phase = np.clip(np.where(away_s < 0, away_s / RISE_S, away_s / FALL_S), -1.0, 1.0)
blinks_uv = HEIGHT_UV * (0.5 + 0.5 * np.cos(np.pi * phase)).sum(axis=1)

info = mne.create_info(NAMES, RATE_HZ, "eeg")
raw = mne.io.RawArray(1e-6 * (eeg_uv + np.outer(blinks_uv, BLINK_REACH)).T, info, verbose="error")
raw.save(sys.argv[1], verbose="error")
