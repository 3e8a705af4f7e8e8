// Says where everybody stands: floors by who reports to whom, and within a floor close to those they are related to.
// Numbers in, numbers out; nothing here knows the page.

/** The relationship that leads up: its user reports to its target. */
const UP = "subordinate";
/** Those whom the centre learns from stand on its right, all others beside it on its left. */
const RIGHT = "mentor";

/**
 * Rows of ids from top to bottom, none longer than `longest`. Whoever is not connected with the centre comes last.
 *
 * `people` are ids in the order in which they came; `edges` have `owner`, `target` and `type`.
 */
export function rows(centre, people, edges, longest) {
  const places = floors(centre, people, edges);
  const levels = [...new Set([...places.values()].map((place) => place.floor))].sort((a, b) => a - b);
  const positions = new Map();
  const byFloor = new Map();
  // From the centre outwards, so that everybody has somebody to stand close to.
  for (const floor of [...levels].sort((a, b) => Math.abs(a) - Math.abs(b))) {
    const here = people.filter((id) => places.get(id)?.floor === floor);
    const weight = (id) => (floor === 0 ? places.get(id).side : nearness(id, edges, positions));
    const weights = new Map(here.map((id) => [id, weight(id)]));
    here.sort((a, b) => weights.get(a) - weights.get(b));
    here.forEach((id, index) => positions.set(id, (index + 0.5) / here.length));
    byFloor.set(floor, here);
  }
  const loose = people.filter((id) => !places.has(id));
  return [...levels.map((floor) => byFloor.get(floor)), loose].flatMap((floor) => chunks(floor, longest));
}

/** For everybody who is connected: how many floors below the centre (above is negative), and how far to a side. */
function floors(centre, people, edges) {
  const known = new Set(people);
  const places = new Map([[centre, { floor: 0, side: 0 }]]);
  const drawn = edges.filter((edge) => known.has(edge.owner) && known.has(edge.target));
  const spread = (edge) => {
    const [owner, target] = [places.get(edge.owner), places.get(edge.target)];
    if (Boolean(owner) === Boolean(target)) return false;
    const from = owner ?? target;
    const place = { ...from };
    if (edge.type === UP) place.floor += owner ? -1 : 1;
    else place.side += Math.sign(from.side) || (owner && edge.type === RIGHT ? 1 : -1);
    places.set(owner ? edge.target : edge.owner, place);
    return true;
  };
  // Who reports to whom decides the floor; only where it says nothing do others.
  const lines = drawn.filter((edge) => edge.type === UP);
  const others = drawn.filter((edge) => edge.type !== UP);
  do {
    while (lines.filter(spread).length > 0);
  } while (others.some(spread));
  return places;
}

/** The mean position of those placed already to whom somebody is related. */
function nearness(id, edges, positions) {
  const near = [];
  for (const edge of edges) {
    const other = edge.owner === id ? edge.target : edge.target === id ? edge.owner : null;
    if (positions.has(other)) near.push(positions.get(other));
  }
  return near.length > 0 ? near.reduce((sum, position) => sum + position, 0) / near.length : 0.5;
}

/** A floor in rows of about the same length. */
function chunks(ids, longest) {
  const count = Math.ceil(ids.length / longest);
  return Array.from({ length: count }, (_, row) => {
    const at = (row) => Math.round((row * ids.length) / count);
    return ids.slice(at(row), at(row + 1));
  });
}
