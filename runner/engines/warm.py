"""Imported by the fork server, once: whatever is loaded here, no run has to load."""

import gc
import logging

from runner import training

try:
    training.preload()
except Exception:  # a server that cannot train still answers, and each run then says what is missing
    logging.getLogger(__name__).exception("runs will fail: what training needs cannot be imported")

gc.freeze()  # or a run's first collection would touch, and so copy, every page that it shares with the server
