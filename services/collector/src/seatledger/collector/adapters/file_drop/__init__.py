"""The file drop: a folder into which somebody puts CSV or JSON files (interface.md, file drop).

``folder`` watches and moves, ``csv_file`` and ``json_file`` find the records, ``columns`` the header, ``values`` read
single cells by the account's profile, ``rows`` makes a row of a record's cells.
"""

from seatledger.collector.adapters.file_drop.checking import FolderCheck
from seatledger.collector.adapters.file_drop.folder import FileDrop
from seatledger.collector.adapters.file_drop.values import DateForm, Profile

__all__ = ["DateForm", "FileDrop", "FolderCheck", "Profile"]
