"""Makes src/cogmill/demo/recording.json: the model's words stand here, the results come from really running them.

Run after changing words, tools or the demo project: python -m tests.engine.agents.demo_words
"""

# ruff: noqa: E501 - words read better in one piece

import asyncio
import json
import tempfile
from dataclasses import replace
from pathlib import Path

from cogmill import demo
from cogmill.engine.agents.replay import FORMAT, VERSION, ReplayAgent, record
from cogmill.engine.agents.seam import Checkout, Task

from .shells import ProcessSandbox
from .turns import Journal, MemoryTurn

MODEL = "words written by hand for the demonstration"
ROOT = "/workspace/invoices"
TEST = f"cd {ROOT} && python3 -m unittest"


def plan(*done: int) -> tuple[str, dict]:
    texts = ("Reproduce the failure", "Find the cause", "Fix it and add a test", "Run all tests", "Open a pull request")
    states = ["done" if n in done else "pending" for n in range(len(texts))]
    if "pending" in states:
        states[states.index("pending")] = "in_progress"
    return "update_plan", {"items": [{"text": t, "status": s} for t, s in zip(texts, states, strict=True)]}


WORDS = [
    ("I start with what is in the repository and what the tests say.", [
        plan(), ("shell", {"command": f"cd {ROOT} && git ls-files && cat README.md"}), ("shell", {"command": TEST})]),
    ("One test fails: 7 % of 33.50 is 2.345, and half a cent should become a whole one, but it is dropped. I read how "
     "tax is computed and rounded.", [
        ("read_file", {"path": "invoices/invoice.py"}), ("read_file", {"path": "invoices/money.py"}),
        ("search", {"pattern": r"round\(|to_cents", "glob": "*.py"})]),
    ("The sum is right; the rounding is not. `round()` on a Decimal rounds halves to the even digit (banker's "
     "rounding), so 2.345 becomes 2.34 while 2.355 becomes 2.36. The README asks for halves rounded up. All amounts go "
     "through `to_cents`, so that is the one place to change; ROUND_HALF_UP also treats credit notes symmetrically.", [
        plan(0, 1),
        ("edit_file", {"path": "invoices/money.py", "old": "from decimal import Decimal\n",
                       "new": "from decimal import ROUND_HALF_UP, Decimal\n"}),
        ("edit_file", {"path": "invoices/money.py",
                       "old": '    """Round to whole cents."""\n    return round(value, 2)',
                       "new": '    """Round to whole cents, halves away from zero: round() would round them to even."""\n'
                              '    return value.quantize(CENT, ROUND_HALF_UP)'}),
        ("edit_file", {"path": "invoices/money.py", "old": "Amount = Decimal | int | str\n",
                       "new": 'Amount = Decimal | int | str\nCENT = Decimal("0.01")\n'})]),
    ("Now a test for the rounding itself, so that the cause is covered and not only one invoice.", [
        ("edit_file", {"path": "tests/test_money.py",
                       "old": "    def test_refuses_floats(self):",
                       "new": "    def test_rounds_halves_away_from_zero(self):\n"
                              '        for value, cents in (("2.345", "2.35"), ("2.355", "2.36"), ("-2.345", "-2.35")):\n'
                              "            with self.subTest(value):\n"
                              "                self.assertEqual(to_cents(Decimal(value)), Decimal(cents))\n\n"
                              "    def test_refuses_floats(self):"}),
        ("shell", {"command": TEST})]),
    ("All tests pass. I look at the whole change once more before I commit it.", [
        plan(0, 1, 2, 3), ("git_diff", {})]),
    ("", [
        ("git_commit", {"message": "Round halves of a cent up\n\nround() on a Decimal rounds halves to the even digit, so "
                                   "VAT of 2.345 became 2.34. Quantize\nwith ROUND_HALF_UP instead, as the README "
                                   "promises."}),
        ("open_pull_request", {
            "title": "Round halves of a cent up",
            "body": "VAT was one cent too low on some invoices: `round()` on a `Decimal` uses banker's rounding, so 2.345 "
                    "became 2.34.\n\n`to_cents` now quantizes with `ROUND_HALF_UP`. A new test covers halves in both "
                    "directions and negative amounts; the failing invoice test passes."})]),
    ("", [
        plan(0, 1, 2, 3, 4),
        ("finish", {"summary": "Fixed: `to_cents` in `invoices/money.py` used `round()`, which rounds halves to the even "
                               "digit, so 7 % of 33.50 gave 2.34 instead of 2.35. It now rounds halves up, as the README "
                               "says. I added a test for the rounding itself; all 9 tests pass (before: 1 of 8 failed). "
                               "The pull request is open."})]),
]  # fmt: skip


def script() -> dict:
    turns = []
    for number, (text, calls) in enumerate(WORDS, 1):
        parts: list[dict] = [{"part_kind": "text", "content": text}] if text else []
        for index, (name, args) in enumerate(calls, 1):
            call_id = f"demo_{number}_{index}"
            parts.append({"part_kind": "tool-call", "tool_name": name, "args": args, "tool_call_id": call_id})
        turns.append({"response": {"kind": "response", "parts": parts}, "tool_results": {}})
    return {"format": FORMAT, "version": VERSION, "model": MODEL, "prompt": demo.PROMPT, "turns": turns}


async def play(root: Path, recording: Path) -> tuple[Journal, ProcessSandbox]:
    """The demo's session in a temporary folder."""
    sandbox = ProcessSandbox(root)
    demo.make_repository(sandbox.root)
    checkout = Checkout("local/invoices", ROOT, "main", "devin/work")
    await sandbox.exec(["git", "-C", ROOT, "checkout", "--quiet", "-b", checkout.work_branch])
    task = Task("devin-" + "0" * 32, None, demo.PROMPT, None, None, False, "normal", (checkout,), recording=recording)
    journal = Journal()
    try:
        end = await ReplayAgent().run(MemoryTurn(replace(task), sandbox, journal))
        if end.outcome != "finished":
            raise RuntimeError(f"the replay ended with {end}")
        return journal, sandbox
    finally:
        await sandbox.close()


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder) / "words.json"
        words.write_text(json.dumps(script()))
        journal, _ = await play(Path(folder) / "session", words)
    made = record(journal.events, demo.PROMPT) | {"model": MODEL}
    demo.RECORDING.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
