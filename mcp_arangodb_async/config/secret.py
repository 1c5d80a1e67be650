"""A password that is looked up when it is needed and never shown."""

from __future__ import annotations

from collections.abc import Mapping

IN_URL = "the URL"
IN_FILE = "the file"


class Secret:
    """The content of an environment variable, read each time it is revealed.

    Printing, formatting or logging a secret shows the variable's name and nothing else. A secret of several
    names takes the first variable that is set. `Secret.none()` is the empty password.
    """

    __slots__ = ("_environ", "variables")

    def __init__(self, variables: tuple[str, ...], environ: Mapping[str, str]) -> None:
        self.variables = variables
        self._environ = environ

    @classmethod
    def none(cls) -> Secret:
        """The empty password, for servers that ask for none."""
        return cls((), {})

    @classmethod
    def held(cls, value: str, *, where: str = IN_URL) -> Secret:
        """A secret whose text is known already, such as one split off a URL in a variable."""
        return cls((where,), {where: value})

    @property
    def variable(self) -> str | None:
        """The variable that is used, or the one to set; None if no password was configured."""
        for name in self.variables:
            if self._environ.get(name):
                return name
        return self.variables[0] if self.variables else None

    @property
    def is_set(self) -> bool:
        """Is there a text to reveal (an unset variable reveals the empty password)?"""
        return any(self._environ.get(name) for name in self.variables)

    def reveal(self) -> str:
        """The password itself; for the one place that sends it."""
        for name in self.variables:
            value = self._environ.get(name)
            if value:
                return value
        return ""

    def __repr__(self) -> str:
        if not self.variables:
            return "Secret(none)"
        return f"Secret({self.variable}, {'set' if self.is_set else 'not set'})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash(self.variables)
