// Who the page calls as: the person who is signed in, or an API key, asked for once per tab. A key stays in this tab's
// session storage, and never gets into an address.

import { Api, forgetKey, forgetSignedIn, isSignedIn, storedKey, storeKey } from "./api.js";
import { byId, el, fill } from "./dom.js";

const NOTICE = "cogmill.notice";

/** The key: the stored one, null for who is signed in, or what the user gives. Shows the content once there is one. */
export async function key() {
  const forget = byId("forget");
  let known = storedKey();
  if (known === null && isSignedIn()) {
    forget.textContent = "Sign out";
    forget.addEventListener("click", () => signOut());
  } else {
    forget.addEventListener("click", () => drop());
    known ??= await ask();
  }
  forget.hidden = false;
  return known;
}

const base = () => new URL(document.querySelector("a.brand").href).pathname.replace(/\/$/, "");

async function signOut() {
  try {
    await new Api(base(), null).json("POST", "/cogmill/v1/sign-out");
  } catch (error) {
    if (error.status !== 401) { // still signed in: nobody may believe otherwise
      byId("problem").textContent = `You are still signed in. ${error.message}`;
      byId("problem").hidden = false;
      return;
    }
  }
  drop();
}

/** Forget the key and everything that was shown with it. */
export function drop(reason = "") {
  if (storedKey() === null) forgetSignedIn();
  forgetKey();
  sessionStorage.removeItem("cogmill.org");
  if (reason) sessionStorage.setItem(NOTICE, reason);
  location.reload();
}

/** If the error means that the key is no good, ask anew; tells whether it did. */
export function dropIfRefused(error) {
  if (error.status !== 401) return false;
  drop(storedKey() === null ? "You are signed out." : "The server does not accept this key.");
  return true;
}

function signInAddress() {
  return `${base()}/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
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
        el("p", {}, "Or ", el("a", { href: signInAddress() }, "sign in with your account"), "."),
        el("p", { id: "key-help", class: "muted" },
          "It is kept in this tab only, until the tab closes or you press “Forget key”. ",
          "`cogmill init` prints the first keys."),
      ),
    );
    gate.hidden = false;
    input.focus();
  });
}
