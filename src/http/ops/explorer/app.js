// The page: connects the chart, the panel and the lists to the address, and starts after signing in.

import { ApiError, onExchange, request } from "./api.js";
import { ChartView } from "./chart.js";
import * as changes from "./changes.js";
import { save, toCsv, toPng, toSvg } from "./export.js";
import { button, byId, count, make } from "./html.js";
import { rolesOf } from "./columns.js";
import { leaveImport, showImport } from "./imports.js";
import { listenToKeys, listenToPointers } from "./input.js";
import { announce, run, showExchange } from "./messages.js";
import { CARD_FIELDS, roleName, toPerson, toType } from "./people.js";
import { PersonPanel } from "./person.js";
import { Picker } from "./picker.js";
import { readPlace, toLink, today, toMoment, writePlace } from "./place.js";
import { account, prepareSignIn, signOut } from "./session.js";
import { MOST, Tree } from "./tree.js";
import { showView, VIEW_TITLES } from "./views.js";

/** @typedef {import("./people.js").RelationshipType} RelationshipType */
/** @typedef {import("./people.js").Person} Person */

/** The name of the view that imports, as in its link. */
const IMPORT = "import";
const NARROW = matchMedia("(max-width: 50rem)");
/** @type {RelationshipType[]} */
let types = [];
/** @type {RelationshipType | undefined} the type of the chart */
let type;
/** @type {Tree | null} */
let tree = null;
/** Increases with everything that makes a loading chart outdated. */
let load = 0;

const chart = new ChartView(byId("chart"), {
  select: (id) => void run(() => goTo(id)),
  toggle: (id) => void run(() => toggle(id)),
  drop: (id, to) => void run(() => startMove(id, to)),
});
const panel = new PersonPanel({
  show: (id) => void run(() => goTo(id, true)),
  move: ({ id }) => void run(() => startMove(id)),
  handOver: (person) => void run(() => changes.handOver(context(), person, reload)),
  add: (person) => changes.add(context(), person, (added) => refresh(added)),
  change: (edge) => void changes.changeType(context(), edge, reload),
  remove: (edge) => void changes.remove(context(), edge, () => refresh(edge.type)),
  changes: (person) => void run(() => showHistory(person)),
  overlay: () => chart.setTags(panel.tags()),
});
const picker = new Picker("query", "results", (person) => {
  picker.clear();
  void run(() => goTo(person.id, true));
});

/** What the changes of the page need to know. */
function context() {
  if (!type) throw new Error("no type is selected");
  return { types, type, nameOf: (/** @type {string} */ id) => panel.nameOf(id), onRefusal: (/** @type {string[]} */ path) => chart.setPath(path) };
}

// Places.

/** Goes to a person: a new entry of the history. @param {string} id @param {boolean} [isCentered] */
async function goTo(id, isCentered = false) {
  byId("side").classList.add("shown");
  writePlace({ ...readPlace(), user: id, view: "" });
  await open(isCentered);
}

/** Shows what the address says. @param {boolean} [isCentered] */
async function open(isCentered = true) {
  const place = readPlace();
  type = charted().find(({ id }) => id === place.type) ?? charted().find(({ id }) => id === "subordinate") ?? charted()[0];
  byId("type").value = type?.id ?? "";
  byId("as-of").value = place.asOf.slice(0, 10);
  const moment = toMoment(place.asOf);
  byId("past").hidden = moment === "";
  byId("past").replaceChildren(`The chart as of ${moment ? new Date(moment).toLocaleString() : ""}. `, button("Back to today", () => changePlace({ asOf: "" }), { class: "small" }));
  if (!type) return showEmpty("No type has roles", "A chart needs a relationship type with a name for each end.");
  leaveImport();
  if (place.view) {
    selectTab("lists");
    byId("side").classList.add("shown");
    const shown = type;
    const showList = () => (place.view === IMPORT ? showImport(rolesOf(types), afterImport) : showView(place.view, shown, (id) => void run(() => goTo(id, true))));
    await Promise.all([showList(), tree ? null : start(moment)]);
    return;
  }
  if (!place.user) return start(moment);
  if (tree && tree.type.id === type.id && tree.asOf === moment && tree.nodes.has(place.user)) {
    tree.reveal(place.user);
    showChart(isCentered ? undefined : place.user);
    if (isCentered) chart.center(place.user);
  } else {
    await loadChart(place.user, moment);
  }
  await select(place.user);
}

/** @param {Partial<import("./place.js").Place>} changed */
function changePlace(changed) {
  writePlace({ ...readPlace(), ...changed });
  return run(open);
}

const charted = () => types.filter(({ up, down, isSymmetric }) => up && down && !isSymmetric);

/** Opens the chart of the signed-in user, or of someone at the top. @param {string} moment */
async function start(moment) {
  const me = account();
  if (!type || !me) return;
  await loadChart(me.id, moment);
  if (tree && tree.nodes.size === 1 && tree.isLeaf(me.id)) {
    // Without a tree, there may be no one at the top.
    const leaders = (/** @type {string} */ filter) => request("GET", `/users?filter[has]=${type?.down}${filter}&fields[users]=name&page[limit]=1`);
    const top = (await leaders(`&filter[lacks]=${type.up}`)).data[0]?.id ?? (await leaders("")).data[0]?.id;
    if (!top) return explainEmpty();
    await loadChart(top, moment);
  }
  const place = readPlace();
  if (tree && !place.view) {
    writePlace({ ...place, user: tree.focus }, true);
    await select(tree.focus);
  }
}

/** Loads a new chart around a user. @param {string} id @param {string} moment */
async function loadChart(id, moment) {
  if (!type) return;
  const current = ++load;
  byId("stage").setAttribute("aria-busy", "true");
  try {
    const next = new Tree(type, moment);
    await next.load(await loadPerson(id, moment));
    if (current !== load) return;
    tree = next;
    byId("empty").hidden = true;
    chart.active = id;
    showChart();
    chart.fit(id, true);
    void run(() => countPast(next));
  } finally {
    if (current === load) byId("stage").removeAttribute("aria-busy");
  }
}

/** @param {string} id @param {string} moment */
async function loadPerson(id, moment) {
  if (!/^\d{1,19}$/.test(id)) throw new ApiError(404, [{ title: "No such person", detail: `\`${id.slice(0, 40)}\` is not the id of a user.` }]);
  try {
    return toPerson((await request("GET", `/users/${id}?${CARD_FIELDS}`)).data);
  } catch (error) {
    if (moment && error instanceof ApiError && error.status === 404) return toPerson({ id, meta: { "is-deleted": true } });
    throw error;
  }
}

/** @param {string} [anchor] the card that stays where it is */
function showChart(anchor) {
  chart.show(tree, anchor);
  if (!tree) return;
  const links = tree.chain(chart.selected || tree.focus).map(({ id, name }) => make("a", { href: toLink({ ...readPlace(), user: id, view: "" }), "data-user": id }, name));
  byId("crumbs").replaceChildren(make("ol", {}, ...links.map((link) => make("li", {}, link))));
}

/** Shows the details of a person. @param {string} id */
async function select(id) {
  if (!type) return;
  if (chart.selected !== id) chart.setPath([]);
  chart.select(id);
  showChart(id);
  if (!readPlace().view) selectTab("person");
  const wasInPanel = byId("person-body").contains(document.activeElement);
  await panel.show(id, types, type, toMoment(readPlace().asOf));
  if (panel.person?.id !== id) return;
  document.title = `${panel.person.name} – Explorer`;
  // The button that led here was replaced.
  if (wasInPanel && document.activeElement === document.body) byId("person-title").focus();
  chart.setTags(panel.tags());
  const total = panel.roles.reduce((sum, role) => sum + role.total, 0);
  announce(`${panel.person.name}: ${count(total, "relationship")}.`);
}

// The chart.

/** @param {string} id */
async function toggle(id) {
  const node = tree?.get(id);
  if (!tree || !node) return;
  if (!node.isComplete) return openBelow(id);
  node.isOpen = !node.isOpen;
  showChart(id);
  announce(node.isOpen ? `${node.name}: ${count(node.children.length, "person", "people")} shown.` : `${node.name}: collapsed.`);
}

/** Counts those below the cards of a chart of the past, which is drawn before. @param {Tree} current */
async function countPast(current) {
  if (!current.asOf) return;
  await current.countBelow(() => {
    if (current === tree) showChart(chart.selected || current.focus);
    return current === tree;
  });
}

/** @param {string} id */
async function openBelow(id) {
  const current = tree;
  const node = current?.get(id);
  if (!current || !node) return;
  if (!node.isComplete) await current.loadChildren(id, () => current === tree && showChart(id));
  if (current !== tree) return;
  node.isOpen = node.children.length > 0;
  showChart(id);
  void run(() => countPast(current));
  announce(node.isOpen ? `${node.name}: ${count(node.children.length, "person", "people")} shown.` : `${node.name} has no one below.`);
}

async function expandAll() {
  const current = tree;
  if (!current) return;
  const from = chart.selected || current.focus;
  let last = 0;
  const progress = (/** @type {number} */ loaded, /** @type {number} */ total) => {
    announce(`Loading ${loaded.toLocaleString("en")} of ${total.toLocaleString("en")} people …`);
    // Drawing takes longer the larger the chart is, so that it is drawn less often.
    if (current === tree && loaded > last * 1.5) {
      last = loaded;
      showChart(from);
    }
    return current === tree;
  };
  await current.loadAll(from, progress);
  if (current !== tree) return;
  showChart(from);
  const shown = chart.layout.boxes.size;
  announce(`${count(shown, "person", "people")} shown.${shown > MOST ? ` The first ${MOST.toLocaleString("en")} are loaded.` : ""}`);
}

/** Loads the chart again, after a change that may affect any part of it. */
async function reload() {
  const [id, moment] = [chart.selected || (tree?.focus ?? ""), tree?.asOf ?? ""];
  await loadChart(id, moment);
  await select(id);
}

/** Draws what an import has changed. The list of its rows stays. */
async function afterImport() {
  if (!tree) return start(toMoment(readPlace().asOf));
  await loadChart(tree.focus, tree.asOf);
}

/** Shows a change of relationships of a type. @param {string} changed */
async function refresh(changed) {
  if (changed === type?.id) return reload();
  await select(chart.selected || (panel.person?.id ?? ""));
}

/** @param {string} id @param {string} [to] */
async function startMove(id, to) {
  if (tree?.asOf) return announce("The past cannot be changed.");
  const known = tree?.nodes.get(id);
  const person = known ?? panel.person;
  if (!person) return;
  changes.move(context(), person, known?.below ?? null, to ? tree?.get(to) : undefined, async (above, edge) => {
    chart.setPath([]);
    const isShown = tree?.nodes.has(id) && tree.nodes.has(above.id);
    if (!isShown) return reload();
    tree?.move(id, above.id, edge);
    showChart(id);
    chart.focus(id);
    await select(id);
  });
}

/** @param {Person} person */
async function showHistory(person) {
  if (!type) return;
  selectTab("lists");
  await showView("changes", type, (id) => void run(() => goTo(id, true)), { path: `/users/${person.id}/changes?sort=-id&page[size]=50`, title: `History of ${person.name}` });
}

/** @param {string} title @param {string} text @param {(Node | string)[]} more */
function showEmpty(title, text, ...more) {
  tree = null;
  chart.show(null);
  byId("crumbs").replaceChildren();
  byId("empty").replaceChildren(make("h3", {}, title), make("p", {}, text), ...more);
  byId("empty").hidden = false;
  panel.clear();
}

/** Says what to do with an empty database. */
async function explainEmpty() {
  if (!type) return;
  const { meta } = await request("GET", "/users?page[limit]=0");
  const [up, down] = [roleName(type, true).toLowerCase(), roleName(type, false).toLowerCase()];
  const isAdmin = account()?.level === "admin";
  const steps = meta["total-count"] > 1 ? [make("li", {}, `Find a person above, and choose “Add…” to say who their ${up} are.`)] : [];
  steps.push(make("li", {}, linkToView(IMPORT, "Upload a spreadsheet"), " of people, with a column for the supervisor."));
  steps.push(make("li", {}, "Or use the command line: ", make("code", {}, "user-relationships import --format csv --users people.csv")));
  const help = isAdmin ? make("ul", {}, ...steps) : make("p", {}, "Ask an admin to import people and relationships.");
  showEmpty("Nothing to draw yet", `The database has ${count(meta["total-count"], "person", "people")}, and no one has ${down}.`, help);
}

// The page.

/** @param {string} name */
function selectTab(name) {
  for (const tab of byId("tabs").children) {
    const isSelected = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(isSelected));
    tab.tabIndex = isSelected ? 0 : -1;
    byId(tab.id.replace("tab-", "panel-")).hidden = !isSelected;
  }
}

function prepareTabs() {
  byId("tabs").addEventListener("click", (/** @type {Event} */ event) => {
    if (event.target instanceof HTMLElement && event.target.role === "tab") {
      selectTab(event.target.id.replace("tab-", ""));
      byId("side").classList.add("shown");
    }
  });
  byId("tabs").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const tabs = [...byId("tabs").children];
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined || !(event.target instanceof HTMLElement)) return;
    const next = tabs.at((tabs.indexOf(event.target) + step) % tabs.length);
    selectTab(next.id.replace("tab-", ""));
    next.focus();
  });
}

function showTypes() {
  byId("type").replaceChildren(...charted().map(({ id, description }) => make("option", { value: id, title: description }, id)));
  const views = account()?.level === "admin" ? { ...VIEW_TITLES, [IMPORT]: "Import people" } : VIEW_TITLES;
  byId("views").replaceChildren(...Object.entries(views).map(([view, title]) => linkToView(view, title)));
}

/** @param {string} view @param {string} title */
const linkToView = (view, title) => make("a", { href: toLink({ user: "", type: "", asOf: "", view }), "data-view": view }, title);

async function begin() {
  types = (await request("GET", "/relationship-types?page[limit]=50")).data.map(toType);
  showTypes();
  setSignedIn(true);
  await run(open);
  if (!NARROW.matches) byId("query").focus();
}

/** @param {boolean} isSignedIn */
function setSignedIn(isSignedIn) {
  byId("sign-in").hidden = isSignedIn;
  for (const id of ["account", "explorer", "find"]) byId(id).hidden = !isSignedIn;
}

async function end() {
  load++;
  await signOut();
  tree = null;
  chart.show(null);
  panel.clear();
  picker.clear();
  for (const id of ["exchanges", "crumbs", "view-body", "empty", "caller", "choose-preview", "choose-options", "confirm-text", "results", "type"]) byId(id).replaceChildren();
  writePlace({ user: "", view: "", type: "", asOf: "" }, true);
  setSignedIn(false);
  document.title = "Explorer – user-relationships";
  announce("You are signed out: the token is forgotten.");
  byId("email").focus();
}

/** Links within the page change the address only. @param {MouseEvent} event */
function onLink(event) {
  const link = event.target instanceof Element ? event.target.closest("a[data-user], a[data-view]") : null;
  if (!(link instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const { user = "", view = "" } = link.dataset;
  void changePlace({ user, view });
}

/** @param {string} id @param {() => unknown} action */
const onClick = (id, action) => byId(id).addEventListener("click", () => run(action));
/** @param {string} suffix */
const fileName = (suffix) => `${type?.id}-${tree?.focus}.${suffix}`;
/** @param {(current: Tree) => unknown} action */
const withTree = (action) => () => tree && action(tree);

function prepareTools() {
  onClick("zoom-in", () => chart.zoomBy(1));
  onClick("zoom-out", () => chart.zoomBy(-1));
  onClick("fit", withTree((current) => chart.fit(chart.selected || current.focus, false)));
  onClick("expand", expandAll);
  onClick("collapse", withTree((current) => {
    current.collapse(current.root);
    current.reveal(chart.selected || current.focus);
    showChart(chart.selected || current.focus);
  }));
  onClick("outline", () => setOutline(!chart.isOutline));
  onClick("save-svg", withTree((current) => save(new Blob([toSvg(chart.layout, current)], { type: "image/svg+xml" }), fileName("svg"))));
  onClick("save-png", withTree(async (current) => save(await toPng(chart.layout, current), fileName("png"))));
  onClick("save-csv", withTree((current) => save(new Blob(["\ufeff", toCsv(chart.layout, current)], { type: "text/csv" }), fileName("csv"))));
  byId("type").addEventListener("change", () => changePlace({ type: byId("type").value }));
  byId("as-of").addEventListener("change", () => changePlace({ asOf: byId("as-of").value }));
  byId("as-of").max = today();
}

/** @param {boolean} isOutline */
function setOutline(isOutline) {
  chart.setOutline(isOutline);
  byId("outline").setAttribute("aria-pressed", String(isOutline));
  showChart();
  if (tree) chart.fit(chart.selected || tree.focus, true);
}

onExchange(showExchange);
prepareTabs();
prepareTools();
prepareSignIn(begin);
panel.clear();
setOutline(NARROW.matches);
NARROW.addEventListener("change", () => setOutline(NARROW.matches));
onClick("sign-out", end);
onClick("close", () => {
  byId("side").classList.remove("shown");
  chart.focus(chart.active);
});
document.addEventListener("click", onLink);
addEventListener("popstate", () => account() && void run(open));
listenToPointers(byId("chart"), chart);
listenToKeys(byId("chart"), chart, {
  select: (id) => void run(() => goTo(id)),
  open: (id) => run(() => openBelow(id)),
  close: (id) => void run(() => toggle(id)),
});
