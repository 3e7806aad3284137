"""Settings: which source wins, what is said of bad values, and that secrets are not shown."""

from pathlib import Path

import pytest

from cogmill.kit.settings import Settings, SettingsError, load


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """A working folder without a cogmill.toml, a home without a data folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))


def write(text: str, file: str = "cogmill.toml") -> Path:
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_defaults():
    settings = load()
    assert settings.host == "127.0.0.1"
    assert settings.port == 8400
    assert settings.base_url == "http://127.0.0.1:8400"
    assert settings.data.is_absolute()
    assert settings.database == f"sqlite:///{settings.data}/cogmill.db"


def test_the_environment_beats_defaults(monkeypatch):
    monkeypatch.setenv("COGMILL_PORT", "8500")
    assert load().port == 8500


def test_the_file_beats_the_environment(monkeypatch):
    monkeypatch.setenv("COGMILL_PORT", "8500")
    write("port = 8600")
    assert load().port == 8600


def test_flags_beat_all(monkeypatch):
    monkeypatch.setenv("COGMILL_PORT", "8500")
    write("port = 8600")
    assert load({"port": 8700}).port == 8700


def test_a_flag_that_is_not_given_is_no_value():
    write("port = 8600")
    assert load({"port": None, "host": "127.0.0.2"}).port == 8600


def test_sources_mix_field_by_field(monkeypatch):
    monkeypatch.setenv("COGMILL_HOST", "127.0.0.9")
    monkeypatch.setenv("COGMILL_ACU_SECONDS", "1")
    write('acu_seconds = 2\nlog_level = "debug"')
    settings = load({"log_level": "error"})
    assert (settings.host, settings.acu_seconds, settings.log_level) == ("127.0.0.9", 2, "error")


def test_the_file_in_the_working_folder_is_read_before_the_one_in_the_data_folder(tmp_path):
    data = tmp_path / "data"
    write("port = 8601", str(data / "cogmill.toml"))
    assert load({"data": data}).port == 8601
    write("port = 8602")
    assert load({"data": data}).port == 8602


def test_the_data_folder_of_the_environment_is_looked_into(tmp_path, monkeypatch):
    write("port = 8603", str(tmp_path / "elsewhere" / "cogmill.toml"))
    monkeypatch.setenv("COGMILL_DATA", str(tmp_path / "elsewhere"))
    assert load().port == 8603


def test_a_named_file_is_the_only_one(tmp_path):
    write("port = 8604")
    assert load(toml=write("port = 8605", str(tmp_path / "other.toml"))).port == 8605


def test_the_data_folder_may_be_relative_or_begin_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert load({"data": "there"}).data == Path.cwd() / "there"
    assert load({"data": "~/there"}).data == tmp_path / "me" / "there"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "http", "COGMILL_PORT: Input should be a valid integer"),
        ("PORT", "65536", "COGMILL_PORT: Input should be less than or equal to 65535"),
        ("LOG_LEVEL", "loud", "COGMILL_LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'"),
        ("BEHIND_PROXY", "perhaps", "COGMILL_BEHIND_PROXY: Input should be a valid boolean"),
        ("ACU_SECONDS", "0", "COGMILL_ACU_SECONDS: Input should be greater than 0"),
        ("MODEL_INPUT_USD_PER_MTOK", "-1", "COGMILL_MODEL_INPUT_USD_PER_MTOK: Input should be greater than"),
        ("MAX_RUNNING_SESSIONS", "0", "COGMILL_MAX_RUNNING_SESSIONS: Input should be greater than or equal to 1"),
        ("LOCAL_REPOS", "/not/json", "COGMILL_LOCAL_REPOS: Input should be a valid list"),
    ],
)
def test_a_bad_value_is_named_with_what_would_be_right(monkeypatch, name, value, says):
    monkeypatch.setenv(f"COGMILL_{name}", value)
    with pytest.raises(SettingsError) as refused:
        load()
    assert says in str(refused.value)


def test_a_bad_value_in_the_file():
    write('port = "x"')
    with pytest.raises(SettingsError, match="COGMILL_PORT"):
        load()


def test_all_bad_values_are_named_at_once(monkeypatch):
    monkeypatch.setenv("COGMILL_PORT", "x")
    monkeypatch.setenv("COGMILL_ACU_SECONDS", "-1")
    with pytest.raises(SettingsError, match=r"COGMILL_PORT.*COGMILL_ACU_SECONDS"):
        load()


def test_an_unknown_name_in_the_file_is_an_error():
    write("prot = 1")
    with pytest.raises(SettingsError, match=r"cogmill\.toml: unknown setting 'prot'"):
        load()


@pytest.mark.parametrize("text", ["port = ", "port 8400", "[", "port = 1\nport = 2"])
def test_a_file_that_is_no_toml(text):
    write(text)
    with pytest.raises(SettingsError, match=r"cogmill\.toml: not valid TOML"):
        load()


def test_a_file_that_is_no_text():
    Path("cogmill.toml").write_bytes(b"host = '\xff'")
    with pytest.raises(SettingsError, match=r"cogmill\.toml"):
        load()


def test_a_named_file_that_is_not_there():
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        load(toml=Path("absent.toml"))


def test_secrets_are_not_shown(monkeypatch):
    monkeypatch.setenv("COGMILL_MODEL_API_KEY", "sk-canary")
    monkeypatch.setenv("COGMILL_DATABASE_URL", "postgresql://u:canary@h/d")
    settings = load()
    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump())):
        assert "canary" not in shown
        assert "**********" in shown


def test_a_refusal_does_not_repeat_what_was_given(monkeypatch):
    monkeypatch.setenv("COGMILL_PORT", "canary")
    monkeypatch.setenv("COGMILL_MODEL_API_KEY", "sk-canary")
    with pytest.raises(SettingsError) as refused:
        load()
    assert "canary" not in str(refused.value)


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load().port = 1


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("postgres://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d"),
        ("sqlite:///x.db", "sqlite:///x.db"),
    ],
)
def test_database_urls(given, url):
    assert Settings(database_url=given).database == url


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"host": "::1", "port": 1}, "http://[::1]:1"),
        ({"public_url": "https://cogmill.example/"}, "https://cogmill.example"),
        ({"public_url": "https://example.org/cogmill//", "port": 1}, "https://example.org/cogmill"),
    ],
)
def test_addresses(given, url):
    assert Settings(**given).base_url == url


@pytest.mark.parametrize(
    ("given", "on_loopback"),
    [
        ({"host": "127.0.0.1"}, True), ({"host": "::1"}, True), ({"host": "localhost"}, True),
        ({"host": "0.0.0.0"}, False), ({"host": "::"}, False), ({"host": "10.0.0.1"}, False),
        ({"host": "127.0.0.1", "behind_proxy": True}, False), ({"host": "128.0.0.1"}, False),
    ],
)  # fmt: skip
def test_loopback(given, on_loopback):
    assert Settings(**given).on_loopback is on_loopback
