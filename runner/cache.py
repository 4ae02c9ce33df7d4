"""Where this machine keeps what it has built and fetched."""

import os
from pathlib import Path

from platformdirs import user_cache_path


def cache_dir() -> Path:
    """Return the cache folder: `$COHORT_CACHE`, or the user's."""
    return Path(os.environ.get("COHORT_CACHE") or user_cache_path("cohort"))
