"""People who may add to a knowledge base: tokens, sessions, attempts to sign in, and what each role may do."""

from kb.people.register import Register
from kb.people.right import ROLES, Person, Right, demand
from kb.people.session import Session
from kb.people.token import Token

__all__ = ["ROLES", "Person", "Register", "Right", "Session", "Token", "demand"]
