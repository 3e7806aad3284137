// Signing in with e-mail address and password; then on to the page that asked for it.

import { Api, ApiError, forgetKey, rememberSignedIn } from "./api.js";
import { byId } from "./dom.js";

const base = location.pathname.replace(/\/sign-in\/?$/, "");

/** Where to go afterwards: a page of this server, or the start page. */
function next() {
  const wanted = new URLSearchParams(location.search).get("next") ?? "";
  let url;
  try {
    url = new URL(wanted, location.origin);
  } catch {
    return `${base}/`;
  }
  const isHere = /^\/(?![/\\])/.test(wanted) && url.origin === location.origin && url.pathname.startsWith(`${base}/`);
  return isHere ? url.pathname + url.search : `${base}/`;
}

async function submit(event) {
  event.preventDefault();
  const [problem, button, password] = [byId("problem"), byId("submit"), byId("password")];
  problem.hidden = true;
  button.disabled = true;
  try {
    const given = { email: byId("email").value, password: password.value };
    await new Api(base, null).json("POST", "/cogmill/v1/sign-in", given);
    forgetKey();
    rememberSignedIn();
    location.replace(next());
  } catch (error) {
    button.disabled = false;
    problem.textContent = error instanceof ApiError ? error.message : "Something went wrong on this page.";
    problem.hidden = false;
    password.value = "";
    password.focus();
    if (!(error instanceof ApiError)) throw error;
  }
}

if (new URLSearchParams(location.search).has("invited")) {
  byId("done").textContent = "Your password is set. Sign in with it.";
  byId("done").hidden = false;
}
byId("form").addEventListener("submit", submit);
