"""The file edge: recordings in, labels in, blink events out as BIDS.

A recording is read the way a stream is heard: block after block, µV, every sample with its time in s from the first
one. Where the recording was interrupted the times jump; no sample is made up and none is resampled.
"""

from nictate.edges.recordings.browser import browse, save_annotations
from nictate.edges.recordings.cleaned import CleanedFile, cleaned_path
from nictate.edges.recordings.events import events_path, write_events
from nictate.edges.recordings.folder import LabelledRecording, index, signals_in
from nictate.edges.recordings.formats import read
from nictate.edges.recordings.labels import PROPOSED, labels_beside, read_labels, write_labels
from nictate.edges.recordings.marked import Label
from nictate.edges.recordings.recording import Recording

__all__ = [
    "PROPOSED",
    "CleanedFile",
    "Label",
    "LabelledRecording",
    "Recording",
    "browse",
    "cleaned_path",
    "events_path",
    "index",
    "labels_beside",
    "read",
    "read_labels",
    "save_annotations",
    "signals_in",
    "write_events",
    "write_labels",
]
