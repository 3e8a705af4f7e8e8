// Asserts that a chart is tidy: cards do not overlap, and no line runs through a card.

import assert from "node:assert/strict";

import { CARD, outline, tidy } from "../../../src/http/ops/explorer/layout.js";

/** Finds overlaps of cards, and lines within cards. `cards` have `id`, `left`, `right`, `top`, `bottom`; `lines` are two points each. */
function findFaults(cards, lines) {
  const faults = [];
  const HEIGHT = 200;
  const bands = new Map();
  const bandsOf = (top, bottom) => Array.from({ length: Math.floor(bottom / HEIGHT) - Math.floor(top / HEIGHT) + 1 }, (_, at) => Math.floor(top / HEIGHT) + at);
  for (const card of cards) {
    for (const band of bandsOf(card.top, card.bottom)) bands.set(band, [...(bands.get(band) ?? []), card].sort((a, b) => a.left - b.left));
  }
  const isInside = (one, other) => one.left < other.right - 1 && one.right > other.left + 1 && one.top < other.bottom - 1 && one.bottom > other.top + 1;
  const near = (box) => new Set(bandsOf(box.top, box.bottom).flatMap((band) => bands.get(band) ?? []));
  for (const card of cards) for (const other of near(card)) if (card.id < other.id && isInside(card, other)) faults.push(`${card.id} overlaps ${other.id}`);
  for (const line of lines) for (const card of near(line)) if (isInside(line, card)) faults.push(`a line runs through ${card.id}`);
  return faults.slice(0, 5);
}

/** The segments of a path of horizontal and vertical lines. */
function segments(d) {
  return [...d.matchAll(/M(-?[\d.]+) (-?[\d.]+)([VH])(-?[\d.]+)/g)].map(([, x, y, direction, to]) => {
    const [x1, y1] = [Number(x), Number(y)];
    const [x2, y2] = direction === "V" ? [x1, Number(to)] : [Number(to), y1];
    return { left: Math.min(x1, x2), right: Math.max(x1, x2), top: Math.min(y1, y2), bottom: Math.max(y1, y2) };
  });
}

/** Checks what is in the document now, in pixels of the window. Returns the number of cards. */
export async function assertTidy(page) {
  const { cards, paths } = await page.evaluate(() => {
    const toBox = ({ left, right, top, bottom }) => ({ left, right, top, bottom });
    return {
      cards: [...document.querySelectorAll("#chart [data-id]")].map((card) => ({ id: card.dataset.id, ...toBox(card.getBoundingClientRect()) })),
      paths: [...document.querySelectorAll("#chart path.line")].map((path) => {
        const { a, e, f } = path.getScreenCTM();
        return { d: path.getAttribute("d"), scale: a, x: e, y: f };
      }),
    };
  });
  const lines = paths.flatMap(({ d, scale, x, y }) =>
    segments(d).map((box) => ({ left: box.left * scale + x, right: box.right * scale + x, top: box.top * scale + y, bottom: box.bottom * scale + y })),
  );
  assert.ok(cards.length > 1 && lines.length > 0, `${cards.length} cards, ${lines.length} lines`);
  assert.deepEqual(findFaults(cards, lines), []);
  return cards.length;
}

/** A random tree of `size` users: a function that returns those below. */
function randomTree(size, random, widest) {
  const children = new Map([["0", []]]);
  const open = ["0"];
  for (let id = 1; id < size; ) {
    const parent = open.splice(Math.floor(random() * open.length), 1)[0] ?? "0";
    for (let many = 1 + Math.floor(random() ** 3 * widest); many > 0 && id < size; many--, id++) {
      children.get(parent).push(String(id));
      children.set(String(id), []);
      open.push(String(id));
    }
  }
  return (id) => children.get(id);
}

/** Checks the layouts of random trees of all shapes, without a browser. Returns their number. */
export function checkRandomLayouts() {
  let seed = 1;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  let number = 0;
  for (const [size, widest] of [[2, 1], [7, 6], [30, 4], [60, 12], [300, 40], [400, 250], [3_000, 12], [10_000, 200]]) {
    for (let repeat = 0; repeat < (size > 1_000 ? 1 : 12); repeat++, number++) {
      const childrenOf = randomTree(size, random, widest);
      const isLeaf = (id) => childrenOf(id).length === 0 && Number(id) % 3 !== 0;
      for (const layout of [tidy("0", childrenOf, isLeaf), outline("0", childrenOf)]) {
        const cards = [...layout.boxes].map(([id, { x, y }]) => ({ id, left: x, right: x + CARD.width, top: y, bottom: y + CARD.height }));
        assert.equal(cards.length, size);
        assert.ok(cards.every(({ left, right, top, bottom }) => left >= 0 && top >= 0 && right <= layout.width && bottom <= layout.height), "within the bounds");
        assert.deepEqual(findFaults(cards, [...layout.lines.values()].flatMap(({ d }) => segments(d))), []);
      }
    }
  }
  return number;
}
