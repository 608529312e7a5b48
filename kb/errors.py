"""Every error a user can meet: what went wrong, why, and what to do next, with exit code and HTTP status."""

from __future__ import annotations


class MizanError(Exception):
    """Base of all expected errors; `exit_code` and `http_status` are read from the class when used."""

    exit_code = 2
    http_status = 500
    title = "Mizan could not do this"

    def __init__(self, what: str, why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.hint = what, why, hint

    def __str__(self) -> str:
        """One line: what, why, next step."""
        parts = [self.what]
        if self.why:
            parts.append(self.why)
        text = ": ".join(parts).rstrip(".")
        return f"{text}. {self.hint}" if self.hint else f"{text}."


class UsageError(MizanError):
    """A command, option, name or parameter that does not exist or does not fit."""

    http_status = 400
    title = "The request does not fit"


class NotFound(MizanError):
    """A thing asked for by name or IRI is not here."""

    http_status = 404
    title = "Not found"


class DoesNotConform(MizanError):
    """Data was read but breaks the rules; nothing of it was written."""

    exit_code = 1
    http_status = 422
    title = "The data does not conform"


class BadFile(MizanError):
    """A whole file cannot be read as what it is said to be."""

    http_status = 422
    title = "The file cannot be read"


class StoreMissing(MizanError):
    """There is no knowledge base in the folder."""

    http_status = 503
    title = "No knowledge base here"


class StoreLocked(MizanError):
    """Another process is writing to the knowledge base."""

    http_status = 503
    title = "The knowledge base is being written"


class StoreTooNew(MizanError):
    """The knowledge base was written by a newer version of this software."""

    http_status = 503
    title = "The knowledge base is newer than this software"


class StoreDamaged(MizanError):
    """A file of the knowledge base that the software writes itself is not as written; the ledger is told apart."""

    http_status = 503


class StorageFailed(MizanError):
    """The disk refused: full, read-only, or not ours to write."""

    http_status = 507
    title = "The disk refused"


class ProcessEnded(MizanError):
    """A process that shared the work was ended from outside."""

    title = "The work was stopped"

    @classmethod
    def for_memory(cls, what: str) -> ProcessEnded:
        """The error when a process is gone, which nearly always is for lack of memory."""
        why = "one of its processes was ended, most likely for lack of memory"
        return cls(what, why, "What is done is kept: run the same command to go on.")


class LedgerBroken(MizanError):
    """A byte of the ledger is not what was written."""

    exit_code = 1
    title = "The ledger does not verify"


class QueryInvalid(MizanError):
    """SPARQL that does not parse; `line` and `column` count from 1, 0 if unknown; `excerpt` shows the place."""

    http_status = 400
    title = "The query does not parse"

    def __init__(
        self, what: str, why: str = "", hint: str = "", *, line: int = 0, column: int = 0,
        excerpt: str = "",
    ) -> None:  # fmt: skip
        super().__init__(what, why, hint)
        self.line, self.column, self.excerpt = line, column, excerpt

    def __str__(self) -> str:
        """The one line, then the place in the query if it is known."""
        return f"{super().__str__()}\n{self.excerpt}" if self.excerpt else super().__str__()


class QueryRefused(MizanError):
    """A query that asks for what this service never does: updates, SERVICE, LOAD."""

    http_status = 403
    title = "The query is refused"


class QueryTimeout(MizanError):
    """A query ran past its time and was stopped."""

    http_status = 503
    title = "The query took too long"


class QueryBusy(QueryTimeout):
    """There was no room for a query, or its turn did not come in time; nothing of it was run."""

    title = "The service is busy"


class TooManyQueries(MizanError):
    """One client has more queries running and waiting than are granted to one."""

    http_status = 429
    title = "Too many queries at once"


class Forbidden(MizanError):
    """Somebody who has signed in asks for what their token does not grant."""

    http_status = 403
    title = "You may not do this"


class Conflicting(MizanError):
    """Something was changed by somebody else meanwhile, or stands in the way."""

    http_status = 409
    title = "It has changed meanwhile"


class TooManyAttempts(MizanError):
    """Signing in was tried too often; `seconds` is how long to wait."""

    http_status = 429
    title = "Too many attempts"

    def __init__(self, what: str, why: str = "", hint: str = "", seconds: int = 60) -> None:
        super().__init__(what, why, hint)
        self.seconds = seconds


class ClientGone(MizanError):
    """Whoever asked has hung up; there is nobody to answer."""

    http_status = 499
    title = "The client has gone"


class AnswerTooLarge(MizanError):
    """An answer passed the cap of rows, bytes or memory; nothing of it is shown."""

    http_status = 413
    title = "The answer is too large"


class PortInUse(MizanError):
    """The address to serve on is taken."""

    title = "The port is in use"
