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

const REFUSED = {
  ProviderFailed: "The identity provider does not answer as it should. Try again later.",
  ProviderRefused: "The identity provider did not confirm this sign-in.",
  NotUnderWay: "This sign-in did not begin in this browser, or took too long. Begin again.",
  UnknownPerson: "You have no account here, or your e-mail address is not verified. Ask an administrator.",
  SwitchedOff: "Your account here is switched off. Ask an administrator.",
  LimitReached: "Too many attempts. Wait a little and begin again.",
  Unauthenticated: "Nobody may sign in from your address. Ask an administrator.",
};

/** The ways in that this server has besides the password. */
async function showOptions() {
  const { oidc } = await new Api(base, null).json("GET", "/cogmill/v1/sign-in");
  if (!oidc) return;
  const link = byId("oidc").querySelector("a");
  link.textContent = `sign in with ${oidc.name}`;
  link.href = `${oidc.url}?${new URLSearchParams({ next: new URLSearchParams(location.search).get("next") ?? "" })}`;
  byId("oidc").hidden = false;
}

/** Back from the identity provider: signed in, or refused for a reason that has a name. */
function comeBack() {
  const said = new URLSearchParams(location.hash.slice(1));
  if (said.has("signed-in")) {
    forgetKey();
    rememberSignedIn();
    location.replace(next());
  } else if (said.has("refused")) {
    const why = REFUSED[said.get("refused")] ?? "This sign-in was refused. Ask an administrator.";
    const request = /^[\w.-]{1,128}$/.exec(said.get("request") ?? "");
    byId("problem").textContent = request ? `${why} (request ${request[0]})` : why;
    byId("problem").hidden = false;
    history.replaceState(null, "", location.pathname + location.search);
  }
}

comeBack();
showOptions().catch(() => {}); // the password still works
if (new URLSearchParams(location.search).has("invited")) {
  byId("done").textContent = "Your password is set. Sign in with it.";
  byId("done").hidden = false;
}
byId("form").addEventListener("submit", submit);
