// Building pages from text: data becomes text nodes and checked links, never markup.

export const byId = (id) => document.getElementById(id);

/** An element with properties and children; strings become text nodes. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function fill(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
}

/** A link when the address is http(s); else just its text. */
export function link(address, text = address) {
  let url;
  try {
    url = new URL(address, location.href);
  } catch {
    return document.createTextNode(text);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return document.createTextNode(text);
  const isOurs = url.origin === location.origin;
  return el("a", { href: url.href, rel: "noopener noreferrer", target: isOurs ? null : "_blank" }, text);
}

/** Rows of a <dl>; entries without value are left out. */
export function facts(entries) {
  return entries
    .filter(([, value]) => value !== null && value !== undefined && value !== "" && !(Array.isArray(value) && !value.length))
    .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
}

export function time(seconds) {
  const date = new Date(seconds * 1000);
  return el("time", { datetime: date.toISOString(), title: date.toLocaleString() }, date.toLocaleTimeString());
}

export function dateTime(seconds) {
  const date = new Date(seconds * 1000);
  return el("time", { datetime: date.toISOString() }, date.toLocaleString());
}

const ESCAPES = /\u001b\[[0-?]*[ -/]*[@-~]|\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[ -/]*[0-~]?/g;
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Terminal output as plain text: no escape sequences, only the last state of overwritten lines. */
export function plain(text) {
  let result = text.replace(ESCAPES, "").replace(/\r\n/g, "\n");
  if (result.includes("\r")) result = result.replace(/^[^\n]*\r(?=[^\n\r])/gm, "");
  return result.replace(CONTROLS, "");
}
