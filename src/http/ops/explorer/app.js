// The page: signs in with a token, and shows users and relationships from the public API.

import { ApiError, BASE, clearToken, curl, onExchange, request, requestText, responseText, setToken } from "./api.js";
import { byId, draw, make } from "./html.js";
import { kind, MapView } from "./map.js";

const EDGES = "/user-relationships";
const ABOUT_USERS = "fields[users]=name,email,job-title";
const MAX_EXCHANGES = 40;

/** The state of the map. Signing out and starting a new map replace it, so that late responses are discarded. */
let map = emptyMap(null);
let me = null;
let isChanging = false;

function emptyMap(centre) {
  // `people` and `edges` (`id`, `owner`, `target`, `type`) by id. `nextLinks` has the links to further pages of each user
  // whose relationships are loaded.
  return { centre, selected: centre, people: new Map(), edges: new Map(), nextLinks: new Map() };
}

const mapView = new MapView(byId("map"), (id) => run(() => select(id)));

// Messages.

function announce(text) {
  byId("status").textContent = text;
}

/** Runs an action of the user, and shows its errors. */
async function run(action) {
  byId("problem").hidden = true;
  try {
    await action();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof ApiError)) throw error;
    showErrors(error.errors);
  }
}

/** Runs an action that changes something. A second click is ignored while it runs. */
async function runExclusively(action) {
  if (isChanging) return;
  isChanging = true;
  await run(action).finally(() => (isChanging = false));
}

function showErrors(errors) {
  const lines = errors.map(({ title, detail, code, links }) => {
    const line = make("p", {}, make("strong", {}, title ?? "Refused"), `: ${detail ?? ""} `);
    // Link only to this service.
    const [documentation] = /\/docs#[a-z-]+$/.exec(links?.type) ?? [];
    if (documentation) line.append(make("a", { href: BASE + documentation, target: "_blank", rel: "noopener" }, code));
    return line;
  });
  const close = make("button", { type: "button", onclick: () => (byId("problem").hidden = true) }, "Dismiss");
  byId("problem").replaceChildren(...lines, close);
  byId("problem").hidden = false;
  byId("problem").scrollIntoView({ block: "nearest" });
}

// Texts for users and relationships.

function toPerson(resource) {
  const { name, email, "job-title": titles } = resource.attributes ?? {};
  return { id: resource.id, name: name || email || `User ${resource.id}`, email: email ?? "", title: titles?.join(", ") ?? "" };
}

const nameOf = (id) => map.people.get(id)?.name ?? `User ${id}`;

function describe({ owner, target, type }) {
  const [user, other] = [nameOf(owner), nameOf(target)];
  switch (type) {
    case "subordinate": return `${user} reports to ${other}`;
    case "mentor": return `${other} is the mentor of ${user}`;
    case "colleague": return `${user} works with ${other}`;
    default: return `${user} → ${type} → ${other}`;
  }
}

function role({ owner, type }, id) {
  const isOwner = owner === id;
  switch (type) {
    case "subordinate": return isOwner ? "Supervisors" : "Subordinates";
    case "mentor": return isOwner ? "Mentors" : "Mentees";
    case "colleague": return "Colleagues";
    default: return isOwner ? `${type} →` : `→ ${type}`;
  }
}

const isAbove = ({ owner, type }, id) => Number(type === "subordinate" && owner === id);

const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

// Loading.

/** Adds the relationships and users of a response to a map. */
function mergeResponse(into, response) {
  for (const resource of response.included ?? []) into.people.set(resource.id, toPerson(resource));
  for (const { id, attributes, relationships } of [response.data].flat()) {
    const [owner, target] = [relationships.user.data.id, relationships.target.data.id];
    into.edges.set(id, { id, owner, target, type: attributes.relationship });
    for (const end of [owner, target]) {
      if (!into.people.has(end)) into.people.set(end, { id: end, name: `User ${end}`, email: "", title: "" });
    }
  }
}

/** Loads the first page of the relationships of a user, in both directions. */
async function loadRelationships(id) {
  const current = map;
  const page = (end, other) => request("GET", `${EDGES}?filter[${end}]=${id}&include=${other}&${ABOUT_USERS}&page[limit]=50`);
  const responses = await Promise.all([page("user", "target"), page("target", "user")]);
  if (current !== map) return;
  responses.forEach((response) => mergeResponse(map, response));
  map.nextLinks.set(id, responses.map((response) => response.links.next).filter(Boolean));
  const total = responses.reduce((sum, response) => sum + response.meta["total-count"], 0);
  announce(`${nameOf(id)}: ${count(total, "relationship")}.`);
}

/** Loads the next pages of the relationships of a user. */
async function loadMore(id) {
  const current = map;
  const responses = await Promise.all(map.nextLinks.get(id).map((link) => request("GET", link)));
  if (current !== map) return;
  responses.forEach((response) => mergeResponse(map, response));
  map.nextLinks.set(id, responses.map((response) => response.links.next).filter(Boolean));
  show();
  announce(`${nameOf(id)}: ${count(relationshipsOf(id).length, "relationship")} on the map.`);
}

async function select(id) {
  map.selected = id;
  show();
  if (map.nextLinks.has(id)) {
    announce(`${nameOf(id)}: ${count(relationshipsOf(id).length, "relationship")} on the map.`);
    return;
  }
  await loadRelationships(id);
  show();
}

/** Starts a new map with a user at its centre. */
async function startMap(person) {
  map = emptyMap(person.id);
  map.people.set(person.id, person);
  await select(person.id);
}

const relationshipsOf = (id) => [...map.edges.values()].filter((edge) => edge.owner === id || edge.target === id);

// Rendering.

function show() {
  const people = [...map.people.values()].map((person) => ({ ...person, isOpen: map.nextLinks.has(person.id) }));
  mapView.show({ ...map, people, edges: [...map.edges.values()] });
  showPerson();
  showOptions();
}

function showPerson() {
  const { id, name, email, title } = map.people.get(map.selected);
  byId("person-title").textContent = name;
  const groups = new Map();
  // Supervisors come first, as on the map.
  for (const edge of relationshipsOf(id).sort((a, b) => isAbove(b, id) - isAbove(a, id))) {
    const name = role(edge, id);
    groups.set(name, [...(groups.get(name) ?? []), edge]);
  }
  const parts = [make("p", { class: "hint" }, [title, email, `user ${id}`].filter(Boolean).join(" · "))];
  if (id !== map.centre) parts.push(makeButton("Start a new map here", () => run(() => startMap(map.people.get(id)))));
  for (const [name, edges] of groups) {
    parts.push(make("h3", {}, name), make("ul", { class: "plain edges" }, ...edges.map((edge) => edgeItem(edge, id))));
  }
  if (groups.size === 0 && map.nextLinks.has(id)) parts.push(make("p", {}, "No visible relationships."));
  if (map.nextLinks.get(id)?.length > 0) parts.push(makeButton("Load more", () => run(() => loadMore(id))));
  byId("person-body").replaceChildren(...parts);
}

function edgeItem(edge, id) {
  const other = edge.owner === id ? edge.target : edge.owner;
  const go = makeButton(nameOf(other), () => run(() => select(other).then(() => mapView.focus(other))), "link");
  const drop = makeButton("Delete", () => confirmDeletion(edge));
  drop.setAttribute("aria-label", `Delete: ${describe(edge)}`);
  return make("li", { "data-edge": edge.id }, go, drop);
}

function makeButton(text, onclick, name = "") {
  return make("button", { type: "button", class: name, onclick }, text);
}

/** Lists the users of the map as options, and keeps the selected ones. */
function showOptions() {
  const people = [...map.people.values()].sort((a, b) => a.name.localeCompare(b.name));
  const wanted = { owner: me.id, target: map.selected === me.id ? "" : map.selected };
  for (const end of ["owner", "target"]) {
    const element = byId(end);
    const isKept = element.dataset.map === `${map.selected}` && map.people.has(element.value);
    const chosen = isKept ? element.value : wanted[end];
    element.replaceChildren(make("option", { value: "" }, "choose …"), ...people.map(({ id, name }) => make("option", { value: id }, `${name} (${id})`)));
    element.value = map.people.has(chosen) ? chosen : "";
    element.dataset.map = map.selected;
  }
}

function showTypes(types) {
  const options = types.map(({ id, attributes }) => make("option", { value: id, "data-about": attributes.description ?? "" }, id));
  byId("type").replaceChildren(...options);
  explainType();
  const sample = (name) =>
    draw("svg", { viewBox: "0 0 40 8", width: 40, height: 8, "aria-hidden": "true" }, draw("path", { d: "M 0 4 L 40 4", class: `line near ${name}` }));
  const names = [...new Set(types.map(({ id }) => kind(id)))];
  byId("legend").replaceChildren(...names.map((name) => make("li", {}, sample(name), ` ${name}`)));
}

function explainType() {
  byId("type-help").textContent = byId("type").selectedOptions[0]?.dataset.about ?? "";
}

function showResults(response) {
  const items = response.data.map(toPerson).map((person) => {
    const add = () => {
      map.people.set(person.id, map.people.get(person.id) ?? person);
      return select(person.id);
    };
    const buttons = [makeButton("Show", () => run(() => startMap(person).then(() => mapView.focus(person.id)))), makeButton("Add", () => run(add))];
    buttons.forEach((button) => button.setAttribute("aria-label", `${button.textContent} ${person.name}`));
    const text = make("span", {}, make("b", {}, person.name), make("small", {}, [person.title, person.email].filter(Boolean).join(" · ")));
    return make("li", {}, text, ...buttons);
  });
  byId("results").replaceChildren(...items);
  const total = response.meta["total-count"];
  announce(total > items.length ? `${total} users found; the first ${items.length} are listed.` : `${count(total, "user")} found.`);
}

function showExchange(exchange) {
  const { method, path, status, statusText, milliseconds } = exchange;
  const command = curl(exchange);
  const code = (name, text) => [make("h3", {}, name), make("pre", { tabindex: 0, "aria-label": name }, text)];
  const summary = make("summary", {}, make("code", {}, `${method} ${path}`), " ", make("span", { class: status < 400 ? "good" : "bad" }, `${status} ${statusText}`), ` ${milliseconds} ms`);
  const copyButton = makeButton("Copy as curl", () => copyText(command, copyButton));
  const item = make("li", {}, make("details", {}, summary, ...code("Request", requestText(exchange)), ...code("curl", command), copyButton, ...code("Response", responseText(exchange))));
  byId("exchanges").prepend(item);
  while (byId("exchanges").children.length > MAX_EXCHANGES) byId("exchanges").lastChild.remove();
}

/** Browsers allow clipboard access on `https` and `localhost` only; elsewhere, the command is selected instead. */
async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    announce("Copied. Set $TOKEN to your token in the shell, then paste.");
  } catch {
    getSelection().selectAllChildren(button.previousSibling);
    announce("The command is selected: copy it with the keyboard.");
  }
}

// Changes.

async function create() {
  const [owner, type, target] = ["owner", "type", "target"].map((id) => byId(id).value);
  const user = (id) => ({ data: { type: "users", id } });
  const current = map;
  const response = await request("POST", `${EDGES}?include=user,target&${ABOUT_USERS}`, {
    data: { type: "user-relationships", attributes: { relationship: type }, relationships: { user: user(owner), target: user(target) } },
  });
  if (current !== map) return;
  mergeResponse(map, response);
  show();
  announce(`Created: ${describe(map.edges.get(response.data.id))}.`);
}

function confirmDeletion(edge) {
  const dialog = byId("confirm");
  byId("confirm-text").textContent = `${describe(edge)}.`;
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue === "delete") runExclusively(() => deleteRelationship(edge));
  };
  dialog.showModal();
}

async function deleteRelationship(edge) {
  const text = describe(edge);
  const current = map;
  await request("DELETE", `${EDGES}/${edge.id}`);
  if (current !== map) return;
  map.edges.delete(edge.id);
  show();
  // The focused button was removed.
  byId("person-title").focus();
  announce(`Deleted: ${text}.`);
}

// Signing in and out.

async function signIn() {
  setToken(byId("token").value);
  byId("token").value = "";
  const requests = Promise.all([request("GET", "/users/me"), request("GET", "/relationship-types?page[limit]=50")]);
  const [response, types] = await requests.catch((error) => {
    // Do not keep a rejected token.
    clearToken();
    throw error;
  });
  me = toPerson(response.data);
  const level = response.data.attributes["access-level"];
  byId("caller").textContent = `Signed in as ${me.name} (${level}).`;
  showTypes(types.data);
  showExplorer(true);
  await startMap(me);
  byId("query").focus();
}

function signOut() {
  clearToken();
  map = emptyMap(null);
  me = null;
  for (const id of ["results", "exchanges", "person-body", "owner", "target", "type"]) byId(id).replaceChildren();
  byId("query").value = "";
  byId("caller").textContent = "";
  byId("person-title").textContent = "No user selected";
  mapView.clear();
  showExplorer(false);
  announce("The token is forgotten.");
  byId("token").focus();
}

function showExplorer(isSignedIn) {
  byId("sign-in").hidden = isSignedIn;
  for (const id of ["caller", "forget", "explorer"]) byId(id).hidden = !isSignedIn;
}

function onSubmit(id, action) {
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}

onExchange(showExchange);
onSubmit("sign-in", () => runExclusively(signIn));
onSubmit("search", () =>
  run(async () => showResults(await request("GET", `/users?query=${encodeURIComponent(byId("query").value)}&${ABOUT_USERS}&page[limit]=20`))),
);
onSubmit("create", () => runExclusively(create));
byId("forget").addEventListener("click", () => run(signOut));
byId("type").addEventListener("change", explainType);
