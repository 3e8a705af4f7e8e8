// Saves the chart that is shown as a picture or a table.

import { CARD } from "./layout.js";
import { initials } from "./people.js";

/** @typedef {import("./layout.js").Layout} Layout */
/** @typedef {import("./tree.js").Tree} Tree */

const MARGIN = 32;
/** The longest side of a picture that browsers can draw. */
const LONGEST_SIDE = 8_000;
/** Colours of pictures, which are for paper and slides. */
const INK = { ground: "#ffffff", card: "#ffffff", border: "#c3c9d2", line: "#8a94a3", text: "#16191d", soft: "#545b64", picture: "#e3ebfa", letters: "#0b3d91" };

/** @param {string} text */
const escape = (text) => text.replace(/[&<>"]/g, (mark) => `&#${mark.codePointAt(0)};`).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "");

/** Shortens a text to about this many pixels. @param {string} text @param {number} size of the font */
function shorten(text, size) {
  const letters = [...text];
  const most = Math.floor((CARD.width - 64) / (size * 0.55));
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : text;
}

/** The chart as an SVG document. @param {Layout} layout @param {Tree} tree @param {number} [scale] */
export function toSvg({ boxes, lines, width, height }, tree, scale = 1) {
  const [fullWidth, fullHeight] = [width + 2 * MARGIN, height + 2 * MARGIN];
  const paths = [...lines.values()].map(({ d }) => `<path d="${d}" fill="none" stroke="${INK.line}" stroke-width="1.5"/>`);
  const cards = [...boxes].map(([id, { x, y }]) => {
    const node = tree.get(id);
    const below = node.below ? `<text x="${CARD.width - 10}" y="56" text-anchor="end" font-size="11" fill="${INK.soft}">${node.below}</text>` : "";
    return [
      `<g transform="translate(${x} ${y})">`,
      `<rect width="${CARD.width}" height="${CARD.height}" rx="8" fill="${INK.card}" stroke="${INK.border}"/>`,
      `<circle cx="28" cy="32" r="17" fill="${INK.picture}"/><text x="28" y="36.500" text-anchor="middle" font-size="12" font-weight="600" fill="${INK.letters}">${escape(initials(node))}</text>`,
      `<text x="54" y="28" font-size="13" font-weight="600" fill="${INK.text}">${escape(shorten(node.name, 13))}</text>`,
      `<text x="54" y="45" font-size="11" fill="${INK.soft}">${escape(shorten(node.title || node.unit, 11))}</text>${below}</g>`,
    ].join("");
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${fullWidth * scale}" height="${fullHeight * scale}" viewBox="${-MARGIN} ${-MARGIN} ${fullWidth} ${fullHeight}" font-family="system-ui, sans-serif">`,
    `<rect x="${-MARGIN}" y="${-MARGIN}" width="${fullWidth}" height="${fullHeight}" fill="${INK.ground}"/>`,
    ...paths,
    ...cards,
    "</svg>",
  ].join("\n");
}

/** The chart as a PNG file. @param {Layout} layout @param {Tree} tree @returns {Promise<Blob>} */
export async function toPng(layout, tree) {
  const longest = Math.max(layout.width, layout.height) + 2 * MARGIN;
  const scale = Math.min(2, LONGEST_SIDE / longest);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(toSvg(layout, tree, scale))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil((layout.width + 2 * MARGIN) * scale);
  canvas.height = Math.ceil((layout.height + 2 * MARGIN) * scale);
  canvas.getContext("2d")?.drawImage(image, 0, 0);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the browser cannot draw a picture of this size"))), "image/png");
  });
}

/** The shown people as CSV (RFC 4180), with the supervisor of each. @param {Layout} layout @param {Tree} tree */
export function toCsv({ boxes }, tree) {
  const header = ["id", "name", "email", "job-title", "unit", `${tree.type.id} id`, `${tree.type.id} name`, "below"];
  const rows = [...boxes.keys()].map((id) => {
    const node = tree.get(id);
    const parent = node.parent === null ? null : tree.get(node.parent);
    return [id, node.name, node.email, node.title, node.unit, parent?.id ?? "", parent?.name ?? "", node.below === null ? "" : `${node.below}`];
  });
  return [header, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** A spreadsheet must not run a name as a formula. @param {string} text */
function cell(text) {
  const safe = /^'*[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Lets the browser save a file. @param {Blob} file @param {string} name */
export function save(file, name) {
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
