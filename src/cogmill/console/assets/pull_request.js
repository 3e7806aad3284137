// The page of one pull request at the built-in forge.

import { Api, ApiError, place } from "./api.js";
import { counts, diffFold, parseDiff } from "./diff.js";
import { byId, dateTime, el, facts, fill, plain } from "./dom.js";
import { dropIfRefused, key } from "./gate.js";

const EAGER_FILES = 30;
const here = place();
const enc = encodeURIComponent;

function show(pull) {
  const title = plain(pull.title);
  document.title = `${title} · Cogmill`;
  fill(byId("title"), title, " ", el("span", { class: "muted" }, `#${pull.number}`));
  byId("state").textContent = pull.state;
  byId("state").dataset.state = pull.state;
  const commit = (hash) => hash && el("code", { title: hash }, hash.slice(0, 12));
  const session = pull.session_id &&
    el("a", { href: `${here.base}/organizations/${enc(here.org)}/sessions/${enc(pull.session_id)}` }, pull.session_id.slice(0, 14) + "…");
  fill(byId("facts"), facts([
    ["Repository", plain(pull.repo)],
    ["Branches", [el("code", {}, plain(pull.branch)), " into ", el("code", {}, plain(pull.base_branch))]],
    ["Base commit", commit(pull.base_commit)],
    ["Head commit", commit(pull.head_commit)],
    ["Session", session],
    ["Opened", pull.created_at && dateTime(pull.created_at)],
  ]));
  byId("body").textContent = plain(pull.body ?? "");
  byId("body").hidden = !pull.body;
  const reviews = pull.reviews ?? [];
  byId("reviews").hidden = !reviews.length;
  fill(byId("review-list"), reviews.map(review));
  const files = parseDiff(plain(pull.diff ?? ""));
  const sum = (name) => files.reduce((total, file) => total + file[name], 0);
  fill(byId("totals"), `${files.length} ${files.length === 1 ? "file" : "files"} `, counts(sum("added"), sum("removed")));
  const folds = files.map((file, index) => (index < EAGER_FILES ? diffFold(file) : diffFold(file, false)));
  fill(byId("files"), folds.length ? folds : el("p", { class: "muted" }, "No changes."));
  byId("content").hidden = false;
}

function review(one) {
  const session = `${here.base}/organizations/${enc(here.org)}/sessions/${enc(one.session_id)}`;
  const text = [one.detail, one.report].filter(Boolean).join("\n\n");
  return el("article", { class: "review" },
    el("p", {}, el("code", { title: one.commit_sha }, one.commit_sha.slice(0, 12)), ` ${one.status} `,
      el("a", { href: session }, "session")),
    text && el("div", { class: "prose body" }, plain(text)));
}

async function main() {
  const api = new Api(here.base, await key());
  try {
    show(await api.json("GET", `/cogmill/v1/organizations/${enc(here.org)}/pull-requests/${enc(here.id)}`));
  } catch (error) {
    if (dropIfRefused(error)) return;
    byId("problem").textContent = error instanceof ApiError ? error.text : "Something went wrong on this page.";
    byId("problem").hidden = false;
    if (!(error instanceof ApiError)) throw error;
  }
}

main();
