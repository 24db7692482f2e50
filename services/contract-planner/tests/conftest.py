"""Puts the helper modules beside these tests on the path: the folder's name is no Python package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
