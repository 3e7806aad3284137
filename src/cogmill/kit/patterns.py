"""Regular expressions that take time in proportion to the text, whatever the expression.

They are those of the Rust engine that pydantic brings along: it knows no look-around and no references back, which is
what makes others slow, and refuses expressions that would grow too large.
"""

from pydantic_core import SchemaError, SchemaValidator, core_schema

LONGEST = 1000
"""Characters of an expression."""


class Pattern:
    """A compiled expression. ValueError, with words for whoever wrote it, when it is none."""

    __slots__ = ("_validator", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > LONGEST:
            raise ValueError(f"is longer than {LONGEST} characters")
        try:
            self._validator = SchemaValidator(core_schema.str_schema(pattern=text, regex_engine="rust-regex"))
        except (SchemaError, UnicodeEncodeError) as error:
            raise ValueError(_reason(str(error))) from None
        if self.matches(""):
            raise ValueError("matches even an empty text, and so everything: make it say more")

    def matches(self, text: str) -> bool:
        """Whether it is found anywhere in the text."""
        return self._validator.isinstance_python(text.encode("utf-8", "replace").decode())


def _reason(said: str) -> str:
    lines = [line.strip() for line in said.splitlines()]
    reason = next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), None)
    if reason is None and "size limit" in said:
        reason = "it would grow too large; use smaller repetitions"
    return f"is no regular expression that can be used: {reason or 'it cannot be read'}"
