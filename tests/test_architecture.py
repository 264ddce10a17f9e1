EVENTS = ("features", "decision", "patterns", "status", "tally", "wire")
