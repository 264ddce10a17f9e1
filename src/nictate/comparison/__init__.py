"""Ways to take blinks out of EEG, compared as preprocessing on somebody's own recording (``nictate ica compare``).

`material` reads the recording and its blinks, `methods`, `offline` and `ours` are the ways, `measures` the ruler,
`compare` holds it to each, and `picture` draws what came out. Needs ``nictate[compare]``.
"""
