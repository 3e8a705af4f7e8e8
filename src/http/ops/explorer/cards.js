// The cards of a chart that are in the document: items of a tree, with roving focus.

import { make } from "./html.js";
import { CARD } from "./layout.js";
import { initials } from "./people.js";

/** @typedef {import("./tree.js").Tree} Tree */
/** @typedef {import("./tree.js").TreeNode} TreeNode */
/** @typedef {{tree: Tree, boxes: Map<string, import("./layout.js").Box>, selected: string, active: string, tags: Map<string, string[]>, path: string[], revision: number}} State `revision` changes with anything else */

/** The media type of a card that is dragged. */
const DRAGGED = "application/x-user";

export class CardPool {
  #list;
  #actions;
  /** @type {Map<string, HTMLElement>} */
  #cards = new Map();
  #revision = -1;

  /** @param {HTMLElement} list @param {import("./chart.js").Actions} actions */
  constructor(list, actions) {
    this.#list = list;
    this.#actions = actions;
  }

  /** @param {string} id */
  get(id) {
    return this.#cards.get(id);
  }

  clear() {
    this.#cards.clear();
    this.#list.replaceChildren();
  }

  /** Shows these cards, in this order, and removes all others. @param {string[]} ids @param {State} state */
  show(ids, state) {
    const wanted = new Set(ids);
    for (const [id, card] of this.#cards) {
      if (wanted.has(id)) continue;
      card.remove();
      this.#cards.delete(id);
    }
    // From the last to the first, so that cards that are in place already do not move and keep their focus.
    let next = null;
    for (const id of ids.toReversed()) {
      const known = this.#cards.get(id);
      const card = known ?? this.#create(id);
      if (!known || this.#revision !== state.revision) this.#update(card, state.tree.get(id), state);
      if (card.parentNode !== this.#list || card.nextSibling !== next) this.#list.insertBefore(card, next);
      next = card;
    }
    this.#revision = state.revision;
  }

  /** @param {string} id @returns {HTMLElement} */
  #create(id) {
    const part = (/** @type {string} */ name) => make("span", { class: name });
    const toggle = make("span", { class: "toggle", "aria-hidden": "true" });
    const card = make(
      "div",
      { role: "treeitem", class: "card", "data-id": id, draggable: "true" },
      make("span", { class: "picture", "aria-hidden": "true" }),
      make("span", { class: "words" }, part("name"), part("title"), part("tag"), part("hidden-text")),
      toggle,
    );
    toggle.addEventListener("click", (/** @type {Event} */ event) => {
      event.stopPropagation();
      this.#actions.toggle(id);
    });
    card.addEventListener("click", () => this.#actions.select(id));
    this.#makeDraggable(card, id);
    Object.assign(card.style, { width: `${CARD.width}px`, height: `${CARD.height}px` });
    this.#cards.set(id, card);
    return card;
  }

  /** @param {HTMLElement} card @param {string} id */
  #makeDraggable(card, id) {
    const isPerson = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes(DRAGGED);
    card.addEventListener("dragstart", (event) => {
      event.dataTransfer?.setData(DRAGGED, id);
      card.classList.add("dragged");
    });
    card.addEventListener("dragend", () => card.classList.remove("dragged"));
    card.addEventListener("dragover", (event) => {
      if (!isPerson(event) || card.classList.contains("dragged")) return;
      event.preventDefault();
      card.classList.add("target");
    });
    card.addEventListener("dragleave", () => card.classList.remove("target"));
    card.addEventListener("drop", (event) => {
      card.classList.remove("target");
      const dragged = event.dataTransfer?.getData(DRAGGED);
      event.preventDefault();
      if (dragged && dragged !== id) this.#actions.drop(dragged, id);
    });
  }

  /** @param {HTMLElement} card @param {TreeNode} node @param {State} state */
  #update(card, node, { tree, boxes, selected, active, tags, path }) {
    const box = boxes.get(node.id) ?? { x: 0, y: 0 };
    card.style.transform = `translate(${box.x}px, ${box.y}px)`;
    card.tabIndex = node.id === active ? 0 : -1;
    const chain = tree.chain(node.id);
    const siblings = node.parent === null ? [node.id] : tree.get(node.parent).children;
    const isLeaf = tree.isLeaf(node.id);
    const isOpen = tree.childrenOf(node.id).length > 0;
    const isPartial = isOpen && !node.isComplete;
    const words = tags.get(node.id) ?? [];
    const states = [
      ["aria-level", chain.length],
      ["aria-setsize", siblings.length],
      ["aria-posinset", siblings.indexOf(node.id) + 1],
      ["aria-expanded", isLeaf ? null : isOpen],
      ["aria-selected", node.id === selected],
    ];
    for (const [name, value] of states) {
      if (value === null) card.removeAttribute(`${name}`);
      else if (card.getAttribute(`${name}`) !== `${value}`) card.setAttribute(`${name}`, `${value}`);
    }
    const classes = { focus: node.id === tree.focus, left: !node.isEnabled || node.isDeleted, tagged: words.length > 0, refused: path.includes(node.id) };
    for (const [name, isOn] of Object.entries(classes)) card.classList.toggle(name, isOn);
    const [picture, text, toggle] = card.children;
    const [name, title, tag, more] = text?.children ?? [];
    setText(picture, initials(node));
    setText(name, node.name);
    setText(title, node.title || node.unit || node.email);
    setText(tag, words.join(", "));
    setText(more, describe(node, isLeaf));
    const below = node.below === null ? "" : node.below.toLocaleString("en");
    const mark = isPartial ? "+" : isOpen ? "−" : "+";
    setText(toggle, isLeaf ? "" : `${mark} ${below}`.trim());
    if (toggle instanceof HTMLElement) {
      toggle.hidden = isLeaf;
      toggle.title = isPartial ? "Show all" : isOpen ? "Collapse" : "Show below";
    }
  }
}

/** @param {Element | undefined} element @param {string} text */
function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/** What screen readers say about a card, after its texts. @param {TreeNode} node @param {boolean} isLeaf */
function describe(node, isLeaf) {
  const below = isLeaf || node.below === null ? "" : `${node.below.toLocaleString("en")} below`;
  const gone = node.isDeleted ? "deleted" : node.isEnabled ? "" : "account disabled";
  return [below, gone].filter(Boolean).join(", ");
}
