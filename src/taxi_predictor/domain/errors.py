"""Every error that the core raises or a port may raise.

TaxiPredictorError
├── Invalid                 the caller said something impossible
│   ├── InvalidTrip
│   │   ├── SkippedHour     a time that clocks on the wall never show
│   │   └── RepeatedHour    a time that clocks on the wall show twice
│   ├── TooMuch             more than is answered at once
│   ├── InvalidCity
│   ├── InvalidSource       a source's name or options make no sense
│   ├── UnknownSchema       columns that belong to no known kind of trip file
│   ├── UnreadableSource    a file that is cut short, broken or not what its name says
│   ├── LeakedColumns       a column known only after the trip on its way into a model
│   ├── InvalidPredictionId  a name that no prediction can have, or none that is kept
│   ├── ImplausibleOutcome  what no trip can have done
│   └── IdempotencyKeyReused  by a request that is not a repeat of the first
├── Denied                  the caller may not
│   ├── Unauthorized        who asks is not known: no key, or none that is valid
│   └── Forbidden           who asks is known, and the key does not allow it
├── NotFound
│   ├── UnknownCity
│   ├── UnknownZone
│   ├── UnknownModel
│   ├── UnknownKey
│   ├── UnknownJob
│   ├── MissingSource       no such file, folder or month
│   ├── NoZones             zone ids were given but no zone table is known
│   └── NoOutlines          zones are known by their centroids, and not how far they reach
├── Refused                 understood, and not done
│   ├── TooManyRejects
│   ├── NotEnoughTrips
│   ├── AmbiguousKey        several keys are meant, and one has to be
│   ├── PromotionRefused
│   ├── OutOfBand           a model that serves does not do what may be expected of it
│   ├── ConflictingOutcome  another one was reported before
│   ├── TripsChanged        they are no longer those that were meant
│   ├── TooManyRequests     more often than the caller may ask
│   ├── TargetInUse         somebody else writes the same file
│   ├── JobUnfinished       there is no result yet, or none will come
│   ├── NoJobs              none are taken here
│   ├── UnlikeMachines      those that are to work together differ in code, or in the files they see
│   └── IdempotencyKeyInUse by a request that is still being answered
└── Unavailable             something outside does not answer; nothing was changed
    ├── NoChampion
    ├── BrokenModel         an artifact that is damaged, or that this code cannot serve
    ├── StorageFull
    └── Overloaded          more is asked at once than can wait for its turn

Each class has a slug, stable across releases. How a face shows it (an HTTP status, an exit code)
is that face's business.
"""

__all__ = [
    "AmbiguousKey",
    "BrokenModel",
    "ConflictingOutcome",
    "Denied",
    "Forbidden",
    "IdempotencyKeyInUse",
    "IdempotencyKeyReused",
    "ImplausibleOutcome",
    "Invalid",
    "InvalidCity",
    "InvalidPredictionId",
    "InvalidSource",
    "InvalidTrip",
    "JobUnfinished",
    "LeakedColumns",
    "MissingSource",
    "NoChampion",
    "NoJobs",
    "NoOutlines",
    "NoZones",
    "NotEnoughTrips",
    "NotFound",
    "OutOfBand",
    "Overloaded",
    "PromotionRefused",
    "Refused",
    "RepeatedHour",
    "SkippedHour",
    "StorageFull",
    "TargetInUse",
    "TaxiPredictorError",
    "TooManyRejects",
    "TooManyRequests",
    "TooMuch",
    "TripsChanged",
    "Unauthorized",
    "Unavailable",
    "UnknownCity",
    "UnknownJob",
    "UnknownKey",
    "UnknownModel",
    "UnknownSchema",
    "UnknownZone",
    "UnlikeMachines",
    "UnreadableSource",
]


class TaxiPredictorError(Exception):
    """Base of all errors of this package; its text is one sentence fit for a person."""

    slug = "internal"
    retry_after_s: float | None = None
    """When asking again makes sense, where that is known."""


class Invalid(TaxiPredictorError, ValueError):
    """*part* is what is at fault of what was said, as the use case calls it, such as ``dropoff``.

    None: it is no part of its own. A part of a part has its path, such as ``departures/2``.
    """

    slug = "invalid"

    def __init__(self, message: str, *, part: str | None = None) -> None:
        super().__init__(message)
        self.part = part


class InvalidTrip(Invalid):
    slug = "invalid-trip"


class SkippedHour(InvalidTrip):
    slug = "skipped-hour"


class RepeatedHour(InvalidTrip):
    slug = "repeated-hour"


class TooMuch(Invalid):
    slug = "too-much"


class InvalidCity(Invalid):
    slug = "invalid-city"


class InvalidSource(Invalid):
    slug = "invalid-source"


class UnknownSchema(Invalid):
    slug = "unknown-schema"


class UnreadableSource(Invalid):
    slug = "unreadable-source"


class LeakedColumns(Invalid):
    slug = "leaked-columns"


class InvalidPredictionId(Invalid):
    slug = "invalid-prediction-id"


class ImplausibleOutcome(Invalid):
    slug = "implausible-outcome"


class IdempotencyKeyReused(Invalid):
    slug = "idempotency-key-reused"


class Denied(TaxiPredictorError):
    slug = "denied"


class Unauthorized(Denied):
    slug = "unauthorized"


class Forbidden(Denied):
    slug = "forbidden"


class NotFound(TaxiPredictorError):
    slug = "not-found"


class UnknownCity(NotFound):
    slug = "unknown-city"


class UnknownZone(NotFound):
    slug = "unknown-zone"


class UnknownModel(NotFound):
    slug = "unknown-model"


class UnknownKey(NotFound):
    slug = "unknown-key"


class UnknownJob(NotFound):
    slug = "unknown-job"


class MissingSource(NotFound):
    slug = "missing-source"


class NoZones(NotFound):
    slug = "no-zones"


class NoOutlines(NotFound):
    slug = "no-outlines"


class Refused(TaxiPredictorError):
    slug = "refused"


class TooManyRejects(Refused):
    slug = "too-many-rejects"


class NotEnoughTrips(Refused):
    slug = "not-enough-trips"


class AmbiguousKey(Refused):
    slug = "ambiguous-key"


class PromotionRefused(Refused):
    slug = "promotion-refused"

    def __init__(self, message: str, *, override_helps: bool = False) -> None:
        super().__init__(message)
        self.override_helps = override_helps
        """Whether whoever gives a reason for it may promote all the same."""


class OutOfBand(Refused):
    slug = "out-of-band"


class ConflictingOutcome(Refused):
    slug = "conflicting-outcome"


class TripsChanged(Refused):
    slug = "trips-changed"


class TooManyRequests(Refused):
    slug = "too-many-requests"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TargetInUse(Refused):
    slug = "target-in-use"


class JobUnfinished(Refused):
    slug = "job-unfinished"


class NoJobs(Refused):
    slug = "no-jobs"


class UnlikeMachines(Refused):
    slug = "unlike-machines"


class IdempotencyKeyInUse(Refused):
    slug = "idempotency-key-in-use"
    retry_after_s = 1.0  # most answers take less


class Unavailable(TaxiPredictorError):
    slug = "unavailable"


class NoChampion(Unavailable):
    slug = "no-champion"


class BrokenModel(Unavailable):
    slug = "broken-model"


class StorageFull(Unavailable):
    slug = "storage-full"


class Overloaded(Unavailable):
    slug = "overloaded"
    retry_after_s = 1.0  # a queue moves on within moments
