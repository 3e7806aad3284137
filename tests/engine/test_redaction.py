"""Ways in which a secret may come out of a session: written otherwise, wrapped, cut, overlapped, split."""

import base64
import json
import time
import urllib.parse

import pytest

from cogmill.engine import live_output
from cogmill.engine.agents.clipping import clip, first_line
from cogmill.engine.redaction import Redactor
from cogmill.engine.variables import SessionSecret, to_hide
from cogmill.sandbox.output import HeadTail
from tests.engine.test_properties import written

CANARY = 'caña/7f:3a"c1\\zz%9'
LONG = "k7Qz" + "".join(chr(ord("a") + n * 7 % 26) for n in range(150)) + "W3x9"
PEM = "-----BEGIN KEY-----\nMIIabcdefghijklmnop\nQRSTUVWXYZ0123456789\n-----END KEY-----\n"


def wrapped(text, width, end="\n"):
    return end.join(text[at : at + width] for at in range(0, len(text), width))


@pytest.mark.parametrize(
    "form",
    [
        json.dumps(CANARY)[1:-1],
        json.dumps(CANARY, ensure_ascii=False)[1:-1],
        json.dumps(CANARY)[1:-1].replace("/", "\\/"),
        urllib.parse.quote(CANARY),
        "ca%c3%b1a%2f7f%3a3a%22c1%5czz%259",
        CANARY.encode().hex(),
        CANARY.encode().hex().upper(),
        CANARY.encode().hex(" "),
        CANARY.encode().hex(":").upper(),
        json.dumps(json.dumps(CANARY))[3:-3],
        json.dumps(json.dumps(CANARY, ensure_ascii=False), ensure_ascii=False)[3:-3],
        repr(CANARY.encode())[2:-1],
    ],
)
def test_a_secret_written_otherwise_is_found(form):
    assert Redactor({"X": CANARY}).text(f"a {form} b") == "a [secret X] b"


SIGNS = "s3~K/w*r&d<1'x$y\"z"


@pytest.mark.parametrize(
    "form",
    [
        "s3~K/w*r\\u0026d\\u003c1'x$y\\\"z",  # json.Marshal of Go, as docker, kubectl and terraform print
        's3~K/w*r\\u0026d\\u003C1\\u0027x$y\\"z',
        's3~K\\/w*r\\u0026d\\u003c1\\u0027x$y\\"z',
        "s3%7EK%2Fw*r%26d%3C1%27x%24y%22z",  # URLSearchParams of browsers
        "s3%7EK%2Fw%2Ar%26d%3C1%27x%24y%22z",
        "s3~K/w*r&d%3C1'x$y%22z",  # encodeURI
        "s3~K/w*r&amp;d&lt;1'x$y\"z",
        "s3~K/w*r&amp;d&lt;1&#39;x$y&#34;z",
        "s3~K/w*r&d<1'\\''x$y\"z",  # set -x
        "s3~K/w*r&d<1'x\\$y\\\"z",  # declare -p
        "s3\\~K/w\\*r\\&d\\<1\\'x\\$y\\\"z",  # printf %q
    ],
)
def test_a_secret_full_of_signs_is_found_however_programs_write_it(form):
    assert Redactor({"X": SIGNS}).text(f"a {form} b") == "a [secret X] b"


def test_what_is_inside_of_a_cookie_is_found():
    jar = [{"name": "sid", "value": "s%3AkQ9-zT4.w", "domain": "example.org"}, {"name": "lang", "value": "en"}]
    whole = base64.b64encode(json.dumps(jar).encode()).decode()
    plain = base64.b64encode(b'{"sid": "0123-4567-89"}').decode()
    kinds = {"A": (whole, "cookie"), "B": (plain, "cookie"), "C": ("value-of-c", "key-value")}
    hidden = to_hide([SessionSecret(name, value, kind, True) for name, (value, kind) in kinds.items()])
    said = Redactor(hidden).text(f"{whole} {json.dumps(jar)} Cookie: sid=0123-4567-89 value-of-c")
    shown = json.dumps(jar).replace("s%3AkQ9-zT4.w", "[secret A.1]")
    assert said == f"[secret A] {shown} Cookie: sid=[secret B.1] [secret C]"
    assert to_hide([SessionSecret("A", whole, "cookie", False)]) == {}


@pytest.mark.parametrize("offset", range(3))
@pytest.mark.parametrize(("width", "end"), [(76, "\n"), (64, "\n"), (76, "\r\n")])
def test_wrapped_base64_is_found_at_every_offset(offset, width, end):
    encoded = base64.b64encode(b"-" * (60 + offset) + LONG.encode() + b"--").decode()
    shown = Redactor({"X": LONG}).text(wrapped(encoded, width, end))
    assert "[secret X]" in shown
    flat = encoded.replace(end, "")
    middle = flat[90:-10]
    assert not any(middle[at : at + 8] in shown.replace(end, "") for at in range(len(middle) - 7))


def test_wrapped_hex_is_found():
    assert Redactor({"X": LONG}).text(wrapped(LONG.encode().hex(), 60)) == "[secret X]"


@pytest.mark.parametrize("stored", [PEM, PEM.replace("\n", "\r\n")])
@pytest.mark.parametrize("shown", [PEM, PEM.replace("\n", "\r\n"), PEM.strip(), PEM.replace("\n", "\n    ")])
def test_a_secret_of_lines_is_found_whatever_ends_them(stored, shown):
    text = Redactor({"X": stored}).text(f"a {shown} b")
    assert "abcdef" not in text
    assert "0123" not in text


def test_numbered_lines_of_a_secret_are_found():
    text = Redactor({"X": PEM}).text("\n".join(f"{n:>6}\t{line}" for n, line in enumerate(PEM.splitlines(), 1)))
    assert "abcdef" not in text
    assert "0123" not in text


def test_overlapping_secrets_leave_nothing_over():
    redactor = Redactor({"A": "abcd-efgh", "B": "efgh-ijkl-m", "C": "l-mn"})
    assert redactor.text("1 abcd-efgh-ijkl-mn 2") == "1 [secret B] 2"
    assert redactor.text("abcd-efgh efgh-ijkl-m") == "[secret A] [secret B]"


def leaks(text, least=4):
    return [LONG[at : at + least] for at in range(len(LONG) - least + 1) if LONG[at : at + least] in text]


@pytest.mark.parametrize("cut", range(180, 400, 7))
def test_what_a_shortening_leaves_of_a_secret_is_found(cut):
    text = "." * 200 + LONG + "." * 200
    kept = HeadTail(cut)
    kept.add(text.encode())
    redactor = Redactor({"X": LONG})
    for short in (clip(text, cut), first_line(text, cut), text[:cut], text[-cut:], kept.text()):
        assert leaks(redactor.text(short)) == []


@pytest.mark.parametrize("before", range(0, 170, 13))
async def test_live_output_is_cut_without_a_piece_of_a_secret(monkeypatch, before):
    monkeypatch.setattr(live_output, "MOST_PER_STEP", 400)
    shown = await written(monkeypatch, ["." * (400 - before), LONG, "." * 400, "after"], {"X": LONG})
    assert leaks(shown) == []
    assert shown.count("more output follows") == 1
    assert shown.endswith("its end]\n")


async def test_live_output_of_overlapping_secrets_split_anywhere(monkeypatch):
    secrets = {"A": "abcd-efgh", "B": "efgh-ijkl-m"}
    text = "before abcd-efgh-ijkl-m after" + "." * 40
    for cut in range(1, len(text)):
        shown = await written(monkeypatch, [text[:cut], text[cut:], "." * 40], secrets)
        assert shown.startswith("before [secret B] after")


def test_a_megabyte_with_fifty_secrets_is_quick():
    """Measured at 0.07 s; the bound only catches a cost that grows with length times forms."""
    redactor = Redactor(
        {f"S{n}": base64.b85encode(bytes([n]) * 8 + bytes(range(n, n + 24))).decode() for n in range(50)}
    )
    text = "return [x for x in range(10)]  # a usual line of output\n" * 18_000
    began = time.process_time()
    assert redactor.text(text) == text
    assert redactor.text("…" * 300_000).count("…") == 300_000
    assert time.process_time() - began < 2
