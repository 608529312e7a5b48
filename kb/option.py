"""What every command of `mizan` shares: the folder it works in, its answer for programs, and its example."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

HOME = click.option(
    "--home", type=click.Path(path_type=Path), default=Path(".mizan"), envvar="MIZAN_HOME", show_default=True,
    help="The folder of the knowledge base (or set MIZAN_HOME).",
)  # fmt: skip
JSON = click.option("--json", "as_json", is_flag=True, help="Answer as JSON, for programs.")
LANGUAGE = click.option("--language", type=click.Choice(["en", "ar"]), default="en", show_default=True)

_BEAT = 0.2  # seconds between two looks of a progress bar


def example(text: str) -> Callable[[Any], Any]:
    """Append an example to the help of a command."""

    def add(command: click.Command) -> click.Command:
        command.epilog = f"Example: {text}"
        return command

    return add


@contextmanager
def bar(unit: str) -> Iterator[Callable[..., None]]:
    """A progress bar with rate and time left on the standard error, on a terminal only.

    It is called with how much is done and of how much, and where work goes over to something else with another unit,
    of which it then shows how much is done.
    """
    if not sys.stderr.isatty():
        yield lambda done, of, unit=unit: None
        return
    shown, start, last = unit, time.monotonic(), 0.0
    with click.progressbar(length=1, label=unit, file=sys.stderr) as made:

        def progress(done: int, of: int, unit: str = unit) -> None:
            nonlocal shown, start, last
            now = time.monotonic()
            if unit != shown:
                shown, start, made.pos = unit, now, 0
                made.start = made.last_eta = time.time()
            elif now - last < _BEAT and done < of:
                return
            last = now
            made.label = f"{done:,} of {of:,} {unit}, {done / (now - start + 0.001):,.0f}/s"
            made.length = max(of, 1)
            made.update(done - made.pos)

        yield progress
