// Setting a password with an invitation, whose token stands behind the '#' and so reaches no server's log.

import { Api, ApiError } from "./api.js";
import { byId } from "./dom.js";

const base = location.pathname.replace(/\/invitation\/?$/, "");
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname); // not in the history of a shared browser either

function say(text) {
  byId("problem").textContent = text;
  byId("problem").hidden = false;
}

async function submit(event) {
  event.preventDefault();
  const [password, again, button] = [byId("password"), byId("again"), byId("submit")];
  byId("problem").hidden = true;
  if (password.value !== again.value) {
    say("The two passwords differ.");
    again.focus();
    return;
  }
  button.disabled = true;
  try {
    await new Api(base, null).json("POST", "/cogmill/v1/invitations/accept", { token, password: password.value });
    location.replace(`${base}/sign-in?invited`);
  } catch (error) {
    button.disabled = false;
    say(error instanceof ApiError ? error.message : "Something went wrong on this page.");
    if (!(error instanceof ApiError)) throw error;
  }
}

if (token) byId("form").addEventListener("submit", submit);
else {
  byId("form").hidden = true;
  say("This link holds no invitation. Open it exactly as you got it.");
}
