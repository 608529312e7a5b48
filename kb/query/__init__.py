"""Questions: saved queries with bound parameters, the guard, and the processes that run them."""
