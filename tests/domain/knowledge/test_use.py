"""Which notes a session is given: pins, macros, names, and what fits a prompt; nothing of others."""

import pytest

from cogmill.access.scope import Scope
from cogmill.domain.knowledge.fit import fitting
from cogmill.domain.knowledge.use import find, within_room
from cogmill.web.call import Call

PAYMENTS = "Use when deploying the payments service to production"


async def chosen(server, prompt="Do it.", *, wanted=None, repos=(), taken=(), org=None):
    """(name, why) of the notes that a session would be given, in their order."""

    def work(ctx):
        found = find(ctx, wanted, prompt, repos, taken)
        given = [(one.name, one.why) for one in found.given]
        return given + [(one.name, "trigger") for one in fitting(found.candidates, None)]

    scope = Scope("", org or server.world.org)
    return await Call(server.runtime, scope, "test", None).read(work)


@pytest.mark.parametrize(
    ("trigger", "prompt", "fits"),
    [
        (PAYMENTS, "Deploy payments to production now.", True),
        (PAYMENTS, "Please DEPLOY the payment service", True),
        (PAYMENTS, "Fix the typo in the readme", False),
        (PAYMENTS, "When you are done with the work, use the service.", False),
        ("database migrations", "Write a migration that adds a column", True),
        ("database migrations", "Write the documentation", False),
        ("Deploys", "deploy", True),
        ("When working on the repository", "deploys of the work", True),  # the trigger says nothing, so the name counts
        ("Zahlungsdienst für Größen", "Der ZAHLUNGSDIENST FUR GRÖSSEN ist kaputt", True),
        ("データベース移行", "データベースの移行をする", True),
        ("データベース移行", "画面を直す", False),
        ("deploy", "", False),
    ],
)
async def test_what_fits(knowledge, server, trigger, prompt, fits):
    await knowledge.create("Deploys", trigger=trigger)
    await knowledge.create("Beside", trigger="colours of buttons")
    assert await chosen(server, prompt) == ([("Deploys", "trigger")] if fits else [])


async def test_rare_words_say_more_than_frequent_ones(knowledge, server):
    for number in range(12):
        await knowledge.create(f"S{number}", trigger=f"service number{number} alpha{number}")
    await knowledge.create("Kafka", trigger="kafka service")
    assert await chosen(server, "Restart kafka") == [("Kafka", "trigger")]
    assert await chosen(server, "Restart the service alpha3 number3") == [("S3", "trigger")]


async def test_at_most_ten_fit_the_best_first(knowledge, server):
    for number in range(12):
        await knowledge.create(f"N{number}", trigger="kafka")
    await knowledge.share("Best", trigger="kafka outage")
    found = await chosen(server, "A kafka outage")
    assert found[0] == ("Best", "trigger")
    assert len(found) == 10


async def test_pinned_notes_go_with_their_repositories_and_fit_nowhere_else(knowledge, server):
    await knowledge.create("One", trigger="kafka", pinned_repo="Acme/App")
    await knowledge.create("All", trigger="kafka", pinned_repo="all")
    await knowledge.share("Url", pinned_repo="https://forge.example/acme/app.git")
    await knowledge.create("Off", pinned_repo="acme/app", is_enabled=False)
    assert await chosen(server, "kafka") == [("All", "pinned")]
    assert await chosen(server, repos=["acme/other"]) == [("All", "pinned")]
    assert await chosen(server, repos=["acme/app"]) == [("One", "pinned"), ("All", "pinned"), ("Url", "pinned")]


async def test_a_macro_in_the_prompt_selects(knowledge, server):
    await knowledge.create("Ours", trigger="x1", macro="!both")
    await knowledge.share("Theirs", trigger="x2", macro="!both")
    await knowledge.share("Shared", trigger="x3", macro="!shared")
    await knowledge.create("Pinned", pinned_repo="all", macro="!pinned")
    assert await chosen(server, "!shared, then !both please") == [
        ("Shared", "macro"), ("Ours", "macro"), ("Pinned", "pinned"),
    ]  # fmt: skip
    assert await chosen(server, "!pinned") == [("Pinned", "macro")]
    assert await chosen(server, "a!shared !sharedx !nobodys", taken=["!both"]) == [("Pinned", "pinned")]
    assert await chosen(server, "!both", taken=["!both"]) == [("Pinned", "pinned")]


async def test_what_is_switched_off_is_not_used(knowledge, server):
    above = await knowledge.folder("Above")
    folder = await knowledge.folder("In", parent_folder_id=above["folder_id"])
    note = await knowledge.create("Kafka", folder_id=folder["folder_id"], macro="!kafka")
    pinned = await knowledge.create("Pinned", folder_id=folder["folder_id"], pinned_repo="all")
    every = [("Kafka", "macro"), ("Pinned", "pinned"), ("Kafka", "trigger")]
    assert await chosen(server, "!kafka") == every
    await knowledge.change_folder(above, is_enabled=False)
    assert await chosen(server, "!kafka kafka") == []
    await knowledge.change_folder(above, is_enabled=True)
    assert await chosen(server, "!kafka") == every
    await knowledge.replace(note, is_enabled=False)
    await knowledge.replace(pinned, is_enabled=False, pinned_repo="all")
    assert await chosen(server, "!kafka kafka") == []
    await knowledge.replace(note, is_enabled=True)
    assert await chosen(server, "kafka") == [("Kafka", "trigger")]


async def test_many_notes_that_are_switched_off_hide_none_that_is_not(knowledge, server, monkeypatch):
    monkeypatch.setattr("cogmill.domain.knowledge.fit.RANKED", 4)
    folder = await knowledge.folder("Old", is_enabled=False)
    for number in range(6):
        await knowledge.create(f"Old{number}", trigger="kafka", folder_id=folder["folder_id"])
    await knowledge.create("Live", trigger="kafka topics")
    assert await chosen(server, "kafka") == [("Live", "trigger")]


async def test_sessions_get_notes_of_their_own_organization_and_shared_ones_only(knowledge, server):
    await knowledge.create("Own", trigger="kafka")
    await knowledge.share("Shared", trigger="kafka")
    elsewhere = f"/v3/organizations/{server.world.foreign_org}/knowledge/notes"
    note = {"name": "Foreign", "body": "b", "trigger": "kafka"}
    await knowledge.ask("POST", elsewhere, caller="foreigner", json=note)
    assert sorted(await chosen(server, "kafka")) == [("Own", "trigger"), ("Shared", "trigger")]
    assert await chosen(server, "kafka", org=server.world.second_org) == [("Shared", "trigger")]
    assert await chosen(server, "kafka", org=server.world.foreign_org) == [("Foreign", "trigger")]


async def test_named_notes_are_given_and_no_others(knowledge, server, sessions):
    await knowledge.create("Pinned", pinned_repo="all")
    own, shared = await knowledge.create("Own"), await knowledge.share()
    ids = [shared["note_id"], own["note_id"]]
    assert await chosen(server, "own", wanted=ids) == [("Shared", "knowledge_ids"), ("Own", "knowledge_ids")]
    assert await chosen(server, "own", wanted=[]) == []
    made = await sessions.create(knowledge_ids=ids)
    assert (await sessions.row(made["session_id"])).request["knowledge_ids"] == ids
    assert (await sessions.row((await sessions.create(knowledge_ids=[]))["session_id"])).request["knowledge_ids"] == []
    await knowledge.replace(own, is_enabled=False)
    assert "switched off" in (await sessions.create(knowledge_ids=ids, expect=400))["detail"]
    assert "note-0" in (await sessions.create(knowledge_ids=["note-0"], expect=400))["detail"]


@pytest.mark.one_database
async def test_there_is_room_for_so_much(knowledge, server, monkeypatch):
    monkeypatch.setattr("cogmill.domain.knowledge.use.ROOM", 25)
    for name, size in (("A", 20), ("B", 10), ("C", 5)):
        await knowledge.create(name, body="x" * size, pinned_repo="all")
    scope = Scope("", server.world.org)
    kept, left = await Call(server.runtime, scope, "test", None).read(
        lambda ctx: within_room(find(ctx, None, "", (), ()).given)
    )
    assert ([one.name for one in kept], [one.name for one in left]) == (["A", "C"], ["B"])


async def test_a_session_of_an_organization_without_notes_pays_one_query(server):
    asked = []

    def work(ctx):
        original = ctx.db.execute
        ctx.db.execute = lambda *given: asked.append(given) or original(*given)
        return find(ctx, None, "Deploy kafka !now", ["acme/app"], ())

    found = await Call(server.runtime, Scope("", server.world.org), "test", None).read(work)
    assert (found.given, found.candidates, len(asked)) == ([], [], 1)
