"""One of everything that a path, a query or a body can name, made over HTTP as its owners would."""

from typing import Any

from sqlalchemy import select

from cogmill.domain.code_scans.evidence import Proved
from cogmill.domain.code_scans.reports import Reported
from cogmill.domain.code_scans.taking import Taken, write_down
from cogmill.domain.pull_requests.service import open_or_update
from cogmill.models.metadata import metadata
from cogmill.scm.forge import LocalForge
from cogmill.scm.git import run_git

FACTS = {
    "repo": "acme/app", "title": "Title", "body": "", "branch": "b", "base_branch": "main", "base_commit": "a" * 40,
    "head_commit": "b" * 40,
}  # fmt: skip
NOTE = {"name": "Keep out", "body": "Quietly.", "trigger": "secrets of others"}
Things = dict[str, list[str]]
"""Real ids by the name of the path part, or of the field, that takes them."""


async def ok(answer: Any) -> Any:
    done = await answer
    assert done.status_code < 300, done.text
    return done.json()


async def make_things(server: Any, org_id: str, org_caller: str, enterprise_caller: str, mark: str) -> Things:
    org, top = await server.client(org_caller), await server.client(enterprise_caller)
    of_organization = await _of_organization(server, org, org_id, mark)
    of_enterprise = await _of_enterprise(org, top, org_id, mark)
    await _join(top, org_id, of_enterprise)
    knowledge = await _knowledge(org, f"/v3/organizations/{org_id}", f"/cogmill/v1/organizations/{org_id}")
    outpost_id, waiting = await _outpost(org, top, org_id, mark)
    of_organization["session_id"].insert(0, waiting)
    git = await _git(top, org_id)
    return {"org_id": [org_id], "outpost_id": [outpost_id], **knowledge, **of_organization, **of_enterprise, **git}


async def make_shared(server: Any, enterprise_caller: str) -> Things:
    """What the enterprise shares with all its organizations; only its own addresses know it by these ids."""
    top = await server.client(enterprise_caller)
    playbook = await ok(top.post("/v3/enterprise/playbooks", json={"title": "For all", "body": "Openly."}))
    blueprints = "/v3beta1/enterprise/snapshot-setup/blueprints"
    found = (await ok(top.get(blueprints)))["data"] or [await ok(top.post(blueprints, json={}))]
    file = await blueprint_file(top, f"{blueprints}/{found[0]['blueprint_id']}")
    profile = await ok(top.post("/cogmill/v1/enterprise/code-scans/profiles", json={"name": "For all"}))
    return {
        "profile_id": [profile["profile_id"]],
        "playbook_id": [playbook["playbook_id"]], "blueprint_id": [found[0]["blueprint_id"]],
        "file_id": [file["file_id"]], **await _webhook(top, "/cogmill/v1/enterprise/webhooks"),
        **await _knowledge(top, "/v3/enterprise", "/cogmill/v1/enterprise"),
    }  # fmt: skip


async def blueprint_file(client: Any, blueprint: str) -> Any:
    sent = {"file": ("any", b"x")}
    return await ok(client.post(f"{blueprint}/files", params={"name": "secret.txt"}, files=sent))


async def _join(top: Any, org_id: str, made: Things) -> None:
    """The user and the group become members of the organization."""
    role, org_role = made["role_id"]
    (group,), (user_id,) = made["idp_group_name"], made["user_id"]
    members = f"/v3/enterprise/organizations/{org_id}/members"
    await ok(top.post(f"/v3/enterprise/members/idp-groups/{group}", json={"role_id": role}))
    await ok(top.post(f"{members}/idp-groups/{group}", json={"role_id": org_role}))
    await ok(top.post(f"{members}/users/{user_id}", json={"role_id": org_role}))


async def _of_organization(server: Any, org: Any, org_id: str, mark: str) -> Things:
    base = f"/v3/organizations/{org_id}"
    session = (await ok(org.post(f"{base}/sessions", json={"prompt": "Keep out."})))["session_id"]
    file = await ok(org.post(f"{base}/attachments", files={"file": ("secret.txt", b"x")}))
    repository, branch = await _repository(server, org, org_id, mark)
    events = await ok(org.get(f"{base}/sessions/{session}/events"))
    kept = await ok(org.post(f"{base}/secrets", json={"type": "key-value", "key": "K", "value": "v"}))
    playbook = await ok(org.post(f"{base}/playbooks", json={"title": "Keep out", "body": "Quietly."}))
    hook = await _webhook(org, f"/cogmill/v1/organizations/{org_id}/webhooks")
    due = {"name": "Keep out", "prompt": "Hush.", "frequency": "0 3 * * *"}
    timed = await ok(org.post(f"{base}/schedules", json=due))
    setup = f"/v3beta1/organizations/{org_id}/snapshot-setup"
    blueprint = await ok(org.post(f"{setup}/blueprints", json={"contents": "initialize: 'true'"}))
    prepared = await blueprint_file(org, f"{setup}/blueprints/{blueprint['blueprint_id']}")
    build = await ok(org.post(f"{setup}/builds", json={}))
    pull_request = await _pull_request(server, org_id, session, repository)
    page = f"http://127.0.0.1:8400/organizations/{org_id}/pull-requests/{pull_request}"
    await ok(org.post(f"{base}/pr-reviews", json={"pr_url": page}))
    return {
        **hook, **await make_scan(server, org, org_id, repository), "schedule_id": [timed["scheduled_session_id"]],
        "automation_id": [await _automation(server, org, base)],
        "blueprint_id": [blueprint["blueprint_id"]], "file_id": [prepared["file_id"]],
        "build_id": [build["build_id"]], "snapshot_id": [build["build_id"]],
        "secret_id": [kept["secret_id"]], "playbook_id": [playbook["playbook_id"]],
        "devin_id": [session], "session_id": [session], "uuid": [file["attachment_id"]], "name": [file["name"]],
        "attachment_urls": [file["url"]], "event_ids": [one["event_id"] for one in events["items"]],
        "repository_path": [repository], "branch_name": [branch],
        "pull_request_id": [pull_request],
        "pr_url": [page],
    }  # fmt: skip


async def make_scan(server: Any, org: Any, org_id: str, repository: str) -> Things:
    """A scan that has found something, and a profile."""
    profiles = f"/cogmill/v1/organizations/{org_id}/code-scans/profiles"
    profile = await ok(org.post(profiles, json={"name": "Keep out"}))
    scan = await ok(org.post(f"/v3/organizations/{org_id}/code-scans", json={"repo_name": repository}))
    found = Proved(Reported("high", "Keep out"), "0" * 64, [])
    await server.write(lambda ctx: write_down(ctx, org_id, Taken(scan["scan_id"], [found], [])), org=org_id)
    (finding,) = (await ok(org.get(f"/v3/organizations/{org_id}/code-scans/findings")))["items"]
    return {
        "profile_id": [profile["profile_id"]], "scan_id": [scan["scan_id"]], "finding_id": [finding["finding_id"]],
    }  # fmt: skip


async def _automation(server: Any, org: Any, base: str) -> str:
    """One that has been set off."""
    body = {
        "triggers": [{"event_type": "webhook:incoming"}], "actions": [{"type": "start_session", "prompt": "Go."}],
        "run_as": "organization",
    }  # fmt: skip
    made = await ok(org.post(f"{base}/automations", json=body))
    sent = {"x-webhook-secret": made["webhook_secret"]}
    await ok((await server.client()).post("/" + made["webhook_url"].split("/", 3)[3], json={}, headers=sent))
    return str(made["automation_id"])


async def _outpost(org: Any, top: Any, org_id: str, mark: str) -> tuple[str, str]:
    """A queue that only this organization may use, and a session that waits in it."""
    made = await ok(top.post("/opbeta/outposts", json={"name": f"outpost of {mark}", "allowed_org_ids": [org_id]}))
    outpost_id = made["metadata"]["outpost_id"]
    body = {"prompt": "Keep out.", "platform": outpost_id}
    waiting = await ok(org.post(f"/v3/organizations/{org_id}/sessions", json=body))
    return outpost_id, waiting["session_id"]


async def _webhook(client: Any, path: str) -> Things:
    """A webhook that has had something to tell."""
    made = await ok(client.post(path, json={"url": "https://example.org/hook"}))
    sent = await ok(client.post(f"{path}/{made['webhook_id']}/ping"))
    return {"webhook_id": [made["webhook_id"]], "delivery_id": [sent["delivery_id"]]}


async def _of_enterprise(org: Any, top: Any, org_id: str, mark: str) -> Things:
    """Members, groups and roles, and a key of every kind."""
    roles, members = "/cogmill/v1/enterprise/roles", "/v3/enterprise/members"
    org_role, role = [
        (await ok(top.post(roles, json={"name": f"{kind} {mark}", "role_type": kind, "permissions": []})))["role_id"]
        for kind in ("org", "enterprise")
    ]
    invited = {"emails": [f"{mark}@example.org"], "enterprise_role_id": role}
    user_id = (await ok(top.post(f"{members}/users", json=invited)))[0]["user_id"]
    group, machine = f"group of {mark}", {"name": mark, "role_id": role, "ttl_seconds": 3600}
    await ok(top.post("/v3/enterprise/idp-groups", json={"idp_group_names": [group]}))
    made = await ok(top.post("/v3beta1/enterprise/service-users", json=machine))
    machine_id = made["service_user"]["service_user_id"]
    keys = [
        await ok(client.post(path, json={"name": "k"}))
        for client, path in (
            (top, f"/v3beta1/enterprise/service-users/{machine_id}/api-keys"),
            (top, f"/cogmill/v1/enterprise/members/users/{user_id}/tokens"),
            (top, f"/cogmill/v1/enterprise/members/users/{user_id}/legacy-keys"),
            (org, f"/cogmill/v1/organizations/{org_id}/legacy-keys"),
        )
    ]
    rule = {"name": mark, "target": "command", "pattern": "never", "action": "warn", "org_id": org_id}
    guarded = await ok(top.post("/cogmill/v1/enterprise/guardrails", json=rule))
    return {
        "guardrail_id": [guarded["guardrail_id"]], "user_id": [user_id],
        "service_user_id": [machine_id], "idp_group_name": [group], "group_name": [group],
        "role_id": [role, org_role], "api_key_id": [one["api_key_id"] for one in keys],
    }  # fmt: skip


async def _repository(server: Any, org: Any, org_id: str, mark: str) -> tuple[str, str]:
    """An indexed repository at the organization's forge, whose branch has a slash in its name as well."""
    name, branch = f"{mark}/app", f"{mark}/main"
    forge = LocalForge(server.runtime.settings.data / "forge" / org_id)
    folder = await forge.create(name, default_branch=branch)
    tree = (await run_git(["hash-object", "-w", "-t", "tree", "/dev/null"], git_dir=folder)).decode().strip()
    who = {f"GIT_{one}_{two}": "a" for one in ("AUTHOR", "COMMITTER") for two in ("NAME", "EMAIL")}
    commit = await run_git(["commit-tree", tree, "-m", "First"], git_dir=folder, env=who)
    await run_git(["update-ref", f"refs/heads/{branch}", commit.decode().strip()], git_dir=folder)
    await ok(org.put(f"/v3beta1/organizations/{org_id}/repositories/{name}/indexing"))
    return name, branch


async def _git(top: Any, org_id: str) -> Things:
    """A connection and a permission for it. Plain git: nothing of it is asked at a provider."""
    body = {"git_provider_type": "git_https", "address": "https://git.example.org", "username": "u", "password": "p"}
    made = await ok(top.post("/cogmill/v1/enterprise/git-connections", json=body))
    connection_id = made["git_connection_id"]
    permissions = [{"git_connection_id": connection_id, "repo_path": "acme/app"}]
    path = f"/v3/enterprise/organizations/{org_id}/git-providers/permissions"
    (given,) = await ok(top.post(path, json={"permissions": permissions}))
    return {
        "connection_id": [connection_id], "git_permission_id": [given["git_permission_id"]],
        "permission_id": [given["git_permission_id"]],
    }  # fmt: skip


async def _knowledge(client: Any, base: str, ours: str) -> Things:
    """A note, and a folder that is empty."""
    note = await ok(client.post(f"{base}/knowledge/notes", json=NOTE))
    folder = await ok(client.post(f"{ours}/knowledge/folders", json={"name": "Keep out"}))
    return {"note_id": [note["note_id"]], "folder_id": [folder["folder_id"]]}


async def _pull_request(server: Any, org_id: str, session_id: str, repository: str) -> str:
    table, facts = metadata.tables["session"], FACTS | {"repo": repository}
    row_id = await server.read(
        lambda ctx: ctx.db.execute(select(table.c.id).where(table.c.session_id == session_id)).scalar_one()
    )
    row, _ = await server.write(lambda ctx: open_or_update(ctx, row_id, facts), org=org_id)
    return str(row.pull_request_id)
