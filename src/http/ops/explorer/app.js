// What happens on the page: from a token to a map, one request of the public API at a time.

import { answerText, ask, curl, forget, listen, Refused, remember, requestText } from "./api.js";
import { by, draw, make } from "./html.js";
import { Drawing, kind } from "./map.js";

const EDGES = "/user-relationships";
const ABOUT_USERS = "fields[users]=name,email,job-title";
const KEPT_EXCHANGES = 40;

/** What is on the map. Who leaves or starts anew gets another one, so that late answers change nothing. */
let map = emptyMap(null);
let me = null;
let isChanging = false;

function emptyMap(centre) {
  // `people` are shown; `edges` have `id`, `owner`, `target`, `type`; `opened` has the links to what was not asked yet.
  return { centre, selected: centre, people: new Map(), edges: new Map(), opened: new Map() };
}

const drawing = new Drawing(by("map"), (id) => attempt(() => choose(id)));

// What is said.

function say(words) {
  by("said").textContent = words;
}

/** Runs what somebody asked for, and says in words why it was not done. */
async function attempt(action) {
  by("problem").hidden = true;
  try {
    await action();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Refused)) throw error;
    complain(error.errors);
  }
}

/** The same for what changes something: one at a time, so that a second click is no second change. */
async function change(action) {
  if (isChanging) return;
  isChanging = true;
  await attempt(action).finally(() => (isChanging = false));
}

function complain(errors) {
  const lines = errors.map(({ title, detail, code, links }) => {
    const line = make("p", {}, make("strong", {}, title ?? "Refused"), `: ${detail ?? ""} `);
    // Only a place on this service, whatever the answer says.
    if (/^\/docs#[a-z-]+$/.test(links?.type)) line.append(make("a", { href: links.type, target: "_blank", rel: "noopener" }, code));
    return line;
  });
  const close = make("button", { type: "button", onclick: () => (by("problem").hidden = true) }, "Dismiss");
  by("problem").replaceChildren(...lines, close);
  by("problem").hidden = false;
  by("problem").scrollIntoView({ block: "nearest" });
}

// Words for people and relationships.

function person(resource) {
  const { name, email, "job-title": titles } = resource.attributes ?? {};
  return { id: resource.id, name: name || email || `User ${resource.id}`, email: email ?? "", title: titles?.join(", ") ?? "" };
}

const nameOf = (id) => map.people.get(id)?.name ?? `User ${id}`;

function sentence({ owner, target, type }) {
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
    case "mentor": return isOwner ? "Mentors" : "Learn from this user";
    case "colleague": return "Colleagues";
    default: return isOwner ? `${type} →` : `→ ${type}`;
  }
}

const isAbove = ({ owner, type }, id) => Number(type === "subordinate" && owner === id);

const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

// Asking.

/** Takes relationships and the users at their ends from an answer. */
function take(into, answer) {
  for (const resource of answer.included ?? []) into.people.set(resource.id, person(resource));
  for (const { id, attributes, relationships } of [answer.data].flat()) {
    const [owner, target] = [relationships.user.data.id, relationships.target.data.id];
    into.edges.set(id, { id, owner, target, type: attributes.relationship });
    for (const end of [owner, target]) {
      if (!into.people.has(end)) into.people.set(end, { id: end, name: `User ${end}`, email: "", title: "" });
    }
  }
}

/** Asks for everything around somebody, as far as one page goes. */
async function open(id) {
  const asked = map;
  const page = (end, other) => ask("GET", `${EDGES}?filter[${end}]=${id}&include=${other}&${ABOUT_USERS}&page[limit]=50`);
  const answers = await Promise.all([page("user", "target"), page("target", "user")]);
  if (asked !== map) return;
  answers.forEach((answer) => take(map, answer));
  map.opened.set(id, answers.map((answer) => answer.links.next).filter(Boolean));
  const total = answers.reduce((sum, answer) => sum + answer.meta["total-count"], 0);
  say(`${nameOf(id)}: ${count(total, "relationship")}.`);
}

/** Asks for the next pages of somebody who has many. */
async function openMore(id) {
  const asked = map;
  const answers = await Promise.all(map.opened.get(id).map((link) => ask("GET", link)));
  if (asked !== map) return;
  answers.forEach((answer) => take(map, answer));
  map.opened.set(id, answers.map((answer) => answer.links.next).filter(Boolean));
  show();
  say(`${nameOf(id)}: ${count(around(id).length, "relationship")} on the map.`);
}

async function choose(id) {
  map.selected = id;
  show();
  if (map.opened.has(id)) {
    say(`${nameOf(id)}: ${count(around(id).length, "relationship")} on the map.`);
    return;
  }
  await open(id);
  show();
}

/** A new map around somebody. */
async function start(someone) {
  map = emptyMap(someone.id);
  map.people.set(someone.id, someone);
  await choose(someone.id);
}

const around = (id) => [...map.edges.values()].filter((edge) => edge.owner === id || edge.target === id);

// Showing.

function show() {
  const people = [...map.people.values()].map((someone) => ({ ...someone, isOpen: map.opened.has(someone.id) }));
  drawing.show({ ...map, people, edges: [...map.edges.values()] });
  showPerson();
  showChoices();
}

function showPerson() {
  const { id, name, email, title } = map.people.get(map.selected);
  by("person-title").textContent = name;
  const groups = new Map();
  // Those above come first, as on the map.
  for (const edge of around(id).sort((a, b) => isAbove(b, id) - isAbove(a, id))) {
    const name = role(edge, id);
    groups.set(name, [...(groups.get(name) ?? []), edge]);
  }
  const parts = [make("p", { class: "hint" }, [title, email, `user ${id}`].filter(Boolean).join(" · "))];
  if (id !== map.centre) parts.push(action("Start a new map here", () => attempt(() => start(map.people.get(id)))));
  for (const [name, edges] of groups) {
    parts.push(make("h3", {}, name), make("ul", { class: "plain edges" }, ...edges.map((edge) => edgeItem(edge, id))));
  }
  if (groups.size === 0 && map.opened.has(id)) parts.push(make("p", {}, "No relationships that you may see."));
  if (map.opened.get(id)?.length > 0) parts.push(action("Load more", () => attempt(() => openMore(id))));
  by("person-body").replaceChildren(...parts);
}

function edgeItem(edge, id) {
  const other = edge.owner === id ? edge.target : edge.owner;
  const go = action(nameOf(other), () => attempt(() => choose(other).then(() => drawing.focus(other))), "link");
  const drop = action("Delete", () => remove(edge));
  drop.setAttribute("aria-label", `Delete: ${sentence(edge)}`);
  return make("li", { "data-edge": edge.id }, go, drop);
}

function action(words, onclick, name = "") {
  return make("button", { type: "button", class: name, onclick }, words);
}

/** The users of the map as choices, what was chosen before kept. */
function showChoices() {
  const people = [...map.people.values()].sort((a, b) => a.name.localeCompare(b.name));
  const wanted = { owner: me.id, target: map.selected === me.id ? "" : map.selected };
  for (const end of ["owner", "target"]) {
    const select = by(end);
    const isKept = select.dataset.map === `${map.selected}` && map.people.has(select.value);
    const chosen = isKept ? select.value : wanted[end];
    select.replaceChildren(make("option", { value: "" }, "choose …"), ...people.map(({ id, name }) => make("option", { value: id }, `${name} (${id})`)));
    select.value = map.people.has(chosen) ? chosen : "";
    select.dataset.map = map.selected;
  }
}

function showTypes(types) {
  const options = types.map(({ id, attributes }) => make("option", { value: id, "data-about": attributes.description ?? "" }, id));
  by("type").replaceChildren(...options);
  explainType();
  const sample = (name) =>
    draw("svg", { viewBox: "0 0 40 8", width: 40, height: 8, "aria-hidden": "true" }, draw("path", { d: "M 0 4 L 40 4", class: `line near ${name}` }));
  const names = [...new Set(types.map(({ id }) => kind(id)))];
  by("legend").replaceChildren(...names.map((name) => make("li", {}, sample(name), ` ${name}`)));
}

function explainType() {
  by("type-help").textContent = by("type").selectedOptions[0]?.dataset.about ?? "";
}

function showFound(answer) {
  const items = answer.data.map(person).map((someone) => {
    const add = () => {
      map.people.set(someone.id, map.people.get(someone.id) ?? someone);
      return choose(someone.id);
    };
    const buttons = [action("Show", () => attempt(() => start(someone).then(() => drawing.focus(someone.id)))), action("Add", () => attempt(add))];
    buttons.forEach((button) => button.setAttribute("aria-label", `${button.textContent} ${someone.name}`));
    const words = make("span", {}, make("b", {}, someone.name), make("small", {}, [someone.title, someone.email].filter(Boolean).join(" · ")));
    return make("li", {}, words, ...buttons);
  });
  by("found").replaceChildren(...items);
  const total = answer.meta["total-count"];
  say(total > items.length ? `${total} users found; the first ${items.length} are listed.` : `${count(total, "user")} found.`);
}

function showExchange(exchange) {
  const { method, path, status, words, milliseconds } = exchange;
  const command = curl(exchange);
  const code = (name, text) => [make("h3", {}, name), make("pre", { tabindex: 0, "aria-label": name }, text)];
  const summary = make("summary", {}, make("code", {}, `${method} ${path}`), " ", make("span", { class: status < 400 ? "good" : "bad" }, `${status} ${words}`), ` ${milliseconds} ms`);
  const copy = action("Copy as curl", () => copied(command, copy));
  const item = make("li", {}, make("details", {}, summary, ...code("Request", requestText(exchange)), ...code("curl", command), copy, ...code("Answer", answerText(exchange))));
  by("exchanges").prepend(item);
  while (by("exchanges").children.length > KEPT_EXCHANGES) by("exchanges").lastChild.remove();
}

/** Browsers lend the clipboard to pages on `https` and `localhost` only; elsewhere the command is selected instead. */
async function copied(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied. Put your token into $TOKEN, then paste.");
  } catch {
    getSelection().selectAllChildren(button.previousSibling);
    say("The command is selected: copy it with the keyboard.");
  }
}

// Changing.

async function create() {
  const [owner, type, target] = ["owner", "type", "target"].map((id) => by(id).value);
  const user = (id) => ({ data: { type: "users", id } });
  const asked = map;
  const answer = await ask("POST", `${EDGES}?include=user,target&${ABOUT_USERS}`, {
    data: { type: "user-relationships", attributes: { relationship: type }, relationships: { user: user(owner), target: user(target) } },
  });
  if (asked !== map) return;
  take(map, answer);
  show();
  say(`Created: ${sentence(map.edges.get(answer.data.id))}.`);
}

function remove(edge) {
  const dialog = by("sure");
  by("sure-what").textContent = `${sentence(edge)}.`;
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue === "delete") change(() => removeNow(edge));
  };
  dialog.showModal();
}

async function removeNow(edge) {
  const words = sentence(edge);
  const asked = map;
  await ask("DELETE", `${EDGES}/${edge.id}`);
  if (asked !== map) return;
  map.edges.delete(edge.id);
  show();
  // The button that was pressed is gone.
  by("person-title").focus();
  say(`Deleted: ${words}.`);
}

// Coming and going.

async function enter() {
  remember(by("token").value);
  by("token").value = "";
  const asked = Promise.all([ask("GET", "/users/me"), ask("GET", "/relationship-types?page[limit]=50")]);
  const [answer, types] = await asked.catch((error) => {
    // What is refused is not kept.
    forget();
    throw error;
  });
  me = person(answer.data);
  const level = answer.data.attributes["access-level"];
  by("who").textContent = `You are ${me.name} (${level}).`;
  showTypes(types.data);
  toggle(true);
  await start(me);
  by("query").focus();
}

function leave() {
  forget();
  map = emptyMap(null);
  me = null;
  for (const id of ["found", "exchanges", "person-body", "owner", "target", "type"]) by(id).replaceChildren();
  by("query").value = "";
  by("who").textContent = "";
  by("person-title").textContent = "Nobody chosen";
  drawing.clear();
  toggle(false);
  say("The token is forgotten.");
  by("token").focus();
}

function toggle(isInside) {
  by("enter").hidden = isInside;
  for (const id of ["who", "forget", "inside"]) by(id).hidden = !isInside;
}

function onSubmit(id, action) {
  by(id).addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}

listen(showExchange);
onSubmit("enter", () => change(enter));
onSubmit("search", () =>
  attempt(async () => showFound(await ask("GET", `/users?query=${encodeURIComponent(by("query").value)}&${ABOUT_USERS}&page[limit]=20`))),
);
onSubmit("create", () => change(create));
by("forget").addEventListener("click", () => attempt(leave));
by("type").addEventListener("change", explainType);
