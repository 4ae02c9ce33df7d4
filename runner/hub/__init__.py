"""What comes from the hub: looked at first, pinned to a commit, fetched once, and put where every runner finds it.

It happens in a process of its own, `python -m runner.hub`, before anything is trained: the only one that has a network
and, for gated repositories, a token. A training process has neither.
"""

from runner.hub.repo import HubError

__all__ = ["HubError"]
