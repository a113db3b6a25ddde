"""Everything that may differ between two deploys."""

import getpass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec.structs import asdict

from taxi_predictor.apps.addresses import address_of
from taxi_predictor.domain.access import without_credentials
from taxi_predictor.domain.errors import Invalid

__all__ = ["DEFAULTS", "SECRETS", "InvalidSettings", "Settings"]

SECRETS = frozenset({"database_url", "redis_url"})
"""Fields that hold a password: in a deployment they are given as files."""

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class InvalidSettings(Invalid):
    slug = "invalid-settings"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each field is set by ``TAXI_`` and its name in capitals, or by a file named in ``..._FILE``."""

    profile: Literal["memory", "local", "server"] = "local"
    """memory forgets at exit; local brings its own PostgreSQL and MLflow; server is given both."""
    home: Path = Path(".taxi")
    """Where this deployment keeps its files. One home serves one city."""
    city: str = "new-york"
    """A shipped city's name or the path of a TOML file."""
    zones: str | None = None
    """Zone table to learn when none is known yet: a path, or tlc: for the TLC's own."""
    database_url: str | None = None
    """PostgreSQL; also DATABASE_URL. Unset in profile local: an embedded one under home."""
    mlflow_tracking_uri: str | None = None
    """Also MLFLOW_TRACKING_URI. Unset in profile local: an SQLite file under home."""
    model_name: Annotated[str, msgspec.Meta(pattern=r"^[^/:'\s]+$")] = "taxi-duration"
    """The registered model in MLflow; without spaces and any of / : '"""
    tlc_url: str = "https://d37ci6vzurychx.cloudfront.net"
    """Where the TLC publishes its trips."""
    max_reject_share: Share = 0.3
    """A file with a larger share of unbelievable rows is refused whole."""
    seed: int = 1
    """Of everything random in training."""
    prediction_log: Literal["spool", "commit", "off"] = "spool"
    """How predictions get into the log: through a file under home, before they are answered, or never."""
    model_sync_every_s: Annotated[float, msgspec.Meta(ge=0)] = 2.0
    """How often the registry is asked for a new champion while a service runs; 0: it is not."""
    shadow_share: Share = 0.0
    """Of the logged predictions, those that the challenger answers too, afterwards, to be compared."""
    lowest_source: Literal["champion", "last-good", "speed-profile", "fallback-speed"] = "fallback-speed"
    """What may answer where the champion cannot: this step of the ladder, and those above it."""
    unlogged: Literal["answer", "refuse"] = "answer"
    """What becomes of a prediction that cannot be kept: it is given and says so, or it is refused."""
    accompanied: bool = False
    """Whether a process beside this one ships what is spooled; `serve` says so to its workers by itself."""
    spool_max_bytes: Annotated[int, msgspec.Meta(ge=1 << 20)] = 1 << 30
    """What may wait under home for the log; with more, predictions cannot be kept."""
    outcomes_every_s: Annotated[float, msgspec.Meta(ge=0)] = 300.0
    """How often a service makes trips of reported outcomes; 0: they wait for `ingest outcomes:`."""
    keep_predictions_days: Annotated[int, msgspec.Meta(ge=0)] = 400
    """How old a prediction may be that `prune` leaves in the log; 0: as old as it gets."""
    keep_trips_months: Annotated[int, msgspec.Meta(ge=1)] = 36
    """Whole months before the current one (UTC) whose trips `archive` leaves in the database."""
    archive: Path | None = None
    """The folder of parquet files into which it moves older ones. Unset: archive, under home."""
    blur_places_after_days: Annotated[int, msgspec.Meta(ge=0)] = 0
    """When `prune` rounds the places of a prediction to about 100 m; 0: never."""
    live_level_every_s: Annotated[float, msgspec.Meta(ge=0)] = 300.0
    """How often a service measures the live level from ended trips; 0: answers are given without any."""
    monitor_every_s: Annotated[float, msgspec.Meta(gt=0)] = 300.0
    """How often `monitor` looks at what came of the predictions."""
    monitor_host: str = "127.0.0.1"
    """The address that its figures are served on: 0.0.0.0 is all of the machine's."""
    monitor_port: Port = 9465
    """The port of that."""
    retrain: bool = False
    """Whether `monitor` trains a model when the champion leaves its bands; it serves if the gate lets it."""
    retrain_window_days: Annotated[int, msgspec.Meta(ge=7)] = 28
    """The stored trips of so many days are what such a model learns from and is judged on."""
    retrain_pause_days: Annotated[float, msgspec.Meta(gt=0)] = 7.0
    """So much time lies between two of these retrainings, whatever became of the first."""
    actor: str | None = None
    """Whom the journal names as the one who did it. Unset: the login name at this host."""
    pool_max: Annotated[int, msgspec.Meta(ge=2, le=100)] = 10
    """Database connections per process; outcomes are read by one while trips are stored by another."""
    reads_only: bool = False
    """Whether the database is only read; the dashboard sees to that by itself."""
    api_host: str = "127.0.0.1"
    """The address the API listens on: 0.0.0.0 is all of the machine's, ::1 is itself by IPv6."""
    api_port: Port = 8000
    """The port it listens on."""
    api_workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    """Processes that answer; each holds the model and a pool of database connections."""
    api_max_body_bytes: Annotated[int, msgspec.Meta(ge=1024)] = 1 << 20
    """A request with a larger body is refused; a stream of lines has no such bound, each line has."""
    api_max_items: Positive = 10_000
    """Trips of a batch, vehicles, places: so many are answered at once."""
    api_max_cells: Positive = 100_000
    """Cells of a matrix, or of a map of what can be reached: so many are answered at once."""
    api_deadline_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    """A request that takes longer is given up."""
    api_max_concurrent: Positive = 64
    """Requests that a process works on at a time; health does not count."""
    api_max_waiting: Annotated[int, msgspec.Meta(ge=0)] = 256
    """Requests that may wait for their turn; one more is answered 503 at once."""
    api_rate_per_minute: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Requests of one key, or one address where none is needed, in any minute; 0: as many as they like."""
    api_open_predict: bool = False
    """Whether predictions need no key; on a machine of one's own, nobody else can ask."""
    api_allowed_hosts: tuple[str, ...] = ()
    """Names under which the API may be asked, as in example.com or *.example.com, by commas; unset: any."""
    api_cors_origins: tuple[str, ...] = ()
    """Origins whose pages may ask, as in https://example.com, by commas; unset: none."""
    api_trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose X-Forwarded-For is believed, by commas; unset: nobody's."""
    api_keys_every_s: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    """How often a process looks which keys there are: the time that a revoked one may live on."""
    api_keys_max_age_s: Annotated[float, msgspec.Meta(gt=0)] = 3600.0
    """How long keys are believed while the database is away: the time that a revoked one may live then."""
    api_drain_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """How long a stopping service goes on answering and says that it is not ready, for a balancer to see."""
    jobs_max_bytes: Annotated[int, msgspec.Meta(ge=0)] = 2 << 30
    """A file of trips that is sent as a job has at most so many; 0: no jobs are taken."""
    jobs_max_unfinished: Positive = 100
    """Jobs that may be queued or under way."""
    jobs_keep_hours: Annotated[float, msgspec.Meta(gt=0)] = 24.0
    """How long a job and its result are there after its end."""
    jobs_min_free_bytes: Annotated[int, msgspec.Meta(ge=0)] = 1 << 29
    """What jobs leave free on the disk of home: with less, none is taken and those under way wait."""
    jobs_max_memory_bytes: Annotated[int, msgspec.Meta(ge=1 << 29)] = 1 << 30
    """What a job may take of memory; a file that unpacks to more than fits into that is refused."""
    dashboard_host: str = "127.0.0.1"
    """The address the dashboard listens on."""
    dashboard_port: Port = 5006
    """The port it listens on."""
    dashboard_prefix: Annotated[str, msgspec.Meta(pattern=r"^(/[A-Za-z0-9._~-]+)*/?$")] = ""
    """The path below which a proxy shows the dashboard, as in /taxi; unset: at the root."""
    dashboard_origins: tuple[str, ...] = ()
    """Hosts from whose pages browsers may connect to it, as in example.com:443, by commas; unset: its own."""
    dashboard_open: bool = True
    """Whether whoever reaches the dashboard may look; else who signs in with any API key."""
    dashboard_api_url: str | None = None
    """The API through which the dashboard promotes and rolls back; unset: the one of this machine."""
    prometheus_url: str | None = None
    """A Prometheus that scrapes the service, for the page Live; unset: the service's own figures are read."""
    alertmanager_url: str | None = None
    """The Alertmanager that it tells; unset: alerts are read from Prometheus itself."""
    dashboard_api_figures: tuple[str, ...] = ()
    """Where these are without Prometheus, as in http://api:9464/metrics, by commas; unset: this machine's."""
    dashboard_monitor_url: str | None = None
    """The same of the monitor, as in http://monitor:9465; unset: the one of this machine."""
    metrics_host: str = "127.0.0.1"
    """Where Prometheus may ask for figures: an address that only it can reach, never one for callers."""
    metrics_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 9464
    """The port for that, which is not the API's; 0: there are no figures."""
    log_format: Literal["auto", "text", "json"] = "auto"
    """How a service logs: lines for people, or JSON; auto is text on a terminal and JSON elsewhere."""
    access_log: bool = False
    """Whether it logs a line for each request."""
    traces_share: Share = 0.0
    """Of the requests, those that are traced; one that comes with a traceparent is if its caller's is."""
    otlp_endpoint: str | None = None
    """A collector for traces and logs, as in http://collector:4318; also OTEL_EXPORTER_OTLP_ENDPOINT."""
    otlp_logs: bool = False
    """Whether what a service logs goes to the collector, too."""
    cluster: Annotated[str, msgspec.Meta(pattern=r"^(tcp|tls|tcps|ws|wss)://")] | None = None
    """The Dask scheduler of --cluster, as in tcp://host:8786 or tls://host:8786; unset: processes here."""
    cluster_folder: Path | None = None
    """A folder that all its machines see by that name, for what they work on. Unset: scratch, under home."""
    cluster_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    """Machines that grow trees together are reached at this port or one of the next; 0: any that is free."""
    redis_url: str | None = None
    """Where several processes count requests; needed for a rate limit with more than one worker."""

    def __repr__(self) -> str:
        """Without secrets: whoever logs this, or fails with it at hand, tells them to nobody."""
        told = {name: value for name, value in asdict(self).items() if value != getattr(DEFAULTS, name)}
        hidden = dict.fromkeys(SECRETS & told.keys(), "...")
        shown = without_credentials(", ".join(f"{name}={value!r}" for name, value in (told | hidden).items()))
        return f"Settings({shown})"

    @property
    def api_address(self) -> str:
        return address_of(self.api_host, self.api_port)

    @property
    def metrics_address(self) -> str:
        """As :attr:`api_address`, of where the figures are."""
        return address_of(self.metrics_host, self.metrics_port)

    @property
    def api_url(self) -> str:
        return f"http://{self.api_address}"

    @property
    def dashboard_url(self) -> str:
        return f"http://{address_of(self.dashboard_host, self.dashboard_port)}{self.dashboard_prefix}"

    @property
    def who(self) -> str:
        """The actor, or the login name, or ``unknown`` where the user has no name, as in containers."""
        if self.actor:
            return self.actor
        try:
            return getpass.getuser()
        except (OSError, KeyError):  # KeyError before Python 3.13
            return "unknown"


DEFAULTS = Settings()
