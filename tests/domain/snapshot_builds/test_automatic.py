"""Which organizations get a build because of a changed blueprint, on both databases."""

from sqlalchemy import update

from cogmill.domain.snapshot_builds import automatic, runs
from cogmill.models.access import organization
from cogmill.models.environments import snapshot_build


async def test_who_gets_a_build_when_a_blueprint_was_changed(server):
    top = await server.client("enterprise_admin")
    own, other = server.world.org, server.world.second_org

    async def queued(quiet=0.0):
        before = await server.read(lambda ctx: {one.build_id: one for one in ctx.db.execute(snapshot_build.select())})
        later = await server.write(lambda ctx: automatic.queue_changed(ctx, quiet))
        after = await server.read(lambda ctx: {one.build_id: one for one in ctx.db.execute(snapshot_build.select())})
        new = [one for build_id, one in after.items() if build_id not in before]
        assert all((one.trigger, one.status, one.is_partial) == ("auto", "pending", True) for one in new)
        return sorted(one.org_id for one in new), later

    async def call(method, path, expect, **body):
        answer = await top.request(method, f"/v3beta1/{path}", json=body or {})
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    async def end_all():
        while (row := await server.write(runs.claim_next)) is not None:
            await server.write(lambda ctx, row=row: runs.end(ctx, row, None, {}))

    assert await queued() == ([], None)
    shared = await call("POST", "enterprise/snapshot-setup/blueprints", 201, contents="initialize: ls")
    assert await queued() == ([], None)  # nobody has an environment yet
    made = await call("POST", f"organizations/{own}/snapshot-setup/blueprints", 201, contents="initialize: ls")
    nobody, later = await queued(60.0)
    assert (nobody, 55 < later - server.runtime.clock() < 61) == ([], True)
    assert await queued() == ([own], None)
    assert await queued() == ([], None)  # it waits
    await end_all()
    assert await queued() == ([], None)

    await call("POST", f"organizations/{other}/snapshot-setup/builds", 201)
    await end_all()
    path = f"enterprise/snapshot-setup/blueprints/{shared['blueprint_id']}"
    await call("PUT", path, 200, contents="initialize: pwd")
    assert await queued() == (sorted([own, other]), None)
    await end_all()
    await call("PUT", path, 200, contents="initialize: date")
    waiting = await call("POST", f"organizations/{own}/snapshot-setup/builds", 201)
    await call("POST", f"organizations/{own}/snapshot-setup/builds/{waiting['build_id']}/cancel", 200)
    gone = update(organization).where(organization.c.org_id == other).values(deleted_at=server.runtime.clock())
    await server.write(lambda ctx: ctx.db.execute(gone))
    assert await queued() == ([], None)  # cancelled after the change; deleted

    await call("DELETE", f"organizations/{own}/snapshot-setup/blueprints/{made['blueprint_id']}", 204)
    assert await queued() == ([own], None)
    await end_all()
    await call("DELETE", path, 204)
    assert await queued() == ([], None)  # nothing is left to be built
