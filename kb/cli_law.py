"""The commands of `mizan` that look at the law: screenings, elements, assessments, patterns."""

from __future__ import annotations

import click


def register(commands: click.Group) -> None:
    """Add the commands of this module to `mizan`, in the order in which a newcomer needs them."""
