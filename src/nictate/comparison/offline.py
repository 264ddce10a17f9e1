"""MNE's ICA offline: the whole recording is learned from before the first sample is cleaned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import mne
import numpy as np

from nictate.comparison.material import Signals
from nictate.comparison.methods import Cleaned, raw_of

ENOUGH_HZ = 110.0
"""What the fit is decimated to at most; it learns from 1-45 Hz."""

CORRELATION = 0.5
"""From so much on a component is ocular by the second rule; the online ICA's own is the same."""


@dataclass(frozen=True, slots=True)
class OfflineIca:
    """`mne.preprocessing.ICA`, with the components that `find_bads_eog` finds left out at all times.

    Fitted on the input in 1-45 Hz, with all components (99.9999 % of the variance), and applied to the input itself.
    Where MNE's default rule, iterated z-scores of the correlation with the EOG channels (else the frontal mean), finds
    no component, which it cannot with few of them, a correlation of `CORRELATION` decides.
    """

    algorithm: Literal["picard", "infomax", "fastica"]
    online: bool = False
    seed: int = 0

    @property
    def name(self) -> str:
        return {"picard": "Picard", "infomax": "Infomax, extended", "fastica": "FastICA"}[self.algorithm] + " (MNE)"

    @property
    def needs(self) -> tuple[str, ...]:
        return {"picard": ("picard",), "infomax": (), "fastica": ("sklearn.decomposition",)}[self.algorithm]

    def run(self, signals: Signals) -> Cleaned:
        settings = {
            "picard": {"ortho": True, "extended": True},
            "infomax": {"extended": True},
            "fastica": {},
        }[self.algorithm]
        filtered = raw_of(signals, filtered=True)
        ica = mne.preprocessing.ICA(
            method=self.algorithm, fit_params=settings, random_state=self.seed, max_iter="auto", verbose="error"
        )
        ica.fit(filtered, picks="eeg", decim=max(1, int(signals.montage.rate_hz / ENOUGH_HZ)), verbose="error")
        notes = [f"{ica.n_components_} components in {ica.n_iter_} iterations"]
        if ica.n_iter_ >= ica.max_iter:
            notes = [f"{ica.n_components_} components, not converged in {ica.n_iter_} iterations"]

        reference, _ = signals.reference
        eog = filtered.copy().pick("eog").ch_names
        found, scores = ica.find_bads_eog(filtered, eog, verbose="error")
        if not found:
            found, scores = ica.find_bads_eog(
                filtered, eog, measure="correlation", threshold=CORRELATION, verbose="error"
            )
            notes.append(f"find_bads_eog found none by z-score on {reference}; {len(found)} by correlation")
        largest = np.abs(np.atleast_2d(scores)).max(axis=0)
        if not found:
            notes.append(f"nothing is removed: the largest correlation is {largest.max():.2f}")
            return Cleaned(signals.samples, np.empty((signals.samples.shape[1], 0)), tuple(notes))
        found = sorted((int(k) for k in found), key=lambda k: -largest[k])
        told = ", ".join(f"{largest[k]:.2f}" for k in found)
        notes.append(f"{len(found)} removed, by correlation with {reference}: {told}")
        cleaned = ica.apply(raw_of(signals, filtered=False), exclude=found, verbose="error")
        return Cleaned(cleaned.get_data(picks="eeg").T * 1e6, ica.get_components()[:, found], tuple(notes))
