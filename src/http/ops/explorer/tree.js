// The users of a chart: loads them page by page, and keeps who is below whom.

import { PAGE, pages, request } from "./api.js";
import { CARD_FIELDS, toPerson } from "./people.js";

/** @typedef {import("./people.js").Person} Person */
/** @typedef {import("./people.js").RelationshipType} RelationshipType */
/**
 * `edge` is the relationship to `parent`. `below` counts the users below at any depth, `null` if the service does not say.
 * `isComplete`: all direct `children` are loaded. `isOpen`: they are shown.
 * @typedef {Person & {parent: string | null, edge: string | null, below: number | null, children: string[], isComplete: boolean, isOpen: boolean}} TreeNode
 */

/** A user with at most this many below gets them all when the chart opens. */
const SMALL = 200;
/** How many cards a chart shows when it opens. */
const FIRST_CARDS = 60;
/** How many users are counted at a time in a chart of the past. */
const MOST_COUNTS = 30;
/** The most users that one chart loads, the limit of a traversal of the API. */
export const MOST = 10_000;

export class Tree {
  /** @type {Map<string, TreeNode>} */
  nodes = new Map();
  root = "";
  focus = "";

  /** @param {RelationshipType} type with both roles @param {string} asOf a moment, or "" for now */
  constructor(type, asOf) {
    this.type = type;
    this.asOf = asOf;
  }

  /** @param {string} id @returns {TreeNode} */
  get(id) {
    const node = this.nodes.get(id);
    if (!node) throw new Error(`user ${id} is not in the chart`);
    return node;
  }

  /** The ids that are shown below a user. @type {(id: string) => string[]} */
  childrenOf = (id) => {
    const node = this.get(id);
    return node.isOpen ? node.children : [];
  };

  /** Whether a user certainly has no one below. @type {(id: string) => boolean} */
  isLeaf = (id) => {
    const node = this.get(id);
    return node.isComplete ? node.children.length === 0 : node.below === 0;
  };

  /** The URL of the users with a role. @param {string} id @param {string | null} role @param {string} depth @param {string} page */
  #path(id, role, depth, page = `page[size]=${PAGE}`) {
    const moment = this.asOf ? `&filter[as-of]=${encodeURIComponent(this.asOf)}` : "";
    return `/users/${id}/${role}?max-depth=${depth}&${CARD_FIELDS}&${page}${moment}`;
  }

  /** Loads the chain above a user, and the users below. @param {Person} person */
  async load(person) {
    const [above, below] = await Promise.all([
      request("GET", this.#path(person.id, this.type.up, "all")),
      this.#firstBelow(person.id),
    ]);
    this.focus = person.id;
    this.root = person.id;
    this.nodes.set(person.id, { ...toNode(person), below: below.total });
    this.#addChain(above.data);
    if (below.isWhole) this.#addRows(person.id, below.rows, true);
    else await this.loadChildren(person.id);
    this.#openLevels(person.id);
  }

  /** All users below, or the first page if they are many. @param {string} id */
  async #firstBelow(id) {
    /** @type {any[]} */
    const rows = [];
    let total = null;
    try {
      for await (const page of pages(this.#path(id, this.type.down, "all"))) {
        total = page.meta["total-count"];
        rows.push(...page.data);
        if (total > SMALL) return { rows, total, isWhole: false };
      }
    } catch (error) {
      // Without a tree, the service refuses a traversal of many users: then only those directly below are loaded.
      if (!(error instanceof Error && "code" in error && error.code === "traversal-too-large")) throw error;
      return { rows, total, isWhole: false };
    }
    return { rows, total, isWhole: true };
  }

  /** Adds the users above the focus, each above the one before. @param {any[]} rows */
  #addChain(rows) {
    for (const row of rows) {
      // Without a tree, a user may have several above: the chart follows the first.
      if (row.meta.via !== this.root || this.nodes.has(row.id)) continue;
      const below = this.get(this.root);
      below.parent = row.id;
      below.edge = row.meta["user-relationship"];
      const node = { ...toNode(toPerson(row)), below: row.meta["below-count"] ?? null, children: [this.root], isOpen: true };
      this.nodes.set(row.id, node);
      this.root = row.id;
    }
  }

  /** Adds rows below a user. With `isWhole` they are all that is below. @param {string} id @param {any[]} rows @param {boolean} isWhole */
  #addRows(id, rows, isWhole) {
    for (const row of rows) {
      const parent = this.nodes.get(row.meta.via);
      if (!parent || this.#isAbove(row.id, parent.id)) continue;
      const known = this.nodes.get(row.id);
      // Without a tree, a user may be below several: the chart shows it once.
      if (known && known.parent !== parent.id && !this.type.isTree) continue;
      if (known?.parent && known.parent !== parent.id) this.#detach(known);
      const node = Object.assign(known ?? toNode(toPerson(row)), { ...toPerson(row), parent: parent.id, edge: row.meta["user-relationship"] });
      node.below = row.meta["below-count"] ?? node.below;
      this.nodes.set(row.id, node);
      if (!parent.children.includes(row.id)) parent.children.push(row.id);
    }
    if (isWhole) this.#complete(id);
  }

  /** Marks a whole subtree as loaded, and counts it. @param {string} id @returns {number} */
  #complete(id) {
    const node = this.get(id);
    node.isComplete = true;
    const below = node.children.reduce((sum, child) => sum + 1 + this.#complete(child), 0);
    node.below ??= below;
    return below;
  }

  /** Whether a user is the other one, or above it. @param {string} id @param {string | null} other */
  #isAbove(id, other) {
    for (let at = other; at !== null; at = this.get(at).parent) if (at === id) return true;
    return false;
  }

  /** The users from the root to a user. @param {string} id @returns {TreeNode[]} */
  chain(id) {
    const chain = [];
    for (let at = this.nodes.get(id); at; at = at.parent === null ? undefined : this.nodes.get(at.parent)) chain.unshift(at);
    return chain;
  }

  /** Opens level by level while the chart stays small. @param {string} id */
  #openLevels(id) {
    let shown = this.chain(id).length;
    for (let level = [this.get(id)]; level.length > 0; ) {
      const next = level.filter((node) => node.isComplete).flatMap((node) => node.children);
      // Those directly below the focus are always shown.
      if (shown + next.length > FIRST_CARDS && level[0]?.id !== id) return;
      for (const node of level) node.isOpen = node.isComplete && node.children.length > 0;
      shown += next.length;
      level = next.map((child) => this.get(child));
    }
  }

  /** Loads and shows everyone directly below a user. @param {string} id @param {() => void} [progress] called after each page */
  async loadChildren(id, progress) {
    const node = this.get(id);
    node.isOpen = true;
    /** @type {string[]} */
    const order = [];
    for await (const page of pages(this.#path(id, this.type.down, "1"))) {
      this.#addRows(id, page.data, false);
      order.push(...page.data.map((/** @type {any} */ row) => row.id));
      progress?.();
    }
    // The user on the way to the focus was there before the others.
    const rank = new Map(order.map((child, index) => [child, index]));
    node.children.sort((a, b) => (rank.get(a) ?? Infinity) - (rank.get(b) ?? Infinity));
    node.isComplete = true;
    node.isOpen = node.children.length > 0;
    node.below ??= node.children.length === 0 ? 0 : null;
  }

  /** Loads and shows everyone below a user, page by page. @param {string} id @param {(loaded: number, total: number) => boolean} progress called after each page; `false` stops */
  async loadAll(id, progress) {
    if (!this.#isWhole(id)) {
      let { starts, loaded, total } = await this.#startsBelow(id);
      for (const start of starts) {
        for await (const page of pages(this.#path(start, this.type.down, "all"))) {
          this.#addRows(start, page.data, false);
          for (const row of page.data) this.get(row.meta.via).isOpen = true;
          loaded += page.data.length;
          total ??= page.meta["total-count"];
          if (!progress(loaded, total ?? loaded) || loaded >= MOST) return;
        }
      }
      this.#complete(id);
    }
    this.#openAll(id);
  }

  /**
   * The users from whom everyone below a user is loaded, and how many are loaded before. The service follows all
   * relationships of the past again for each page: the parts of a chart take less time together than the whole.
   * @param {string} id @returns {Promise<{starts: string[], loaded: number, total: number | null}>}
   */
  async #startsBelow(id) {
    const node = this.get(id);
    if (!this.asOf || !this.type.isTree || node.below === null) return { starts: [id], loaded: 0, total: null };
    if (!node.isComplete) await this.loadChildren(id);
    return { starts: node.children, loaded: node.children.length, total: node.below };
  }

  /**
   * Counts those below the shown users for whom the service has not said it, as in a chart of the past, one request each.
   * @param {() => boolean} progress called after each count; `false` stops
   */
  async countBelow(progress) {
    /** @type {(id: string) => string[]} */
    const shown = (id) => [id, ...this.childrenOf(id).flatMap(shown)];
    const unknown = shown(this.root).filter((id) => this.get(id).below === null).slice(0, MOST_COUNTS);
    for (const id of unknown) {
      const { meta } = await request("GET", this.#path(id, this.type.down, "all", "page[limit]=0"));
      const node = this.nodes.get(id);
      if (node) node.below ??= meta["total-count"];
      if (!progress()) return;
    }
  }

  /** @param {string} id @returns {boolean} */
  #isWhole(id) {
    const node = this.get(id);
    return node.below === 0 || (node.isComplete && node.children.every((child) => this.#isWhole(child)));
  }

  /** @param {string} id */
  #openAll(id) {
    const node = this.get(id);
    node.isOpen = node.children.length > 0;
    node.children.forEach((child) => this.#openAll(child));
  }

  /** Hides everyone below the users who are below this one. @param {string} id */
  collapse(id) {
    for (const child of this.get(id).children) {
      this.get(child).isOpen = false;
      this.collapse(child);
    }
  }

  /** Shows a user who is loaded. @param {string} id */
  reveal(id) {
    for (const node of this.chain(id).slice(0, -1)) node.isOpen = true;
  }

  /** Moves a user and everyone below to another supervisor, as the service did. @param {string} id @param {string} to @param {string} edge */
  move(id, to, edge) {
    const node = this.get(id);
    this.#detach(node);
    const parent = this.nodes.get(to);
    if (!parent) {
      if (this.root !== id) this.#forget(node);
      return;
    }
    Object.assign(node, { parent: to, edge });
    parent.children.push(id);
    parent.isOpen = true;
    this.#count(parent, 1 + (node.below ?? 0));
  }

  /** @param {TreeNode} node */
  #detach(node) {
    const parent = node.parent === null ? undefined : this.nodes.get(node.parent);
    if (!parent) return;
    parent.children = parent.children.filter((child) => child !== node.id);
    if (parent.children.length === 0) parent.isOpen = false;
    this.#count(parent, -1 - (node.below ?? 0));
    node.parent = null;
  }

  /** Changes the counts of a user and of everyone above. @param {TreeNode} from @param {number} change */
  #count(from, change) {
    for (const node of this.chain(from.id)) if (node.below !== null) node.below += change;
  }

  /** @param {TreeNode} node */
  #forget(node) {
    node.children.forEach((child) => this.#forget(this.get(child)));
    this.nodes.delete(node.id);
  }
}

/** @param {Person} person @returns {TreeNode} */
function toNode(person) {
  return { ...person, parent: null, edge: null, below: null, children: [], isComplete: false, isOpen: false };
}
