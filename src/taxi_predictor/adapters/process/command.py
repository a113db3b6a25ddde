"""The command line of a module that is run as a process of its own."""

import sys

__all__ = ["command_of"]


def command_of(module: str, *arguments: str) -> list[str]:
    """The command line that runs *module* with this very Python."""
    # Safe path: no module is taken from the folder one happens to be in.
    return [sys.executable, "-P", "-m", module, *arguments]
