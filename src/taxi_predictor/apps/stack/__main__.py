"""What ``make`` calls: one word says what is to be done with the stack."""

import argparse
import sys

from taxi_predictor.apps.stack.commands import COMMANDS
from taxi_predictor.apps.stack.layout import Layout, StackError

__all__ = ["main"]


def main() -> None:
    """Run one command; exit with 0 when it is done, 1 when it is refused or failed, 2 when it is unknown."""
    parser = argparse.ArgumentParser(prog="python3 -m taxi_predictor.apps.stack", description=__doc__)
    words = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        words.add_parser(name, help=(command.__doc__ or "").splitlines()[0], add_help=False)
    # What follows is the command's, whether it looks like an option or not.
    given, arguments = parser.parse_known_args()
    try:
        COMMANDS[given.command](Layout.here(), arguments)
    except StackError as error:
        sys.exit(f"{given.command}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
