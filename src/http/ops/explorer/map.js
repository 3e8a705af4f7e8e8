// Draws the map: users are buttons, and relationships are lines behind them.

import { draw, make } from "./html.js";
import { rows } from "./layout.js";

const HEIGHT = 64;
const GAP = { across: 14, down: 56 };
const KINDS = ["subordinate", "colleague", "mentor"];

/** The class of a line. All types except the three built-in ones share a class. */
export const kind = (type) => (KINDS.includes(type) ? type : "other");

export class MapView {
  #element;
  #lines = draw("svg", { "aria-hidden": "true", focusable: "false" });
  #list = make("ul", { class: "plain" });
  #buttons = new Map();
  #boxes = new Map();
  #last = null;

  /** Creates a map in an element; calls `select` with the id of a selected user. */
  constructor(element, select) {
    this.#element = element;
    this.select = select;
    element.append(this.#lines, this.#list);
    element.addEventListener("keydown", (event) => this.#moveFocus(event));
    new ResizeObserver(() => this.#last && this.show(this.#last)).observe(element);
  }

  /** Draws a state: `centre`, `selected`, `people` (with `id`, `name`, `title`, `isOpen`) and `edges`. */
  show(state) {
    this.#last = state;
    const width = this.#element.clientWidth;
    const across = width < 560 ? 150 : 160;
    const longest = Math.max(1, Math.floor((width + GAP.across) / (across + GAP.across)));
    const order = rows(state.centre, state.people.map((person) => person.id), state.edges, longest);
    const people = new Map(state.people.map((person) => [person.id, person]));

    this.#boxes = new Map();
    order.forEach((row, y) => {
      const free = width - row.length * across - (row.length - 1) * GAP.across;
      row.forEach((id, x) => {
        const left = free / 2 + x * (across + GAP.across);
        this.#boxes.set(id, { left, top: y * (HEIGHT + GAP.down) + GAP.down / 2, width: across, row: y, column: x });
      });
    });
    const height = order.length * (HEIGHT + GAP.down);
    this.#element.style.height = `${height}px`;
    this.#lines.setAttribute("viewBox", `0 0 ${Math.max(width, 1)} ${height}`);
    this.#placeButtons(state, people, order.flat());
    this.#lines.replaceChildren(arrows(), ...this.#paths(state));
  }

  /** Clears the map. */
  clear() {
    this.#last = null;
    this.#buttons.clear();
    this.#boxes.clear();
    this.#list.replaceChildren();
    this.#lines.replaceChildren();
  }

  /** Focuses a user. */
  focus(id) {
    this.#buttons.get(id)?.focus();
  }

  #placeButtons(state, people, ids) {
    const focused = document.activeElement;
    for (const [id, button] of this.#buttons) {
      if (!people.has(id)) {
        button.parentElement.remove();
        this.#buttons.delete(id);
      }
    }
    const reachable = people.has(state.selected) ? state.selected : state.centre;
    const items = ids.map((id) => {
      const person = people.get(id);
      const button = this.#buttons.get(id) ?? this.#button(id);
      const box = this.#boxes.get(id);
      const [name, title, mark, hiddenText] = button.children;
      name.textContent = person.name;
      title.textContent = person.title;
      mark.textContent = person.isOpen ? "" : "+";
      hiddenText.textContent = person.isOpen ? "" : "not loaded yet";
      button.setAttribute("aria-current", String(id === state.selected));
      button.classList.toggle("centre", id === state.centre);
      // Tab reaches one button; the arrow keys move between them.
      button.tabIndex = id === reachable ? 0 : -1;
      Object.assign(button.style, { left: `${box.left}px`, top: `${box.top}px`, width: `${box.width}px`, height: `${HEIGHT}px` });
      return button.parentElement;
    });
    // Buttons are in reading order. Moving an element removes its focus, so it is restored.
    if (items.some((item, index) => this.#list.children[index] !== item)) {
      this.#list.replaceChildren(...items);
      if (this.#list.contains(focused)) focused.focus({ preventScroll: true });
    }
  }

  #button(id) {
    const part = (name) => make("span", { class: name });
    const button = make(
      "button",
      { type: "button", class: "person", "data-id": id, onclick: () => this.select(id) },
      part("name"),
      part("title"),
      make("span", { class: "mark", "aria-hidden": "true" }),
      part("hidden-text"),
    );
    make("li", {}, button);
    this.#buttons.set(id, button);
    return button;
  }

  #paths(state) {
    const between = new Map();
    return state.edges.flatMap((edge) => {
      const [from, to] = [this.#boxes.get(edge.owner), this.#boxes.get(edge.target)];
      if (!from || !to) return [];
      const pair = [edge.owner, edge.target].sort().join(" ");
      const number = between.get(pair) ?? 0;
      between.set(pair, number + 1);
      const isSelected = edge.owner === state.selected || edge.target === state.selected;
      const name = kind(edge.type);
      const path = draw("path", { d: line(from, to, number), class: `line ${name}${isSelected ? " near" : ""}`, "marker-end": `url(#arrow-${name})` });
      return [path];
    });
  }

  /** Arrow keys focus the nearest user in their direction, Home the centre. */
  #moveFocus(event) {
    const id = event.target.dataset?.id;
    const directions = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
    if (!id || event.altKey || event.ctrlKey || event.metaKey) return;
    const to = event.key === "Home" ? this.#last.centre : directions[event.key] && this.#nearest(id, directions[event.key]);
    if (event.key !== "Home" && !directions[event.key]) return;
    event.preventDefault();
    if (to) this.focus(to);
  }

  #nearest(id, [x, y]) {
    const middle = (box) => [box.left + box.width / 2, box.top + HEIGHT / 2];
    const [fromX, fromY] = middle(this.#boxes.get(id));
    let best = null;
    for (const [other, box] of this.#boxes) {
      const [toX, toY] = middle(box);
      const ahead = (toX - fromX) * x + (toY - fromY) * y;
      const aside = Math.abs((toX - fromX) * y) + Math.abs((toY - fromY) * x);
      // Left and right stay in the row.
      if (ahead < 1 || (x !== 0 && aside > 1)) continue;
      const distance = ahead * 4 + aside;
      if (!best || distance < best.distance) best = { other, distance };
    }
    return best?.other;
  }
}

/** A line from one box to another. Several lines between the same two boxes are drawn side by side. */
function line(from, to, number) {
  const shift = number * 14;
  const middle = (box) => box.left + box.width / 2 + shift;
  if (from.row === to.row) {
    if (Math.abs(from.column - to.column) === 1 && number === 0) {
      const [start, end] = from.left < to.left ? [from.left + from.width, to.left - 2] : [from.left, to.left + to.width + 2];
      const y = from.top + HEIGHT / 2;
      return `M ${start} ${y} L ${end} ${y}`;
    }
    const [startX, endX, y] = [middle(from), middle(to), from.top];
    const up = y - 20 - shift;
    return `M ${startX} ${y} C ${startX} ${up} ${endX} ${up} ${endX} ${y - 2}`;
  }
  const isUp = to.top < from.top;
  const start = isUp ? from.top : from.top + HEIGHT;
  const end = isUp ? to.top + HEIGHT + 2 : to.top - 2;
  const bend = (end - start) / 2;
  return `M ${middle(from)} ${start} C ${middle(from)} ${start + bend} ${middle(to)} ${end - bend} ${middle(to)} ${end}`;
}

function arrows() {
  const arrow = (name) =>
    draw(
      "marker",
      { id: `arrow-${name}`, class: name, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto", markerUnits: "userSpaceOnUse" },
      draw("path", { d: "M 0 0 L 8 4 L 0 8 z" }),
    );
  return draw("defs", {}, ...[...KINDS, "other"].map(arrow));
}
