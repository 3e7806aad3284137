"""Named places where a test may have the process killed, as a power cut would; nothing happens unless one is named."""

import os
import signal

_NAME, _, _COUNT = os.environ.get("COGMILL_CRASH_AT", "").partition(":")
_left = int(_COUNT or "1")


def crash_point(name: str) -> None:
    """Die here with SIGKILL when COGMILL_CRASH_AT is `name` or `name:n` and this is the n-th time."""
    if name != _NAME:
        return
    global _left  # noqa: PLW0603 - counts down over the life of the process
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
