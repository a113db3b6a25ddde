"""The contract of AnswerStore, and claims and answers to test with."""

import asyncio
from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.ports.outbound.answers import Answer, AnswerStore, Claim, Holder
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.tables import CONTRACT

__all__ = ["AnswerStoreContract", "a_claim", "an_answer", "answers"]

LEASE = timedelta(minutes=1)
A_DAY_LATER = NOON + timedelta(hours=24)


def a_claim(
    number: int,
    *,
    owner: str = "ada",
    key: str = "k-1",
    fingerprint: bytes = b"\x00\xff",
    after: timedelta = timedelta(),
) -> Claim:
    """Claims of the same *number* are the same; it is made *after* noon and ends a minute later."""
    at = NOON + after
    return Claim(
        claim_id=UUID(int=number), owner=owner, key=key, fingerprint=fingerprint, at=at, until=at + LEASE
    )


def an_answer(body: bytes = b"first") -> Answer:
    return Answer(status=200, headers=(("content-type", "application/json"),), body=body)


def answers() -> st.SearchStrategy[Answer]:
    names = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1)
    values = st.text(st.characters(min_codepoint=32, max_codepoint=255))
    return st.builds(
        Answer,
        status=st.integers(200, 299),
        headers=st.lists(st.tuples(names, values)).map(tuple),
        body=st.binary(),
    )


class AnswerStoreContract(Contract, of=AnswerStore):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[AnswerStore]:
        """A store in which nothing is held."""

    async def test_the_first_claim_gets_the_key_and_the_next_sees_it_held(self) -> None:
        """Even one that is equal but for its id; and with the fingerprint of the first."""
        async with self.open() as store:
            assert await store.claim(a_claim(1)) is None
            held = Holder(fingerprint=b"\x00\xff", answer=None)
            assert await store.claim(a_claim(2)) == held
            assert await store.claim(a_claim(3, fingerprint=b"other")) == held

    async def test_a_key_is_of_its_owner(self) -> None:
        """And another name is another key, were it only in its case."""
        async with self.open() as store:
            for number, (owner, key) in enumerate([("ada", "k"), ("bob", "k"), ("ada", "K"), ("ad", "ak")]):
                assert await store.claim(a_claim(number, owner=owner, key=key)) is None

    @CONTRACT
    @given(answer=answers())
    async def test_an_answer_comes_back_as_it_was_kept(self, answer: Answer) -> None:
        """Every byte and every header, in their order, as often as it is asked for."""
        async with self.open() as store:
            await store.claim(a_claim(1))
            assert await store.keep(a_claim(1), answer, until=A_DAY_LATER) is True
            for number in (2, 3):
                held = await store.claim(a_claim(number, fingerprint=b"other"))
                assert held == Holder(fingerprint=b"\x00\xff", answer=answer)

    async def test_a_large_answer_is_kept_whole(self) -> None:
        """Megabytes of it."""
        answer = an_answer(bytes(range(256)) * 4096 * 4)
        async with self.open() as store:
            await store.claim(a_claim(1))
            await store.keep(a_claim(1), answer, until=A_DAY_LATER)
            assert await store.claim(a_claim(2)) == Holder(fingerprint=b"\x00\xff", answer=answer)

    async def test_a_claim_without_an_answer_ends(self) -> None:
        """At its instant, and not before: whoever made it may have died."""
        async with self.open() as store:
            await store.claim(a_claim(1))
            before = a_claim(2, after=LEASE - timedelta(microseconds=1))
            assert await store.claim(before) is not None
            assert await store.claim(a_claim(3, fingerprint=b"other", after=LEASE)) is None
            assert await store.claim(a_claim(4, after=LEASE)) == Holder(fingerprint=b"other", answer=None)

    async def test_an_answer_expires(self) -> None:
        """At its instant, and not before; nothing of it is left to the next."""
        late = timedelta(hours=24)
        async with self.open() as store:
            await store.claim(a_claim(1))
            await store.keep(a_claim(1), an_answer(), until=A_DAY_LATER)
            held = await store.claim(a_claim(2, after=late - timedelta(microseconds=1)))
            assert held is not None
            assert held.answer == an_answer()
            assert await store.claim(a_claim(3, after=late)) is None
            assert await store.claim(a_claim(4, after=late)) == Holder(fingerprint=b"\x00\xff", answer=None)

    async def test_an_answer_that_comes_late_harms_no_other(self) -> None:
        """Neither a claim nor an answer of whoever took the key when the first claim had ended."""
        async with self.open() as store:
            await store.claim(a_claim(1))
            second = a_claim(2, after=LEASE)
            await store.claim(second)
            assert await store.keep(a_claim(1), an_answer(b"late"), until=A_DAY_LATER) is False
            await store.release(a_claim(1))
            assert await store.keep(second, an_answer(b"second"), until=A_DAY_LATER) is True
            assert await store.keep(a_claim(1), an_answer(b"late"), until=A_DAY_LATER) is False
            held = await store.claim(a_claim(3, after=LEASE))
            assert held is not None
            assert held.answer == an_answer(b"second")

    async def test_a_late_answer_is_kept_if_nobody_took_the_key(self) -> None:
        """The claim had ended, but the work was done."""
        async with self.open() as store:
            await store.claim(a_claim(1))
            assert await store.keep(a_claim(1), an_answer(), until=A_DAY_LATER) is True
            held = await store.claim(a_claim(2, after=LEASE))
            assert held is not None
            assert held.answer == an_answer()

    async def test_the_first_answer_to_a_claim_stands(self) -> None:
        """A second is not kept, and a release comes too late."""
        async with self.open() as store:
            await store.claim(a_claim(1))
            await store.keep(a_claim(1), an_answer(b"first"), until=A_DAY_LATER)
            assert await store.keep(a_claim(1), an_answer(b"second"), until=A_DAY_LATER) is False
            await store.release(a_claim(1))
            held = await store.claim(a_claim(2))
            assert held is not None
            assert held.answer == an_answer(b"first")

    async def test_a_released_key_is_free(self) -> None:
        """For any request; releasing it again does nothing, and a released claim has no answer."""
        async with self.open() as store:
            await store.claim(a_claim(1))
            for _time in range(2):
                await store.release(a_claim(1))
            assert await store.keep(a_claim(1), an_answer(), until=A_DAY_LATER) is False
            assert await store.claim(a_claim(2, fingerprint=b"other")) is None

    async def test_what_expired_is_forgotten_and_nothing_else(self) -> None:
        """Claims and answers alike, those of the very instant too; it says how many."""
        async with self.open() as store:
            assert await store.forget(NOON) == 0
            for number, key in enumerate(["claim", "answer", "later"]):
                await store.claim(a_claim(number, key=key))
            await store.keep(a_claim(1, key="answer"), an_answer(), until=NOON + LEASE)
            await store.keep(a_claim(2, key="later"), an_answer(), until=A_DAY_LATER)
            assert await store.forget(NOON + LEASE - timedelta(microseconds=1)) == 0
            assert await store.forget(NOON + LEASE) == 2
            assert await store.forget(NOON + LEASE) == 0
            assert await store.claim(a_claim(3, key="answer")) is None
            held = await store.claim(a_claim(4, key="later"))
            assert held is not None
            assert held.answer == an_answer()

    async def test_of_claims_made_at_once_one_gets_the_key(self) -> None:
        """Whether it is new, was released or had an answer that expired; the others see it held."""
        async with self.open() as store:
            await store.claim(a_claim(1, key="released"))
            await store.release(a_claim(1, key="released"))
            await store.claim(a_claim(2, key="expired", fingerprint=b"old"))
            await store.keep(a_claim(2, key="expired", fingerprint=b"old"), an_answer(), until=NOON)
            for key in ("new", "released", "expired"):
                claims = [a_claim(number, key=key) for number in range(10, 30)]
                holders = await asyncio.gather(*map(store.claim, claims))
                assert holders.count(None) == 1
                assert holders.count(Holder(fingerprint=b"\x00\xff", answer=None)) == len(claims) - 1
                winner = claims[holders.index(None)]
                assert await store.keep(winner, an_answer(), until=A_DAY_LATER) is True
