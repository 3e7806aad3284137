// The live page of one session.

import { Api, ApiError, place } from "./api.js";
import { byId, dateTime, el, facts, fill, link, plain } from "./dom.js";
import { dropIfRefused, key } from "./gate.js";
import { follow } from "./stream.js";
import { Timeline } from "./timeline.js";

const REFRESH_MS = 1500;
const here = place();
const OVER = new Set(["exit", "error"]);
const enc = encodeURIComponent;

class Page {
  constructor(api) {
    this.api = api;
    this.path = `/v3/organizations/${enc(here.org)}/sessions/${enc(here.id)}`;
    this.own = `/cogmill/v1/organizations/${enc(here.org)}/sessions/${enc(here.id)}`;
    this.session = null;
    this.made = {}; // contents of session_created
    this.timeline = new Timeline({
      list: byId("timeline"), earlier: byId("earlier"), latest: byId("latest"), count: byId("count"),
    });
    this.refreshTimer = 0;
  }

  async start() {
    await this.refresh();
    byId("content").hidden = false;
    byId("composer").addEventListener("submit", (event) => this.send(event));
    byId("message").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("composer").requestSubmit();
    });
    byId("sleep").addEventListener("click", () => this.act("POST", `${this.own}/${this.isAsleep ? "wake" : "sleep"}`));
    byId("archive").addEventListener("click", () => this.confirmed("Archive this session? It stays readable, but cannot go on.", "Archive",
      () => this.act("POST", `${this.path}/archive`)));
    byId("stop").addEventListener("click", () => this.confirmed("Stop this session for good? It cannot be resumed.", "Stop",
      () => this.act("DELETE", this.path)));
    await follow(this.api, `${this.path}/events/stream`, {
      onEvents: (events) => events.forEach((event) => this.take(event)),
      onState: (state) => showConnection(state),
      isOver: async () => { await this.refresh(); return OVER.has(this.session.status); },
      signal: new AbortController().signal,
    });
  }

  get isAsleep() {
    return this.session?.status === "suspended";
  }

  take(event) {
    const contents = event.contents ?? {};
    switch (event.event_type) {
      case "session_created":
        this.made = contents;
        this.showPrompt(contents.prompt);
        this.showFacts();
        break;
      case "user_message":
        this.showPrompt(contents.message);
        if (this.prompt === contents.message && !this.hasMessages) { this.hasMessages = true; return; } // the prompt stands above already
        this.hasMessages = true;
        break;
      case "devin_message":
        if (Date.now() / 1000 - event.created_at < 30) byId("announcer").textContent = `Agent: ${plain(String(contents.message ?? event.summary)).slice(0, 300)}`;
        break;
      case "status_changed":
        this.latestStatus = [contents.status, contents.status_detail];
        break;
      case "todo_updated":
        showTodos(contents);
        if (Array.isArray(todosOf(contents))) { this.refreshSoon(); return; }
        break;
    }
    this.timeline.add(event);
    if (!event.event_type.endsWith("_output") && !event.event_type.endsWith("_started")) this.refreshSoon();
  }

  /** Status, ACUs and pull requests come from the session itself; asked for at most every so often. */
  refreshSoon() {
    this.refreshTimer ||= setTimeout(() => {
      this.refreshTimer = 0;
      this.refresh().catch((error) => { if (!dropIfRefused(error)) this.refreshSoon(); });
    }, this.latestStatus ? 150 : REFRESH_MS);
    this.latestStatus = null;
  }

  async refresh() {
    this.session = await this.api.json("GET", this.path);
    this.show();
  }

  show() {
    const { session } = this;
    const title = plain(session.title || session.session_id);
    byId("title").textContent = title;
    document.title = `${title} · Cogmill`;
    for (const id of ["status", "bar-status"]) showBadge(byId(id), session.status, session.status_detail);
    const isOver = OVER.has(session.status) || session.is_archived;
    byId("sleep").textContent = this.isAsleep ? "Wake" : "Sleep";
    byId("sleep").disabled = byId("stop").disabled = isOver;
    byId("archive").disabled = Boolean(session.is_archived);
    byId("message").disabled = byId("send").disabled = isOver;
    byId("message").placeholder = isOver ? "This session is over."
      : session.status_detail === "waiting_for_user" ? "Your answer… (Ctrl+Enter sends)" : "Message to the agent… (Ctrl+Enter sends)";
    byId("working").hidden = isOver || session.status !== "running" || session.status_detail !== "working";
    if (session.prompt) this.showPrompt(session.prompt);
    const output = session.structured_output;
    byId("output-box").hidden = !output;
    if (output) byId("output").textContent = plain(JSON.stringify(output, null, 2));
    this.showFacts();
  }

  showFacts() {
    const { session, made } = this;
    const repos = session.repos ?? made.repos ?? [];
    const pulls = session.pull_requests.map((pull) => el("div", {}, link(pull.pr_url, shortAddress(pull.pr_url)), pull.pr_state ? ` ${pull.pr_state}` : ""));
    fill(byId("facts"), facts([
      ["Pull request", pulls],
      ["Agent", session.agent ?? made.agent],
      ["Repositories", repos.map((repo) => el("div", {}, plain(String(repo?.name ?? repo))))],
      ["ACUs used", session.acus_consumed.toFixed(3)],
      ["Tags", session.tags.map((tag) => el("span", { class: "tag" }, plain(tag)))],
      ["Started", dateTime(session.created_at)],
      ["Archived", session.is_archived ? "yes" : null],
    ]));
  }

  showPrompt(prompt) {
    if (typeof prompt !== "string" || !prompt || this.prompt) return;
    this.prompt = prompt;
    byId("prompt").textContent = plain(prompt);
    byId("prompt-box").open = prompt.length < 1200;
    byId("prompt-box").hidden = false;
  }

  async send(event) {
    event.preventDefault();
    const box = byId("message");
    const message = box.value.trim();
    if (!message || byId("send").disabled) return;
    byId("send").disabled = true;
    if (await this.act("POST", `${this.path}/messages`, { message })) box.value = "";
    byId("send").disabled = box.disabled;
    box.focus();
  }

  async act(method, path, body) {
    byId("problem").hidden = true;
    try {
      await this.api.json(method, path, body);
      await this.refresh();
      return true;
    } catch (error) {
      if (!dropIfRefused(error)) showProblem(error);
      return false;
    }
  }

  confirmed(question, label, action) {
    const dialog = byId("confirm");
    byId("confirm-question").textContent = question;
    byId("confirm-yes").textContent = label;
    dialog.returnValue = "";
    dialog.onclose = () => {
      if (dialog.open) return; // told of an earlier question, of which the browser tells late
      dialog.onclose = null;
      if (dialog.returnValue === "yes") action();
    };
    dialog.showModal();
  }
}

function showBadge(node, status, detail) {
  const words = (detail && status !== "exit" ? `${status} · ${detail}` : status).replaceAll("_", " ");
  if (node.textContent !== words) node.textContent = words;
  node.dataset.state = detail && status === "running" ? detail : status;
}

const todosOf = (contents) => contents.todos ?? contents.items ?? contents.plan;

function showTodos(contents) {
  const todos = todosOf(contents);
  if (!Array.isArray(todos)) return;
  const words = { completed: "done", done: "done", in_progress: "in progress", cancelled: "cancelled" };
  const marks = { done: "✓", "in progress": "▶", cancelled: "–" };
  fill(byId("todos"), todos.map((todo) => {
    const item = todo !== null && typeof todo === "object" ? todo : { content: todo };
    const state = words[item.status] ?? "to do";
    return el("li", { class: `todo ${state.replace(" ", "-")}` }, el("span", { class: "mark", "aria-hidden": "true" }, marks[state] ?? "○"),
      el("span", {}, plain(String(item.content ?? item.text ?? item.title ?? ""))), el("span", { class: "hidden" }, ` (${state})`));
  }));
  byId("plan").hidden = todos.length === 0;
}

function shortAddress(address) {
  const match = /^https?:\/\/[^/]+\/(.*)$/.exec(address);
  const ours = /pull-requests\/(.+)$/.exec(address);
  return ours ? ours[1] : match ? match[1] : address;
}

function showConnection(state) {
  const node = byId("connection");
  node.hidden = false;
  node.dataset.state = state;
  node.textContent = { live: "live", reconnecting: "reconnecting…", ended: "ended" }[state];
}

function showProblem(error) {
  const node = byId("problem");
  node.textContent = error instanceof ApiError ? error.text : "Something went wrong on this page.";
  node.hidden = false;
}

async function main() {
  const api = new Api(here.base, await key());
  try {
    await new Page(api).start();
  } catch (error) {
    if (dropIfRefused(error)) return;
    // The problem must be seen even when there is no session to show.
    if (byId("content").hidden) byId("content").before(byId("problem"));
    showProblem(error);
    if (!(error instanceof ApiError)) throw error;
  }
}

main();
