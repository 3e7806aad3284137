// Requests to the public API, with the key of this tab or as the person who is signed in.

const KEY = "cogmill.key";

const SIGNED_IN = "cogmill.signed-in";

export const storedKey = () => sessionStorage.getItem(KEY);
export const storeKey = (key) => sessionStorage.setItem(KEY, key);
export const forgetKey = () => sessionStorage.removeItem(KEY);

/** Scripts cannot see the cookie. This remembers that there is one; whether it still holds, the server says. */
export const isSignedIn = () => localStorage.getItem(SIGNED_IN) !== null;
export const rememberSignedIn = () => localStorage.setItem(SIGNED_IN, "1");
export const forgetSignedIn = () => localStorage.removeItem(SIGNED_IN);

export class ApiError extends Error {
  constructor(message, status, requestId) {
    super(message);
    this.status = status;
    this.requestId = requestId;
  }

  /** For people: what went wrong and how an administrator finds it. */
  get text() {
    return this.requestId ? `${this.message} (request ${this.requestId})` : this.message;
  }
}

/** What the page's address names: `{base}/organizations/{org}/{kind}/{id}`. */
export function place() {
  const match = /^(.*)\/organizations\/([^/]+)\/(sessions|pull-requests)\/([^/]+)\/?$/.exec(location.pathname);
  if (!match) return null;
  return { base: match[1], org: decodeURIComponent(match[2]), kind: match[3], id: decodeURIComponent(match[4]) };
}

/** Without a key the browser sends the cookie of the person who is signed in. */
export class Api {
  constructor(base, key) {
    this.base = base;
    this.key = key;
  }

  /** The raw answer; ApiError unless it is a success. */
  async fetch(path, options = {}) {
    const caller = this.key === null ? { "X-Cogmill-Page": "1" } : { Authorization: `Bearer ${this.key}` };
    const headers = { Accept: "application/json", ...options.headers, ...caller };
    const credentials = this.key === null ? "same-origin" : "omit";
    let response;
    try {
      response = await fetch(this.base + path, { ...options, headers, cache: "no-store", credentials });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError("The server cannot be reached.", 0);
    }
    if (!response.ok) throw await failure(response);
    return response;
  }

  async json(method, path, body) {
    const options = { method };
    if (body !== undefined) {
      options.body = JSON.stringify(body);
      options.headers = { "Content-Type": "application/json" };
    }
    return (await this.fetch(path, options)).json();
  }
}

async function failure(response) {
  let body = {};
  try {
    body = (await response.json()) ?? {};
  } catch {
    // not JSON: the status says enough
  }
  let message = `The server answered ${response.status}.`;
  if (typeof body.detail === "string" && body.detail) message = body.detail;
  else if (Array.isArray(body.detail)) {
    message = body.detail.map((item) => `${(item.loc ?? []).join(".")}: ${item.msg}`).join("; ");
  }
  return new ApiError(message, response.status, body.request_id ?? response.headers.get("x-request-id"));
}
