"""Background commands of one session, with the tail of what they print."""

from dataclasses import dataclass
from uuid import uuid4

from cogmill.sandbox.link import KILLED, Call
from cogmill.sandbox.output import Tail
from cogmill.sandbox.protocol import Job

KEPT = 32
"""Ended jobs that are still remembered."""


@dataclass(eq=False, slots=True)
class Record:
    job_id: str
    command: str
    tail: Tail
    call: Call | None = None
    exit_code: int | None = None

    def view(self) -> Job:
        return Job(self.job_id, self.command, self.exit_code, self.tail.text())


class Jobs:
    """Forgets the oldest ended ones, so that a session that starts many does not grow."""

    def __init__(self, output_limit: int) -> None:
        self._limit = output_limit
        self._records: dict[str, Record] = {}

    def new(self, command: str) -> Record:
        return Record(uuid4().hex[:12], command, Tail(self._limit))

    def add(self, record: Record) -> Job:
        self._records[record.job_id] = record
        return record.view()

    def get(self, job_id: str) -> Record:
        return self._records[job_id]

    def ended(self, call: Call) -> None:
        for record in self._records.values():
            if record.call is call:
                status = call.ended.result()
                record.exit_code = KILLED if status is None else status
        done = [record.job_id for record in self._records.values() if record.exit_code is not None]
        for job_id in done[:-KEPT]:
            del self._records[job_id]

    def clear(self) -> None:
        self._records.clear()
