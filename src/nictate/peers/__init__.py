"""Other ways of finding blinks, judged as the detector is, on the same labelled recordings (``scripts/bench-peers``).

`threshold`, `matched`, `blink2019` and `packages` are the ways, `trial` runs and scores one, `tune` finds its best
setting, `contest` does so for all, `ourselves` puts the detector beside them, `table` and `drawing` tell. Needs
``nictate[bench]``.
"""
