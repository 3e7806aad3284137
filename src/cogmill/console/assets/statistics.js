// The metrics page: what an enterprise, or one organization, did in a range of days.

import { Api, ApiError } from "./api.js";
import { bars, columns, short } from "./charts.js";
import { byId, el, facts, fill } from "./dom.js";
import { dropIfRefused, key } from "./gate.js";

const DAY = 86400;
const base = location.pathname.replace(/\/[^/]*$/, "");
const enc = encodeURIComponent;
const iso = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);
const seconds = (day) => Date.parse(`${day}T00:00:00Z`) / 1000;
const words = (name) => name.replaceAll("_", " ");
const pairs = (counts) => Object.entries(counts).map(([name, value]) => ({ name: words(name), value }));
let asked = 0;

/** What is shown: `{ isEnterprise, org, after, before }`; an organization of "" means all of them. */
function chosen(isEnterprise) {
  return {
    isEnterprise, org: byId("org").value, after: seconds(byId("from").value), before: seconds(byId("to").value) + DAY,
  };
}

function address(which, path, isEnterpriseOnly = false) {
  const times = `time_after=${which.after}&time_before=${which.before}`;
  if (!which.isEnterprise) return isEnterpriseOnly ? null : `/v3/organizations/${enc(which.org)}/${path}?${times}`;
  if (path !== "consumption/daily") {
    return `/v3/enterprise/${path}?${times}${which.org ? `&org_ids=${enc(which.org)}` : ""}`;
  }
  return `/v3/enterprise/${path}${which.org ? `/organizations/${enc(which.org)}` : ""}?${times}`;
}

/** Every day of the range, with 0 where nothing is known of it. */
function byDay(which, found) {
  const known = new Map(found);
  const days = [];
  for (let day = which.after; day < which.before; day += DAY) days.push({ name: iso(day), value: known.get(iso(day)) ?? 0 });
  return days;
}

const SECTIONS = {
  queue: [(which) => which.isEnterprise ? "/v3/enterprise/queue" : null, (queue) => [
    el("p", {}, el("span", { class: "badge", "data-state": { normal: "finished", elevated: "waiting", high: "error" }[queue.status] },
      queue.status), ` ${queue.queue_size} waiting session${queue.queue_size === 1 ? "" : "s"} now`),
  ]],
  sessions: [(which) => address(which, "metrics/sessions"), (found) => [
    el("dl", { class: "facts" }, facts([
      ["Created", short(found.sessions_created_count)],
      ["ACUs each", short(found.avg_acus_per_session)],
      ["With a merged pull request", short(found.sessions_with_merged_prs_count)],
      ["With a playbook", short(found.sessions_created_with_playbook_count)],
    ])),
    el("h3", {}, "By size"), bars("Sessions by size", pairs(found.sessions_created_by_size)),
    el("h3", {}, "By origin"), bars("Sessions by origin", pairs(found.sessions_created_by_origin).filter((one) => one.value)),
  ]],
  acus: [(which) => address(which, "consumption/daily"), (found, which) => [
    el("dl", { class: "facts" }, facts([["In all", `${short(found.total_acus)} ACUs`]])),
    columns("ACUs by day", byDay(which, found.consumption_by_date.map((one) => [iso(one.date), one.acus])), "ACUs"),
  ]],
  prs: [(which) => address(which, "metrics/prs"), (found) => [
    el("dl", { class: "facts" }, facts([["Created", short(found.prs_created_count)]])),
    bars("Pull requests by state", [
      { name: "open", value: found.prs_opened_count }, { name: "merged", value: found.prs_merged_count },
      { name: "closed", value: found.prs_closed_count }, { name: "taken over", value: found.prs_taken_over_count },
    ]),
  ]],
  users: [(which) => address(which, "metrics/dau"), (found, which) => [
    columns("Active users by day", byDay(which, found.map((one) => [iso(one.start_time), one.active_users])), "users"),
  ]],
  categories: [(which) => address(which, "metrics/sessions-by-category", true), (found) => [
    found.categories.length
      ? bars("Sessions by category", found.categories.map((one) => ({ name: words(one.category), value: one.sessions_count })))
      : el("p", { class: "muted" }, "No sessions in this range."),
  ]],
};

/** One section; what the caller may not see says so, and the others are shown all the same. */
async function section(api, name, which, turn) {
  const [where, draw] = SECTIONS[name];
  const place = byId(name);
  const path = where(which);
  place.parentElement.hidden = path === null;
  if (path === null) return;
  let shown;
  try {
    shown = draw(await api.json("GET", path), which);
  } catch (error) {
    if (dropIfRefused(error)) return;
    if (!(error instanceof ApiError)) throw error;
    shown = [el("p", { class: "muted" }, error.text)];
  }
  if (turn === asked) fill(place, ...shown); // a later choice has its own answers
}

async function show(api, isEnterprise) {
  const which = chosen(isEnterprise);
  byId("problem").hidden = which.after < which.before;
  byId("problem").textContent = "Choose a first day that is not after the last one.";
  if (!(which.after < which.before)) return;
  const turn = ++asked;
  byId("figures").setAttribute("aria-busy", "true");
  await Promise.all(Object.keys(SECTIONS).map((name) => section(api, name, which, turn)));
  if (turn === asked) byId("figures").setAttribute("aria-busy", "false");
}

/** Fills the choice of organizations: the key's own, or all of the enterprise. */
async function organizations(api, self) {
  const choice = byId("org");
  if (self.org_id) {
    choice.append(el("option", { value: self.org_id }, self.org_id));
    return;
  }
  choice.append(el("option", { value: "" }, "All organizations"));
  let after = "";
  do {
    const page = await api.json("GET", `/v3/enterprise/organizations?first=200${after}`);
    choice.append(...page.items.map((one) => el("option", { value: one.org_id }, one.name)));
    after = page.has_next_page ? `&after=${enc(page.end_cursor)}` : "";
  } while (after);
}

function problem(error) {
  if (dropIfRefused(error)) return;
  byId("problem").textContent = error instanceof ApiError ? error.text : "Something went wrong on this page.";
  byId("problem").hidden = false;
  if (!(error instanceof ApiError)) throw error;
}

async function main() {
  const api = new Api(base, await key());
  const self = await api.json("GET", "/v3/self");
  const today = Math.floor(Date.now() / 1000 / DAY) * DAY;
  byId("from").value = iso(today - 29 * DAY);
  byId("to").value = iso(today);
  byId("content").hidden = false;
  try {
    await organizations(api, self);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 403) throw error; // metrics may be seen without their names
  }
  const again = () => show(api, !self.org_id).catch(problem);
  byId("choice").addEventListener("change", again);
  byId("choice").addEventListener("submit", (event) => {
    event.preventDefault();
    again();
  });
  await show(api, !self.org_id);
}

main().catch(problem);
