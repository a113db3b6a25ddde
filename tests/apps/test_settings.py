"""Settings are read once, from names that exist, with secrets from files."""

from pathlib import Path

import pytest

from taxi_predictor.apps.api import options_of
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.settings import InvalidSettings, Settings


def test_an_empty_environment_gives_the_defaults() -> None:
    assert load_settings({"PATH": "/bin", "HOME": "/home/somebody"}) == Settings()


def test_text_becomes_what_the_setting_is() -> None:
    settings = load_settings(
        {"TAXI_API_PORT": "9000", "TAXI_HOME": "/srv/taxi", "TAXI_MAX_REJECT_SHARE": "0.5"}
    )
    assert (settings.api_port, settings.home, settings.max_reject_share) == (9000, Path("/srv/taxi"), 0.5)


def test_an_empty_value_is_no_value(tmp_path: Path) -> None:
    assert load_settings({"TAXI_CITY": "", "DATABASE_URL": "", "DATABASE_URL_FILE": ""}) == Settings()
    (tmp_path / "nothing").write_text("\n")
    url = "postgresql://a"
    for nothing in ({"TAXI_DATABASE_URL": ""}, {"TAXI_DATABASE_URL_FILE": str(tmp_path / "nothing")}):
        for environ in ({"DATABASE_URL": url} | nothing, nothing | {"DATABASE_URL": url}):
            assert load_settings(environ).database_url == url


def test_no_span_of_time_is_longer_than_time_is_counted() -> None:
    """A finite number of days or seconds that is no slip: code makes spans of them without a look."""
    for name in Settings.__struct_fields__:
        if name.endswith(("_s", "_hours", "_days", "_months")):
            for value in ("inf", "nan", "1e20", "100000000000"):
                with pytest.raises(InvalidSettings, match=f"TAXI_{name.upper()}"):
                    load_settings({f"TAXI_{name.upper()}": value})


def test_well_known_names_need_no_prefix_and_ours_win() -> None:
    assert load_settings({"DATABASE_URL": "postgresql://a"}).database_url == "postgresql://a"
    for environ in (
        {"DATABASE_URL": "postgresql://a", "TAXI_DATABASE_URL": "postgresql://b"},
        {"TAXI_DATABASE_URL": "postgresql://b", "DATABASE_URL": "postgresql://a"},
    ):
        assert load_settings(environ).database_url == "postgresql://b"


def test_a_secret_can_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://user:s3cret@db/taxi\n")
    for name in ("DATABASE_URL_FILE", "TAXI_DATABASE_URL_FILE"):
        settings = load_settings({name: str(tmp_path / "url")})
        assert settings.database_url == "postgresql://user:s3cret@db/taxi"


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="DATABASE_URL_FILE"):
        load_settings({"DATABASE_URL_FILE": str(tmp_path / "none")})


def test_an_unknown_name_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(InvalidSettings, match="TAXI_API_PROT; did you mean TAXI_API_PORT"):
        load_settings({"TAXI_API_PROT": "9000"})
    with pytest.raises(InvalidSettings, match=r"TAXI_FOO$"):  # one that is like none
        load_settings({"TAXI_FOO": "1"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TAXI_API_PORT", "many"),
        ("TAXI_API_PORT", "0"),
        ("TAXI_API_PORT", "70000"),
        ("TAXI_PROFILE", "cloud"),
        ("TAXI_MAX_REJECT_SHARE", "1.5"),
        ("TAXI_POOL_MAX", "0"),
        ("TAXI_MODEL_NAME", "a/b"),
        ("TAXI_MODEL_NAME", "a:b"),
        ("TAXI_MODEL_NAME", "driver's"),
        ("TAXI_MODEL_NAME", "a b"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_the_name_that_was_set(
    tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(InvalidSettings, match=f"^{name}: "):
        load_settings({name: value})
    (tmp_path / "value").write_text(value)
    with pytest.raises(InvalidSettings, match=f"^{name}_FILE: "):
        load_settings({f"{name}_FILE": str(tmp_path / "value")})


@pytest.mark.parametrize("value", ["proxy.example", "10.0.0.1/8", "10.0.0.0/99", "*", "10.0.0.1 10.0.0.2"])
def test_a_proxy_that_is_no_network_is_refused_before_workers_start(value: str) -> None:
    with pytest.raises(InvalidSettings, match="TAXI_API_TRUSTED_PROXIES"):
        load_settings({"TAXI_API_TRUSTED_PROXIES": f"10.0.0.0/8, {value}"})


def test_the_actor_is_who_the_deployment_says_or_who_is_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LNAME", "USER", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOGNAME", "grace")
    assert load_settings({"TAXI_ACTOR": "ada"}).who == "ada"
    assert load_settings({}).who == "grace"


def test_a_user_without_a_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "LNAME", "USER", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_294_967_000)
    assert load_settings({}).who == "unknown"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("taxi.example", "http://taxi.example:8000"),
        ("::1", "http://[::1]:8000"),
        ("fe80::1", "http://[fe80::1]:8000"),
    ],
)
def test_the_address_of_the_api_can_be_asked_whatever_kind_it_is(host: str, url: str) -> None:
    assert load_settings({"TAXI_API_HOST": host}).api_url == url


def test_several_values_are_separated_by_commas() -> None:
    settings = load_settings({"TAXI_API_ALLOWED_HOSTS": " example.com, *.example.com ,"})
    assert settings.api_allowed_hosts == ("example.com", "*.example.com")
    assert load_settings({}).api_allowed_hosts == ()


def test_every_option_of_the_http_face_is_a_setting() -> None:
    given = load_settings({"TAXI_API_MAX_ITEMS": "7", "TAXI_API_OPEN_PREDICT": "true"})
    options = options_of(given)
    assert options.max_items == 7
    assert options.open_predict
    assert not options_of(load_settings({})).open_predict
