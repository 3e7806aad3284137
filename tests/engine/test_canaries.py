"""Values of secrets, in every form, in nothing that a server stored or sent after varied sessions used them."""

import base64
import json
import subprocess
import threading
import urllib.parse
from itertools import islice

import pytest

from tests.serving import Served

STORED, GIVEN = 'Cañary/7f:"a\\c1 f00d4e', "canary-given-59c1aa04e7"
PROMPT = r"""
# Plainly
```sh
echo "$STORED" "$GIVEN"; echo "$GIVEN" >&2; env; set | grep -i canary
```
# Written otherwise
```sh
echo -n "x$STORED" | base64; echo -n "xy$GIVEN" | base64 -w 12; echo -n "$STORED" | od -An -tx1
python3 -c 'import json, os, urllib.parse as u; s = os.environ["STORED"]
print(json.dumps(s), u.quote(s), repr(s), s.encode().hex())'
```
# In two pieces
```sh
printf '%s' "${GIVEN:0:9}"; sleep 1.2; printf '%s\n' "${GIVEN:9}"; sleep 1.2; yes "$GIVEN" | head -c 300000
```
# In names and failures
```sh allow-failure
touch "/tmp/$GIVEN"; ls /tmp; cd "/nowhere/$GIVEN"
```
# In a change
```sh
cd /workspace/leaky && echo "token = $STORED" > settings.txt && echo "$GIVEN" >> README
git add . && git diff --cached
git -c user.name="$GIVEN" commit -qm "Add $GIVEN" && git log -p -1
```
# In a failure
```sh
echo "giving up with $STORED" >&2; exit 3
```
"""


def forms(value):
    raw = value.encode()
    yield from (raw, json.dumps(value)[1:-1].encode(), repr(value)[1:-1].encode(), raw.hex().encode())
    yield urllib.parse.quote(value).encode()
    for shift in range(3):  # what stands for whole groups of the value, whatever is before it
        yield base64.b64encode(b"-" * shift + raw)[4 if shift else 0 : -4]


@pytest.fixture
def served(tmp_path):
    server = Served(tmp_path / "data", COGMILL_LOG_LEVEL="debug", COGMILL_LOG_FORMAT="json")
    server.start()
    yield server
    server.close()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "leaky"
    folder.mkdir()
    (folder / "README").write_text("Nothing yet.\n")
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.invalid"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return str(folder)


def watch(served, session_id, heard):
    """What a watcher of the live stream gets, as bytes."""
    path = f"/v3/organizations/sessions/{session_id}/events/stream"
    with served.client.stream("GET", path) as stream:
        for chunk in stream.iter_raw():
            heard.append(chunk)


def answers(served, session_id):
    """Everything that the API says of a session, and of what was done."""
    one, org = f"/v3/organizations/sessions/{session_id}", served.keys["org_id"]
    ours = f"/cogmill/v1/organizations/{org}/sessions/{session_id}"
    searched = [f"{one}/events/search?query={word}" for word in ("canary", "secret", "token")]
    for path in (
        one, f"{one}/messages", f"{one}/events", f"{one}/attachments", *searched, f"{ours}/diff", f"{ours}/recording",
        f"/v3/organizations/{org}/secrets", "/v3/organizations/sessions", "/metrics", f"{one}/nothing",
    ):  # fmt: skip
        yield served.client.get(path).content
    yield json.dumps(served.events(session_id), ensure_ascii=False).encode()
    admin = {"authorization": f"Bearer {served.keys['enterprise_key']}"}
    yield served.client.get("/v3/enterprise/audit-logs", headers=admin).content


def stored(served):
    """Every byte of the data folder but the sessions' own workspaces; git objects as they read."""
    for file in sorted(served.data.rglob("*")):
        if file.is_file() and "sessions" not in file.relative_to(served.data).parts:
            yield file.read_bytes()
    for repository in {head.parent for head in served.data.rglob("HEAD") if (head.parent / "objects").is_dir()}:
        if "sessions" not in repository.relative_to(served.data).parts:
            command = ["git", "cat-file", "--batch", "--batch-all-objects", "--unordered"]
            yield subprocess.run(command, cwd=repository, check=True, capture_output=True).stdout


def test_no_byte_holds_a_secret(served, repository):
    served.client.post(
        f"/v3/organizations/{served.keys['org_id']}/secrets",
        json={"type": "key-value", "key": "STORED", "value": STORED},
    ).raise_for_status()
    given = {"session_secrets": [{"key": "GIVEN", "value": GIVEN}], "repos": [repository]}
    session_id = served.create(PROMPT, **given)
    heard = []
    watcher = threading.Thread(target=watch, args=(served, session_id, heard), daemon=True)
    watcher.start()
    served.wait(session_id, "waiting_for_user", "suspended", seconds=60)
    said = {"message": "# Again\n```sh\necho again $GIVEN; cat /workspace/leaky/settings.txt\n```"}
    served.client.post(f"/v3/organizations/sessions/{session_id}/messages", json=said).raise_for_status()
    served.wait(session_id, "finished", "waiting_for_user", seconds=60)
    sent = list(answers(served, session_id))
    served.client.delete(f"/v3/organizations/sessions/{session_id}")
    watcher.join(20)
    assert served.end() == 0

    everything = [b"".join(heard), *sent, *stored(served)]
    assert b"[secret GIVEN]" in everything[0]
    assert b"[secret STORED]" in b"".join(sent)
    for value in (STORED, GIVEN):
        for form in forms(value):
            places = [found for found in everything if form in found.replace(b"\\n", b"").replace(b"\n", b"")]
            assert not places, (form, list(islice((one[:300] for one in places), 3)))
