"""Blueprints at three levels, their files, who may write which; the default platform."""

import pytest

TOP = "/v3beta1/enterprise/snapshot-setup/blueprints"
BASE = "http://127.0.0.1:8400"


@pytest.fixture
def base(server):
    return f"/v3beta1/organizations/{server.world.org}/snapshot-setup/blueprints"


@pytest.fixture
async def org(server):
    return await server.client("org_admin")


@pytest.fixture
async def top(server):
    return await server.client("enterprise_admin")


async def made(client, path, expect=201, **body):
    answer = await client.post(path, json=body)
    assert answer.status_code == expect, answer.text
    return answer.json()


async def text_of(server, client, address):
    link = (await client.get(f"{address}/contents")).json()
    nobody = await server.client()
    return await nobody.get(link["url"].removeprefix(BASE))


async def test_one_of_each_in_the_order_in_which_they_run(server, org, top, base):
    shared = await made(top, TOP, contents="initialize: echo shared")
    late = await made(org, base, repo_name="https://git.example.org/acme/late.git")
    early = await made(org, base, repo_name="https://git.example.org/acme/early.git")
    own = await made(org, base, contents="post-build: make check")
    assert (shared["type"], late["type"], own["type"]) == ("enterprise", "repo", "org")
    assert [one["type"] for one in (await top.get(TOP)).json()["data"]] == ["enterprise"]
    moved = await org.patch(f"{base}/{early['blueprint_id']}", json={"position": 0})
    assert moved.status_code == 200
    ids = [one["blueprint_id"] for one in (await org.get(base)).json()["data"]]
    assert ids == [own["blueprint_id"], early["blueprint_id"], late["blueprint_id"]]
    found = (await org.get(base, params={"repo_name": late["repo_name"]})).json()["data"]
    assert [one["blueprint_id"] for one in found] == [late["blueprint_id"]]
    for client, path, body in ((top, TOP, {}), (org, base, {}), (org, base, {"repo_name": late["repo_name"]})):
        assert "has a blueprint already" in (await made(client, path, 409, **body))["detail"]


async def test_the_text_is_read_through_a_link_and_replaced(server, org, top, base):
    own = f"{base}/{(await made(org, base))['blueprint_id']}"
    assert (await text_of(server, org, own)).text == ""
    assert (await org.patch(own, json={"contents": "initialize: echo 1"})).status_code == 200
    answer = await text_of(server, org, own)
    assert (answer.text, answer.headers["content-type"]) == ("initialize: echo 1", "text/yaml; charset=utf-8")
    assert (await org.patch(own, json={})).status_code == 200
    refused = await org.patch(own, json={"contents": "initialise: x"})
    assert refused.status_code == 422
    assert "line 1" in refused.json()["detail"][0]["msg"]
    assert (await org.patch(own, json={"position": 1})).status_code == 400
    shared = f"{TOP}/{(await made(top, TOP))['blueprint_id']}"
    assert (await top.put(shared, json={"contents": "initialize: echo 2"})).status_code == 200
    assert (await text_of(server, top, shared)).text == "initialize: echo 2"
    link = (await org.get(f"{own}/contents")).json()["url"].removeprefix(BASE)
    nobody = await server.client()
    assert (await nobody.get(link.replace("expires=1", "expires=2"))).status_code == 403
    assert (await org.delete(own)).status_code == 204
    assert (await org.get(own)).status_code == 404
    assert (await nobody.get(link)).status_code == 404
    await made(org, base)


async def test_the_organizations_own_blueprint_needs_one_right_more(server, org, base):
    """x-permission-also: ManageRepoBlueprints alone is for repositories only."""
    from cogmill.access.permissions import Permission as P
    from tests.contract.test_matrix import holder

    caller, org_id = await holder(server, P.MANAGE_REPO_BLUEPRINTS, "org")
    there, client = base.replace(server.world.org, org_id), await server.client(caller)
    assert "ManageOrgSnapshots" in (await made(client, there, 403))["detail"]
    mine = await made(client, there, repo_name="https://git.example.org/acme/app.git")
    assert (await client.patch(f"{there}/{mine['blueprint_id']}", json={"contents": ""})).status_code == 200
    admin = await server.client("enterprise_admin")
    own = f"{there}/{(await made(admin, there))['blueprint_id']}"
    for method, path, more in (
        ("PATCH", own, {"json": {"contents": ""}}), ("DELETE", own, {}),
        ("POST", f"{own}/files", {"params": {"name": "a"}, "files": {"file": ("a", b"a")}}),
    ):  # fmt: skip
        assert (await client.request(method, path, **more)).status_code == 403
    assert (await client.delete(f"{there}/{mine['blueprint_id']}")).status_code == 204


async def test_files_have_variables_and_are_replaced_by_name(org, base):
    own = f"{base}/{(await made(org, base))['blueprint_id']}/files"

    async def send(name, content=b"x", expect=201):
        answer = await org.post(own, params={"name": name}, files={"file": ("sent", content)})
        assert answer.status_code == expect, answer.text
        return answer.json()

    first, second = await send("settings.xml", b"12345"), await send("settings-xml")
    assert (first["env_var_name"], second["env_var_name"]) == ("FILE_SETTINGS_XML", "FILE_SETTINGS_XML_2")
    again = await send("settings.xml", b"1")
    assert (again["file_id"], again["size_bytes"]) == (first["file_id"], 1)
    listed = (await org.get(own)).json()["data"]
    assert [one["name"] for one in listed] == ["settings-xml", "settings.xml"]
    for bad in ("../up", "a/b", "", ".hidden", "a\nb", "x" * 200):
        await send(bad, expect=422)
    await send("large", b"x" * (1024**2 + 1), expect=413)
    assert (await org.delete(f"{own}/{first['file_id']}")).status_code == 204
    assert (await org.delete(f"{own}/{first['file_id']}")).status_code == 404


async def test_the_default_platform_counts_for_new_sessions(server, org, sessions):
    address = f"/v3beta1/organizations/{server.world.org}/default-platform"
    nothing = {"platform": None, "outpost_pool_id": None, "outpost_pool_name": None}
    assert (await org.get(address)).json() == nothing
    assert (await org.put(address, json={"platform": "Linux"})).json() == nothing | {"platform": "linux"}
    for body in (
        {"platform": "windows"},
        {"outpost_pool_id": "outpost_env-1"},
        {"platform": "linux", "outpost_pool_id": "x"},
    ):
        assert (await org.put(address, json=body)).status_code == 400
    created = await sessions.create()
    assert (await sessions.row(created["session_id"])).request["platform"] == "linux"
    child = await sessions.create(parent=created["session_id"], platform="inherit")
    assert (await sessions.row(child["session_id"])).request["platform"] == "linux"
    await sessions.create(platform="amiga", expect=400)
    assert (await org.put(address, json={})).json() == nothing
