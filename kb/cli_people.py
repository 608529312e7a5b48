"""The commands of `mizan` for tokens: who may contribute to a knowledge base, and until when."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from kb.knowledgebase import KnowledgeBase
from kb.option import HOME, JSON, example
from kb.people import ROLES, Register, Right


def register(commands: click.Group) -> None:
    """Add the commands of this module to `mizan`."""
    commands.add_command(token)


@click.group()
def token() -> None:
    """Say who may contribute on the site, and until when."""


@example('mizan token new --name "Field team 3" --role contributor --expires 90d')
@token.command("new")
@HOME
@click.option("--name", required=True, help="Who holds it, as the public ledger will say; a pseudonym is fine.")
@click.option("--role", required=True, type=click.Choice(list(ROLES)), help="What the holder is.")
@click.option("--expires", required=True, help="Until when it holds: YYYY-MM-DD, or days such as 90d.")
@click.option(
    "--only", "scope", multiple=True, type=click.Choice([r.value for r in Right]),
    help="Grant only this of what the role may do; repeatable.",
)  # fmt: skip
def token_new(home: Path, name: str, role: str, expires: str, scope: tuple[str, ...]) -> None:
    """Make a token and print it. It is shown this once and kept as a digest only: hand it over by a safe way."""
    with KnowledgeBase.open(home) as base:
        made = Register(base.home).new(name, role, expires, frozenset(scope))
    click.echo(made)
    click.echo("Sign in with it at /en/sign-in or /ar/sign-in. It is not shown again.", err=True)


@example("mizan token list")
@token.command("list")
@HOME
@JSON
def token_list(home: Path, as_json: bool) -> None:
    """List the tokens: whose they are, what they may do, until when. The tokens themselves are not kept."""
    with KnowledgeBase.open(home) as base:
        found = Register(base.home).tokens()
    if as_json:
        told = [{**asdict(one), "scope": sorted(one.scope), "state": state} for one, state in found]
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return
    for one, state in found:
        only = f" ({', '.join(sorted(one.scope))} only)" if one.scope else ""
        used = f", last used {one.used}" if one.used else ""
        click.echo(f"{one.id}  {state:8} until {one.expires}  {one.role}{only}  {one.name}{used}")
    if not found:
        click.echo("There are no tokens. Make one with: mizan token new", err=True)


@example("mizan token revoke abcdefghij")
@token.command("revoke")
@click.argument("ident", metavar="TOKEN")
@HOME
def token_revoke(ident: str, home: Path) -> None:
    """End a token, named by the ten letters that `mizan token list` shows, and every session that it opened."""
    with KnowledgeBase.open(home) as base:
        ended = Register(base.home).revoke(ident)
    click.echo(f"{ended.id} ({ended.name}) was revoked at {ended.revoked}.")
