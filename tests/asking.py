"""Questions over plain HTTP, each by a connection of its own, which any worker of a service may take.

``httpx.get`` reads all certificates that the machine trusts, each time anew: most answers take less.
"""

import httpx

__all__ = ["asking"]

asking = httpx.Client(
    verify=False, trust_env=False, timeout=20, limits=httpx.Limits(max_keepalive_connections=0)
)
