// Where the page is: the person, the type, the moment and the list, as a link that can be sent.

import { BASE } from "./api.js";

/** @typedef {{user: string, view: string, type: string, asOf: string}} Place `asOf` is a day or a moment; empty values are defaults */

const ROOT = `${BASE}/explorer`;

/** Reads the address of the page. @returns {Place} */
export function readPlace() {
  const path = location.pathname.slice(ROOT.length).split("/").filter(Boolean);
  const query = new URLSearchParams(location.search);
  const named = (/** @type {string} */ name) => (path[0] === name ? decodeURIComponent(path[1] ?? "") : "");
  return { user: named("users"), view: named("views"), type: query.get("type") ?? "", asOf: query.get("as-of") ?? "" };
}

/** The address of a place. @param {Place} place */
export function toLink({ user, view, type, asOf }) {
  const path = view ? `/views/${encodeURIComponent(view)}` : user ? `/users/${encodeURIComponent(user)}` : "";
  const query = new URLSearchParams();
  if (type) query.set("type", type);
  if (asOf) query.set("as-of", asOf);
  return `${ROOT}${path}${query.size > 0 ? `?${query}` : ""}`;
}

/** Changes the address without loading a page. @param {Place} place @param {boolean} [isReplaced] whether Back leads to the page before this one */
export function writePlace(place, isReplaced = false) {
  const link = toLink(place);
  if (link === location.pathname + location.search) return;
  if (isReplaced) history.replaceState(null, "", link);
  else history.pushState(null, "", link);
}

/** The moment at the end of a day in the time zone of the browser, or the moment itself. Today is now. @param {string} asOf */
export function toMoment(asOf) {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(asOf)) return asOf;
  if (asOf >= today()) return "";
  return new Date(`${asOf}T23:59:59.999`).toISOString();
}

/** The day of today in the time zone of the browser. */
export function today() {
  const now = new Date();
  return [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}
