"""What every command of `mizan` shares: the folder it works in, its answer for programs, and its example."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

HOME = click.option(
    "--home", type=click.Path(path_type=Path), default=Path(".mizan"), envvar="MIZAN_HOME", show_default=True,
    help="The folder of the knowledge base (or set MIZAN_HOME).",
)  # fmt: skip
JSON = click.option("--json", "as_json", is_flag=True, help="Answer as JSON, for programs.")
LANGUAGE = click.option("--language", type=click.Choice(["en", "ar"]), default="en", show_default=True)


def example(text: str) -> Callable[[Any], Any]:
    """Append an example to the help of a command."""

    def add(command: click.Command) -> click.Command:
        command.epilog = f"Example: {text}"
        return command

    return add
