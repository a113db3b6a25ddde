"""The command line: one app, and what its exit codes mean.

| code | meaning |
| --- | --- |
| 0 | done |
| 1 | a fault of this program |
| 2 | the command or its input is wrong |
| 3 | understood and refused: too many rejects, too few trips, a model that did not pass or left its bands |
| 4 | there is nothing of that name |
| 5 | something outside does not answer |
| 130 | interrupted |
"""

import logging
import signal
import sys
import warnings
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Group
from rich.markup import escape

from taxi_predictor import __version__
from taxi_predictor.adapters.process.garbage import leave_all_at_exit
from taxi_predictor.apps.commands.output import ERR, drop_output
from taxi_predictor.apps.extras import needing
from taxi_predictor.domain.errors import Invalid, NotFound, Refused, TaxiPredictorError, Unavailable

__all__ = ["main"]

EXIT_CODES = {TaxiPredictorError: 1, Invalid: 2, Refused: 3, NotFound: 4, Unavailable: 5}
INTERRUPTED = 130

HELP = """Predict how long a taxi trip will take before it starts.

Settings come from the environment: TAXI_HOME (where everything is kept, ./.taxi), TAXI_CITY \
(new-york, chicago or a TOML file), DATABASE_URL, MLFLOW_TRACKING_URI and more. \
One home serves one city.
"""

app = App(
    name="taxi-predictor",
    help=HELP,
    help_format="markdown",
    version=__version__,
    result_action="return_value",
    help_epilogue="Exit codes: 0 done, 2 wrong input, 3 refused, 4 not found, 5 something does not answer.",
)

DATA, MODEL, SERVING = (
    Group.create_ordered("Trips"),
    Group.create_ordered("Model"),
    Group.create_ordered("Use"),
)
# Found when they are called: each brings what it needs, and what the others need takes half a second.
for group, commands in {
    DATA: (
        "trips:ingest",
        "trips:trips",
        "archiving:archive",
        "retention:prune",
        "retention:erase",
        "trips:migrate",
    ),
    MODEL: (
        "training:train",
        "evaluation:evaluate",
        "backtest:backtest",
        "models:promote",
        "models:rollback",
        "models:MODELS",
        "journal:journal",
        "sanity:sanity",
        "recheck:recheck",
        "monitor:monitor",
    ),
    SERVING: (
        "demo:demo",
        "predictions:predict",
        "scoring:score",
        "level:level",
        "serving:serve",
        "health:health",
        "syncing:sync",
        "shadow:shadow",
        "keys:KEYS",
    ),
}.items():
    for command in commands:
        name = command.rpartition(":")[2].lower()
        app.command(f"taxi_predictor.apps.commands.{command}", name=name, group=group)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with a code that says how it went."""
    arguments = sys.argv[1:] if arguments is None else arguments
    leave_all_at_exit()
    if not arguments or arguments[0].startswith("-"):
        for name in list(app):
            _ = app[name]  # imported, so that the help can say what each does
    warnings.showwarning = _show_warning
    # Stopped from outside is interrupted too: what was started gets stopped in turn.
    for stop in (signal.SIGTERM, signal.SIGHUP):  # the latter where its terminal is closed
        if signal.getsignal(stop) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(stop, signal.default_int_handler)
    if not sys.flags.dev_mode:
        # What it logs are aftershocks of an error that is shown below as one sentence.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        # Who stands in for a champion is said with the answer.
        logging.getLogger("taxi_predictor.ports.inbound.answers.ladder").setLevel(logging.ERROR)
    try:
        with needing("train"):
            app(arguments, exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except CycloptsError as error:
        command = f"{arguments[0]} " if arguments[0] in list(app) else ""
        told = f"{escape(str(error))} See taxi-predictor {command}--help"
        ERR.print(f"[bold red]usage[/bold red] {told}", highlight=False, soft_wrap=True)
        sys.exit(EXIT_CODES[Invalid])
    except TaxiPredictorError as error:
        ERR.print(f"[bold red]{error.slug}[/bold red] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(next(EXIT_CODES[base] for base in type(error).__mro__ if base in EXIT_CODES))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        drop_output()  # the reader of it has left, such as `head`


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    ERR.print(f"[yellow]{escape(str(message))}[/yellow]", highlight=False)
