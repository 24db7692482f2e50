"""``seatledger.yaml`` as one typed value (interface.md, configuration). Durations are seconds of machine time."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, StringConstraints

from seatledger.runtime.addresses import is_loopback_url
from seatledger.runtime.clock import BusinessClock, FileCalendar, SystemCalendar
from seatledger.runtime.config_values import (
    AutotaskUrl,
    FilePath,
    HeaderSecret,
    Listen,
    Secret,
    Servers,
    TimeZone,
    WebUrl,
)
from seatledger.schemas.base import Strict
from seatledger.schemas.ids import CompanyId, ConnectionName, SourceName

Mode = Literal["observe", "propose", "auto"]
LEAST_REMOTE_WAIT: Final = 360
"""Seconds, the shortest W against a PSA that is not on this machine: 300 in which Autotask may carry a request out, and
60 of slack. How far reads lag comes on top (kernel.md section 4.4)."""
MOST_CALLS: Final = 490
"""A minute at Partner Center. Microsoft takes 500 of all programs of the tenant together; some are left for a clock
that counts its minute otherwise."""
NAME = StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)


class BrokerConfig(Strict):
    """Where the broker is; ``url`` None is the embedded one."""

    url: Servers | None = None
    tls: bool = False
    tls_ca: FilePath | None = None
    """Certificates to trust instead of the system's."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_username: str | None = None
    sasl_password: Secret | None = None


class StoreConfig(Strict):
    """Where the store is; ``url`` None is the embedded one. A url with a password comes from ``${env:…}`` or
    ``${file:…}``; as ``username`` and ``password`` they need no escaping."""

    url: SecretStr | None = None
    database: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,60}$")] = "seatledger"
    username: Annotated[str, StringConstraints(min_length=1)] | None = None
    password: Secret | None = None
    auth_source: str | None = None
    """The database that knows the user; None is that of the url, else ``admin``."""
    tls: bool = False
    tls_ca: FilePath | None = None
    """Certificates to trust instead of the system's."""

    def driver_options(self) -> dict[str, Any]:
        """What the driver is told beside the url. Holds the password."""
        options = {
            "username": self.username,
            "password": self.password.get_secret_value() if self.password else None,
            "authSource": self.auth_source,
            "tls": self.tls or None,
            "tlsCAFile": str(self.tls_ca) if self.tls_ca else None,
        }
        return {name: value for name, value in options.items() if value is not None}


class TopicsConfig(Strict):
    prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{0,100}$")] = ""
    partitions: Annotated[int, Field(ge=1, le=1000)] = 12


class ClockConfig(Strict):
    file: FilePath | None = None


class ServiceConfig(Strict):
    """``http``: where /healthz, /readyz and /metrics listen."""

    http: Listen = "127.0.0.1:0"
    reached_at: Listen | None = None
    """Where ``status`` and ``check`` ask, if that is another address: a service in a container of its own listens on
    all of its addresses."""


class ServicesConfig(Strict):
    collector: ServiceConfig = ServiceConfig()
    mapper: ServiceConfig = ServiceConfig()
    contract_planner: Annotated[ServiceConfig, Field(alias="contract-planner")] = ServiceConfig()
    psa_writer: Annotated[ServiceConfig, Field(alias="psa-writer")] = ServiceConfig()

    def __getitem__(self, name: str) -> ServiceConfig:
        """The settings of a service; the default ones for a name that is none of ours (tests)."""
        return getattr(self, name.replace("-", "_"), None) or ServiceConfig()


class AutotaskConfig(Strict):
    """One Autotask tenant."""

    kind: Literal["autotask"]
    url: AutotaskUrl
    """Base before ``/ATServicesRest``; the zone is asked there."""
    username: Annotated[str, StringConstraints(min_length=1)]
    secret: HeaderSecret
    integration_code: HeaderSecret
    timezone: TimeZone
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    mode: Mode = "observe"
    company_modes: dict[int, Mode] = {}
    automatic_mapping: Literal["none", "exact_name"] = "none"
    first_link: Literal["ask", "auto"] = "ask"
    settle_for_seconds: Annotated[float, Field(ge=0)] = 60
    release_days_ahead: Annotated[int, Field(ge=0)] = 0
    mirror_seconds: Annotated[float, Field(gt=0)] = 300
    unknown_wait_seconds: float = 900
    resend: Literal["ask"] = "ask"
    budget_per_hour: Annotated[int, Field(gt=0, le=10_000)] = 5000
    allow_embedded: bool = False

    def mode_of(self, company: CompanyId) -> Mode:
        """The company's own mode, else that of the connection."""
        return self.company_modes.get(company, self.mode)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of ``effective_on`` and ``today()``."""
        return ZoneInfo(self.timezone)

    @property
    def is_loopback(self) -> bool:
        """Whether the configured host is this machine."""
        return is_loopback_url(self.url)


class SourceConfig(Strict):
    """What every source account has."""

    psa: ConnectionName
    rank: Annotated[int, Field(ge=1)] = 1
    """Of two accounts that list one vendor subscription the lower rank counts."""
    required: bool = True
    mass_decrease_percent: Annotated[float, Field(ge=0, le=100)] = 10
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    retired: bool = False
    renamed_from: Annotated[SourceName, NAME] | None = None
    """The name under which this account was first collected; it stays the account's id in everything stored."""


class FileDropConfig(SourceConfig):
    """A folder into which a distributor's files are dropped."""

    kind: Literal["file-drop"]
    folder: FilePath
    poll_seconds: Annotated[float, Field(gt=0)] = 60
    complete: bool = False
    dates: Literal["iso", "dmy", "mdy"] = "iso"
    decimal: Literal[".", ","] = "."
    suspension: Literal["keep_billing", "zero_units"] = "zero_units"


class WebhookConfig(Strict):
    """Partner Center's messages: they are registered for ``public_url``, which leads to the collector's HTTP address,
    and are taken there at that url's path and at ``/webhooks/`` with the source's name."""

    public_url: WebUrl
    """Where Partner Center reaches us from outside."""
    certificate_hosts: tuple[str, ...] = ("3psostorageacct.blob.core.windows.net",)
    """Where the certificates of messages may lie; no other place is asked for one."""
    authorities: FilePath | None = None
    """Certificate authorities to trust instead of the system's."""
    allow_sha1: bool = False
    """Take old messages that are signed with RSA-SHA1 too."""


class PartnerCenterConfig(SourceConfig):
    """A Microsoft partner tenant, read by an application that signs in for itself."""

    kind: Literal["partner-center"]
    url: WebUrl
    """Base before ``/v1``: https://api.partnercenter.microsoft.com, or that of a national cloud."""
    authority_url: WebUrl
    """Where tokens are had: https://login.microsoftonline.com, or that of a national cloud."""
    resource: str = "https://api.partnercenter.microsoft.com"
    """What the token is asked for."""
    tenant: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,100}$")]
    client_id: Annotated[str, StringConstraints(min_length=1)]
    client_secret: Secret
    poll_seconds: Annotated[float, Field(gt=0)] = 300
    suspension: Literal["keep_billing", "zero_units"] = "keep_billing"
    prices: Annotated[FilePath | None, Field(validate_default=True)] = Path("prices.csv")
    """Beside the configuration file; where that is the default and there is none, no price is missed."""
    calls_per_minute: Annotated[int, Field(ge=20)] = MOST_CALLS
    webhook: WebhookConfig | None = None
    audit_seconds: Annotated[float, Field(gt=0)] | None = 60
    """How often audit records are looked at for what to read again; None never."""

    @property
    def is_loopback(self) -> bool:
        """Whether the configured host is this machine."""
        return is_loopback_url(self.url)


Source = FileDropConfig | PartnerCenterConfig
"""Any source account's settings."""

PSA_KINDS: dict[str, type[Strict]] = {"autotask": AutotaskConfig}
SOURCE_KINDS: dict[str, type[Strict]] = {"file-drop": FileDropConfig, "partner-center": PartnerCenterConfig}


class Config(Strict):
    """The whole file."""

    state_dir: FilePath = Field(default=Path("st"), validate_default=True)
    broker: BrokerConfig = BrokerConfig()
    store: StoreConfig = StoreConfig()
    topics: TopicsConfig = TopicsConfig()
    clock: ClockConfig = ClockConfig()
    services: ServicesConfig = ServicesConfig()
    psa: Annotated[dict[Annotated[ConnectionName, NAME], AutotaskConfig], Field(min_length=1)]
    sources: dict[Annotated[SourceName, NAME], Annotated[Source, Field(discriminator="kind")]] = {}

    @property
    def accounts(self) -> dict[SourceName, Source]:
        """The sources by account id, which documents, events and keys bear: the name under which an account was first
        collected (``renamed_from``, decision 0016). What people type and see is the key in ``sources``."""
        return {source.renamed_from or name: source for name, source in self.sources.items()}

    def calendar(self) -> BusinessClock:
        """The business calendar: the real one, or the one that a test's file sets."""
        return FileCalendar(self.clock.file) if self.clock.file else SystemCalendar()


def config_from(data: dict[str, Any], base: Path) -> Config:
    """A configuration from values, for tests; relative paths start at ``base``. Nothing but types is checked."""
    return Config.model_validate(data, context={"base": base})
