// Draws a path of relationships that leads back to its start, as a refusal names it.

import { draw, make } from "./html.js";

/** The height of a step, and where its dot is, in pixels. */
const STEP = 36;
const [LEFT, DOT] = [8, 44];
const RADIUS = 5;

/**
 * The names of a path from top to bottom. The first step, which the change would add, is dashed; a line leads from the last
 * person back to the first.
 * @param {string[]} names the last one is the first again
 */
export function drawChain(names) {
  const people = names.slice(0, -1);
  const middle = (/** @type {number} */ at) => at * STEP + STEP / 2;
  const last = middle(people.length - 1);
  const dots = people.map((_, at) => draw("circle", { cx: DOT, cy: middle(at), r: RADIUS }));
  const steps = people.slice(1).flatMap((_, at) => {
    const end = middle(at + 1) - RADIUS - 3;
    const line = draw("path", { class: at === 0 ? "step new" : "step", d: `M${DOT} ${middle(at) + RADIUS}V${end - 6}` });
    return [line, draw("path", { class: "head", d: `M${DOT - 5} ${end - 7}h10l-5 8z` })];
  });
  const edge = DOT - RADIUS - 3;
  const back = draw("path", { class: people.length > 1 ? "step" : "step new", d: `M${DOT - RADIUS} ${last}H${LEFT + 8}q-8 0 -8 -8V${middle(0) + 8}q0 -8 8 -8H${edge - 6}` });
  const head = draw("path", { class: "head", d: `M${edge - 7} ${middle(0) - 5}v10l8 -5z` });
  const size = { width: DOT + RADIUS + 4, height: people.length * STEP };
  const picture = draw("svg", { "aria-hidden": "true", focusable: "false", ...size }, ...steps, ...dots, back, head);
  // The line back says the last name.
  const items = names.map((name, at) => make("li", at < people.length ? {} : { class: "hidden-text" }, name));
  return make("div", { class: "path" }, picture, make("ol", {}, ...items));
}
