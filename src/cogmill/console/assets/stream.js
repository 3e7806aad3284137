// The live event stream over fetch: each event once and in order, over any number of connections.

import { ApiError } from "./api.js";

const IDLE_MS = 60_000;

/** Incremental parser of server-sent events. */
export class Parser {
  constructor() {
    this.decoder = new TextDecoder();
    this.rest = "";
    this.data = [];
  }

  /** Data of the messages that became complete with these bytes. */
  feed(bytes) {
    let text = this.rest + this.decoder.decode(bytes, { stream: true });
    // A CR at the very end may be half of a CRLF: keep it for the next chunk.
    const hold = text.endsWith("\r") ? "\r" : "";
    if (hold) text = text.slice(0, -1);
    const lines = text.split(/\r\n|\r|\n/);
    this.rest = lines.pop() + hold;
    const messages = [];
    for (const line of lines) {
      if (line === "") {
        if (this.data.length) messages.push(this.data.join("\n"));
        this.data = [];
      } else if (line === "data" || line.startsWith("data:")) {
        this.data.push(line.slice(5).replace(/^ /, ""));
      }
    }
    return messages;
  }
}

/**
 * Follow until the session is over. `onEvents` gets arrays of new events, `onState` "live" | "reconnecting" | "ended",
 * `isOver` answers (asynchronously) whether nothing more can come. Throws ApiError when the server refuses.
 */
export async function follow(api, path, { onEvents, onState, isOver, signal }) {
  let seen = 0;
  let attempt = 0;
  while (!signal.aborted) {
    const before = seen;
    let isClean = false;
    try {
      await connection(api, path, seen, signal, () => onState("live"), (events) => {
        const fresh = events.filter((event) => event.seq > seen && (seen = event.seq));
        if (fresh.length) onEvents(fresh);
      });
      isClean = true;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) throw error;
    }
    if (seen > before) attempt = 0;
    // A clean end may also be a server going down: over only if a whole connection brought nothing new.
    else if (isClean && (await isOver().catch(() => false))) return onState("ended");
    if (!isClean) onState("reconnecting");
    if (!isClean || attempt) await pause(Math.min(10_000, 300 * 2 ** attempt) * (0.7 + Math.random() * 0.6), signal);
    attempt += 1;
  }
}

async function connection(api, path, after, signal, onOpen, onEvents) {
  const abort = new AbortController();
  const stop = () => abort.abort();
  signal.addEventListener("abort", stop);
  let timer = setTimeout(stop, IDLE_MS);
  try {
    const headers = { Accept: "text/event-stream", ...(after ? { "Last-Event-ID": String(after) } : {}) };
    const response = await api.fetch(path, { headers, signal: abort.signal });
    if (!response.body) return;
    onOpen();
    const reader = response.body.getReader();
    const parser = new Parser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(stop, IDLE_MS);
      onEvents(parser.feed(value).map(parse).filter(Boolean));
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    abort.abort();
  }
}

function parse(data) {
  try {
    const event = JSON.parse(data);
    return event && Number.isInteger(event.seq) && typeof event.event_type === "string" ? event : null;
  } catch {
    return null;
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
