// Computes the layout of a chart: boxes and lines. Pure functions without access to the page.
//
// `tidy` is a tree in the manner of Reingold and Tilford with contours per row of `UNIT` pixels, so that subtrees of any
// shape can be packed side by side. Users without anyone shown below them are packed into columns under their supervisor.

/** @typedef {{x: number, y: number}} Box the upper left corner of a card */
/** @typedef {{d: string, left: number, right: number, top: number, bottom: number}} Line a path and its bounds */
/** @typedef {{boxes: Map<string, Box>, lines: Map<string, Line>, width: number, height: number}} Layout `lines` by the id of the supervisor */
/** @typedef {(id: string) => string[]} Children the ids that are shown below a user, in order */

/** The size of a card. */
export const CARD = { width: 224, height: 64 };
/** All vertical distances are multiples of this. */
const UNIT = 16;
const CARD_ROWS = CARD.height / UNIT;
/** The distance between a card and those below it. */
const LEVEL_ROWS = 3;
/** The distance between cards of one column, in rows, and between columns. */
const STACK_ROWS = 1;
const GUTTER = 32;
/** The distance between subtrees. */
const GAP = 32;
/** The distance from the left edge of a card to the line that leads to the column below it. */
const INDENT = 20;
/** At most this many users with others below them are placed in a row. More become several rows. */
const LONGEST_ROW = 6;
/** The width of several rows, relative to their height. */
const RATIO = 1.6;
/** The longest single column. */
const LONGEST_COLUMN = 5;

/**
 * A packed subtree. `left` and `right` are its contours per row; `anchors` is where lines from above arrive. `x` and `row` are
 * relative to what is below the supervisor.
 * @typedef {{id: string | null, x: number, row: number, card: number, shelves: Block[][], cells: Cell[], left: number[], right: number[], anchors: number[]}} Block
 */
/** @typedef {{id: string, x: number, row: number, trunk: number}} Cell */

/**
 * A tree from top to bottom.
 * @param {string} root
 * @param {Children} childrenOf
 * @param {(id: string) => boolean} isLeaf whether a user certainly has no one below
 * @returns {Layout}
 */
export function tidy(root, childrenOf, isLeaf) {
  const block = pack(root, childrenOf, isLeaf);
  /** @type {Layout} */
  const layout = { boxes: new Map(), lines: new Map(), width: 0, height: block.left.length * UNIT };
  const start = Math.min(...block.left);
  layout.width = Math.max(...block.right) - start;
  place(block, -start, 0, layout);
  return layout;
}

/** @type {(id: string, childrenOf: Children, isLeaf: (id: string) => boolean) => Block} */
function pack(id, childrenOf, isLeaf) {
  const children = childrenOf(id);
  const { inRow, stacked } = divide(children, childrenOf, isLeaf);
  const parts = inRow.map((child) => pack(child, childrenOf, isLeaf));
  if (stacked.length > 0) parts.push(stack(stacked));
  const shelves = parts.length > LONGEST_ROW ? divideIntoShelves(parts) : parts.length > 0 ? [parts] : [];
  const { left, right } = arrange(shelves);
  const arrivals = anchorsOf(shelves);
  const first = arrivals[0] ?? CARD.width / 2;
  const last = arrivals.at(-1) ?? first;
  // A single column hangs at the left part of the card, everything else at its middle.
  const card = hangs(shelves) ? first - INDENT : (first + last) / 2 - CARD.width / 2;
  const middle = card + CARD.width / 2;
  const above = parts.length > 0 ? LEVEL_ROWS : 0;
  return {
    id,
    x: 0,
    row: 0,
    card,
    shelves,
    cells: [],
    left: [...repeat(CARD_ROWS, card), ...repeat(above, Math.min(first, middle)), ...left],
    right: [...repeat(CARD_ROWS, card + CARD.width), ...repeat(above, Math.max(last, middle)), ...right],
    anchors: [middle],
  };
}

/** Divides subtrees into rows of about the same width, so that the whole is not much wider than high. @type {(parts: Block[]) => Block[][]} */
function divideIntoShelves(parts) {
  const widthOf = (/** @type {Block} */ part) => Math.max(...part.right) - Math.min(...part.left) + GAP;
  const area = parts.reduce((sum, part) => sum + widthOf(part) * (part.left.length + LEVEL_ROWS) * UNIT, 0);
  const widest = Math.max(Math.sqrt(area * RATIO), LONGEST_ROW * (CARD.width + GAP), ...parts.map(widthOf));
  /** @type {Block[][]} */
  const shelves = [];
  let free = 0;
  for (const part of parts) {
    const width = widthOf(part);
    if (width > free) {
      shelves.push([]);
      free = widest;
    }
    shelves.at(-1)?.push(part);
    free -= width;
  }
  return shelves;
}

/** Places subtrees side by side, and shelves below each other. Returns the contours of the whole. @type {(shelves: Block[][]) => {left: number[], right: number[]}} */
function arrange(shelves) {
  /** @type {{left: number[], right: number[]}} */
  const whole = { left: [], right: [] };
  for (const shelf of shelves) {
    /** @type {number[]} */
    const left = [];
    /** @type {number[]} */
    const right = [];
    for (const part of shelf) {
      part.x = distance(right, part.left);
      part.left.forEach((edge, row) => (left[row] = Math.min(left[row] ?? Infinity, edge + part.x)));
      part.right.forEach((edge, row) => (right[row] = Math.max(right[row] ?? -Infinity, edge + part.x)));
    }
    if (shelves.length === 1) return { left, right };
    // A vertical line at the left, at 0, leads to all shelves.
    const moved = GUTTER / 2 - Math.min(...left);
    if (whole.right.length > 0) whole.right.push(...repeat(LEVEL_ROWS, (right[0] ?? 0) + moved));
    for (const part of shelf) Object.assign(part, { x: part.x + moved, row: whole.right.length });
    whole.right.push(...right.map((edge) => edge + moved));
  }
  whole.left = repeat(whole.right.length, 0);
  return whole;
}

/** Where lines arrive at the first shelf, from left to right. @type {(shelves: Block[][]) => number[]} */
function anchorsOf(shelves) {
  const first = (shelves[0] ?? []).flatMap((part) => part.anchors.map((anchor) => part.x + anchor));
  return shelves.length > 1 ? [0, ...first] : first;
}

/** Whether all is one column, with its line at the left. @type {(shelves: Block[][]) => boolean} */
function hangs(shelves) {
  const cell = shelves.length === 1 && shelves[0]?.length === 1 ? shelves[0][0]?.cells[0] : undefined;
  return cell !== undefined && cell.trunk < cell.x;
}

/** @type {(count: number, value: number) => number[]} */
const repeat = (count, value) => new Array(count).fill(value);

/**
 * Which users are placed side by side and which are stacked. A user with others shown below is never stacked.
 * @type {(children: string[], childrenOf: Children, isLeaf: (id: string) => boolean) => {inRow: string[], stacked: string[]}}
 */
function divide(children, childrenOf, isLeaf) {
  if (children.length < 2) return { inRow: children, stacked: [] };
  const isOpen = (/** @type {string} */ id) => childrenOf(id).length > 0;
  const isFolded = (/** @type {string} */ id) => !isOpen(id) && !isLeaf(id);
  const hasRoom = children.filter(isFolded).length <= LONGEST_ROW;
  const isInRow = (/** @type {string} */ id) => isOpen(id) || (hasRoom && isFolded(id));
  const stacked = children.filter((id) => !isInRow(id));
  return stacked.length > 1 ? { inRow: children.filter(isInRow), stacked } : { inRow: children, stacked: [] };
}

/** How far a part must move to the right so that it keeps the gap to everything before it. @type {(right: number[], left: number[]) => number} */
function distance(right, left) {
  if (right.length === 0) return 0;
  const rows = Math.min(right.length, left.length);
  let moved = -Infinity;
  for (let row = 0; row < rows; row++) moved = Math.max(moved, (right[row] ?? 0) + GAP - (left[row] ?? 0));
  return moved;
}

/**
 * Cards in columns. Two columns share a vertical line between them, so that no line crosses a card.
 * @type {(ids: string[]) => Block}
 */
function stack(ids) {
  const columns = ids.length <= LONGEST_COLUMN ? 1 : 2 * Math.max(1, Math.round(Math.sqrt(0.6 * ids.length) / 2));
  const indent = columns === 1 ? GUTTER : 0;
  const cells = ids.map((id, index) => {
    const column = index % columns;
    const x = indent + column * (CARD.width + GUTTER);
    const trunk = column % 2 === 0 && columns > 1 ? x + CARD.width + GUTTER / 2 : x - GUTTER / 2;
    return { id, x, row: Math.floor(index / columns) * (CARD_ROWS + STACK_ROWS), trunk };
  });
  const used = Math.min(columns, ids.length);
  const height = (cells.at(-1)?.row ?? 0) + CARD_ROWS;
  const trunks = [...new Set(cells.map((cell) => cell.trunk))];
  const width = indent + used * (CARD.width + GUTTER) - GUTTER;
  const right = Math.max(width, ...trunks);
  return { id: null, x: 0, row: 0, card: 0, shelves: [], cells, left: repeat(height, 0), right: repeat(height, right), anchors: trunks };
}

/** Turns relative positions into boxes and lines. @type {(block: Block, x: number, row: number, layout: Layout) => void} */
function place(block, x, row, layout) {
  const id = block.id;
  if (id === null) return;
  const top = row * UNIT;
  layout.boxes.set(id, { x: x + block.card, y: top });
  if (block.shelves.length === 0) return;
  const below = row + CARD_ROWS + LEVEL_ROWS;
  const arrivals = anchorsOf(block.shelves).map((anchor) => x + anchor);
  const middle = x + block.card + CARD.width / 2;
  const [first, last] = [arrivals[0] ?? middle, arrivals.at(-1) ?? middle];
  const isStraight = hangs(block.shelves) || arrivals.length === 1;
  const line = new Path();
  const bottom = top + CARD.height;
  const halfway = (LEVEL_ROWS * UNIT) / 2;
  const bus = bottom + halfway;
  line.vertical(hangs(block.shelves) ? first : middle, bottom, isStraight ? below * UNIT : bus);
  if (!isStraight) line.horizontal(bus, Math.min(first, middle), Math.max(last, middle));
  for (const shelf of block.shelves) {
    const shelfRow = below + (shelf[0]?.row ?? 0);
    const shelfBus = shelfRow * UNIT - halfway;
    if (shelfRow > below) {
      const end = Math.max(...shelf.flatMap((part) => part.anchors.map((anchor) => x + part.x + anchor)));
      line.vertical(first, bus, shelfBus);
      line.horizontal(shelfBus, first, end);
    }
    const start = isStraight ? bottom : shelfBus;
    for (const part of shelf) {
      for (const anchor of part.anchors) line.vertical(x + part.x + anchor, start, shelfRow * UNIT);
      if (part.id === null) placeStack(part, x + part.x, shelfRow, layout, line);
      else place(part, x + part.x, shelfRow, layout);
    }
  }
  layout.lines.set(id, line);
}

/** Places the cards of columns, and draws the lines that they share. @type {(stacked: Block, x: number, row: number, layout: Layout, line: Path) => void} */
function placeStack(stacked, x, row, layout, line) {
  const lowest = new Map(stacked.cells.map((cell) => [cell.trunk, cell.row]));
  for (const [trunk, last] of lowest) line.vertical(x + trunk, row * UNIT, (row + last) * UNIT + CARD.height / 2);
  for (const cell of stacked.cells) {
    const y = (row + cell.row) * UNIT;
    layout.boxes.set(cell.id, { x: x + cell.x, y });
    const edge = cell.trunk > cell.x ? cell.x + CARD.width : cell.x;
    line.horizontal(y + CARD.height / 2, x + cell.trunk, x + edge);
  }
}

/** The size of a row of an outline. */
const OUTLINE = { indent: 24, pitch: CARD.height + 8 };

/**
 * One user per row, indented by level: fits narrow windows.
 * @param {string} root
 * @param {Children} childrenOf
 * @returns {Layout}
 */
export function outline(root, childrenOf) {
  /** @type {Layout} */
  const layout = { boxes: new Map(), lines: new Map(), width: 0, height: 0 };
  /** @type {(id: string, level: number) => void} */
  const visit = (id, level) => {
    const box = { x: level * OUTLINE.indent, y: layout.boxes.size * OUTLINE.pitch };
    layout.boxes.set(id, box);
    layout.width = Math.max(layout.width, box.x + CARD.width);
    const children = childrenOf(id);
    if (children.length === 0) return;
    children.forEach((child) => visit(child, level + 1));
    const line = new Path();
    const trunk = box.x + OUTLINE.indent / 2;
    const middles = children.map((child) => (layout.boxes.get(child)?.y ?? 0) + CARD.height / 2);
    line.vertical(trunk, box.y + CARD.height, middles.at(-1) ?? 0);
    for (const middle of middles) line.horizontal(middle, trunk, box.x + OUTLINE.indent);
    layout.lines.set(id, line);
  };
  visit(root, 0);
  layout.height = layout.boxes.size * OUTLINE.pitch - (OUTLINE.pitch - CARD.height);
  return layout;
}

/** Collects the segments of a path and its bounds. Its text is made when it is drawn: most lines of a large chart are not. */
class Path {
  /** Four numbers for each segment. @type {number[]} */
  #segments = [];
  left = Infinity;
  right = -Infinity;
  top = Infinity;
  bottom = -Infinity;

  /** @param {number} x @param {number} from @param {number} to */
  vertical(x, from, to) {
    this.#add(x, from, x, to);
  }

  /** @param {number} y @param {number} from @param {number} to */
  horizontal(y, from, to) {
    this.#add(from, y, to, y);
  }

  get d() {
    let text = "";
    for (let at = 0; at < this.#segments.length; at += 4) {
      const [x, y, toX, toY] = this.#segments.slice(at, at + 4);
      text += x === toX ? `M${x} ${y}V${toY}` : `M${x} ${y}H${toX}`;
    }
    return text;
  }

  /** @param {number} x @param {number} y @param {number} toX @param {number} toY */
  #add(x, y, toX, toY) {
    this.#segments.push(x, y, toX, toY);
    this.left = Math.min(this.left, x, toX);
    this.right = Math.max(this.right, x, toX);
    this.top = Math.min(this.top, y, toY);
    this.bottom = Math.max(this.bottom, y, toY);
  }
}
