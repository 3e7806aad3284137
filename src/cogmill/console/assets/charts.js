// Charts as inline SVG: columns by day and bars by kind. Numbers become attributes and text nodes, never markup.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 640;
const HEIGHT = 180;
const LEFT = 48;
const BOTTOM = 24;
const TOP = 12;

function svg(tag, properties = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/** The number with at most two places, a small one with two digits that say something. */
export const short = (value) =>
  value.toLocaleString(undefined, Math.abs(value) < 1 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 2 });

/** A round number that is not smaller than the greatest value. */
export function ceiling(greatest) {
  if (greatest <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(greatest));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((top) => top >= greatest * 0.9999);
}

function frame(label, height, ...children) {
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, class: "chart", role: "img", "aria-label": label }, ...children);
}

/** One column for each `{ name, value }`, in their order. */
export function columns(label, points, unit) {
  const top = ceiling(Math.max(0, ...points.map((point) => point.value)));
  const room = HEIGHT - BOTTOM - TOP;
  const wide = (WIDTH - LEFT) / Math.max(points.length, 1);
  const height = (value) => (value / top) * room;
  const lines = [0, 0.5, 1].flatMap((part) => {
    const y = HEIGHT - BOTTOM - part * room;
    return [
      svg("line", { x1: LEFT, x2: WIDTH, y1: y, y2: y, class: "grid" }),
      svg("text", { x: LEFT - 6, y: y + 4, class: "label", "text-anchor": "end" }, short(part * top)),
    ];
  });
  const every = Math.max(1, Math.ceil(points.length / 8));
  const shown = points.flatMap((point, place) => {
    const x = LEFT + place * wide;
    const tall = height(point.value);
    const column = svg("rect", {
      x: x + wide * 0.1, y: HEIGHT - BOTTOM - tall, width: wide * 0.8, height: tall, class: "column",
    }, svg("title", {}, `${point.name}: ${short(point.value)} ${unit}`));
    if (place % every !== 0) return [column];
    return [column, svg("text", { x: x + wide / 2, y: HEIGHT - 8, class: "label", "text-anchor": "middle" }, point.name.slice(5))];
  });
  return frame(label, HEIGHT, ...lines, ...shown);
}

/** One bar for each `{ name, value }` with its number; none at all reads as such. */
export function bars(label, points) {
  const line = 26;
  const left = 190;
  const greatest = Math.max(1, ...points.map((point) => point.value));
  const shown = points.flatMap((point, place) => {
    const y = place * line;
    const long = (point.value / greatest) * (WIDTH - left - 80);
    return [
      svg("text", { x: left - 8, y: y + 17, class: "label", "text-anchor": "end" }, point.name),
      svg("rect", { x: left, y: y + 4, width: Math.max(long, 1), height: line - 8, class: "column" }),
      svg("text", { x: left + long + 8, y: y + 17, class: "label" }, short(point.value)),
    ];
  });
  return frame(label, Math.max(points.length, 1) * line, ...shown);
}
