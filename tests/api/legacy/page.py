"""The migration page as a test reads it: pairs of commands, and what they send."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "migration.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Command:
    text: str

    def request(self, values: dict[str, str]) -> dict[str, object]:
        """Method, address, headers and content of the curl command, with its variables put in."""
        text = re.sub(r"\$([A-Z_]+)", lambda found: values[found.group(1)], self.text)
        words = iter(shlex.split(text.replace("\\\n", " "))[2:])
        sent: dict[str, object] = {"method": "GET", "headers": {}}
        for word in words:
            match word:
                case "-X":
                    sent["method"] = next(words)
                case "-H":
                    name, _, value = next(words).partition(": ")
                    sent["headers"][name] = value
                case "-d":
                    sent["content"] = next(words)
                case "-F":
                    sent["files"] = {"file": ("notes.txt", b"text")}
                    assert next(words).startswith("file=@")
                case _:
                    sent["url"] = word
        return sent


def pairs() -> dict[str, tuple[Command, list[Command]]]:
    """By the old call's method and path: its command, and those that replace it."""
    found = {}
    for entry in PAGE.read_text("utf-8").split("\n### ")[1:]:
        title, _, rest = entry.partition("\n")
        old, *new = BLOCK.findall(rest)
        commands = [Command(f"curl -sS{one}") for block in new for one in block.split("curl -sS")[1:]]
        found[title] = Command(old), commands
    return found
