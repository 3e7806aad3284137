// Asks for the API key once per tab. It stays in this tab's session storage, and never gets into an address.

import { forgetKey, storedKey, storeKey } from "./api.js";
import { byId, el, fill } from "./dom.js";

const NOTICE = "cogmill.notice";

/** The key: the stored one, or what the user gives. Shows the content once there is one. */
export async function key() {
  const forget = byId("forget");
  forget.addEventListener("click", () => drop());
  const known = storedKey() ?? (await ask());
  forget.hidden = false;
  return known;
}

/** Forget the key and everything that was shown with it. */
export function drop(reason = "") {
  forgetKey();
  sessionStorage.removeItem("cogmill.org");
  if (reason) sessionStorage.setItem(NOTICE, reason);
  location.reload();
}

/** If the error means that the key is no good, ask anew; tells whether it did. */
export function dropIfRefused(error) {
  if (error.status !== 401) return false;
  drop("The server does not accept this key.");
  return true;
}

function ask() {
  const gate = byId("gate");
  const notice = sessionStorage.getItem(NOTICE);
  sessionStorage.removeItem(NOTICE);
  const input = el("input", {
    id: "key", type: "password", autocomplete: "off", spellcheck: "false", placeholder: "cog_…", required: true,
    "aria-describedby": "key-help",
  });
  return new Promise((resolve) => {
    const submit = (event) => {
      event.preventDefault();
      const value = input.value.trim();
      if (!/^[\x21-\x7e]+$/.test(value)) return;
      storeKey(value);
      input.value = "";
      gate.hidden = true;
      fill(gate);
      resolve(value);
    };
    fill(
      gate,
      el("form", { class: "gate-form", onsubmit: submit },
        el("h2", {}, "API key"),
        notice && el("p", { class: "problem", role: "alert" }, notice),
        el("label", { for: "key" }, "This server answers only with a key that may see the session."),
        el("div", { class: "row" }, input, el("button", { type: "submit", class: "primary" }, "Continue")),
        el("p", { id: "key-help", class: "muted" },
          "It is kept in this tab only, until the tab closes or you press “Forget key”. ",
          "`cogmill init` prints the first keys."),
      ),
    );
    gate.hidden = false;
    input.focus();
  });
}
