"""Commands of one session: kept state, exit codes, output, input, signals, messages, secrets."""

import asyncio

import pytest

from cogmill.sandbox.protocol import SandboxError

from .conftest import Box, Make, eventually, on_host


async def test_folder_variables_functions_aliases_and_options_last(any_box: Box) -> None:
    await any_box.out(
        "mkdir -p deep/er; cd deep/er; export SHOWN=out; hidden=in; list=(a 'b c'); declare -A map=([k]=v)\n"
        "greet() { echo \"hello $1\"; }\nalias hi='greet alias'\n"
        "set -o pipefail; shopt -s nullglob expand_aliases; umask 027; IFS=:"
    )
    said = await any_box.out(
        'echo "${PWD##*/workspace/}"; env | grep SHOWN; echo "$hidden ${list[1]} ${map[k]}"; greet you\n'
        "hi\nfalse | true && echo no pipefail; echo nothing-*; umask; printf '%q\\n' \"$IFS\""
    )
    lines = ["deep/er", "SHOWN=out", "in b c v", "hello you", "hello alias", "", "0027", ":"]
    assert said.split("\n") == lines


async def test_state_outlives_the_sandbox(any_box: Box) -> None:
    await any_box.out("mkdir kept; cd kept; export A=1; b=$'two\\nlines'; f() { echo f$A; }; set -u")
    await any_box.again()
    assert await any_box.out('echo "${PWD##*/}"; f; echo "$b"; [[ $- == *u* ]] && echo nounset') == (
        "kept\nf1\ntwo\nlines\nnounset"
    )


async def test_operators_new_value_wins_over_the_old_one(make: Make) -> None:
    box = await make(environment={"FROM_OPERATOR": "old", "CHANGED": "old"})
    assert await box.out("export CHANGED=mine; echo $FROM_OPERATOR") == "old"
    new = {"environment": {"FROM_OPERATOR": "new", "CHANGED": "new"}, "session_id": box.spec.session_id}
    await box.sandbox.close()
    box = await make(root=box.root, **new)
    assert await box.out("echo $FROM_OPERATOR $CHANGED") == "new mine"


async def test_exit_ends_only_the_command(any_box: Box) -> None:
    done = await any_box.sh("x=1; cd /; echo said; exit 7; echo not said")
    assert (done.exit_code, done.output) == (7, "said\n")
    assert await any_box.out("echo $x $PWD") == "1 /"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("true", 0), ("false", 1), ("exit 255", 255), ("nosuchprogram_", 127), ("/etc/passwd", 126), ("kill -9 $$", 0),
        ("kill -9 $BASHPID", 137), ("kill -TERM $BASHPID", 143), ("bash -c 'kill -SEGV $$'", 139), ("return 3", 2),
        ("set -e; false; echo no", 1), ("if", 2), ("echo 'open", 2), ("exec false", 1), ("kill -9 0", 137),
    ],
)  # fmt: skip
async def test_exit_codes_and_the_next_command_works(box: Box, command: str, code: int) -> None:
    done = await box.sh(command)
    assert (done.exit_code, done.stopped) == (code, None), done
    assert await box.out("set +e; echo well") == "well"


async def test_kill_all_processes_ends_the_command_only(box: Box) -> None:
    done = await box.sh("echo before; kill -9 -1; echo after", timeout=10)
    assert (done.exit_code, done.stopped) == (137, None)
    assert done.seconds < 3
    assert await box.out("echo well") == "well"


@pytest.mark.parametrize(
    "poison",
    [
        "exec >&-", "exec </dev/null 2>&-", "exec 1>/dev/null", "set -n", "set -e -u -o pipefail", "set -x",
        "trap 'echo trapped' EXIT; trap '' TERM", "unset PATH HOME", "PATH=/nowhere", "cd /; umask 777",
        "echo() { builtin echo fake; }; builtin() { :; }; declare() { :; }", "printf() { :; }; trap() { :; }",
        "alias echo=false; alias eval=false; shopt -s expand_aliases", "shopt -s extglob; f() { [[ $1 == @(a|b) ]]; }",
        "readonly PATH IFS; readonly x=1; declare -r __cogmill_id=9", "IFS=0123456789/", "set -o posix",
        "set -f; set -C",
        "shopt -s extdebug; trap 'return 1' DEBUG", "ulimit -n 8; ulimit -f 0", "hash -r; enable -n echo printf cd",
        "declare -n ref=PATH; unset IFS", "mkdir gone; cd gone; rmdir ../gone", "LC_ALL=tr_TR.UTF-8; TZ=x",
        "cd() { builtin cd /; }; mapfile() { :; }; read() { :; }",
        "BASH_ENV=/workspace/x ENV=x PS4='$(kill $$)'; set -v",
        "__cogmill_save() { :; }; __cogmill_end() { :; }; __cogmill_leave() { :; }", "exec {fd}<>/dev/null 3<&1 4>&1",
        "set -o noexec", "command_not_found_handle() { sleep 100; }", "kill -STOP $BASHPID & kill %1", "set -k -h +B",
    ],
)  # fmt: skip
async def test_no_command_poisons_the_next(box: Box, poison: str) -> None:
    await box.sh(poison, timeout=5)
    # Its own functions, aliases and options stay: that is its state. The shell as such answers all the same.
    done = await box.sh("\\builtin printf 'still %s\\n' here; exit 3", timeout=5)
    assert (done.exit_code, done.stopped) == (3, None), done
    assert "still here\n" in done.output
    assert (await box.sandbox.exec(["/bin/echo", "apart"])).stdout == b"apart\n"
    await box.sandbox.write_file("f", b"1")
    assert await box.sandbox.read_file("f") == b"1"
    assert box.sandbox.alive


async def test_own_handler_of_unknown_commands_meets_only_unknown_commands(box: Box) -> None:
    define = 'command_not_found_handle() { echo "$1" >>/tmp/met; }'
    assert (await box.sh(define)).output == ""
    await box.sh("nosuchprogram_; exit 3")
    assert await box.out("cat /tmp/met") == "nosuchprogram_"


async def test_failing_to_save_keeps_the_state_of_before(box: Box) -> None:
    await box.out("good=1")
    await box.sh("good=2; kill -9 $BASHPID")
    assert await box.out("echo $good") == "1"
    await box.sh("good=3; rm -rf /run/cogmill/state/*; mkdir -p /run/cogmill/state/new/x")
    assert await box.out("echo well") == "well"


async def test_output_is_combined_in_order_and_bytes_are_replaced(any_box: Box) -> None:
    done = await any_box.sh("echo a; echo b >&2; echo c; printf 'x\\xff\\x00y'")
    assert done.output == "a\nb\nc\nx�\0y"
    assert not done.truncated


async def test_output_comes_while_the_command_runs(any_box: Box) -> None:
    seen: list[str] = []
    task = asyncio.create_task(
        any_box.sh("printf '\\xc3'; sleep 0.05; printf '\\xa9\\n'; sleep 30", on_output=seen.append)
    )
    await eventually(lambda: "".join(seen) == "é\n")  # a character cut in two comes out whole
    task.cancel()
    await asyncio.wait([task])


async def test_flood_is_cut_in_the_middle(make: Make, driver: str) -> None:
    box = await make(driver, limits={"output": 10_000})
    done = await box.sh("echo first; yes x | head -c 50000000; echo last")
    assert done.truncated
    assert len(done.output) <= 10_000
    assert done.output.startswith("first\n")
    assert done.output.endswith("last\n")
    assert "bytes cut" in done.output
    assert done.seconds < 10


async def test_endless_flood_leaves_the_loop_free_and_ends_on_time(box: Box) -> None:
    task = asyncio.create_task(box.sh("yes", timeout=1.0))
    worst = 0.0
    loop = asyncio.get_running_loop()
    while not task.done():
        began = loop.time()
        await asyncio.sleep(0.01)
        worst = max(worst, loop.time() - began)
    done = task.result()
    assert (done.stopped, done.exit_code, done.truncated) == ("timeout", None, True)
    assert done.seconds < 2.5
    assert worst < 0.5


async def test_standard_input_is_empty(any_box: Box) -> None:
    assert await any_box.out("cat; read x || echo nothing") == "nothing"


async def test_exec_is_binary_safe_both_ways(any_box: Box) -> None:
    data = bytes(range(256)) * 4096
    done = await any_box.sandbox.exec(["/bin/sh", "-c", "cat; printf '\\000\\377' >&2; exit 5"], stdin=data)
    assert done.exit_code == 5
    assert done.stdout == data[: any_box.spec.limits.output]
    assert done.stderr == b"\0\xff"


async def test_exec_arguments_folder_and_environment(any_box: Box) -> None:
    words = ["", "two words", "$(id)", "'\"\\", "-n", "*", "line\nbreak", "ü"]
    done = await any_box.sandbox.exec(["printf", "<%s>", *words], environment={"LC_ALL": "C.UTF-8"})
    assert done.stdout.decode() == "".join(f"<{word}>" for word in words)
    await any_box.sandbox.write_file("/workspace/sub/f", b"")
    done = await any_box.sandbox.exec(
        ["/bin/sh", "-c", "pwd; ls; echo $X"], cwd="/workspace/sub", environment={"X": "a=b"}
    )
    assert done.stdout.splitlines()[1:] == [b"f", b"a=b"]
    assert await any_box.out("echo ${X-unset}") == "unset"
    missing = await any_box.sandbox.exec(["/nosuch"])
    assert missing.exit_code == 127
    assert (await any_box.sandbox.exec(["true"], cwd="/nosuch")).exit_code == 126
    for wrong in ([], [""], ["a\0b"]):
        with pytest.raises(ValueError):
            await any_box.sandbox.exec(wrong)


async def test_exec_limits_output_and_time(any_box: Box) -> None:
    done = await any_box.sandbox.exec(["head", "-c", "100000", "/dev/zero"], max_output=1000)
    assert (done.exit_code, done.stdout) == (0, bytes(1000))
    done = await any_box.sandbox.exec(["sleep", "97601"], timeout=0.2)
    assert (done.exit_code, done.stopped) == (None, "timeout")
    assert on_host("sleep 97601") == []


async def test_exec_runs_beside_a_command(any_box: Box) -> None:
    command = asyncio.create_task(any_box.sh("sleep 0.4; echo end"))
    await asyncio.sleep(0.1)
    assert (await any_box.sandbox.exec(["echo", "now"])).stdout == b"now\n"
    assert not command.done()
    assert (await command).output == "end\n"


async def test_commands_of_one_session_wait_for_each_other(box: Box) -> None:
    first = asyncio.create_task(box.sh("sleep 0.3; x=1"))
    await asyncio.sleep(0)
    assert await box.out("echo $x") == "1"
    await first


@pytest.mark.parametrize("lines", [1, 5])
async def test_messages_count_lines_from_the_commands_first(box: Box, lines: int) -> None:
    done = await box.sh("\n" * (lines - 1) + "nosuchprogram_")
    assert f"line {lines}: nosuchprogram_: command not found" in done.output
    assert "cogmill" not in done.output
    assert await box.out("\n\necho $LINENO") == "3"


async def test_trace_shows_only_the_commands_own_lines(box: Box) -> None:
    done = await box.sh("set -x; echo a\n(exit 4)")
    assert done.exit_code == 4
    assert "cogmill" not in done.output
    assert [line.lstrip("+") for line in done.output.splitlines()] == [" echo a", "a", " exit 4"]
    done = await box.sh("echo b; set +x")
    assert "cogmill" not in done.output


async def test_last_status_is_seen_by_the_next(box: Box) -> None:
    await box.sh("(exit 9)")
    assert await box.out("echo $?") == "9"


async def test_traps_run_at_the_end_of_their_command(box: Box) -> None:
    assert await box.out("trap 'echo bye' EXIT; echo hi") == "hi\nbye"
    assert await box.out("echo next") == "next"


async def test_large_and_strange_commands(any_box: Box) -> None:
    long = "x" * 300_000
    assert await any_box.out(f"v={long}; echo ${{#v}}") == "300000"
    assert await any_box.out("cat <<'END'\n$HOME `id` \\\nEND") == "$HOME `id` \\"
    assert await any_box.out("echo $'\\xe9' | od -An -tx1") == " e9 0a"
    assert await any_box.out("") == ""
    assert await any_box.out("# only a comment") == ""
    with pytest.raises(ValueError):
        await any_box.sh("echo \0")


async def test_secret_lives_for_its_command_only(any_box: Box) -> None:
    secret = "s3cret-5d1f0b-value"
    code = (
        'echo ${#TOKEN}; COPY=$TOKEN; ARRAY=(a "x$TOKEN"); export LOUD=$TOKEN; alias leak="echo $TOKEN"\n'
        'eval "leaky() { echo $TOKEN; }"; plain=1; TOKEN2=mine'
    )
    assert await any_box.out(code, secrets={"TOKEN": secret}) == str(len(secret))
    assert await any_box.out("echo [$TOKEN$COPY${ARRAY[*]}$LOUD] $plain $TOKEN2; type -t leaky leak; env") is not None
    said = await any_box.out("echo [$TOKEN$COPY${ARRAY[*]}$LOUD]; set; alias; declare -f; env; echo $plain$TOKEN2")
    assert secret not in said
    assert said.startswith("[]\n")
    assert said.endswith("\n1mine")
    assert not [f for f in (any_box.root / "state").iterdir() if secret in f.read_text()]
    assert not [f for f in (any_box.root / "control").iterdir() if f.is_file() and secret in f.read_text()]


async def test_secret_shadows_a_variable_which_comes_back(box: Box) -> None:
    await box.out("export KEY=plain")
    assert await box.out("echo $KEY; KEY=changed", secrets={"KEY": "shadow-value"}) == "shadow-value"
    assert await box.out("echo $KEY; export -p | grep -c KEY=") == "plain\n1"


async def test_secret_is_in_no_other_process(box: Box) -> None:
    secret = "canary-77aa-visible"
    running = asyncio.create_task(box.sh("sleep 97611 & sleep 0.4", secrets={"K": secret}))
    await eventually(lambda: on_host("sleep 97611"))
    # The command's own children have it; the supervisor, and what is started beside, have not.
    found = await box.sandbox.exec(
        ["/bin/sh", "-c", "cat /proc/1/environ /proc/self/environ | tr '\\0' '\\n'; echo; env"]
    )
    assert secret.encode() not in found.stdout
    seen = await box.sandbox.exec(["/bin/sh", "-c", "cat /proc/*/cmdline"])
    assert secret.encode() not in seen.stdout
    await running
    places = ["/run/cogmill/state", "/tmp", "/home", "/workspace"]
    assert (await box.sandbox.exec(["grep", "-rlsf", "-", *places], stdin=secret[:8].encode())).stdout == b""


async def test_wrong_variables_are_refused(box: Box) -> None:
    for name, value in (("A B", "x"), ("1A", "x"), ("A=B", "x"), ("", "x"), ("A", "x\0"), ("A\n", "x")):
        with pytest.raises(ValueError):
            await box.sh("true", secrets={name: value})
        with pytest.raises(ValueError):
            await box.sandbox.exec(["true"], environment={name: value})


async def test_many_large_secrets(box: Box) -> None:
    secrets = {f"S{n}": f"{n}:" + "v" * 20_000 for n in range(20)}
    assert await box.out("echo ${#S0} ${S19%%v*}; unset ${!S1@}", secrets=secrets) == "20002 19:"
    assert await box.out("echo ${S0-none}") == "none"


async def test_a_closed_sandbox_refuses_and_starts_again(any_box: Box) -> None:
    await any_box.out("kept=1")
    await any_box.sandbox.close()
    await any_box.sandbox.close()
    assert not any_box.sandbox.alive
    with pytest.raises(SandboxError, match="start it"):
        await any_box.sh("true")
    await any_box.sandbox.start()
    await any_box.sandbox.start()
    assert any_box.sandbox.alive
    assert await any_box.out("echo $kept") == "1"
