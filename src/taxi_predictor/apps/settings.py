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
# A year of seconds, a century of days: more is a slip, and a span of time cannot hold just any number.
MOST_S, MOST_DAYS = 366 * 86_400, 36_525
Seconds = Annotated[float, msgspec.Meta(ge=0, le=MOST_S)]
SomeSeconds = Annotated[float, msgspec.Meta(gt=0, le=MOST_S)]


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
    """The seed of everything random in training."""
    prediction_log: Literal["spool", "commit", "off"] = "spool"
    """How predictions get into the log: through a file under home, before they are answered, or never."""
    model_sync_every_s: Seconds = 2.0
    """How often a service asks the registry for a new champion; 0: never."""
    shadow_share: Share = 0.0
    """The share of logged predictions that the challenger answers afterwards, to be compared."""
    lowest_source: Literal["champion", "last-good", "speed-profile", "fallback-speed"] = "fallback-speed"
    """The lowest step of the ladder that may answer when the champion cannot."""
    unlogged: Literal["answer", "refuse"] = "answer"
    """What becomes of a prediction that cannot be logged: it is answered, and says so, or it is refused."""
    accompanied: bool = False
    """Whether another process ships what this one spools; `serve` sets it for its workers."""
    spool_max_bytes: Annotated[int, msgspec.Meta(ge=1 << 20)] = 1 << 30
    """The most bytes that may wait under home for the log; beyond it predictions cannot be kept."""
    outcomes_every_s: Seconds = 300.0
    """How often a service makes trips of reported outcomes; 0: they wait for `ingest outcomes:`."""
    keep_predictions_days: Annotated[int, msgspec.Meta(ge=0, le=MOST_DAYS)] = 400
    """`prune` removes predictions older than this from the log; 0: it removes none."""
    keep_trips_months: Annotated[int, msgspec.Meta(ge=1, le=1200)] = 36
    """Whole months before the current one (UTC) whose trips `archive` leaves in the database."""
    archive: Path | None = None
    """The folder of parquet files into which `archive` moves older trips. Unset: archive, under home."""
    blur_places_after_days: Annotated[int, msgspec.Meta(ge=0, le=MOST_DAYS)] = 0
    """When `prune` rounds the places of a prediction to about 100 m; 0: never."""
    live_level_every_s: Seconds = 300.0
    """How often a service measures the live level from ended trips; 0: answers are given without any."""
    monitor_every_s: SomeSeconds = 300.0
    """How often `monitor` looks at what came of the predictions."""
    monitor_host: str = "127.0.0.1"
    """The address that the monitor serves its figures on; 0.0.0.0: every address of the machine."""
    monitor_port: Port = 9465
    """The port of these figures."""
    retrain: bool = False
    """Whether `monitor` trains a model when the champion leaves its bands; it serves if the gate lets it."""
    retrain_window_days: Annotated[int, msgspec.Meta(ge=7, le=MOST_DAYS)] = 28
    """Such a model learns from, and is judged on, the stored trips of the last this many days."""
    retrain_pause_days: Annotated[float, msgspec.Meta(gt=0, le=MOST_DAYS)] = 7.0
    """The least time between two of these retrainings, whatever came of the first."""
    actor: str | None = None
    """The name that the journal gives to who did something. Unset: the login name on this host."""
    pool_max: Annotated[int, msgspec.Meta(ge=2, le=100)] = 10
    """Database connections per process; two at least, for outcomes are read while trips are stored."""
    reads_only: bool = False
    """Whether the database is only read; the dashboard sets this itself."""
    api_host: str = "127.0.0.1"
    """The address the API listens on; 0.0.0.0: every address of the machine; ::1: this machine, by IPv6."""
    api_port: Port = 8000
    """Its port."""
    api_workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    """Processes that answer; each holds the model and a pool of database connections."""
    api_max_body_bytes: Annotated[int, msgspec.Meta(ge=1024)] = 1 << 20
    """A request with a larger body is refused; a stream of lines may be longer, each line 64 KiB."""
    api_max_items: Positive = 10_000
    """The most trips of a batch, vehicles or places in one request."""
    api_max_cells: Positive = 100_000
    """The most cells of a matrix, or of a map of what can be reached, in one request."""
    api_deadline_s: SomeSeconds = 30.0
    """A request that takes longer is given up."""
    api_max_concurrent: Positive = 64
    """Requests that a process works on at a time; health does not count."""
    api_max_waiting: Annotated[int, msgspec.Meta(ge=0)] = 256
    """Requests that may wait for their turn; one more is answered 503 at once."""
    api_rate_per_minute: Annotated[int, msgspec.Meta(ge=0)] = 0
    """The most requests of one key, or of one address where no key is needed, in any minute; 0: no limit."""
    api_open_predict: bool = False
    """Whether predictions need no key; on a machine of one's own, nobody else can ask."""
    api_allowed_hosts: tuple[str, ...] = ()
    """Host names the API answers to, as in example.com or *.example.com, by commas; unset: any."""
    api_cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the API, as in https://example.com, by commas; unset: none."""
    api_trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose X-Forwarded-For is believed, by commas; unset: nobody's."""
    api_keys_every_s: SomeSeconds = 10.0
    """How often a process reads the API keys: a revoked key may live on that long."""
    api_keys_max_age_s: SomeSeconds = 3600.0
    """How long keys are believed while the database is away: a revoked key may then live on that long."""
    api_drain_s: Seconds = 0.0
    """How long a stopping service still answers but is not ready, for a load balancer to notice."""
    jobs_max_bytes: Annotated[int, msgspec.Meta(ge=0)] = 2 << 30
    """The most bytes of a file of trips that is sent as a job; 0: no jobs are taken."""
    jobs_max_unfinished: Positive = 100
    """Jobs that may be queued or under way."""
    jobs_keep_hours: Annotated[float, msgspec.Meta(gt=0, le=24 * MOST_DAYS)] = 24.0
    """How long a job and its result are kept after its end."""
    jobs_min_free_bytes: Annotated[int, msgspec.Meta(ge=0)] = 1 << 29
    """Room that jobs leave free on home's disk: with less, no job is taken and those under way wait."""
    jobs_max_memory_bytes: Annotated[int, msgspec.Meta(ge=1 << 29)] = 1 << 30
    """The most memory of a job; a file that unpacks to more than fits into it is refused."""
    dashboard_host: str = "127.0.0.1"
    """The address the dashboard listens on."""
    dashboard_port: Port = 5006
    """Its port."""
    dashboard_prefix: Annotated[str, msgspec.Meta(pattern=r"^(/[A-Za-z0-9._~-]+)*/?$")] = ""
    """The path under which a proxy shows the dashboard, as in /taxi; unset: the root."""
    dashboard_origins: tuple[str, ...] = ()
    """Hosts whose pages may connect to the dashboard, as in example.com:443, by commas; unset: its own."""
    dashboard_open: bool = True
    """Whether everyone who reaches the dashboard may look; false: only who signs in with an API key."""
    dashboard_api_url: str | None = None
    """The API through which the dashboard promotes and rolls back; unset: this machine's."""
    prometheus_url: str | None = None
    """A Prometheus that scrapes the service, for the page Live; unset: the service's own figures are read."""
    alertmanager_url: str | None = None
    """The Alertmanager of that Prometheus; unset: alerts are read from Prometheus itself."""
    dashboard_api_figures: tuple[str, ...] = ()
    """Where the service's figures are, as in http://api:9464/metrics, by commas; unset: on this machine."""
    dashboard_monitor_url: str | None = None
    """Where the monitor's figures are, as in http://monitor:9465; unset: on this machine."""
    metrics_host: str = "127.0.0.1"
    """Where Prometheus reads the figures: an address that only it can reach, never one for callers."""
    metrics_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 9464
    """The port of the figures, which is not the API's; 0: there are none."""
    log_format: Literal["auto", "text", "json"] = "auto"
    """How a service logs: lines for people, or JSON; auto is text on a terminal and JSON elsewhere."""
    access_log: bool = False
    """Whether a service logs a line for each request."""
    traces_share: Share = 0.0
    """The share of requests that are traced; with a traceparent, the caller has decided."""
    otlp_endpoint: str | None = None
    """A collector for traces and logs, as in http://collector:4318; also OTEL_EXPORTER_OTLP_ENDPOINT."""
    otlp_logs: bool = False
    """Whether a service sends its log to the collector, too."""
    cluster: Annotated[str, msgspec.Meta(pattern=r"^(tcp|tls|tcps|ws|wss)://")] | None = None
    """The Dask scheduler of --cluster, as in tcp://host:8786 or tls://host:8786; unset: this machine."""
    cluster_folder: Path | None = None
    """A working folder that all its machines see under the same name. Unset: scratch, under home."""
    cluster_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    """Machines that grow trees together use this port or one of the next; 0: any free one."""
    redis_url: str | None = None
    """The Redis where processes count requests together; a rate limit with several workers needs it."""

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
