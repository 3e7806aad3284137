"""The conventional sections of a playbook, by their headings, and what each asks of whoever follows it."""

import re

PROCEDURE, SPECIFICATIONS, ADVICE, FORBIDDEN, REQUIRED = (
    "procedure", "specifications", "advice", "forbidden actions", "required from user",
)  # fmt: skip
TOLD = frozenset({SPECIFICATIONS, ADVICE, FORBIDDEN, REQUIRED})
"""Sections that tell something; what stands in them is not carried out."""
MEANING = {
    REQUIRED: "Before you begin, see whether the task gives what is required from the user; ask for the rest.",
    PROCEDURE: "Take its procedure step by step, in order; the steps are your plan.",
    SPECIFICATIONS: "Before you finish, check every point of its specifications and say how you did.",
    ADVICE: "Its advice helps you decide; leave it only for a reason that you can give.",
    FORBIDDEN: "Never do what it lists as forbidden, whatever else asks for it.",
}
_NAMES = {
    "procedure": PROCEDURE, "procedures": PROCEDURE, "steps": PROCEDURE,
    "specification": SPECIFICATIONS, "specifications": SPECIFICATIONS,
    "advice": ADVICE, "advice and pointers": ADVICE,
    "forbidden": FORBIDDEN, "forbidden action": FORBIDDEN, "forbidden actions": FORBIDDEN,
    "required from user": REQUIRED, "required from the user": REQUIRED,
    "what is needed from user": REQUIRED, "whats needed from user": REQUIRED, "needed from user": REQUIRED,
}  # fmt: skip
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


def section_of(heading: str) -> str | None:
    """Which conventional section a heading begins, however it is written."""
    words = re.sub(r"[^a-z ]", "", heading.lower().replace("&", "and").replace("-", " "))
    return _NAMES.get(" ".join(words.split()))


def rules_of(playbook: str) -> list[str]:
    """What the sections of this playbook ask, in the order in which they matter."""
    found = {section_of(heading) for heading in _HEADING.findall(playbook)}
    return [meaning for section, meaning in MEANING.items() if section in found]
