"""A key is known again by its secret, of which nothing is kept; nothing else is taken for one."""

import re
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.access import (
    ApiKey,
    KeyId,
    KeyState,
    Scope,
    new_key,
    parse_key,
    without_credentials,
)
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.ports.testing.samples import NOON

MINUTE = timedelta(minutes=1)
PREDICT = frozenset({Scope.PREDICT})


def a_pair() -> tuple[str, ApiKey]:
    return new_key("ada", PREDICT, now=NOON, expires_at=NOON + MINUTE)


def secret_of(key: str) -> str:
    parts = parse_key(key)
    assert parts is not None
    return parts[1]


def test_a_key_has_a_public_id_and_a_secret_that_is_kept_nowhere() -> None:
    key, kept = a_pair()
    assert parse_key(key) == (kept.id, secret_of(key))
    assert kept.has(secret_of(key))
    assert secret_of(key) not in str(asdict(kept))


def test_a_key_stands_in_a_path_and_a_header_as_it_is() -> None:
    for _ in range(100):
        assert re.fullmatch(r"[A-Za-z0-9_.~-]+", a_pair()[0])  # unreserved by RFC 3986, 2.3


def test_no_two_keys_are_alike() -> None:
    pairs = [a_pair() for _ in range(100)]
    assert len({secret_of(key) for key, _ in pairs}) == len({kept.id for _, kept in pairs}) == 100


@given(at=st.integers(0, 31), other=st.sampled_from("aB3-_"))
def test_a_secret_with_another_letter_is_another_secret(at: int, other: str) -> None:
    key, kept = a_pair()
    secret = secret_of(key)
    changed = secret[:at] + other + secret[at + 1 :]
    assert kept.has(changed) == (changed == secret)


@given(text=st.text() | st.text().map(lambda text: f"taxi_0123abcd_{text}"))
def test_what_does_not_look_like_a_key_is_none(text: str) -> None:
    found = parse_key(text)
    assert found is None or f"taxi_{found[0]}_{found[1]}" == text


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key[:-1],
        lambda key: key + "a",
        lambda key: key + "\n",
        lambda key: f" {key}",
        str.upper,
        lambda key: key[:-1] + "é",
        lambda key: key[:-1] + "/",
        lambda key: key[:-1] + "٣",  # a digit, but not one of these
    ],
)
def test_a_key_has_one_form(change: Any) -> None:
    key, _ = a_pair()
    assert parse_key(key) is not None
    assert parse_key(change(key)) is None


def test_a_key_expires_at_its_instant_and_is_revoked_for_ever() -> None:
    _, kept = a_pair()
    assert kept.state(NOON + MINUTE - timedelta(microseconds=1)) is KeyState.ACTIVE
    assert kept.state(NOON + MINUTE) is KeyState.EXPIRED
    assert replace(kept, revoked_at=NOON).state(NOON + MINUTE) is KeyState.REVOKED
    assert replace(kept, expires_at=None).state(NOON + 9_999 * MINUTE) is KeyState.ACTIVE


FORM = "a key has an id of 8 and a digest of 64 hex digits"
NAME = "a key's name is a letter or a digit and up to 63 more of them or of . _ @ -"
TAKEN = "a key is not named like a key, like an id, or anybody"
INSTANT = "a time without a zone names no instant"


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("id", "0123ABCD", FORM),
        ("id", "0123abcd0", FORM),
        ("digest", "5e", FORM),
        ("name", "", NAME),
        ("name", "two words", NAME),
        ("name", "line\n", NAME),
        ("name", "a" * 65, NAME),
        ("name", "[bold]", NAME),
        ("name", "anybody", TAKEN),
        ("name", "0123abcd", TAKEN),
        ("name", "taxi_0123abcd_" + "a" * 32, TAKEN),
        (
            "scopes",
            frozenset(),
            "a key without a scope allows nothing: give it any of predict, outcomes, admin",
        ),
        ("created_at", datetime(2024, 1, 1), INSTANT),  # noqa: DTZ001 # what is refused
        ("expires_at", datetime(2024, 1, 1), INSTANT),  # noqa: DTZ001
        ("expires_at", NOON, "a key expires after it was made"),
        ("revoked_at", datetime(2024, 1, 1), INSTANT),  # noqa: DTZ001
    ],
)
def test_a_key_that_makes_no_sense_does_not_exist(field: str, value: object, why: str) -> None:
    _, kept = a_pair()
    with pytest.raises(Invalid, match=f"^{re.escape(why)}$"):
        ApiKey(**{**asdict(kept), field: value})


@pytest.mark.parametrize("name", ["a", "7", "vroom-2", "ada@example.com", "night_shift", "A.b"])
def test_names_are_those_of_people_and_programs(name: str) -> None:
    assert new_key(name, PREDICT, now=NOON)[1].name == name


def test_an_id_is_text_that_may_be_shown() -> None:
    key, kept = a_pair()
    assert KeyId(key.split("_")[1]) == kept.id


def test_what_is_kept_of_a_new_key_is_what_it_was_made_with() -> None:
    both = frozenset({Scope.PREDICT, Scope.ADMIN})
    _, kept = new_key("ada", both, now=NOON, expires_at=NOON + MINUTE)
    assert (kept.name, kept.scopes, kept.created_at) == ("ada", both, NOON)
    assert (kept.expires_at, kept.revoked_at) == (NOON + MINUTE, None)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://ada:secret@db:5432/taxi", "postgres://db:5432/taxi"),
        ("cannot reach 'redis://:p@ss@cache/0' now", "cannot reach 'redis://cache/0' now"),
        ("https://example.com/a?mail=ada@example.com", "https://example.com/a?mail=ada@example.com"),
        ("mail ada@example.com", "mail ada@example.com"),
        ("s3://trips/2024", "s3://trips/2024"),
    ],
)
def test_an_address_is_shown_without_its_user_and_password(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
