"""What people should know of a model before they rely on it, as a page of markdown.

The headings follow M. Mitchell et al., "Model Cards for Model Reporting", 2019.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from taxi_predictor.domain.evaluation import BaselineScores, Scores
from taxi_predictor.domain.model import SERVED_FORMATS, Manifest
from taxi_predictor.domain.verdict import Verdict

__all__ = ["model_card"]


def model_card(
    manifest: Manifest,
    *,
    held_out: Scores,
    slices: Mapping[str, Scores],
    baselines: Mapping[str, BaselineScores],
    verdict: Verdict,
) -> str:
    """The card of one model: what it is for, what it learned from, how good it is, where it ends.

    Dates are local days of its city; durations and errors are in seconds, shares in percent.
    """
    city = manifest.city.name
    sections = [
        [f"# A model of trip durations in {city}", *_warnings(manifest, verdict)],
        ["## What it is for", *_purpose(city)],
        ["## What it learned from", *_data(manifest)],
        ["## How good it is", *_scores(held_out, slices)],
        ["## Beside simple methods", *_baselines(held_out, baselines)],
        ["## Its judgement", *_judgement(verdict)],
        ["## Known limits", *_limits(manifest)],
        ["## How it was made", *_making(manifest, verdict)],
    ]
    return "\n\n".join(part for section in sections for part in section) + "\n"


def _warnings(manifest: Manifest, verdict: Verdict) -> Iterator[str]:
    if manifest.is_simulated:
        yield "**It learned from simulated trips: its answers say nothing about a real city.**"
    if not verdict.passed:
        yield "**It did not pass its judgement.**"


def _purpose(city: str) -> Iterator[str]:
    yield (
        f"It says how long a taxi trip in {city} takes before the trip starts: a median, and how far"
        " the duration may lie from it."
    )
    yield (
        "It is not for other cities or other vehicles, not for choosing a route, and not for judging"
        " drivers or passengers."
    )


def _data(manifest: Manifest) -> Iterator[str]:
    split = manifest.split
    first, validated, held_out, until = (
        f"{instant.astimezone(manifest.city.tz):%Y-%m-%d}"
        for instant in (split.fit_from, split.validate_from, split.held_out_from, split.until)
    )
    yield _table(
        ("what", "value"),
        [
            ("trips learned from", f"{manifest.trips:,}"),
            ("sources", ", ".join(manifest.sources)),
            ("simulated", "yes" if manifest.is_simulated else "no"),
            ("fit", f"{first} to {validated}"),
            ("validation", f"{validated} to {held_out}"),
            ("held out", f"{held_out} to {until}"),
            ("fingerprint of the trips", f"`{manifest.fingerprint}`"),
        ],
    )
    yield "The day at the end of a window is not part of it, unless the window ends within that day."


def _scores(held_out: Scores, slices: Mapping[str, Scores]) -> Iterator[str]:
    yield _table(
        ("held-out trips", "trips", "MAE s", "RMSE s", "bias s", "MAPE", "within 5 min", "in 80 % interval"),
        [
            (
                name,
                f"{scores.n:,}",
                f"{scores.mae_s:.1f}",
                f"{scores.rmse_s:.1f}",
                f"{scores.bias_s:+.1f}",
                f"{scores.mape:.1%}",
                f"{scores.within_5_min:.1%}",
                f"{scores.coverage_80:.1%}",
            )
            for name, scores in {"all": held_out, **slices}.items()
        ],
    )
    yield (
        f"Bias is predicted minus actual. Of 80 % intervals {held_out.coverage_80:.1%} held the duration;"
        f" they are {held_out.width_80_s:.0f} s wide on average."
    )


def _baselines(held_out: Scores, baselines: Mapping[str, BaselineScores]) -> Iterator[str]:
    if not baselines:
        yield "No simple method was asked for the same trips."
        return
    ranked = sorted(baselines.items(), key=lambda item: item[1].mae_s)
    yield _table(
        ("method", "MAE s", "this model's MAE is lower by"),
        [
            ("this model", f"{held_out.mae_s:.1f}", ""),
            *((name, f"{scores.mae_s:.1f}", f"{scores.lift:.1%}") for name, scores in ranked),
        ],
    )


def _judgement(verdict: Verdict) -> Iterator[str]:
    yield "It passed." if verdict.passed else f"It was refused: {'; '.join(verdict.reasons)}."
    if verdict.checks:
        yield _table(
            ("check", "result", "what was found"),
            [(check.name, "pass" if check.passed else "FAIL", check.detail) for check in verdict.checks],
        )


def _limits(manifest: Manifest) -> Iterator[str]:
    split, tz = manifest.split, manifest.city.tz
    first, last = split.fit_from.astimezone(tz), split.held_out_from.astimezone(tz)
    limits = [
        (
            "The answer is a median: half of the trips take longer. The median lies below the mean,"
            " so sums of answers are too low."
        ),
        "Intervals hold for trips like those of the validation window, on average and not for one trip.",
        (
            f"It has seen trips from {first:%Y-%m-%d} to {last:%Y-%m-%d} only: of other months it knows"
            " nothing, nor of a city that has changed since."
        ),
        (
            "Duration, metered distance and fare of a trip never are an input, for nobody knows them before"
            " it starts; passengers, weather and traffic are none either."
        ),
        f"Its inputs are {', '.join(manifest.features)}.",
    ]
    yield "\n".join(f"- {limit}" for limit in limits)


def _making(manifest: Manifest, verdict: Verdict) -> Iterator[str]:
    facts = [
        ("engine", manifest.engine),
        ("made at", manifest.created_at.isoformat()),
        ("code version", manifest.code_version),
        ("seed", manifest.seed),
        ("format", f"{manifest.format} (this release serves {' and '.join(map(str, SERVED_FORMATS))})"),
        ("sha256 of the manifest", f"`{verdict.artifact}`" if verdict.artifact else "not bound to a verdict"),
        *((f"sha256 of {name}", f"`{digest}`") for name, digest in manifest.files.items()),
        *manifest.params.items(),
    ]
    yield _table(("what", "value"), facts)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
