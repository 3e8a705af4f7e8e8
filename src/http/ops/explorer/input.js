// Moves around in a chart: keys, wheel, mouse and fingers.

/** @typedef {import("./chart.js").ChartView} ChartView */
/** @typedef {{select: (id: string) => void, open: (id: string) => Promise<void>, close: (id: string) => void}} Commands `open` loads and shows those below */

/**
 * Keys of a chart: up and down along the tree, left and right along a level. Keys of an outline: those of ARIA's tree.
 * @param {HTMLElement} scroller @param {ChartView} view @param {Commands} commands
 */
export function listenToKeys(scroller, view, commands) {
  scroller.addEventListener("keydown", (event) => {
    const tree = view.tree;
    const card = event.target instanceof HTMLElement ? event.target.closest("[data-id]") : null;
    const id = card?.getAttribute("data-id");
    if (!tree || !id || event.altKey || event.ctrlKey || event.metaKey) return;
    const node = tree.get(id);
    const isOpen = tree.childrenOf(id).length > 0;
    const focus = (/** @type {string | null | undefined} */ to) => to && view.focus(to);
    const enter = () => (isOpen ? focus(tree.childrenOf(id)[0]) : tree.isLeaf(id) || commands.open(id));
    const next = () => focus(view.neighbour(id, 1));
    const previous = () => focus(view.neighbour(id, -1));
    /** @type {Record<string, () => unknown>} */
    const shared = {
      Enter: () => commands.select(id),
      " ": () => (isOpen && node.isComplete ? commands.close(id) : commands.open(id)),
      Home: () => focus(tree.root),
      End: () => focus(lastShown(tree)),
      "+": () => view.zoomBy(1),
      "=": () => view.zoomBy(1),
      "-": () => view.zoomBy(-1),
      "0": () => view.fit(id, false),
    };
    const chart = { ArrowUp: () => focus(node.parent), ArrowDown: enter, ArrowLeft: () => focus(beside(tree, id, -1)), ArrowRight: () => focus(beside(tree, id, 1)) };
    const outline = { ArrowUp: previous, ArrowDown: next, ArrowLeft: () => (isOpen ? commands.close(id) : focus(node.parent)), ArrowRight: enter };
    const actions = { ...shared, ...(view.isOutline ? outline : chart) };
    const action = /** @type {Record<string, () => unknown>} */ (actions)[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

/** @param {import("./tree.js").Tree} tree */
function lastShown(tree) {
  let last = tree.root;
  for (let children = tree.childrenOf(last); children.length > 0; children = tree.childrenOf(last)) last = children.at(-1) ?? last;
  return last;
}

/** The user beside another one on the same level, also below another supervisor. @param {import("./tree.js").Tree} tree @param {string} id @param {number} step */
function beside(tree, id, step) {
  const depth = tree.chain(id).length - 1;
  /** @type {string[]} */
  let level = [tree.root];
  for (let at = 0; at < depth; at++) level = level.flatMap(tree.childrenOf);
  return level[level.indexOf(id) + step];
}

/** Drags the chart with the mouse, zooms with Ctrl and the wheel, and with two fingers. @param {HTMLElement} scroller @param {ChartView} view */
export function listenToPointers(scroller, view) {
  scroller.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      view.zoomBy(Math.max(-1, Math.min(1, -event.deltaY / 100)), { x: event.clientX, y: event.clientY });
    },
    { passive: false },
  );
  /** @type {Map<number, PointerEvent>} */
  const fingers = new Map();
  /** @type {PointerEvent | null} */
  let mouse = null;
  scroller.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch") fingers.set(event.pointerId, event);
    const isOnCard = event.target instanceof Element && event.target.closest("[data-id]");
    if (event.pointerType !== "mouse" || event.button !== 0 || isOnCard) return;
    mouse = event;
    scroller.setPointerCapture(event.pointerId);
    scroller.classList.add("panning");
  });
  scroller.addEventListener("pointermove", (event) => {
    if (mouse) {
      scroller.scrollBy({ left: mouse.clientX - event.clientX, top: mouse.clientY - event.clientY, behavior: "instant" });
      mouse = event;
    }
    if (!fingers.has(event.pointerId)) return;
    const before = spread(fingers);
    fingers.set(event.pointerId, event);
    const after = spread(fingers);
    if (before && after) view.zoomBy(Math.log(after.distance / before.distance) / Math.log(1.25), after);
  });
  const end = (/** @type {PointerEvent} */ event) => {
    fingers.delete(event.pointerId);
    mouse = null;
    scroller.classList.remove("panning");
  };
  scroller.addEventListener("pointerup", end);
  scroller.addEventListener("pointercancel", end);
}

/** The distance and the middle of two fingers. @param {Map<number, PointerEvent>} fingers */
function spread(fingers) {
  const [one, other] = [...fingers.values()];
  if (!one || !other || fingers.size !== 2) return null;
  const distance = Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
  return { distance: Math.max(distance, 1), x: (one.clientX + other.clientX) / 2, y: (one.clientY + other.clientY) / 2 };
}
