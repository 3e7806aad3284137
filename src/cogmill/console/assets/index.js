// The start page: recent sessions of the key's organization.

import { Api, ApiError } from "./api.js";
import { byId, dateTime, el, plain } from "./dom.js";
import { dropIfRefused, key } from "./gate.js";

const ORG = "cogmill.org";
const base = location.pathname.replace(/\/(index\.html)?$/, "");
const enc = encodeURIComponent;

function row(session) {
  const words = [session.status, session.status_detail].filter(Boolean).join(" · ").replaceAll("_", " ");
  const state = session.status === "running" && session.status_detail ? session.status_detail : session.status;
  return el("li", {},
    el("a", { href: `${base}/organizations/${enc(session.org_id)}/sessions/${enc(session.session_id)}` },
      plain(session.title || session.session_id)),
    el("span", { class: "badge", "data-state": state }, words),
    el("span", { class: "muted" }, `${session.acus_consumed.toFixed(2)} ACUs · `, dateTime(session.created_at)));
}

async function load(api, org, after = null) {
  const cursor = after ? `&after=${enc(after)}` : "";
  const page = await api.json("GET", `/v3/organizations/${enc(org)}/sessions?first=25${cursor}`);
  byId("sessions").append(...page.items.map(row));
  byId("empty").hidden = byId("sessions").childElementCount > 0;
  byId("more").hidden = !page.has_next_page;
  byId("more").onclick = () => load(api, org, page.end_cursor).catch(problem);
}

function problem(error) {
  if (dropIfRefused(error)) return;
  byId("problem").textContent = error instanceof ApiError ? error.text : "Something went wrong on this page.";
  byId("problem").hidden = false;
  if (!(error instanceof ApiError)) throw error;
}

/** The key's own organization, or the one the user names for an enterprise key. */
async function organization(api) {
  const self = await api.json("GET", "/v3/self");
  const known = self.org_id ?? sessionStorage.getItem(ORG);
  if (known) return known;
  const form = byId("org-form");
  form.hidden = false;
  return new Promise((resolve) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const org = byId("org").value.trim();
      if (!org) return;
      form.hidden = true;
      resolve(org);
    }, { once: true });
  });
}

async function main() {
  const api = new Api(base, await key());
  byId("sessions-section").hidden = false;
  const org = await organization(api);
  await load(api, org);
  sessionStorage.setItem(ORG, org);
}

main().catch(problem);
