"""What the configuration says of each source account and connection, in the mapper's words."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from seatledger.mapper.domain.basis import SourceRule
from seatledger.runtime.config import Config
from seatledger.schemas.ids import ConnectionName, SourceName


def source_rules(config: Config) -> dict[SourceName, SourceRule]:
    """A rule for each source account that stands in the configuration, retired ones included."""
    return {
        SourceName(name): SourceRule(
            connection=ConnectionName(source.psa),
            automatic=config.psa[source.psa].automatic_mapping == "exact_name",
            include=frozenset(source.include or ()),
            exclude=frozenset(source.exclude or ()),
            retired=source.retired,
            offers_are_skus=source.kind == "partner-center",
        )
        for name, source in config.accounts.items()
    }


def zones(config: Config) -> Mapping[ConnectionName, ZoneInfo]:
    """The time zone of each PSA tenant: there the day of a freeze and of an expiry is read."""
    return {ConnectionName(name): psa.zone for name, psa in config.psa.items()}
