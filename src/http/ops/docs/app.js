// Shows one section of the page at a time, and builds its parts from `/openapi.json`.

import { byId, copyButton, make } from "./elements.js";
import { completeOperation } from "./operation.js";
import { base, hasToken, onToken, setToken } from "./request.js";
import { renderSchemas, renderSchemaSection } from "./schemas.js";
import { startSearch } from "./search.js";

const main = byId("content");
const contents = byId("contents");
const title = document.title;
const completed = new Set();
let description;
let samples;

async function load(path) {
  const response = await fetch(base + path, { credentials: "omit" });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

/** The element that the URL names. Sections of schemas are made when they are needed. */
function findTarget() {
  const id = decodeURIComponent(location.hash.slice(1)) || "about";
  if (id.startsWith("schema-") && !byId(id)) {
    const section = renderSchemaSection(description, id.slice("schema-".length));
    if (section) main.append(section);
  }
  const element = byId(id);
  return element?.closest("main > section") ? element : byId("about");
}

/** Shows the section of the URL, and nothing else. `moves` focuses its heading, for readers of screens. */
function show(moves) {
  const target = findTarget();
  const section = target.closest("section");
  if (section.classList.contains("operation") && !completed.has(section)) {
    completed.add(section);
    completeOperation(section, description, samples);
  }
  for (const each of main.querySelectorAll(":scope > section")) {
    // Other sections stay searchable in the page, where browsers can do that.
    if (each === section) each.removeAttribute("hidden");
    else each.setAttribute("hidden", "until-found");
  }
  for (const link of contents.querySelectorAll("a")) {
    const isCurrent = link.hash === `#${section.id}` || (section.id.startsWith("schema-") && link.hash === "#schemas");
    if (!isCurrent) {
      link.removeAttribute("aria-current");
      continue;
    }
    link.setAttribute("aria-current", "page");
    for (let it = link.closest("details"); it; it = it.parentElement.closest("details")) it.open = true;
    scrollInto(link);
  }
  const heading = section.querySelector("h2");
  document.title = section.id === "about" ? title : `${heading.textContent} · ${title}`;
  closeMenu();
  if (target === section) scrollTo(0, 0);
  else target.scrollIntoView();
  if (moves) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
}

/** Scrolls the contents only, not the page. */
function scrollInto(link) {
  if (getComputedStyle(contents).position !== "sticky") return;
  const [inner, outer] = [link.getBoundingClientRect(), contents.getBoundingClientRect()];
  if (inner.top < outer.top || inner.bottom > outer.bottom) contents.scrollTop += inner.top - outer.top - outer.height / 3;
}

function closeMenu() {
  byId("menu").setAttribute("aria-expanded", "false");
}

function startMenu() {
  const menu = byId("menu");
  menu.hidden = false;
  menu.addEventListener("click", () => {
    const isOpen = menu.getAttribute("aria-expanded") === "true";
    menu.setAttribute("aria-expanded", String(!isOpen));
  });
}

function startToken() {
  const details = byId("token");
  const field = byId("token-field");
  details.hidden = false;
  details.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const { message, isSet } = setToken(field.value);
    byId("token-status").textContent = message;
    byId("token-problem").textContent = isSet ? "" : message;
    field.value = "";
    if (!isSet) return field.focus();
    details.open = false;
    details.querySelector("summary").focus();
  });
  onToken(() => (byId("token-state").textContent = hasToken() ? "Token is set" : "No token"));
  details.addEventListener("toggle", () => details.open && field.focus());
  addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !details.open) return;
    details.open = false;
    details.querySelector("summary").focus();
  });
}

/** Copy buttons for the examples of guides. */
function completeGuides() {
  for (const pre of document.querySelectorAll(".guide pre")) {
    const box = make("div", { class: "code" });
    pre.replaceWith(box);
    box.append(pre, ...copyButton("the example", () => pre.textContent));
  }
}

async function start() {
  startMenu();
  startToken();
  completeGuides();
  [description, samples] = await Promise.all([load("/openapi.json"), load("/docs/samples.json")]);
  main.append(renderSchemas(description));
  contents.querySelector('[href="#schemas"]').parentElement.hidden = false;
  byId("search").hidden = false;
  startSearch(description, (href) => {
    if (location.hash === href) show(true);
    else location.hash = href;
  });
  addEventListener("hashchange", () => show(true));
  main.addEventListener("beforematch", ({ target }) => {
    const section = target.closest("main > section");
    // The browser reveals the target of a link in the same way.
    if (section && findTarget().closest("section") !== section) location.hash = section.id;
  });
  main.dataset.ready = "";
  show(false);
}

start().catch((error) => {
  main.prepend(make("p", { class: "problem", role: "alert" }, `The reference could not be loaded: ${error.message}. Reload the page.`));
  main.dataset.ready = "";
});
