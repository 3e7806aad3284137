"""The command that checks the sums behind metrics."""

from sqlalchemy import update

from cogmill.access.scope import Scope
from cogmill.engine.loops import sums
from cogmill.models.metrics import metric_sum
from cogmill.models.sessions import session
from cogmill.web.call import Call

DAY = 86_400


async def test_wrong_sums_are_found_and_repaired(server, sessions, cogmill):
    made = (await sessions.create())["session_id"]
    past = server.runtime.clock() - 40 * DAY
    await sessions.change(made, created_at=past)
    await server.write(lambda ctx: ctx.db.execute(update(session).values(run_state="idle")))
    assert cogmill("metrics", "verify").code == 1  # nothing was told of that change
    assert cogmill("metrics", "verify", "--repair").code == 0

    async def sum_up():
        await sums.run_once(Call(server.runtime, Scope("", None), "engine", None))

    await sum_up()
    assert cogmill("metrics", "verify").out.endswith("All sums are right.\n")
    await server.write(lambda ctx: ctx.db.execute(update(metric_sum).values(sessions=7)))
    shown = cogmill("metrics", "verify", "--json")
    assert (shown.code, [one["org_id"] for one in shown.json["different"]]) == (1, [server.world.org])
    cogmill("metrics", "verify", "--repair")
    await sum_up()
    assert cogmill("metrics", "verify").code == 0
