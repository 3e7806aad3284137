"""Pictures that the user attached: which of them a request shows, and what it says of the others."""

from collections.abc import Sequence
from typing import Any

from cogmill.engine.agents.model.wire import Item, Picture, UserText
from cogmill.engine.agents.seam import LogEvent, Task

TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Content types that models take; files of all others stay in the workspace."""
MOST_BYTES = 3_750_000
"""Of one picture: providers take 5 MB of base64."""
MOST, MOST_TOGETHER = 20, 12_000_000
"""Pictures, and their bytes, of one request. Of more the newest are shown."""
TOKENS, MOST_TOKENS = 1_600, 50_000
"""What a picture usually counts, and the most that a model in use counts for one."""


def of_task(task: Task) -> list[Picture]:
    """Those that came with the prompt."""
    files = task.attachments
    return [found for one in files if (found := _picture(one.attachment_id, one.path, one.content_type, one.size))]


def of_message(event: LogEvent) -> list[Picture]:
    """Those that came with a message."""
    given = event.contents.get("attachments") or ()
    files = [one for one in given if isinstance(one, dict) and "path" in one]
    columns = ("attachment_id", "path", "content_type", "size")
    return [found for one in files if (found := _picture(*(one.get(name) for name in columns)))]


def _picture(attachment_id: Any, path: Any, content_type: Any, size: Any) -> Picture | None:
    kind = str(content_type or "").partition(";")[0].strip().lower()
    if kind not in TYPES or not attachment_id:
        return None
    return Picture(str(attachment_id), str(path), kind, int(size or 0))


def within_bounds(items: Sequence[Item], *, is_blind: bool) -> list[Item]:
    """The items with words in the place of each picture that is not shown."""
    shown: list[Item] = []
    count = together = 0
    for item in reversed(items):
        if not isinstance(item, Picture):
            shown.append(item)
        elif is_blind:
            shown.append(not_shown(item, "the model refused a request with pictures"))
        elif item.size > MOST_BYTES:
            shown.append(not_shown(item, f"it has more than {MOST_BYTES} bytes"))
        elif count >= MOST or together + item.size > MOST_TOGETHER:
            shown.append(not_shown(item, "newer ones are"))
        else:
            count, together = count + 1, together + item.size
            shown.append(item)
    return shown[::-1]


def not_shown(picture: Picture, why: str) -> UserText:
    """What is said in the place of a picture."""
    return UserText(f"(The picture {picture.path} is not shown to you: {why}. The file is in the workspace.)")
