// Unified diffs as coloured lines, a fold per file.

import { el } from "./dom.js";

const EAGER_LINES = 600;
const MOST_LINES = 5000;

/** Files of a unified diff with counts and numbered lines. */
export function parseDiff(text) {
  const files = [];
  let file = null;
  let from = 0, to = 0, leftFrom = 0, leftTo = 0;
  const open = (path) => files.push((file = { path, added: 0, removed: 0, lines: [] }));
  for (const line of text.replace(/\n$/, "").split("\n")) {
    const inHunk = file && (leftFrom > 0 || leftTo > 0);
    const hunk = /^@@+ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
    if (hunk) {
      if (!file) open("");
      [from, to] = [Number(hunk[1]), Number(hunk[3])];
      [leftFrom, leftTo] = [Number(hunk[2] ?? 1), Number(hunk[4] ?? 1)];
      file.lines.push({ kind: "hunk", text: line });
    } else if (inHunk && line.startsWith("+")) {
      file.added += 1; leftTo -= 1;
      file.lines.push({ kind: "add", to: to++, text: line });
    } else if (inHunk && line.startsWith("-")) {
      file.removed += 1; leftFrom -= 1;
      file.lines.push({ kind: "remove", from: from++, text: line });
    } else if (inHunk && !line.startsWith("\\")) {
      leftFrom -= 1; leftTo -= 1;
      file.lines.push({ kind: "same", from: from++, to: to++, text: line });
    } else if (line.startsWith("diff --git ")) {
      open(/ b\/(.*)$/.exec(line)?.[1] ?? line);
      file.isFresh = true;
      leftFrom = leftTo = 0;
    } else if (line.startsWith("--- ")) {
      const path = pathOf(line);
      if (!file?.isFresh) open(path ?? "");
      file.isFresh = false;
    } else if (line.startsWith("+++ ")) {
      if (!file) open("");
      file.path = pathOf(line) ?? file.path;
    } else if (file && line.startsWith("Binary ")) {
      file.isFresh = false;
      file.lines.push({ kind: "note", text: line });
    } else if (file && /^(new file|deleted file|rename|copy|similarity|old mode|new mode|\\)/.test(line)) {
      file.lines.push({ kind: "note", text: line });
    }
  }
  return files;
}

function pathOf(line) {
  const path = line.slice(4).split("\t")[0];
  return path === "/dev/null" ? null : path.replace(/^[ab]\//, "");
}

export function counts(added, removed) {
  return el("span", { class: "counts" },
    el("span", { class: "plus" }, `+${added}`), " ", el("span", { class: "minus" }, `−${removed}`),
    el("span", { class: "hidden" }, ` (${added} added, ${removed} removed lines)`));
}

/** One fold per file; long ones stay closed, and are built only when opened. */
export function diffFold(file, isOpen = file.lines.length <= EAGER_LINES) {
  const fold = el("details", { class: "diff-file" },
    el("summary", {}, el("span", { class: "path" }, file.path || "(no name)"), counts(file.added, file.removed)));
  const build = () => {
    if (fold.open && fold.childElementCount === 1) fold.append(diffLines(file));
  };
  fold.addEventListener("toggle", build);
  fold.open = isOpen;
  build();
  return fold;
}

export function diffLines(file) {
  const box = el("div", { class: "diff", tabindex: "0", role: "group", "aria-label": `Changes of ${file.path}` });
  for (const line of file.lines.slice(0, MOST_LINES)) {
    box.append(el("div", { class: `line ${line.kind}` },
      el("span", { class: "number", "aria-hidden": "true" }, String(line.from ?? "")),
      el("span", { class: "number", "aria-hidden": "true" }, String(line.to ?? "")),
      el("code", {}, line.text)));
  }
  const left = file.lines.length - MOST_LINES;
  if (left > 0) box.append(el("p", { class: "muted" }, `${left} more lines are not shown.`));
  return box;
}
