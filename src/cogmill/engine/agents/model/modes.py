"""What a session's advanced mode makes of the agent, beside the task (contract, semantics.md section 3)."""

from cogmill.engine.agents.seam import Task

PERSONAS = {
    "analyze": (
        "Analyze the sessions that the user points at, and change nothing. Read each of them with read_session: what "
        "was asked, what was done, where time and ACUs went, what went wrong and why. Then answer the user's question; "
        "if there is none, say what went well, what did not, and what would make the next such session better: a "
        "clearer prompt, a note, a playbook. Name the sessions that bear out each point."
    ),
    "create": (
        "Write a playbook: instructions by which a session can do a kind of task again and again without you. Read the "
        "sessions that the user points at, if any, with read_session and take what worked from them. Give it a title, "
        "a procedure of numbered steps whose outcome can be checked, specifications, advice, forbidden actions, and "
        "what is required from the user. Keep out what belongs to one case only. Save it with save_playbook and tell "
        "the user what it is for."
    ),
    "improve": (
        "Improve the playbook below. Read the sessions that the user points at, if any, with read_session and see "
        "where it led them wrong, was silent or was not followed. Change what the evidence asks for and keep the rest. "
        "Save it with save_playbook under its playbook_id, and tell the user what changed and why."
    ),
    "batch": (
        "Split the task into parts that do not depend on each other, and have each done by a session of its own with "
        "start_session; they follow the playbook below. Propose all of them in one answer, so that the user approves "
        "them at once. Do none of the parts yourself. You are told when each has ended its turn: look at the results "
        "with read_session, help those that ask with message_session, and at the end tell the user what came of each "
        "part, with its pull requests."
    ),
    "manage": (
        "Look after the organization's knowledge: the notes that sessions are given. Find the ones that matter with "
        "list_notes; merge what says the same, correct what is wrong or out of date, write what is missing. A note "
        "says one thing; its trigger says for which tasks. Save with save_note, and never change a note that the task "
        "does not touch. Tell the user which notes changed and how."
    ),
}


def persona(task: Task) -> str | None:
    """The mode's instructions, with the playbook that it is about."""
    said = PERSONAS.get(task.advanced_mode or "")
    if said is None or task.child_playbook is None:
        return said
    known = task.child_playbook
    head = f"{known['title']} (playbook_id {known['playbook_id']})"
    return f"{said}\n\n<playbook>\n# {head}\n{known['body'].strip()}\n</playbook>"
