"""Operators: who signs in with which key, what they do, and what the journal says of it."""

from typing import Any

from dashboard.looking import Visitor, visiting
from dashboard.town import Town
from taxi_predictor.adapters.panel.words import Words
from taxi_predictor.domain.access import Scope, new_key


def a_key(town: Town, name: str, scope: Scope) -> str:
    key, kept = new_key(name, frozenset({scope}), now=town.container.predictor.now())

    async def remember() -> None:
        await town.container.outbound.keys.add(kept)
        await town.container.gatekeeper.refresh()

    town.call(remember())
    return key


def sign_in(visitor: Visitor, key: str) -> None:
    visitor.page.locator("#key").fill(key)
    visitor.page.locator("form[action=sign-in] button").click()
    visitor.page.wait_for_load_state()
    visitor.settled()


def champion(town: Town) -> int:
    [version] = [model.version for model in town.call(models(town)) if "champion" in model.aliases]
    return int(version)


async def models(town: Town) -> Any:
    return await town.container.lifecycle.models()


def test_an_operator_promotes_and_rolls_back_and_the_journal_names_the_key(browser: Any, town: Town) -> None:
    key, before = a_key(town, "night-shift", Scope.ADMIN), champion(town)
    with visiting(browser, town) as visitor:
        visitor.open("models")
        page = visitor.page
        assert page.locator("[data-opens]").count() == 0
        sign_in(visitor, key)
        [other] = {1, 2} - {before}
        page.locator(f'[data-opens="promote-{other}"]').click()
        dialog = page.locator(f"#promote-{other}")
        if dialog.locator("input[name=override]").count():
            dialog.locator("input[name=override]").fill("the other one is on holiday")
        dialog.locator("button.primary").click()
        page.wait_for_selector('[data-name="notice"]')
        visitor.settled()
        assert champion(town) == other
        page.locator('[data-opens="rollback"]').click()
        page.locator("#rollback button.primary").click()
        page.wait_for_function(
            "() => document.querySelector('[data-part=journal]').innerText.includes('rolled back')"
        )
        assert champion(town) == before
        rows = page.locator('[data-part="journal"] tbody tr').all_inner_texts()
        assert "night-shift" in rows[0]
        assert "night-shift" in rows[1]
        page.locator("form[action=sign-out] button").click()
        page.wait_for_load_state()
        visitor.settled()
        assert page.locator("[data-opens]").count() == 0
        assert key not in page.content()


def test_who_has_no_such_key_changes_nothing(browser: Any, town: Town) -> None:
    with visiting(browser, town) as visitor:
        visitor.open("models")
        sign_in(visitor, "taxi_00000000_" + "x" * 32)
        assert visitor.page.get_by_role("alert").filter(has_text="does not know this key").count() == 1
        sign_in(visitor, a_key(town, "dispatch", Scope.PREDICT))
        assert visitor.page.locator("[data-opens]").count() == 0
        # Whoever sends the deed all the same is refused, too.
        before = champion(town)
        visitor.page.evaluate(
            """() => { const form = document.createElement("form"); form.setAttribute("data-deed", "");
            form.innerHTML = '<input name="action" value="rollback">'; document.body.append(form);
            form.requestSubmit(); }"""
        )
        visitor.page.wait_for_selector('[data-name="notice"]')
        assert champion(town) == before


def test_an_api_that_is_away_is_said_to_be(browser: Any, town: Town) -> None:
    key = a_key(town, "early-shift", Scope.ADMIN)
    with visiting(browser, town) as visitor:
        visitor.open("models")
        town.stop_api()
        try:
            sign_in(visitor, key)
            assert visitor.page.get_by_role("alert").filter(has_text="does not answer").count() == 1
        finally:
            town.start_api()
        sign_in(visitor, key)
        assert visitor.page.locator("form[action=sign-out]").count() == 1


def test_a_closed_dashboard_shows_nothing_to_who_has_not_signed_in(browser: Any, town: Town) -> None:
    key = a_key(town, "dispatch", Scope.PREDICT)
    with town.another(is_open=False) as closed, visiting(browser, closed) as visitor:
        visitor.open("data", lang="es")
        assert visitor.page.locator("h1").inner_text() == Words("es")("entry.heading")
        assert visitor.page.locator('[data-name="trips"]').count() == 0
        sign_in(visitor, key)
        visitor.page.wait_for_selector('[data-name="trips"]')
        assert visitor.page.url.startswith(f"{closed.url}/data")
