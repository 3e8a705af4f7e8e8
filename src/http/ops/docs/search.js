// The search over operations, guides, errors, schemas and parameters.

import { byId, make } from "./elements.js";
import { resolve } from "./schemas.js";

/** How many results are shown. */
const MAX_RESULTS = 30;

/** Everything that can be found: `{ kind, title, about, text, href }`, in the order of the kinds. */
function buildIndex(document) {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).filter(([, it]) => it.operationId).map(([method, it]) => ({ path, item, method: method.toUpperCase(), it })));
  const found = operations.map(({ path, method, it }) => ({
    kind: "request",
    title: it.summary,
    about: `${method} ${path}`,
    text: `${it.operationId} ${it.description ?? ""}`,
    href: `#${it.operationId}`,
    isLast: !Object.keys(it.responses).some((status) => status < 400),
  }));
  for (const heading of globalThis.document.querySelectorAll("section.guide :is(h2, h3, h4)")) {
    const guide = heading.closest("section");
    const title = guide.querySelector("h2").textContent;
    let text = "";
    for (let next = heading.nextElementSibling; next && !/^H\d$/.test(next.tagName); next = next.nextElementSibling) text += ` ${next.textContent}`;
    found.push({ kind: "guide", title: heading.textContent, about: heading.id ? title : "", text: text.replaceAll(/\s+/g, " "), href: `#${heading.id || guide.id}` });
  }
  for (const row of globalThis.document.querySelectorAll(".codes tbody tr")) {
    const [status, title, help] = [...row.querySelectorAll("td")].map((cell) => cell.textContent);
    found.push({ kind: "error", title: row.id, about: `${status} ${title}`, text: help, href: `#${row.id}` });
  }
  for (const [name, schema] of Object.entries(document.components.schemas)) {
    const members = Object.keys(schema.properties ?? {}).join(" ");
    found.push({ kind: "schema", title: name, about: members.slice(0, 80), text: `${members} ${schema.description ?? ""}`, href: `#schema-${name}` });
  }
  const parameters = new Map();
  for (const { path, item, method, it } of operations) {
    for (const each of [...(item.parameters ?? []), ...(it.parameters ?? [])]) {
      const { name, in: where, description = "" } = resolve(document, each);
      if (where === "path") continue;
      const key = `${where} ${name}`;
      if (!parameters.has(key)) parameters.set(key, { kind: "parameter", title: name, about: "", text: description, href: `#${it.operationId}`, users: [] });
      parameters.get(key).users.push(`${method} ${path}`);
    }
  }
  for (const { users, ...item } of parameters.values()) {
    found.push({ ...item, about: users.length > 1 ? `${users[0]} and ${users.length - 1} more` : users[0] });
  }
  return found.map((item) => ({ ...item, lower: fold(item.title), all: fold(`${item.title} ${item.about} ${item.text}`) }));
}

/** Text without case, accents and the hyphens of names. */
function fold(text) {
  return text.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase().replaceAll("-", " ");
}

/** The results of a search, best first: all words occur, and those in the title count more. */
function find(index, query) {
  const words = fold(query).split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const all = words.join(" ");
  const scored = index.filter((item) => words.every((word) => item.all.includes(word))).map((item, position) => {
    const inTitle = words.filter((word) => item.lower.includes(word)).length;
    const score = (item.lower === all ? 100 : 0) + (item.lower.startsWith(all) ? 10 : 0) + 5 * inTitle - (item.isLast ? 8 : 0);
    return { item, score, position };
  });
  return scored.sort((one, other) => other.score - one.score || one.position - other.position).map(({ item }) => item);
}

/** What the result says below its title; of guides, the words around the first match. */
function describe({ kind, about, text }, query) {
  if (kind !== "guide") return about;
  const [word] = fold(query).split(/\s+/).filter(Boolean);
  const position = fold(text).indexOf(word);
  const start = position < 40 ? 0 : text.indexOf(" ", position - 40) + 1;
  return `${about ? `${about}: ` : ""}${start > 0 ? "… " : ""}${text.slice(start, start + 110).trim()} …`;
}

/** Starts the search. `go(href)` opens a result. */
export function startSearch(document, go) {
  const field = byId("search-field");
  const list = byId("search-results");
  const status = byId("search-status");
  let index;
  let results = [];
  let active = -1;

  function show() {
    index ??= buildIndex(document);
    const found = find(index, field.value);
    results = found.slice(0, MAX_RESULTS);
    active = results.length > 0 ? 0 : -1;
    const options = results.map((result, position) =>
      make(
        "div",
        { id: `result-${position}`, role: "option", onclick: () => open(position) },
        make("span", { class: "kind" }, result.kind),
        make("span", { class: "title" }, result.title),
        make("span", { class: "about" }, describe(result, field.value)),
      ));
    const isSearch = field.value.trim() !== "";
    list.replaceChildren(...options);
    list.hidden = options.length === 0;
    const count = found.length > MAX_RESULTS ? `${found.length} results, the best ${MAX_RESULTS} are shown` : `${found.length} results`;
    status.textContent = isSearch ? (found.length > 0 ? count : "Nothing found") : "";
    status.classList.toggle("unseen", !isSearch || found.length > 0);
    mark();
  }

  function mark() {
    field.setAttribute("aria-expanded", String(!list.hidden));
    [...list.children].forEach((option, position) => option.setAttribute("aria-selected", String(position === active)));
    const option = list.children[active];
    if (option) {
      field.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else field.removeAttribute("aria-activedescendant");
  }

  function close() {
    list.hidden = true;
    status.classList.add("unseen");
    active = -1;
    mark();
  }

  function open(position) {
    const result = results[position];
    if (!result) return;
    field.value = "";
    close();
    go(result.href);
  }

  field.addEventListener("input", show);
  field.addEventListener("focus", () => field.value.trim() && show());
  field.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && results.length > 0 && !list.hidden) {
      event.preventDefault();
      active = (active + step + results.length) % results.length;
      mark();
    } else if (event.key === "Enter" && active >= 0) {
      event.preventDefault();
      open(active);
    } else if (event.key === "Escape") {
      field.value = "";
      close();
    }
  });
  addEventListener("pointerdown", ({ target }) => !byId("search").contains(target) && close());
  field.addEventListener("blur", ({ relatedTarget }) => relatedTarget && !byId("search").contains(relatedTarget) && close());
  addEventListener("keydown", (event) => {
    const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    field.focus();
  });
}
