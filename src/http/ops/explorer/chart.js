// Shows a chart: cards that can be focused, and lines behind them. Only what is visible is in the document.

import { CardPool } from "./cards.js";
import { draw, make } from "./html.js";
import { CARD, outline, tidy } from "./layout.js";

/** @typedef {import("./tree.js").Tree} Tree */
/** @typedef {import("./layout.js").Layout} Layout */
/** @typedef {{select: (id: string) => void, toggle: (id: string) => void, drop: (id: string, to: string) => void}} Actions */

/** The space around the chart, in pixels of the window. */
const MARGIN = 40;
/** How far beyond the window cards are drawn. */
const AHEAD = 200;
/** With more visible cards than this, they are drawn as plain rectangles. */
const MOST_CARDS = 500;
const ZOOM = { least: 0.02, most: 2, fit: 1, step: 1.25, readable: 0.55 };

export class ChartView {
  #scroller;
  #canvas = make("div", { class: "canvas" });
  #world = make("div", { class: "world" });
  #lines = draw("svg", { class: "lines", "aria-hidden": "true", focusable: "false" });
  /** All cards as rectangles, and all lines, for charts that are seen from far. */
  #far = draw("path", { class: "far" });
  #farLines = draw("path", { class: "line" });
  #hasFar = false;
  #list = make("div", { role: "tree", "aria-label": "Chart" });
  #cards;
  /** @type {Tree | null} */
  #tree = null;
  /** @type {Layout} */
  #layout = { boxes: new Map(), lines: new Map(), width: 0, height: 0 };
  /** The ids in reading order. @type {string[]} */
  #order = [];
  #zoom = 1;
  #isOutline = false;
  #isScheduled = false;
  /** @type {Map<string, string[]>} */
  #tags = new Map();
  /** @type {string[]} */
  #path = [];
  #revision = 0;
  selected = "";
  /** The card that Tab reaches. */
  active = "";

  /** @param {HTMLElement} scroller @param {Actions} actions */
  constructor(scroller, actions) {
    this.#scroller = scroller;
    this.#cards = new CardPool(this.#list, actions);
    this.#world.append(this.#lines, this.#list);
    this.#canvas.append(this.#world);
    scroller.append(this.#canvas);
    scroller.addEventListener("scroll", () => this.#schedule(), { passive: true });
    new ResizeObserver(() => this.#resize()).observe(scroller);
  }

  get zoom() {
    return this.#zoom;
  }

  get isOutline() {
    return this.#isOutline;
  }

  get layout() {
    return this.#layout;
  }

  get tree() {
    return this.#tree;
  }

  /** @param {boolean} isOutline */
  setOutline(isOutline) {
    this.#isOutline = isOutline;
    this.#list.setAttribute("aria-orientation", isOutline ? "vertical" : "horizontal");
    this.#scroller.classList.toggle("outline", isOutline);
  }

  /** Draws a tree. The card of `anchor` stays where it is in the window. @param {Tree | null} tree @param {string} [anchor] */
  show(tree, anchor) {
    const before = anchor === undefined ? null : this.#inWindow(anchor);
    this.#tree = tree;
    this.#hasFar = false;
    if (!tree) {
      this.#layout = { boxes: new Map(), lines: new Map(), width: 0, height: 0 };
      this.#order = [];
      this.#cards.clear();
      this.#lines.replaceChildren();
      this.#resize();
      return;
    }
    this.#layout = this.#isOutline ? outline(tree.root, tree.childrenOf) : tidy(tree.root, tree.childrenOf, tree.isLeaf);
    this.#order = [...this.#layout.boxes.keys()];
    if (!this.#isOutline) this.#order = readingOrder(tree);
    if (!this.#layout.boxes.has(this.selected)) this.selected = "";
    if (!this.#layout.boxes.has(this.active)) this.active = this.selected || tree.focus;
    this.#resize();
    const after = before && anchor !== undefined ? this.#inWindow(anchor) : null;
    if (before && after) this.#scroller.scrollBy({ left: after.x - before.x, top: after.y - before.y, behavior: "instant" });
    this.#refresh();
  }

  /** Marks users with words, such as their role for the selected user. @param {Map<string, string[]>} tags */
  setTags(tags) {
    this.#tags = tags;
    this.#refresh();
  }

  /** Marks a path that would be closed. @param {string[]} ids */
  setPath(ids) {
    this.#path = ids;
    this.#refresh();
  }

  /** @param {string} id */
  select(id) {
    this.selected = this.#layout.boxes.has(id) ? id : "";
    if (this.selected) this.active = id;
    this.#refresh();
  }

  /** Scrolls a card into the middle of the window. @param {string} id */
  center(id) {
    const box = this.#layout.boxes.get(id);
    if (!box) return;
    const { clientWidth, clientHeight } = this.#scroller;
    const [x, y] = this.#offset();
    const left = this.#isOutline ? 0 : x + (box.x + CARD.width / 2) * this.#zoom - clientWidth / 2;
    this.#scroller.scrollTo({ left, top: y + (box.y + CARD.height / 2) * this.#zoom - clientHeight / 2, behavior: "instant" });
    this.#render();
  }

  /** Shows the whole chart, and with `isReadable` only as far as cards remain readable. @param {string} id @param {boolean} isReadable */
  fit(id, isReadable) {
    const { clientWidth, clientHeight } = this.#scroller;
    const { width, height } = this.#layout;
    const across = (clientWidth - 2 * MARGIN) / Math.max(width, 1);
    const down = (clientHeight - 2 * MARGIN) / Math.max(height, 1);
    const zoom = this.#isOutline && isReadable ? 1 : Math.min(across, down, ZOOM.fit);
    this.#zoom = Math.max(zoom, isReadable ? ZOOM.readable : ZOOM.least);
    this.#resize();
    this.center(id);
  }

  /** Zooms by steps around a point of the window, by default its middle. @param {number} steps @param {{x: number, y: number}} [point] */
  zoomBy(steps, point) {
    const { left, top, width, height } = this.#scroller.getBoundingClientRect();
    const at = point ? { x: point.x - left, y: point.y - top } : { x: width / 2, y: height / 2 };
    const [x, y] = this.#offset();
    const inside = { x: (this.#scroller.scrollLeft + at.x - x) / this.#zoom, y: (this.#scroller.scrollTop + at.y - y) / this.#zoom };
    this.#zoom = Math.min(ZOOM.most, Math.max(ZOOM.least, this.#zoom * ZOOM.step ** steps));
    this.#resize();
    const [newX, newY] = this.#offset();
    this.#scroller.scrollTo({ left: newX + inside.x * this.#zoom - at.x, top: newY + inside.y * this.#zoom - at.y, behavior: "instant" });
    this.#render();
  }

  /** Focuses a card. @param {string} id */
  focus(id) {
    const box = this.#layout.boxes.get(id);
    if (!box) return;
    this.active = id;
    const place = this.#inWindow(id);
    const { clientWidth, clientHeight } = this.#scroller;
    const isInside = place && place.x >= 0 && place.y >= 0 && place.x + CARD.width * this.#zoom <= clientWidth && place.y + CARD.height * this.#zoom <= clientHeight;
    if (!isInside) this.center(id);
    this.#refresh();
    this.#cards.get(id)?.focus({ preventScroll: true });
  }

  /** The id of the card that follows in reading order. @param {string} id @param {number} step */
  neighbour(id, step) {
    return this.#order[this.#order.indexOf(id) + step];
  }

  /** Where the chart begins within the canvas: small charts are in the middle. @returns {[number, number]} */
  #offset() {
    const { clientWidth, clientHeight } = this.#scroller;
    const free = (clientWidth - this.#layout.width * this.#zoom) / 2;
    const down = (clientHeight - this.#layout.height * this.#zoom) / 2;
    return this.#isOutline ? [12, 12] : [Math.max(MARGIN, free), Math.max(MARGIN, Math.min(down, MARGIN * 2))];
  }

  /** @param {string} id */
  #inWindow(id) {
    const box = this.#layout.boxes.get(id);
    if (!box) return null;
    const [x, y] = this.#offset();
    return { x: x + box.x * this.#zoom - this.#scroller.scrollLeft, y: y + box.y * this.#zoom - this.#scroller.scrollTop };
  }

  #resize() {
    const [x, y] = this.#offset();
    const { width, height } = this.#layout;
    this.#canvas.style.width = `${width * this.#zoom + 2 * x}px`;
    this.#canvas.style.height = `${height * this.#zoom + 2 * y}px`;
    this.#world.style.transform = `translate(${x}px, ${y}px) scale(${this.#zoom})`;
    this.#schedule();
  }

  #schedule() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.#render();
    });
  }

  /** Draws everything again, also what is in the document already. */
  #refresh() {
    this.#revision++;
    this.#render();
  }

  /** Draws the cards and lines in and around the window. */
  #render() {
    const tree = this.#tree;
    if (!tree) return;
    const [x, y] = this.#offset();
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.#scroller;
    const view = {
      left: (scrollLeft - x - AHEAD) / this.#zoom,
      right: (scrollLeft - x + clientWidth + AHEAD) / this.#zoom,
      top: (scrollTop - y - AHEAD) / this.#zoom,
      bottom: (scrollTop - y + clientHeight + AHEAD) / this.#zoom,
    };
    const { boxes, lines } = this.#layout;
    const isVisible = (/** @type {string} */ id) => {
      const box = boxes.get(id);
      return box !== undefined && box.x < view.right && box.x + CARD.width > view.left && box.y < view.bottom && box.y + CARD.height > view.top;
    };
    const visible = this.#order.filter(isVisible);
    const isFar = visible.length > MOST_CARDS;
    const drawn = new Set(isFar ? [] : visible);
    if (boxes.has(this.active)) drawn.add(this.active);
    const state = { tree, boxes, selected: this.selected, active: this.active, tags: this.#tags, path: this.#path, revision: this.#revision };
    this.#cards.show(isFar ? [...drawn] : this.#order.filter((id) => drawn.has(id)), state);
    if (isFar) return this.#showFar();
    const paths = [];
    for (const line of lines.values()) {
      if (line.left > view.right || line.right < view.left || line.top > view.bottom || line.bottom < view.top) continue;
      paths.push(draw("path", { class: "line", d: line.d }));
    }
    this.#lines.replaceChildren(...paths);
  }

  /** Shows rectangles and lines that are made once for a layout. */
  #showFar() {
    if (!this.#hasFar) {
      this.#hasFar = true;
      this.#far.setAttribute("d", Array.from(this.#layout.boxes.values(), rectangle).join(""));
      this.#farLines.setAttribute("d", Array.from(this.#layout.lines.values(), ({ d }) => d).join(""));
    }
    if (this.#far.parentNode !== this.#lines) this.#lines.replaceChildren(this.#farLines, this.#far);
  }
}

/** @param {import("./layout.js").Box} box */
const rectangle = ({ x, y }) => `M${x} ${y}h${CARD.width}v${CARD.height}h${-CARD.width}z`;

/** Each user, then those below. @param {Tree} tree @returns {string[]} */
function readingOrder(tree) {
  /** @type {string[]} */
  const order = [];
  const visit = (/** @type {string} */ id) => {
    order.push(id);
    tree.childrenOf(id).forEach(visit);
  };
  visit(tree.root);
  return order;
}
