"""Random histories: every metric over any range is what a slow computation finds, whatever is summed up already."""

import random
from dataclasses import replace

import pytest
from sqlalchemy import insert, select

from cogmill.access.scope import Scope
from cogmill.administration.metrics import check
from cogmill.domain.identity.service import create_organization
from cogmill.domain.metrics.marks import mark
from cogmill.domain.metrics.service import use_of_people
from cogmill.domain.organizations.deleted import restore
from cogmill.domain.pull_requests.service import note_provided, open_or_update, set_state
from cogmill.domain.sessions.create import INSERT
from cogmill.domain.sessions.log import NewEvent, append
from cogmill.engine.loops import sums
from cogmill.models.repositories import code_search
from cogmill.models.sessions import pull_request, session
from cogmill.web.call import Call

from .slowly import KNOWN_ORIGINS, History

DAY = 86_400
DAYS = 75
FACTS = {"title": "T", "body": "", "base_branch": "main", "base_commit": "a" * 40, "head_commit": "b" * 40}


class Story:
    """Things that happen to sessions, at any time of the last weeks, through the functions that the server uses."""

    def __init__(self, server, seed):
        self.server, self.dice = server, random.Random(seed)
        self.now = server.runtime.clock()
        self.orgs = [server.world.org, server.world.second_org]
        self.users = [None, *(server.world.ids[name] for name in ("person", "colleague", "outsider", "person_of_two"))]
        self.machines = [None, None, "service-user-a", "service-user-b"]
        self.playbooks = [None, "playbook-a", "playbook-b"]
        self.sessions, self.requests, self.deleted = [], [], False

    def moment(self):
        """Midnights too, for there sums begin and end; and today."""
        at = self.now - self.dice.random() * DAYS * DAY
        kind = self.dice.random()
        return float(at // DAY * DAY) if kind < 0.1 else self.now - 5 if kind < 0.2 else at

    async def write(self, work, org, at):
        await self.server.write(lambda ctx: work(replace(ctx, now=at, scope=Scope("", org))), org)

    async def step(self):
        acts = [self.make] * 4 + [self.go_on] * 6 + [self.request] * 3 + [self.settle_request] * 3
        acts += [self.search] * 3 + [self.sum_up] * 2 + [self.delete_or_restore]
        await self.dice.choice(acts)()

    async def make(self):
        at, org = self.moment(), self.dice.choice(self.orgs)
        number = len(self.sessions)
        values = dict.fromkeys(one.name for one in session.c if one.name != "id") | {
            "session_id": f"devin-{number:032x}", "org_id": org, "user_id": self.dice.choice(self.users),
            "service_user_id": self.dice.choice(self.machines), "origin": self.dice.choice([*KNOWN_ORIGINS, "cli"]),
            "prompt": "p", "request": {}, "tags": [], "playbook_id": self.dice.choice(self.playbooks),
            "is_archived": False, "created_at": at, "status": "new", "updated_at": at, "last_seq": 0, "acus_micro": 0,
            "usd_micro": 0, "user_messages": 1, "devin_messages": 0, "has_searched": False, "epoch": 0,
            "run_state": "queued",
        }  # fmt: skip
        await self.write(
            lambda ctx: self.sessions.append((INSERT(ctx.db, [values]), values["session_id"], org)), org, at
        )

    async def go_on(self):
        """A step, or the end of a turn; sizes and categories change on the way."""
        if not self.sessions:
            return
        row_id, session_id, org = self.dice.choice(self.sessions)
        changes = {"run_state": self.dice.choice(["running", "idle", "idle"])}
        if changes["run_state"] == "idle" and self.dice.random() < 0.5:
            changes |= {"category": self.dice.choice(["bug_fixing", "other"])}
            changes |= {"subcategory": self.dice.choice([None, "crash", "wrong_result"])}
        if self.dice.random() < 0.2:
            changes["has_searched"] = True
        acus = self.dice.choice([0, 300_000, 1_000_000, 4_000_000])
        said = [NewEvent("user_message", "message", "s", {})] * self.dice.choice([0, 0, 0, 1, 2, 6])
        did = [NewEvent("shell_completed", "shell", "s", {}), *said]
        if said and self.dice.random() < 0.3:
            del changes["run_state"]  # a message alone
        await self.write(lambda ctx: append(ctx, row_id, session_id, did, acus=acus, **changes), org, self.now)

    async def request(self):
        """At the built-in place, or at a provider, where two sessions may come upon the same one."""
        if not self.sessions:
            return
        row_id, session_id, org = self.dice.choice(self.sessions)
        facts, at = FACTS | {"repo": "acme/app", "branch": session_id}, self.moment()
        if self.dice.random() < 0.5:
            facts |= {"git_connection_id": "git-1", "provider_path": "acme/app", "number": self.dice.randint(1, 4)}
            facts |= {"url": "https://example.org/1", "state": "open"}

        def work(ctx):
            append(ctx, row_id, session_id, [], run_state="running")  # a session that opens one runs
            made = note_provided(ctx, row_id, facts, 0.0) if "number" in facts else open_or_update(ctx, row_id, facts)
            self.requests.append((made[0].id, org))

        await self.write(work, org, at)

    async def settle_request(self):
        if self.requests:
            row, org = self.dice.choice(self.requests)
            state = self.dice.choice(["open", "closed", "merged", "merged"])
            await self.write(lambda ctx: set_state(ctx, row, state), org, self.now)

    async def search(self):
        org, at = self.dice.choice(self.orgs), self.moment()
        values = {"org_id": org, "user_id": self.dice.choice(self.users), "kind": "text", "created_at": at}

        def work(ctx):
            ctx.db.execute(insert(code_search).values(values))
            mark(ctx, org, at)

        await self.write(work, org, at)

    async def sum_up(self):
        await sums.run_once(Call(self.server.runtime, Scope("", None), "engine", None))

    async def delete_or_restore(self):
        world, org = self.server.world, self.server.world.second_org
        if not self.deleted and self.dice.random() < 0.3:
            admin = await self.server.client("enterprise_admin")
            assert (await admin.delete(f"/v3/enterprise/organizations/{org}")).status_code == 200
            self.deleted = True
        elif self.deleted:
            await self.server.write(lambda ctx: restore(ctx.db, world.enterprise, org, ctx.now, 30))
            self.deleted = False


class Asker:
    """Asks the API and the slow computation the same."""

    def __init__(self, server, dice, history):
        self.server, self.dice, self.history = server, dice, history
        self.world = server.world

    def times(self, now):
        """From days apart to a second, often along days and months."""
        begin = now - self.dice.random() * (DAYS + 10) * DAY
        end = begin + self.dice.choice([self.dice.random() * DAY, self.dice.random() * 90 * DAY, 0])
        if self.dice.random() < 0.3:
            begin, end = begin // DAY * DAY, -(-end // DAY) * DAY
        return int(begin), int(end)

    async def get(self, path, caller="enterprise_admin", **query):
        answer = await (await self.server.client(caller)).get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def everything(self, times):
        """At the enterprise, at some of its organizations, and within one."""
        live, main = self.history.orgs, self.world.org
        named = self.dice.choice([[main], [main, self.world.second_org], ["org-unknown"]])
        of_org = f"/v3/organizations/{main}/metrics"
        await self.all_of("/v3/enterprise/metrics", "enterprise_admin", times, live, {})
        await self.all_of("/v3/enterprise/metrics", "enterprise_admin", times, live & set(named), {"org_ids": named})
        await self.all_of(of_org, "org_admin", times, {main}, {})
        await self.people(live, times[0])
        usage = await self.get(f"/v3/enterprise/organizations/{main}/metrics/usage")
        assert usage == self.history.usage({main}, (0, 2**40))

    async def people(self, live, since):
        """What the old API v2 tells of each person."""
        users = [self.world.ids[name] for name in ("person", "colleague", "person_of_two", "wiki_person")]
        scope = Scope(self.world.enterprise, None)
        found = await self.server.read(lambda ctx: use_of_people(replace(ctx, scope=scope), users, [since, 0]))
        for at, place in ((since, 0), (0, 1)):
            did = self.history.did(live, (at, 2**40))
            assert {one: found[one][place] for one in users} == {
                one: (*did[one][:2], pytest.approx(did[one][2])) for one in users
            }  # fmt: skip

    async def all_of(self, base, caller, times, orgs, extra):
        known = self.history
        asked = {"time_after": times[0], "time_before": times[1]} | extra
        only = self.dice.choice(
            [
                {}, {"playbook": "playbook-a"}, {"service_users": ["service-user-a", "service-user-b"]},
                {"playbook": "playbook-b", "service_users": ["service-user-a"]},
                {"users": [self.world.ids["person"], self.world.ids["person_of_two"]]},
                {"users": [self.world.ids["person"]], "playbook": "playbook-a"},
            ]
        )  # fmt: skip
        names = {"playbook": "playbook_id", "service_users": "service_user_ids", "users": "user_ids"}
        narrowed = asked | {names[name]: value for name, value in only.items()}
        answer = await self.get(f"{base}/sessions", caller, **narrowed)
        expected = known.session_metrics(orgs, times, **only)
        assert answer.pop("avg_acus_per_session") == pytest.approx(expected.pop("avg_acus_per_session"))
        assert answer == expected
        assert await self.get(f"{base}/prs", caller, **narrowed) == known.pr_metrics(orgs, times, **only)
        found = await self.get(f"{base}/searches", caller, **asked)
        assert found == {"searches_created_count": len(known.searches_in(orgs, times))}
        least = self.dice.choice([(1, 1), (2, 1), (0, 2), (3, 0), (0, 0), (2, 2)])
        asked |= {"min_sessions": least[0], "min_searches": least[1]}
        found = await self.get(f"{base}/active-users", caller, **asked)
        assert found["active_users"] == known.active(orgs, times, *least)
        for kind in ("dau", "wau", "mau"):
            found = await self.get(f"{base}/{kind}", caller, **asked)
            assert found == known.active_in_each(kind, orgs, times, *least), kind
        if "enterprise" in base:
            found = await self.get(f"{base}/sessions-by-category", caller, **asked)
            shown = {
                (kind["category"], part["subcategory_id"]): (part["sessions_count"], pytest.approx(part["acus"]))
                for kind in found["categories"] for part in kind["subcategories"]
            }  # fmt: skip
            assert shown == known.categories(orgs, times)
        if not extra:
            within = {name: asked[name] for name in ("time_after", "time_before")}
            assert await self.get(f"{base}/usage", caller, **within) == known.usage(orgs, times)


@pytest.mark.parametrize("seed", [1])
async def test_metrics_are_what_a_slow_computation_finds(server, seed, monkeypatch):
    monkeypatch.setattr(sums, "_LONGEST_PAUSE", 0)
    await server.write(lambda ctx: create_organization(ctx.db, server.world.enterprise, "primary", 0.0))
    story = Story(server, seed)
    for _ in range(4):
        for _ in range(25):
            await story.step()
        history = await server.read(lambda ctx: History(ctx, server.world.enterprise))
        asker = Asker(server, story.dice, history)
        for _ in range(2):
            await asker.everything(asker.times(story.now))
    await story.sum_up()
    found = await server.read(lambda ctx: check(ctx.db, server.world.enterprise, ctx.now))
    assert (found.different, found.days > 5) == ([], True)
    assert (await server.read(lambda ctx: ctx.db.execute(select(pull_request)).first())) is not None
