"""What is kept of each message and of each piece of work that is under way, as soon as it is accepted: rows in a file of SQLite.

Everything else changes seldom, and is kept as a whole (``state``). Nothing is synchronised with the disk: a process that is killed loses no
write, a machine without power may.
"""

import contextlib
import fcntl
import json
import sqlite3
import threading
import uuid
from pathlib import Path

TABLES = """
CREATE TABLE IF NOT EXISTS messages (queue TEXT, id TEXT, place INTEGER, message TEXT, PRIMARY KEY (queue, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS work (id TEXT PRIMARY KEY, kind TEXT, given TEXT) WITHOUT ROWID;
"""


class Nowhere:
    """Keeps nothing: without a folder for the state, everything ends with the process."""

    together = staticmethod(contextlib.nullcontext)

    def put(self, queue, messages):
        pass

    def drop(self, queue, messages):
        pass

    def forget(self, queue):
        pass

    def messages(self, queue):
        return []

    def begin(self, kind, given):
        return None

    def done(self, identity):
        pass

    def unfinished(self):
        return []


class Rows:
    """Keeps them in ``folder``. Any thread may call it."""

    def __init__(self, folder):
        # One whose lambda-local was killed may have a moment left to live, and write until then.
        self.only = open(Path(folder, "lock"), "w")
        fcntl.flock(self.only, fcntl.LOCK_EX)
        path = Path(folder, "messages.db")
        self.lock = threading.RLock()
        self.connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = OFF")
        self.connection.executescript(TABLES)
        self.place = self.connection.execute("SELECT coalesce(max(place), 0) FROM messages").fetchone()[0]

    @contextlib.contextmanager
    def together(self):
        """All changes of one block, or none of them."""
        with self.lock:
            if self.connection.in_transaction:
                yield
                return
            self.connection.execute("BEGIN")
            try:
                yield
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")

    def put(self, queue, messages):
        """New ones come after all others; those that are there already keep their place."""
        with self.together():
            for message in messages:
                self.place += 1
                self.connection.execute(
                    "INSERT INTO messages VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET message = excluded.message",
                    (queue, message["id"], self.place, json.dumps(message)),
                )

    def drop(self, queue, messages):
        with self.together():
            self.connection.executemany(
                "DELETE FROM messages WHERE queue = ? AND id = ?", [(queue, message["id"]) for message in messages]
            )

    def forget(self, queue):
        with self.together():
            self.connection.execute("DELETE FROM messages WHERE queue = ?", (queue,))

    def messages(self, queue):
        with self.lock:
            rows = self.connection.execute("SELECT message FROM messages WHERE queue = ? ORDER BY place", (queue,)).fetchall()
        return [json.loads(message) for (message,) in rows]

    def begin(self, kind, given):
        """Accepts a piece of work, which is done again after a restart unless it is :meth:`done`."""
        identity = str(uuid.uuid4())
        with self.lock:
            self.connection.execute("INSERT INTO work VALUES (?, ?, ?)", (identity, kind, json.dumps(given)))
        return identity

    def done(self, identity):
        with self.lock:
            self.connection.execute("DELETE FROM work WHERE id = ?", (identity,))

    def unfinished(self):
        with self.lock:
            rows = self.connection.execute("SELECT id, kind, given FROM work").fetchall()
        return [(identity, kind, json.loads(given)) for identity, kind, given in rows]


kept = Nowhere()


def keep_in(folder):
    """Before anything is accepted."""
    global kept
    kept = Rows(folder)
