"""Lab Streaming Layer, the only home of pylsl: finding streams, reading one, publishing EEG and markers.

liblsl finds streams, carries samples and knows the offset between two machines' clocks; all that is used. Two of its
offers are not:

- Its dejitterer (``proc_dejitter``) fits a line through the stamps over the *count* of samples and forgets over
  minutes. After a hole of 500 ms it returned a largest step of 7 ms, and stamps that were wrong by 497 ms and then by
  less and less. `nictate.dejitter.Dejitter` keeps the hole.
- Its recovery (``recover=True``) needs a source_id, takes up to half a minute, and tells nobody. `LslSource` makes a
  new inlet as soon as the stream is back, and says so.
"""

from nictate.edges.lsl.directory import streams
from nictate.edges.lsl.liblsl import now, quieten
from nictate.edges.lsl.markers import heard_markers
from nictate.edges.lsl.numbers import FeaturesOutlet
from nictate.edges.lsl.outlets import EegOutlet, MarkerOutlet, play
from nictate.edges.lsl.source import LslSource
from nictate.stream import CLEANED, Query, StreamSummary, plain

__all__ = [
    "CLEANED",
    "EegOutlet",
    "FeaturesOutlet",
    "LslSource",
    "MarkerOutlet",
    "Query",
    "StreamSummary",
    "heard_markers",
    "now",
    "plain",
    "play",
    "streams",
]

# Whichever module of this package is imported, this one is first, and none of them uses liblsl while it is imported.
quieten()
