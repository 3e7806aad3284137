// The timeline on the page: redraws only what changed, a few times a second, and keeps only the newest entries in the document.

import { diffFold, parseDiff } from "./diff.js";
import { el, fill, link, plain, time } from "./dom.js";
import { Log, stepFacts, stepName, stepTitle, text, wordsOf } from "./steps.js";

const WINDOW = 300;
const FLUSH_MS = 60;
const SHOWN_OUTPUT = 20_000;
const MARKS = { running: "…", done: "✓", failed: "✗", interrupted: "!" };

export class Timeline {
  constructor({ list, earlier, latest, count }) {
    Object.assign(this, { list, earlier, latest, count });
    this.log = new Log();
    this.views = new Map(); // entry -> view
    this.first = 0; // index of the first entry in the document
    this.next = 0; // index of the first entry not yet drawn
    this.limit = WINDOW;
    this.dirty = new Set();
    this.timer = 0;
    this.isSticking = null; // whether the page follows its end; unknown before the first drawing
    earlier.addEventListener("click", () => this.showEarlier());
    latest.addEventListener("click", () => this.toEnd());
    addEventListener("scroll", () => this.noteScroll(), { passive: true });
    new ResizeObserver(() => { if (this.isSticking) this.toEnd(); }).observe(list);
  }

  add(event) {
    this.dirty.add(this.log.add(event));
    for (const entry of this.log.stopped(event)) this.dirty.add(entry);
    this.timer ||= setTimeout(() => this.flush(), FLUSH_MS);
  }

  flush() {
    this.timer = 0;
    for (const entry of this.dirty) this.views.get(entry)?.update();
    this.dirty.clear();
    const { entries } = this.log;
    const isNew = this.next < entries.length;
    this.first = Math.max(this.first, entries.length - this.limit);
    while (this.list.firstChild && this.list.firstChild.entry.index < this.first) {
      this.views.delete(this.list.firstChild.entry);
      this.list.firstChild.remove();
    }
    this.list.append(...entries.slice(Math.max(this.next, this.first)).map((entry) => this.draw(entry)));
    this.next = entries.length;
    this.count.textContent = entries.length === 1 ? "1 entry" : `${entries.length} entries`;
    this.showEarlierButton();
    if (this.isSticking === null) this.isSticking = this.isAtEnd();
    else if (this.isSticking) this.toEnd();
    else if (isNew) this.latest.hidden = false;
  }

  noteScroll() {
    this.isSticking = this.isAtEnd();
    if (this.isSticking) this.latest.hidden = true;
  }

  draw(entry) {
    const view = entry.kind === "step" ? new StepView(entry) : new PlainView(entry);
    view.node.entry = entry;
    this.views.set(entry, view);
    return view.node;
  }

  showEarlier() {
    const from = Math.max(0, this.first - WINDOW);
    const before = document.documentElement.scrollHeight;
    this.list.prepend(...this.log.entries.slice(from, this.first).map((entry) => this.draw(entry)));
    this.limit += this.first - from;
    this.first = from;
    this.showEarlierButton();
    scrollBy({ top: document.documentElement.scrollHeight - before, behavior: "instant" });
  }

  showEarlierButton() {
    this.earlier.hidden = this.first === 0;
    this.earlier.textContent = `Show earlier entries (${this.first})`;
  }

  isAtEnd() {
    return innerHeight + scrollY >= document.documentElement.scrollHeight - 80;
  }

  toEnd() {
    this.latest.hidden = true;
    scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
  }
}

class PlainView {
  constructor(entry) {
    this.node = el("li", { class: `entry ${entry.kind}` }, ...content(entry));
  }

  update() {}
}

function content(entry) {
  if (entry.kind === "message") {
    const who = entry.who === "user" ? "You" : "Agent";
    return [el("div", { class: `bubble ${entry.who}` },
      el("p", { class: "who" }, who, " ", time(entry.at)), el("div", { class: "prose" }, plain(entry.message)))];
  }
  if (entry.kind === "status") {
    const words = [entry.status, entry.detail].filter(Boolean).join(" · ").replaceAll("_", " ");
    return [el("p", {}, el("strong", {}, words || entry.summary), entry.reason ? ` ${plain(String(entry.reason))}` : "", " ", time(entry.at))];
  }
  const words = plain(entry.summary || entry.eventType.replaceAll("_", " "));
  return [el("p", { class: entry.isWarning ? "warning" : null }, entry.isWarning ? "⚠ " : "", words, " ", time(entry.at))];
}

class StepView {
  constructor(entry) {
    this.entry = entry;
    this.mark = el("span", { class: "mark" });
    this.title = el(entry.type === "shell_process" ? "code" : "span", { class: "step-title" });
    this.facts = el("span", { class: "muted step-facts" });
    this.body = null;
    this.summary = el("summary", {}, this.mark, el("span", { class: "kind" }, stepName(entry.type)), this.title, this.facts);
    this.summary.addEventListener("click", () => (this.isTouched = true));
    this.fold = el("details", {}, this.summary);
    this.fold.addEventListener("toggle", () => this.drawBody());
    this.node = el("li", { class: "entry step" }, this.fold);
    this.update();
  }

  update() {
    const { entry } = this;
    if (this.drawn === entry.version) return;
    this.drawn = entry.version;
    this.node.className = `entry step ${entry.state}`;
    fill(this.mark, el("span", { "aria-hidden": "true" }, MARKS[entry.state]), el("span", { class: "hidden" }, `${entry.state}: `));
    this.title.textContent = plain(stepTitle(entry)).split("\n")[0];
    fill(this.facts, stepFacts(entry));
    if (!this.isTouched) this.fold.open = opensByItself(entry);
    this.drawBody();
  }

  drawBody() {
    if (!this.fold.open) {
      this.body?.remove();
      this.body = null;
      this.live = null;
      return;
    }
    if (this.live && this.entry.state === "running") {
      const isAtEnd = this.live.scrollTop + this.live.clientHeight >= this.live.scrollHeight - 30;
      this.live.textContent = outputText(this.entry);
      if (isAtEnd) this.live.scrollTop = this.live.scrollHeight;
      return;
    }
    const body = el("div", { class: "step-body" }, ...this.parts());
    if (this.body) this.body.replaceWith(body);
    else this.fold.append(body);
    this.body = body;
    if (this.live) this.live.scrollTop = this.live.scrollHeight;
  }

  parts() {
    const { entry } = this;
    const { contents } = entry;
    const parts = [];
    const command = text(contents, "command");
    if (command.includes("\n")) parts.push(el("pre", { class: "code", tabindex: "0" }, plain(command)));
    const words = wordsOf(contents);
    if (words) parts.push(el("div", { class: "prose" }, plain(words)));
    const address = text(contents, "url", "pr_url");
    if (address) parts.push(el("p", {}, link(address)));
    const diff = text(contents, "diff");
    if (diff) parts.push(...parseDiff(plain(diff)).map((file) => diffFold(file, true)));
    const output = outputText(entry);
    this.live = null;
    if (output || (entry.state === "running" && entry.type === "shell_process")) {
      this.live = el("pre", { class: "code output", tabindex: "0", "aria-label": "Output" }, output);
      parts.push(this.live);
    }
    const error = text(contents, "error");
    if (error) parts.push(el("p", { class: "problem" }, plain(error)));
    if (!parts.length) parts.push(details(entry));
    return parts;
  }
}

function opensByItself(entry) {
  if (entry.state === "running") return entry.type === "shell_process" || entry.output !== "";
  if (entry.state === "failed") return true;
  if (entry.state === "interrupted") return entry.output !== "";
  const diff = text(entry.contents, "diff");
  if (diff !== "") return diff.length < 4000;
  return wordsOf(entry.contents).length > entry.summary.length; // the title holds only their beginning
}

function outputText(entry) {
  const whole = entry.output || text(entry.contents, "output", "text", "content");
  const tail = whole.slice(-SHOWN_OUTPUT);
  const isCut = entry.isCut || tail.length < whole.length;
  return (isCut ? "… (beginning left out)\n" : "") + plain(tail);
}

/** What a step of an unknown kind carries, as it came. */
function details(entry) {
  const shown = JSON.stringify(entry.contents, null, 2);
  if (shown === "{}") return el("p", { class: "muted" }, "Nothing more is known about this step.");
  return el("pre", { class: "code", tabindex: "0" }, plain(shown.slice(0, SHOWN_OUTPUT)));
}
