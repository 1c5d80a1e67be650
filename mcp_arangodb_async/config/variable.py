"""The name of an environment variable, as options hold it whose value must not be in a file."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def check_variable(name: str) -> str:
    """The name itself; the text is not repeated: whoever misreads the option writes the secret there."""
    if not VARIABLE.match(name):
        raise ValueError("must be the NAME of an environment variable (letters, digits, _), not the secret")
    return name


VariableName = Annotated[str, AfterValidator(check_variable)]
