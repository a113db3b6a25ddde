"""The error tree is the one that its module draws."""

import pickle
import re

import pytest

from taxi_predictor.domain import errors
from taxi_predictor.domain.errors import TaxiPredictorError

CLASSES: list[type[TaxiPredictorError]] = [
    value for value in vars(errors).values() if isinstance(value, type)
]


def drawn() -> dict[str, str]:
    """Each class in the drawing, and the class it hangs from."""
    parents, path = {}, [TaxiPredictorError.__name__]
    for line in (errors.__doc__ or "").splitlines():
        branch = re.match(r"^((?:│   |    )*)[├└]── (\w+)", line)
        if branch:
            depth = len(branch[1]) // 4 + 1
            parents[branch[2]] = path[depth - 1]
            path[depth:] = [branch[2]]
    return parents


def kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def test_every_class_stands_in_the_drawing_where_it_is_in_the_tree() -> None:
    tree = {error.__name__: error.__bases__[0].__name__ for error in CLASSES}
    assert tree.pop("TaxiPredictorError") == "Exception"
    assert drawn() == tree


def test_every_class_is_exported() -> None:
    assert sorted(error.__name__ for error in CLASSES) == sorted(errors.__all__)


def test_no_two_classes_share_a_slug() -> None:
    slugs = [error.slug for error in CLASSES]
    assert len(slugs) == len(set(slugs))


@pytest.mark.parametrize("error", [error for error in CLASSES if error is not TaxiPredictorError])
def test_a_slug_is_the_name_of_its_class_in_lower_case(error: type[TaxiPredictorError]) -> None:
    assert error.slug == kebab(error.__name__)
    assert "slug" in vars(error), "a class does not share its parent's slug"


def test_what_a_caller_got_wrong_is_a_value_error() -> None:
    assert issubclass(errors.InvalidTrip, ValueError)
    assert not issubclass(errors.Unavailable, ValueError)


def test_what_a_caller_got_wrong_may_name_the_part_at_fault() -> None:
    error = errors.InvalidTrip("dropoff 0, 0 is outside", part="dropoff")
    assert (str(error), error.part) == ("dropoff 0, 0 is outside", "dropoff")
    assert errors.InvalidTrip("no").part is None
    copied = pickle.loads(pickle.dumps(error))  # what was pickled here
    assert (str(copied), copied.part) == (str(error), error.part)


def test_an_error_shows_its_sentence() -> None:
    assert str(errors.UnknownZone("zone 7 is not known")) == "zone 7 is not known"


def test_who_asks_too_often_is_told_when_to_ask_again() -> None:
    error = errors.TooManyRequests("60 a minute are allowed", retry_after_s=2.5)
    assert (str(error), error.retry_after_s) == ("60 a minute are allowed", 2.5)


def test_a_refused_promotion_says_whether_an_override_helps() -> None:
    error = errors.PromotionRefused("version 2 is not promoted", override_helps=True)
    assert (str(error), error.override_helps) == ("version 2 is not promoted", True)
    assert not errors.PromotionRefused("version 2 is not promoted").override_helps
