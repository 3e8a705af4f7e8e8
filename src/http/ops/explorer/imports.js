// Uploads a spreadsheet of people: shows what would change, row by row, and imports it after a confirmation.

import { PAGE, request } from "./api.js";
import { columnFields, readHeadings, recognize, toOption } from "./columns.js";
import { button, byId, count, make } from "./html.js";
import { announce, confirm, run, runExclusively } from "./messages.js";

/** How long to wait before asking again how far an import is, in milliseconds. */
const PAUSE = 400;
const OUTCOMES = ["created", "changed", "moved", "deleted", "disabled", "missing", "rejected"];
/** States that end without a further request. */
const LAST_STATES = ["done", "failed", "cancelled", "expired"];
/** Increases when another import or another view is shown, so that the one before is no longer followed. */
let shown = 0;

/** Stops following an import. */
export function leaveImport() {
  shown++;
}

/** @typedef {{roles: string[], finished: () => unknown, form: HTMLElement | null}} ImportContext `finished` is called after an import has changed something; `form` is kept, so that its columns can be changed */

/** Shows the form for a file. @param {string[]} roles the names of types and roles @param {() => unknown} finished */
export function showImport(roles, finished) {
  const id = (/** @type {string} */ name) => `import-${name}`;
  const option = (/** @type {[string, string]} */ [value, text]) => make("option", { value }, text);
  const file = make("input", { type: "file", id: id("file"), required: true, accept: ".csv,.ndjson,.jsonl,text/csv,application/x-ndjson" });
  const encoding = make("select", { id: id("encoding") }, ...[/** @type {[string, string]} */ (["utf-8", "UTF-8"]), /** @type {[string, string]} */ (["windows-1252", "Windows-1252 (Excel, Western Europe)"])].map(option));
  const sync = make("input", { type: "checkbox", id: id("sync") });
  const missing = make("select", { id: id("missing") }, ...[/** @type {[string, string]} */ (["report", "list them"]), /** @type {[string, string]} */ (["disable", "disable their accounts"]), /** @type {[string, string]} */ (["keep", "ignore them"])].map(option));
  const absent = make("div", { hidden: true }, make("label", { for: id("missing") }, "People who are not in the file"), missing);
  const unknown = make("input", { type: "checkbox", id: id("unknown") });
  sync.addEventListener("change", () => (absent.hidden = !sync.checked));
  const chosen = new Map();
  const columns = make("details", { hidden: true });
  const showColumns = () => run(async () => {
    const [selected] = file.files;
    const headings = selected && !isLines(selected) ? await readHeadings(selected, encoding.value) : [];
    if (selected !== file.files[0]) return;
    columns.hidden = headings.length === 0;
    columns.open = headings.some((heading) => !recognize(heading));
    const about = make("p", { class: "hint" }, "What each column of the file becomes. Change what is wrong; ignore what is not needed.");
    columns.replaceChildren(make("summary", {}, `Columns (${headings.length})`), about, columnFields(headings, roles, chosen));
  });
  file.addEventListener("change", () => {
    chosen.clear();
    void showColumns();
  });
  encoding.addEventListener("change", showColumns);
  const form = make(
    "form",
    { class: "import" },
    make("label", { for: id("file") }, "CSV or NDJSON file"),
    file,
    make("label", { for: id("encoding") }, "Encoding"),
    encoding,
    columns,
    make("label", { class: "check" }, sync, " The file is complete: remove what it no longer has"),
    absent,
    make("label", { class: "check" }, unknown, " Ignore unknown columns"),
    make("button", { class: "primary" }, "Preview"),
  );
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    const options = new URLSearchParams();
    if (sync.checked) options.set("import-sync", "true");
    if (sync.checked) options.set("import-missing", missing.value);
    if (unknown.checked) options.set("import-ignore-unknown", "true");
    if (chosen.size > 0) options.set("import-map", toOption(chosen));
    void runExclusively(() => upload(file.files[0], encoding.value, options, { roles, finished, form }));
  });
  showForm(form);
}

/** @param {File} file */
const isLines = (file) => /\.(ndjson|jsonl)$/i.test(file.name);

/** @param {HTMLElement} form */
function showForm(form) {
  shown++;
  byId("view-title").textContent = "Import people";
  const about = "A file has one person per line, and may have a column for the supervisor. Nothing changes before you have seen the preview.";
  byId("view-body").replaceChildren(make("p", { class: "hint" }, about), form);
}

/** @param {File} file @param {string} encoding @param {URLSearchParams} options @param {ImportContext} context */
async function upload(file, encoding, options, context) {
  const type = isLines(file) ? "application/x-ndjson" : `text/csv; charset=${encoding}`;
  const { data } = await request("POST", `/imports?${options}`, file, type);
  // The dialog of a session that has expired must not wait for it.
  void run(() => follow(data.id, context));
}

/** Follows an import until it needs the user or has ended. @param {string} id @param {ImportContext} context */
async function follow(id, context) {
  const current = ++shown;
  for (;;) {
    const { data } = await request("GET", `/imports/${id}`);
    if (current !== shown) return;
    const { state } = data.attributes;
    if (state === "preview" || LAST_STATES.includes(state)) return showResult(data, context);
    showProgress(data, context);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    if (current !== shown) return;
  }
}

/** @param {any} resource @param {ImportContext} context */
function showProgress({ id, attributes: { state, progress } }, context) {
  const text = state === "running" ? "Importing …" : "Reading the file …";
  let bar = byId("import-progress");
  if (bar?.dataset.state !== state) {
    bar = make("progress", { id: "import-progress", max: "1", "aria-label": text, "data-state": state });
    const stop = button("Cancel", () => run(() => setState(id, "cancelled", context)));
    byId("view-body").replaceChildren(make("p", {}, text), bar, make("div", { class: "actions" }, stop));
    announce(text);
  }
  bar.value = progress;
}

/** @param {string} id @param {string} state @param {ImportContext} context */
async function setState(id, state, context) {
  await request("PATCH", `/imports/${id}`, { data: { type: "imports", id, attributes: { state } } });
  void run(() => follow(id, context));
}

/** @param {any} resource @param {ImportContext} context */
async function showResult(resource, context) {
  const { roles, finished, form } = context;
  const { state, counts, deleted, missing, problem } = resource.attributes;
  const all = { ...counts, deleted, missing };
  const total = ["created", "changed", "moved", "deleted", "disabled"].reduce((sum, name) => sum + (all[name] ?? 0), 0);
  const titles = { preview: "What would change", done: "Imported", failed: "The import failed", cancelled: "The import was cancelled", expired: "The preview has expired" };
  byId("view-title").textContent = titles[/** @type {keyof typeof titles} */ (state)] ?? state;
  const figures = Object.entries(all).filter(([, number]) => number > 0).map(([name, number]) => make("div", {}, make("dt", {}, name), make("dd", {}, number.toLocaleString("en"))));
  const parts = problem ? [make("p", { class: "notice" }, problem)] : [];
  parts.push(figures.length > 0 ? make("dl", { class: "figures" }, ...figures) : make("p", {}, "The file changes nothing."));
  const again = button("Choose another file", () => showImport(roles, finished));
  const change = form && state !== "done" ? [button("Change columns or options", () => showForm(form))] : [];
  const actions = make("div", { class: "actions" }, ...change, again);
  if (state === "preview" && total > 0 && !problem) {
    const words = `${count(total, "change")}${all.rejected > 0 ? `; ${count(all.rejected, "line")} cannot be imported and will be left out` : ""}.`;
    const start = button(`Import ${count(total, "change")}`, async () => {
      if (await confirm("Import this file?", [words], "Import")) await runExclusively(() => setState(resource.id, "running", context));
    }, { class: "primary" });
    actions.prepend(start);
  }
  byId("view-body").replaceChildren(...parts, actions, ...rowList(resource, all));
  announce(`${byId("view-title").textContent}: ${count(total, "change")}.`);
  if (state === "done" && total > 0) await finished();
}

/** The rows of an import with a choice of their outcome. @param {any} resource @param {Record<string, number>} all */
function rowList({ id }, all) {
  const outcomes = OUTCOMES.filter((name) => (all[name] ?? 0) > 0);
  if (outcomes.length === 0) return [];
  const select = make("select", { id: "import-outcome" }, make("option", { value: "" }, "all rows"), ...outcomes.map((name) => make("option", { value: name }, name)));
  const list = make("ul", { class: "plain edges rows" });
  const more = button("Show more", () => run(() => load(next)), { class: "small", hidden: true });
  let next = "";
  const load = async (/** @type {string} */ path) => {
    const page = await request("GET", path);
    list.append(...page.data.map(rowItem));
    next = page.links.next;
    more.hidden = !next;
  };
  const start = () => {
    list.replaceChildren();
    return run(() => load(`/imports/${id}/rows?page[size]=${PAGE}${select.value ? `&filter[outcome]=${select.value}` : ""}`));
  };
  select.addEventListener("change", start);
  void start();
  return [make("label", { for: "import-outcome" }, "Rows"), select, list, more];
}

/** @param {any} row */
function rowItem({ attributes: { line, outcome, subject, before, after, problems } }) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const text = (/** @type {any} */ value) => (value === null || value === undefined ? "–" : Array.isArray(value) ? value.join(", ") || "–" : typeof value === "object" ? JSON.stringify(value) : String(value));
  const changes = names.map((name) => make("small", {}, before ? `${name}: ${text(before[name])} → ${text(after?.[name])}` : `${name}: ${text(after?.[name])}`));
  const faults = (problems ?? []).map((/** @type {any} */ problem) => make("small", { class: "bad" }, typeof problem === "string" ? problem : text(problem.detail ?? problem)));
  const where = [line === null ? "" : `line ${line}`, subject ?? ""].filter(Boolean).join(": ");
  return make("li", { "data-outcome": outcome }, make("span", { class: "words" }, make("b", {}, outcome), ` ${where}`, ...changes, ...faults));
}
