"""The journal: every event in one SQLite file, numbered, written before anybody is told of it.

One process writes, any number may read meanwhile (write-ahead log). What `Journal.append` has returned outlives the
process, however it ends. A power failure may take the last moments with it (``synchronous=NORMAL``: to force each blink
onto the disk would cost some ms each time), never the file.

The tables can be asked by hand: ``sqlite3 journal.sqlite "SELECT * FROM blinks ORDER BY id DESC LIMIT 10"``.
"""

from nictate.edges.journal.journal import Journal
from nictate.edges.journal.opening import default_journal
from nictate.edges.journal.schema import Recording, Run

__all__ = ["Journal", "Recording", "Run", "default_journal"]
