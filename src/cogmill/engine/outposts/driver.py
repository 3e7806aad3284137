"""Sandboxes at the other end of a worker's connection."""

from cogmill.sandbox.protocol import Probe, Sandbox, SandboxSpec
from cogmill.sandbox.remote.attachment import Attachment
from cogmill.sandbox.remote.sandbox import RemoteSandbox


class OutpostDriver:
    """Makes the sandbox of one run."""

    name = "outpost"

    def __init__(self, attachment: Attachment) -> None:
        self.attachment = attachment
        self.keep: str | None = None
        """The worker's name for the files to go on in."""
        self.mounts: dict[str, str] = {}
        """Names of mirrors that the worker has by now, by the places where commands find them."""

    def probe(self) -> Probe:
        return Probe(True, f"Worker {self.attachment.acceptor_id} isolates its sessions, or says that it does not.")

    def create(self, spec: SandboxSpec) -> Sandbox:
        return RemoteSandbox(spec, self.attachment.line, self.mounts, self.keep)
