"""Microsoft Partner Center as a live source (subscription sources, section 2).

``http``, ``token``, ``pace``, ``retries``, ``client`` make one call; ``api`` names the calls, ``walk`` makes those of a
sweep; ``translation``, ``usage``, ``audit``, ``prices`` are pure and make rows of what came; ``distributor`` is the
port.
"""

from seatledger.collector.adapters.partner_center.audit import AuditFeed
from seatledger.collector.adapters.partner_center.certificates import Certificates, Trust
from seatledger.collector.adapters.partner_center.chain import roots_in
from seatledger.collector.adapters.partner_center.checking import AccountCheck
from seatledger.collector.adapters.partner_center.distributor import (
    PartnerCenter,
    Settings,
    Surroundings,
    partner_center,
)
from seatledger.collector.adapters.partner_center.http import Http
from seatledger.collector.adapters.partner_center.payloads import StoredPayloads
from seatledger.collector.adapters.partner_center.registration import Registration
from seatledger.collector.adapters.partner_center.token import Credentials
from seatledger.collector.adapters.partner_center.webhook import Webhook

__all__ = [
    "AccountCheck",
    "AuditFeed",
    "Certificates",
    "Credentials",
    "Http",
    "PartnerCenter",
    "Registration",
    "Settings",
    "StoredPayloads",
    "Surroundings",
    "Trust",
    "Webhook",
    "partner_center",
    "roots_in",
]
