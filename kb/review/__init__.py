"""What people submit, until somebody else publishes it or gives it back with a reason."""

from kb.review.publish import check, publish
from kb.review.queue import Queue
from kb.review.submission import Kind, State, Step, Submission

__all__ = ["Kind", "Queue", "State", "Step", "Submission", "check", "publish"]
