"""The engine for other people's tests: pytest fixtures, and clients of the drivers that need no socket.

`plugin` needs pytest, `python_arango` needs python-arango; each is imported only by who uses it.
"""
