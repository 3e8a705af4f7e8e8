// The dialog that chooses a person, shows what a change would do, makes it, and says why it is refused.

import { ApiError } from "./api.js";
import { byId, make } from "./html.js";
import { drawChain } from "./chain.js";
import { runExclusively, showErrors } from "./messages.js";
import { loadPeople } from "./people.js";
import { Picker } from "./picker.js";

/** @typedef {import("./people.js").Person} Person */
/**
 * @typedef {object} Choice
 * @property {string} title
 * @property {string} label of the field for a person
 * @property {string} yes the word on the button
 * @property {Node[]} [options] further fields; the preview is shown again when they change
 * @property {Person} [preset]
 * @property {(person: Person) => Promise<(Node | string)[]>} preview
 * @property {(person: Person) => Promise<unknown>} act
 * @property {(ids: string[]) => void} [onRefusal] receives the path that a change would close
 */

/** @type {Choice | null} */
let choice = null;
/** @type {Person | null} */
let chosen = null;
/** @type {Picker | null} */
let picker = null;

/** Opens the dialog. @param {Choice} wanted */
export function choose(wanted) {
  picker ??= prepare();
  choice = wanted;
  chosen = null;
  byId("choose-title").textContent = wanted.title;
  byId("choose-label").textContent = wanted.label;
  byId("choose-yes").textContent = wanted.yes;
  byId("choose-options").replaceChildren(...(wanted.options ?? []));
  byId("choose-preview").replaceChildren();
  byId("choose-problem").hidden = true;
  byId("choose-yes").disabled = true;
  picker.clear();
  byId("choose").showModal();
  if (wanted.preset) {
    byId("choose-person").value = wanted.preset.name;
    void pick(wanted.preset);
    byId("choose-yes").focus();
  } else {
    byId("choose-person").focus();
  }
}

function prepare() {
  byId("choose-options").addEventListener("change", () => chosen && pick(chosen));
  byId("choose-cancel").addEventListener("click", () => byId("choose").close());
  byId("choose-form").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    const [wanted, person] = [choice, chosen];
    if (wanted && person) void runExclusively(() => act(wanted, person), "choose-problem");
  });
  byId("choose-person").addEventListener("input", () => {
    chosen = null;
    byId("choose-yes").disabled = true;
    byId("choose-preview").replaceChildren();
  });
  return new Picker("choose-person", "choose-list", pick);
}

/** @param {Person} person */
async function pick(person) {
  const wanted = choice;
  chosen = person;
  byId("choose-yes").disabled = false;
  await runExclusively(async () => {
    const preview = await wanted?.preview(person);
    if (wanted === choice && chosen === person) byId("choose-preview").replaceChildren(...(preview ?? []));
  }, "choose-problem");
}

/** @param {Choice} wanted @param {Person} person */
async function act(wanted, person) {
  try {
    await wanted.act(person);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const path = error.errors.flatMap(({ meta }) => meta?.path ?? []).map(toId);
    const names = await loadPeople(path);
    const words = path.map((id) => names.get(id)?.name ?? `User ${id}`);
    const shown = path.length > 0 ? [make("p", {}, "The path that it would close:"), drawChain(words)] : [];
    showErrors(error.errors, "choose-problem", ...shown);
    wanted.onRefusal?.(path);
    return;
  }
  byId("choose").close();
}

/** An id in a path is a text or an identifier. @param {any} entry @returns {string} */
const toId = (entry) => String(entry?.id ?? entry);
