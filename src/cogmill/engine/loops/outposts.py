"""What is due in the queues of outposts: claims whose workers did not come, and room for sessions that wait."""

from cogmill.domain.outposts.claims import expire
from cogmill.domain.outposts.room import make_room
from cogmill.web.call import Call


async def run_once(call: Call) -> float | None:
    """Does it, and answers when the next thing is due."""
    due = [await call.write(expire), await call.write(make_room)]
    return min((one for one in due if one is not None), default=None)
