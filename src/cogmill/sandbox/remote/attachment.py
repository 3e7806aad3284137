"""A worker that is connected for a session."""

from dataclasses import dataclass, field

from cogmill.sandbox.remote.frames import Channel
from cogmill.sandbox.remote.line import Line


@dataclass(slots=True)
class Attachment:
    """One connection of one worker, as the gateway let it in."""

    row_id: int
    org_id: str
    acceptor_id: str
    connection: str
    channel: Channel
    line: Line = field(init=False)

    def __post_init__(self) -> None:
        self.line = Line(self.channel)
