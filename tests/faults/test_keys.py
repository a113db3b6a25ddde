"""Keys on the command line: shown once, listed without their secrets, revoked by a name that is one key's."""

import msgspec

from faults.commands import Home


async def test_keys_are_made_listed_rotated_and_revoked(home: Home) -> None:
    made = [
        await home.run("keys", "create", "ada", "--scope", "predict", "--scope", "admin", "--expires", "90d"),
        await home.run("keys", "create", "ada", "--scope", "predict"),
    ]
    assert [done.code for done in made] == [0, 0]
    assert all("not shown again" in done.complaint for done in made)
    keys = [done.out.strip() for done in made]
    ids = [key.split("_")[1] for key in keys]

    listed = await home.run("keys", "list", "--json")
    assert not any(key.split("_", 2)[2] in listed.out for key in keys)
    first, second = msgspec.json.decode(listed.out)
    assert [first["id"], second["id"]] == ids
    assert [first["scopes"], second["scopes"]] == [["admin", "predict"], ["predict"]]
    assert first["expires_at"] > second["created_at"]
    assert second["expires_at"] is None

    refused = await home.run("keys", "revoke", "ada")
    assert refused.code == 3
    assert all(key_id in refused.complaint for key_id in ids)
    revoked = await home.run("keys", "revoke", ids[0])
    assert (revoked.code, revoked.out) == (0, f"Key {ids[0]} of ada is revoked\n")
    shown = await home.run("keys", "list")
    states = {line.split()[0]: line.split()[-1] for line in shown.out.splitlines()[2:]}
    assert states == {ids[0]: "revoked", ids[1]: "active"}


async def test_a_key_that_makes_no_sense_is_refused_in_one_sentence(home: Home) -> None:
    for arguments, code, words in (
        (("create", "ada"), 2, "--scope"),
        (("create", "ada", "--scope", "fly"), 2, "fly"),
        (("create", "two words", "--scope", "predict"), 2, "name"),
        (("create", "ada", "--scope", "predict", "--expires", "soon"), 2, "'soon'"),
        (("create", "ada", "--scope", "predict", "--expires", "9999999999d"), 2, "a hundred years"),
        (("revoke", "ada"), 4, "ada"),
    ):
        done = await home.run("keys", *arguments)
        assert (done.code, done.out) == (code, "")
        assert words in done.complaint
