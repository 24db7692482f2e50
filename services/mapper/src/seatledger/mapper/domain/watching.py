"""What the mapper notes of what it has looked at; ``drain`` reads it."""

from datetime import date

from seatledger.schemas.documents import Document


class Watch(Document):
    """A row of ``mapper_watch`` (id = connection): the mirror and the day under which all was looked at."""

    generation: int = -1
    decided_for: date | None = None


class Report(Document):
    """A row of ``mapper_reports`` (id = source account): what its findings about lacking mappings were made of."""

    lacking: str = ""
