// Events to timeline entries: a step's started, output, completed and interrupted events become one entry.

const STEP = /^(.+)_(started|output|completed|interrupted)$/;
const KEEP = 200_000;
const ASLEEP = new Set(["exit", "error", "suspended"]);

export const text = (contents, ...names) => {
  for (const name of names) if (typeof contents?.[name] === "string" && contents[name]) return contents[name];
  return "";
};

export class Log {
  constructor() {
    this.entries = [];
    this.running = new Map();
  }

  /** The entry that the event began or changed. */
  add(event) {
    const step = STEP.exec(event.event_type);
    const contents = event.contents ?? {};
    if (step) return this.step(step[1], step[2], event, contents);
    switch (event.event_type) {
      case "user_message":
      case "devin_message":
        return this.push(event, "message", { who: event.event_type === "user_message" ? "user" : "agent",
          message: text(contents, "message") || event.summary });
      case "status_changed":
        return this.push(event, "status", { status: contents.status, detail: contents.status_detail, reason: contents.reason });
      case "replay_divergence":
      case "limit_reached":
        return this.push(event, "note", { isWarning: true });
      default:
        return this.push(event, "note", {});
    }
  }

  step(type, phase, event, contents) {
    const key = contents.key ?? contents.step_key ?? contents.step_id ?? contents.step ?? type;
    let entry = this.running.get(key);
    if (!entry || phase === "started") {
      entry = this.push(event, "step", { type, state: "running", output: "", contents: {}, isCut: false });
      this.running.set(key, entry);
    }
    entry.version += 1;
    if (phase === "output") {
      entry.output += text(contents, "output", "text", "chunk", "data");
      if (entry.output.length > KEEP) {
        entry.output = entry.output.slice(-KEEP / 2);
        entry.isCut = true;
      }
      return entry;
    }
    const input = contents.input && typeof contents.input === "object" ? contents.input : {};
    entry.contents = { ...entry.contents, ...input, ...contents };
    if (event.summary) entry.summary = event.summary;
    if (phase === "started") return entry;
    this.running.delete(key);
    // The last piece of live output may not have been sent: a finished step's own output is whole.
    if (!entry.isCut && text(contents, "output").startsWith(entry.output)) entry.output = contents.output;
    if (phase === "interrupted") entry.state = "interrupted";
    else entry.state = contents.ok === false || (contents.exit_code ?? 0) !== 0 ? "failed" : "done";
    return entry;
  }

  /** Steps that were still running when the session ended or fell asleep; on waking the log says so itself. */
  stopped(event) {
    if (!ASLEEP.has(event.event_type === "status_changed" && event.contents?.status)) return [];
    const open = [...this.running.values()].filter((entry) => entry.state === "running");
    for (const entry of open) {
      entry.state = "interrupted";
      entry.version += 1;
    }
    return open;
  }

  push(event, kind, more) {
    const entry = {
      index: this.entries.length, version: 0, kind, seq: event.seq, eventType: event.event_type,
      summary: event.summary ?? "", at: event.created_at, contents: event.contents ?? {}, ...more,
    };
    this.entries.push(entry);
    return entry;
  }
}

const NAMES = {
  shell_process: "Command", file_read: "Read", file_write: "Write", file_edit: "Edit", search: "Search", git_clone: "Clone",
  git_commit: "Commit", git_push: "Push", pull_request: "Pull request", model_call: "Model",
};

export const stepName = (type) => NAMES[type] ?? type.replaceAll("_", " ");

export function stepTitle(entry) {
  const command = entry.type === "shell_process" && text(entry.contents, "command");
  return command || entry.summary || text(entry.contents, "path", "title") || stepName(entry.type);
}

/** What a model said in a step. */
export const wordsOf = ({ response }) => (Array.isArray(response?.parts) ? response.parts : [])
  .filter((part) => part?.part_kind === "text" && typeof part.content === "string").map((part) => part.content.trim()).join("\n\n");

/** Short facts of a step that is over. */
export function stepFacts({ contents, state }) {
  const facts = [];
  if (contents.exit_code !== undefined && contents.exit_code !== null) facts.push(`exit ${contents.exit_code}`);
  if (state === "interrupted") facts.push("interrupted");
  if (typeof contents.seconds === "number") facts.push(`${contents.seconds.toFixed(1)} s`);
  if (typeof contents.acus === "number" && contents.acus > 0) facts.push(`${contents.acus.toFixed(3)} ACU`);
  return facts.join(" · ");
}
