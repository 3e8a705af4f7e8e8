// Finds people as the user types: a text field with a list of suggestions, and the next page of them.

import { request } from "./api.js";
import { byId, count, make } from "./html.js";
import { announce, run } from "./messages.js";
import { CARD_FIELDS, toPerson } from "./people.js";

/** @typedef {import("./people.js").Person} Person */

/** How long to wait for the next key before a request, in milliseconds. */
const PAUSE = 150;
const SUGGESTIONS = 10;

export class Picker {
  #input;
  #list;
  #choose;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Increases with every search, so that late responses are discarded. */
  #search = 0;
  /** @type {string | null} */
  #next = null;
  /** What the field shows after a choice: then Enter submits the form. */
  #picked = "";

  /**
   * Attaches to a combobox and its listbox in the page.
   * @param {string} input @param {string} list their ids @param {(person: Person) => void} choose
   */
  constructor(input, list, choose) {
    this.#input = byId(input);
    this.#list = byId(list);
    this.#choose = choose;
    this.#input.addEventListener("input", () => this.#wait());
    this.#input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#onKey(event));
    this.#input.addEventListener("blur", () => this.#hide());
    // A click on an option must not take the focus from the field.
    this.#list.addEventListener("pointerdown", (/** @type {Event} */ event) => event.preventDefault());
  }

  clear() {
    this.#input.value = "";
    this.#picked = "";
    this.#hide();
  }

  #wait() {
    clearTimeout(this.#timer);
    const words = this.#input.value.trim();
    if (words === "") return this.#hide();
    this.#timer = setTimeout(() => run(() => this.#load(words)), PAUSE);
  }

  /** @param {string} words */
  async #load(words) {
    const search = ++this.#search;
    const page = await request("GET", `/users?filter[query]=${encodeURIComponent(words)}&${CARD_FIELDS}&page[limit]=${SUGGESTIONS}`);
    if (search !== this.#search || document.activeElement !== this.#input) return;
    this.#list.replaceChildren();
    this.#append(page);
    const total = page.meta["total-count"];
    announce(total > page.data.length ? `${count(total, "person", "people")} found; the first ${page.data.length} are listed.` : `${count(total, "person", "people")} found.`);
  }

  /** @param {any} page */
  #append(page) {
    this.#list.querySelector(".more")?.remove();
    const options = page.data.map(toPerson).map((/** @type {Person} */ person) => {
      const detail = [person.title, person.unit, person.email].filter(Boolean).join(" · ");
      const option = make("li", { role: "option", "aria-selected": "false" }, make("b", {}, person.name), make("small", {}, detail));
      option.addEventListener("click", () => this.#pick(person));
      return option;
    });
    this.#next = page.links.next;
    if (options.length === 0 && this.#list.children.length === 0) options.push(make("li", { class: "none", role: "option", "aria-disabled": "true", "aria-selected": "false" }, "No one has this name."));
    if (this.#next) {
      const more = make("li", { role: "option", class: "more", "aria-selected": "false" }, "Show more");
      more.addEventListener("click", () => run(() => this.#more()));
      options.push(more);
    }
    this.#list.append(...options);
    [...this.#list.children].forEach((option, index) => (option.id = `${this.#list.id}-${index}`));
    this.#list.hidden = false;
    this.#input.setAttribute("aria-expanded", "true");
  }

  async #more() {
    const search = this.#search;
    if (!this.#next) return;
    const first = this.#list.children.length - 1;
    const page = await request("GET", this.#next);
    if (search !== this.#search) return;
    this.#append(page);
    this.#activate(this.#list.children[first]);
  }

  /** @param {Person} person */
  #pick(person) {
    this.#input.value = person.name;
    this.#picked = person.name;
    this.#hide();
    this.#choose(person);
  }

  #hide() {
    clearTimeout(this.#timer);
    this.#search++;
    this.#list.hidden = true;
    this.#list.replaceChildren();
    this.#input.setAttribute("aria-expanded", "false");
    this.#input.removeAttribute("aria-activedescendant");
  }

  /** @param {Element | undefined} option */
  #activate(option) {
    if (!option || option.getAttribute("aria-disabled")) return;
    for (const other of this.#list.children) other.setAttribute("aria-selected", String(other === option));
    option.scrollIntoView({ block: "nearest" });
    this.#input.setAttribute("aria-activedescendant", option.id);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const options = [...this.#list.children];
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "Escape" && !this.#list.hidden) {
      // Only the list closes, not a dialog around it.
      event.preventDefault();
      event.stopPropagation();
      this.#hide();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (this.#list.hidden) this.#wait();
      else this.#activate(options.at((at + (event.key === "ArrowDown" ? 1 : at < 0 ? 0 : -1)) % options.length));
    } else if (event.key === "Enter" && ![this.#picked, ""].includes(this.#input.value.trim())) {
      event.preventDefault();
      const option = options[Math.max(at, 0)];
      if (option instanceof HTMLElement && !option.getAttribute("aria-disabled")) option.click();
      else if (options.length === 0) run(() => this.#load(this.#input.value.trim()));
    }
  }
}
