// Messages of the page: a status, errors with their cures, dialogs, and the requests and responses.

import { ApiError, BASE, curl, requestText, responseText } from "./api.js";
import { button, byId, make } from "./html.js";

/** @typedef {import("./api.js").Exchange} Exchange */

const MAX_EXCHANGES = 60;
let isChanging = false;

/** How long a message stays, in milliseconds; with a button longer. */
const SHOWN = 8_000;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let fading;

/** Says what happened. @param {string} text @param {HTMLElement} [action] a button beside it */
export function announce(text, action) {
  const status = byId("status");
  clearTimeout(fading);
  status.classList.remove("faded");
  status.replaceChildren(text, ...(action ? [action] : []));
  fading = setTimeout(() => status.classList.add("faded"), action ? 3 * SHOWN : SHOWN);
}

/** Runs an action of the user, and shows its errors. @param {() => unknown} action @param {string} [place] the id of the element for errors */
export async function run(action, place = "problem") {
  byId(place).hidden = true;
  try {
    await action();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return;
    if (!(error instanceof ApiError)) throw error;
    showErrors(error.errors, place);
  }
}

/** Runs an action that changes something. A second click is ignored while it runs. @param {() => unknown} action @param {string} [place] */
export async function runExclusively(action, place) {
  if (isChanging) return;
  isChanging = true;
  await run(action, place).finally(() => (isChanging = false));
}

/** @param {import("./api.js").ErrorObject[]} errors @param {string} [place] @param {Node[]} more */
export function showErrors(errors, place = "problem", ...more) {
  const lines = errors.map(({ title, detail, code, links }) => {
    const line = make("p", {}, make("strong", {}, title ?? "Refused"), `: ${detail ?? ""} `);
    // Link only to this service.
    const [documentation] = /\/docs#[a-z-]+$/.exec(links?.type ?? "") ?? [];
    if (documentation && code) line.append(make("a", { href: BASE + documentation, target: "_blank", rel: "noopener" }, code));
    return line;
  });
  const element = byId(place);
  const dismiss = button("Dismiss", () => (element.hidden = true), { class: "small" });
  element.replaceChildren(...lines, ...more, ...(place === "problem" ? [dismiss] : []));
  element.hidden = false;
  element.scrollIntoView({ block: "nearest" });
}

/** Lists an exchange with its request, a `curl` command and its response. @param {Exchange} exchange */
export function showExchange(exchange) {
  const { method, path, status = 0, statusText, milliseconds } = exchange;
  const outcome = make("span", { class: status < 400 ? "good" : "bad" }, `${status} ${statusText}`);
  const summary = make("summary", {}, make("code", {}, `${method} ${path}`), " ", outcome, ` ${milliseconds} ms`);
  const details = make("details", {}, summary);
  // Large documents are formatted only when they are read.
  const fill = () => {
    const command = curl(exchange);
    const code = (/** @type {string} */ name, /** @type {string} */ text) => [make("h3", {}, name), make("pre", { tabindex: 0, "aria-label": name }, text)];
    const copy = button("Copy as curl", () => copyText(command, copy), { class: "small" });
    details.append(...code("Request", requestText(exchange)), ...code("curl", command), copy, ...code("Response", responseText(exchange)));
  };
  details.addEventListener("toggle", fill, { once: true });
  byId("exchanges").prepend(make("li", {}, details));
  while (byId("exchanges").children.length > MAX_EXCHANGES) byId("exchanges").lastChild.remove();
}

/** Browsers allow clipboard access on `https` and `localhost` only; elsewhere, the command is selected instead. @param {string} text @param {HTMLElement} copy */
async function copyText(text, copy) {
  try {
    await navigator.clipboard.writeText(text);
    announce("Copied. Set $TOKEN to your token in the shell, then paste.");
  } catch {
    if (copy.previousSibling) getSelection()?.selectAllChildren(copy.previousSibling);
    announce("The command is selected: copy it with the keyboard.");
  }
}

/**
 * Asks before a change. Resolves to whether the user confirmed.
 * @param {string} title @param {(Node | string)[]} content @param {string} yes the word on the button @param {{isDangerous?: boolean}} [options]
 * @returns {Promise<boolean>}
 */
export function confirm(title, content, yes, { isDangerous = false } = {}) {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = title;
  byId("confirm-text").replaceChildren(...content);
  byId("confirm-yes").textContent = yes;
  byId("confirm-yes").className = isDangerous ? "danger" : "primary";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
