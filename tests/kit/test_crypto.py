"""The keyring: what it seals opens only as sealed, what it signs cannot be forged, tokens are stored as hashes."""

import base64
import json
import stat

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import example, given
from hypothesis import strategies as st

from cogmill.kit.crypto import TOKEN_LENGTH, Keyring, create_keys, load_keys, new_token
from cogmill.kit.settings import Settings, SettingsError
from cogmill.preconditions import read_keys

KEYS = Keyring(b"a" * 32)
OTHER = Keyring(b"b" * 32)
OWNER = "devin-1/API_TOKEN"


@given(st.text(), st.text())
@example("", "")
@example("\0\u20ac\U0001f511", "x")
def test_what_is_sealed_opens(plain, bound_to):
    assert KEYS.decrypt(KEYS.encrypt(plain, bound_to), bound_to) == plain


def test_sealing_twice_gives_two_texts():
    assert KEYS.encrypt("secret", OWNER) != KEYS.encrypt("secret", OWNER)


def test_the_plain_text_is_nowhere_in_the_sealed_one():
    sealed = KEYS.encrypt("canary-canary", OWNER)
    assert b"canary" not in base64.b64decode(sealed.removeprefix("v1:"))


def test_another_key_does_not_open():
    with pytest.raises(InvalidTag):
        OTHER.decrypt(KEYS.encrypt("secret", OWNER), OWNER)


def test_another_owner_does_not_open():
    with pytest.raises(InvalidTag):
        KEYS.decrypt(KEYS.encrypt("secret", OWNER), "devin-2/API_TOKEN")


@given(st.data())
def test_any_flipped_bit_is_seen(data):
    raw = bytearray(base64.b64decode(KEYS.encrypt("secret", OWNER).removeprefix("v1:")))
    at = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[at // 8] ^= 1 << (at % 8)
    with pytest.raises(InvalidTag):
        KEYS.decrypt("v1:" + base64.b64encode(raw).decode(), OWNER)


@given(st.integers(0, 33))
def test_any_cut_is_seen(length):
    raw = base64.b64decode(KEYS.encrypt("secret", OWNER).removeprefix("v1:"))
    with pytest.raises((InvalidTag, ValueError)):
        KEYS.decrypt("v1:" + base64.b64encode(raw[:length]).decode(), OWNER)


@given(st.text(), st.text())
def test_signatures_hold_for_their_text_and_purpose_only(text, other):
    signature = KEYS.sign("attachment", text)
    assert KEYS.verify("attachment", text, signature)
    assert KEYS.verify("attachment", other, signature) == (text == other)
    assert not KEYS.verify("login", text, signature)
    assert not OTHER.verify("attachment", text, signature)


@given(st.text())
def test_any_text_can_be_asked_for_as_signature(signature):
    assert not KEYS.verify("attachment", "a.1", signature)


def test_signatures_need_no_escape_in_addresses():
    for n in range(100):
        assert set(KEYS.sign("attachment", str(n))) <= set(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        )


def test_tokens():
    made = {new_token() for _ in range(1000)}
    assert len(made) == 1000
    for token in made:
        assert len(token) == TOKEN_LENGTH == 56
        assert token.startswith("cog_")
        assert len(base64.b32decode(token.removeprefix("cog_").upper() + "====")) == 32


def test_a_token_hash_is_keyed():
    token = new_token()
    assert KEYS.token_hash(token) == KEYS.token_hash(token) != OTHER.token_hash(token)
    assert token not in KEYS.token_hash(token)


def test_each_purpose_has_a_key_of_its_own():
    assert KEYS.token_hash("x") not in (KEYS.sign("token", "x"), KEYS.sign("", "x"))
    assert KEYS.sign("a", "x") != KEYS.sign("b", "x")


def test_keys_are_written_once_for_the_owner_only(tmp_path):
    file = tmp_path / "keys.json"
    made = create_keys(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_keys(file) == made
    assert len(made.master) == 32
    with pytest.raises(FileExistsError):
        create_keys(file)
    assert load_keys(file) == made


def test_the_master_key_is_not_shown(tmp_path):
    made = create_keys(tmp_path / "keys.json")
    assert repr(made.master) not in repr(made)
    assert base64.b64encode(made.master).decode() not in repr(made)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"master_key": 1}', '{"master_key": "%%%"}', '{"master_key": "YQ=="}', "\xff"]
)
def test_a_damaged_keys_file_is_refused_before_anything_is_served(tmp_path, text):
    file = tmp_path / "keys.json"
    file.write_bytes(text.encode("latin-1"))
    file.chmod(0o600)
    with pytest.raises(SettingsError, match=r"keys\.json is damaged"):
        read_keys(Settings(data=tmp_path))


def test_a_missing_keys_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_keys(tmp_path / "keys.json")


def test_the_keys_file_is_json_with_a_version(tmp_path):
    create_keys(tmp_path / "keys.json")
    assert json.loads((tmp_path / "keys.json").read_text())["version"] == 1
