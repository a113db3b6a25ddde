"""Commands that forget: prune, erase."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.markup import escape
from rich.prompt import Confirm

from taxi_predictor.apps.commands.output import ERR, OUT, write_json
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.domain.errors import Invalid

__all__ = ["erase", "prune"]

Days = Annotated[int | None, Parameter(validator=Number(gte=0))]


async def prune(
    *,
    keep_days: Days = None,
    blur_after_days: Days = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Remove old predictions with their outcomes from the log, and round the places of less old ones.

    Trips to learn from stay. Running it again is harmless; run it every day.

    Parameters
    ----------
    keep_days
        Remove those older than this; 0: none [default: TAXI_KEEP_PREDICTIONS_DAYS].
    blur_after_days
        Round the places of those older than this to about 100 m; 0: of none
        [default: TAXI_BLUR_PLACES_AFTER_DAYS].
    json
        Print {predictions, outcomes, blurred}.
    """
    settings = load_settings()
    keep = settings.keep_predictions_days if keep_days is None else keep_days
    blur_after = settings.blur_places_after_days if blur_after_days is None else blur_after_days
    async with opened(settings) as container:
        pruned = await container.retention.prune(keep_for=_span(keep), blur_after=_span(blur_after))
    forgotten = pruned.forgotten
    if json:
        counts = {
            "predictions": forgotten.predictions,
            "outcomes": forgotten.outcomes,
            "blurred": pruned.blurred,
        }
        write_json(msgspec.json.encode(counts), Path("-"))
        return
    OUT.print(
        f"{forgotten.predictions:,} predictions and {forgotten.outcomes:,} outcomes removed"
        if keep
        else "Nothing is removed: predictions are kept for ever",
        highlight=False,
    )
    if blur_after:
        OUT.print(f"The places of {pruned.blurred:,} predictions rounded", highlight=False)


async def erase(
    *,
    owner: str | None = None,
    reference: str | None = None,
    yes: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Erase what was answered to one owner or about one reference: predictions, outcomes, trips made of them.

    Where both are named, only what has both.

    Parameters
    ----------
    owner
        The name of a key; anybody for those who had none.
    reference
        What the owner called the rider or the order.
    yes
        Do not ask whether to.
    json
        Print {predictions, outcomes, trips, is_all_shipped}.
    """
    if not owner and not reference:
        raise Invalid("name whose predictions to erase: --owner NAME, --reference REFERENCE, or both")
    whose = " ".join(
        f"{what} {name!r}" for what, name in (("of owner", owner), ("about reference", reference)) if name
    )
    if not yes and not _is_sure(whose):
        raise Invalid("nothing was erased")
    async with opened() as container:
        erased = await container.retention.erase(owner=owner or None, reference=reference or None)
    if json:
        write_json(msgspec.json.encode(erased), Path("-"))
    else:
        OUT.print(
            f"{erased.predictions:,} predictions, {erased.outcomes:,} outcomes and {erased.trips:,} trips"
            " erased",
            highlight=False,
        )
    if not erased.is_all_shipped:
        ERR.print(
            "[yellow]Older predictions still wait in the spool of this machine, and some may be among them:"
            " erase again once taxi_spool_lag_seconds is a second or two[/yellow]"
        )


def _is_sure(whose: str) -> bool:
    try:
        return Confirm.ask(
            f"Erase all predictions {escape(whose)}? They cannot be brought back", console=ERR, default=False
        )
    except EOFError:
        raise Invalid("there is nobody to ask: say --yes") from None


def _span(days: int) -> timedelta | None:
    return timedelta(days=days) if days else None
