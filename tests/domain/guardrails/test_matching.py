"""What the guardrails that an enterprise begins with see, and what they let alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogmill.domain.guardrails.defaults import DEFAULTS
from cogmill.domain.guardrails.rules import WITHHELD, Hit, Rule, Rules
from cogmill.domain.guardrails.subjects import host, hosts, of_prompt, of_step, paths, place, written
from cogmill.kit.patterns import Pattern

RULES = Rules(tuple(Rule(one.name, one.name, one.target, one.action, Pattern(one.pattern)) for one in DEFAULTS))
ROOT = "/root/"
KEY = "AKIA" + "IOSFODNN7EXAMPLE"


def against(command):
    return [hit.rule.name for hit in RULES.hits(of_step("shell_process", {"command": command}))]


@pytest.mark.parametrize(
    ("name", "commands"),
    {
        "Removing everything": [
            "rm -rf /", "rm -rf / --no-preserve-root", "sudo rm -r -f /*", "rm -rf ~", 'rm -rf "$HOME"',
            "a; rm -fr /;b",
            "rm --recursive --force /", "rm -rf ${HOME}/", "bash -c 'rm -rf /'", 'sh -c "rm -rf ~/"', "/bin/rm -rf /",
            "\\rm -rf /", "rm -rf \\\n  /", "bash <<E\nrm -rf /\nE", "x=`rm -rf /`", 'rm -rf "$HOME"/*', "rm -rf ~/*",
            "bash -c 'rm -rf \"/\"'", "rm -rf '/'", "true\nrm -r -f -- /",
        ],
        "Overwriting disks": [
            "dd if=/dev/zero of=/dev/sda bs=1M", "mkfs.ext4 -F /dev/nvme0n1", "mkfs /dev/sdb",
            "dd if=/dev/zero of='/dev/sda'", "bash -c '/sbin/mkfs.ext4 /dev/sdb'",
        ],
        "Fork bomb": [":(){ :|:& };:"],
        "Pushing to the main branch by force": [
            "git push -f origin main", "git push origin main --force", "git push origin HEAD:main -f",
            "git push origin +master", "git push -f origin 'main'", "git -C app push --force-with-lease origin main",
        ],
        "Metadata service of the cloud": [
            "curl http://169.254.169.254/latest/meta-data/", "curl -s 169.254.169.254", "wget http://0xA9FEA9FE/",
            "curl http://2852039166/", "curl 'http://[fd00:ec2::254]/'", "curl -H a http://Metadata.Google.Internal./x",
        ],
        "Credentials of the machine": [
            "cat /etc/shadow", "cat ../../etc/shadow", f"cp {ROOT}.ssh/id_rsa .", "cat < /proc/1/environ",
            f"tar c --file=/tmp/x {ROOT}.aws/credentials", "curl file:///etc/shadow",
        ],
        "Writing outside the workspace": ["echo x > /etc/hosts", "echo x >>/usr/lib/y", "make | tee -a /etc/motd"],
        "Secrets in plain text": [f"export K={KEY}", "echo -----BEGIN OPENSSH PRIVATE KEY-----"],
    }.items(),
)  # fmt: skip
def test_what_hardly_anybody_wants_is_seen(name, commands):
    for command in commands:
        assert name in against(command), command


@pytest.mark.parametrize(
    "command",
    [
        "rm -rf build dist", "rm -rf /workspace/app/node_modules", "rm -f /tmp/x", "rm -rf ./*", "ls -la / && rm -r x",
        "git push origin main", "git push -f origin feature/main-menu-x", "git push --force origin maintenance",
        "git commit -m 'push -f main'", "dd if=a of=b.img", "curl https://example.com/v1.2.3/x.tar.gz | tar xz",
        "pip install x==1.2.3", "cat /etc/passwd /etc/os-release", "ssh-keygen -f ~/.ssh/id_ed25519 -N ''",
        "pytest -q > out.txt 2>&1", "echo hi >/dev/null", "cat > /workspace/etc/shadow-notes.md",
        "apt-get install -y jq", 'rm -rf "$HOME"/x', "rm -rf ~/x", "rm -rf '/workspace/a b'", "rm -rf build\nls /",
        "rm -rf $HOMEBREW", "rm -rf /tmp/*", "rm -rf \"$PWD\"/ a", "confirm -r /", "bash -c 'rm -rf dist' && ls /",
        "python -m http.server 8000 & curl localhost:8000", "make test", "export TOKEN=$GITHUB_TOKEN",
    ],
)  # fmt: skip
def test_ordinary_work_is_let_alone(command):
    assert against(command) == []


def test_the_demo_is_let_alone():
    from importlib.resources import files

    def texts(folder):
        for one in folder.iterdir():
            if one.is_dir():
                yield from texts(one)
            elif one.name.endswith((".py", ".md", ".json", ".toml", ".txt")):
                yield one.read_text("utf-8")

    for text in texts(files("cogmill.demo")):
        assert RULES.hits(of_prompt(text)) == []
        assert against(text) == []


def test_tools_on_files():
    write = {"tool": "write_file", "tool_call_id": KEY, "path": "../etc/cron.d/x", "content": f"key = {KEY}"}
    hits = RULES.hits(of_step("file_write", write))
    assert {hit.rule.name for hit in hits} == {"Writing outside the workspace", "Secrets in plain text"}
    read = {"tool": "read_file", "path": "/etc/shadow"}
    assert [hit.rule.name for hit in RULES.hits(of_step("file_read", read))] == ["Credentials of the machine"]
    assert of_step("model_call", {}) == {}


def test_paths_and_hosts_are_read_off_a_command():
    assert place("~/a") == "/home/agent/a"
    assert place("a/../../x") == "/x"
    assert paths("cat --file=/etc/x a/b http://h/etc/y") == ["/etc/x", "/workspace/a/b"]
    assert written("a > b 2>&1; c >| /d | tee -a 'e'") == ["/workspace/b", "/d", "/workspace/e"]
    assert hosts("git clone git@git.example.org:a/b && curl -L h.example.org:8080/x") == [
        "git.example.org", "h.example.org",
    ]  # fmt: skip
    assert hosts("echo example.org") == []
    assert [host(one) for one in ("0x7f000001", "2130706433", "[::1]", "EXAMPLE.org.", "99999999999")] == [
        "127.0.0.1", "127.0.0.1", "::1", "example.org", "99999999999",
    ]  # fmt: skip


@given(st.text(max_size=300), st.text(max_size=100))
def test_any_command_can_be_looked_at(command, path):
    RULES.hits(of_step("shell_process", {"command": command, "path": path, "more": [{"a": command}, 1, None]}))


@given(st.text(max_size=200), st.sampled_from([" ", "\n", "=", '"', ""]))
def test_a_secret_never_stays_in_what_is_kept(around, between):
    kept = RULES.without_secrets(f"{around} {between}{KEY} {around}")
    assert KEY not in kept


def test_what_is_kept_of_a_secret():
    assert RULES.without_secrets(f"first\nexport K={KEY} # key\nlast") == f"first\nexport {WITHHELD} # key\nlast"
    over = Rules((Rule("r", "r", "secret", "warn", Pattern(r"one\ntwo")), *RULES.every))
    assert over.without_secrets("zero one\ntwo") == WITHHELD
    assert len(RULES.without_secrets("x" * 5000)) == 2000


def test_one_hit_of_each_rule():
    hits = RULES.hits(of_step("shell_process", {"command": "rm -rf /; rm -rf ~"}))
    assert hits == [Hit(RULES.every[0], "rm -rf /; rm -rf ~")]
