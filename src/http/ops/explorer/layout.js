// Computes the layout of the map: levels by who reports to whom, and within a level close to related users.
// Pure functions without access to the page.

/** The type whose target is one level above its owner. */
const UP = "subordinate";
/** The type whose targets are to the right of the centre. Other related users of its level are to the left. */
const RIGHT = "mentor";

/**
 * Returns rows of ids from top to bottom, with at most `longest` ids each. Users without a connection to the centre are
 * last.
 *
 * `people` are ids in the order in which they were added; `edges` have `owner`, `target` and `type`.
 */
export function rows(centre, people, edges, longest) {
  const places = assignLevels(centre, people, edges);
  const levels = [...new Set([...places.values()].map((place) => place.level))].sort((a, b) => a - b);
  const positions = new Map();
  const byLevel = new Map();
  // From the centre outwards, so that related users already have a position.
  for (const level of [...levels].sort((a, b) => Math.abs(a) - Math.abs(b))) {
    const here = people.filter((id) => places.get(id)?.level === level);
    const weight = (id) => (level === 0 ? places.get(id).side : meanPosition(id, edges, positions));
    const weights = new Map(here.map((id) => [id, weight(id)]));
    here.sort((a, b) => weights.get(a) - weights.get(b));
    here.forEach((id, index) => positions.set(id, (index + 0.5) / here.length));
    byLevel.set(level, here);
  }
  const unconnected = people.filter((id) => !places.has(id));
  return [...levels.map((level) => byLevel.get(level)), unconnected].flatMap((ids) => chunks(ids, longest));
}

/** Assigns each connected user a level below the centre (negative is above) and a distance to the side. */
function assignLevels(centre, people, edges) {
  const known = new Set(people);
  const places = new Map([[centre, { level: 0, side: 0 }]]);
  const drawn = edges.filter((edge) => known.has(edge.owner) && known.has(edge.target));
  const spread = (edge) => {
    const [owner, target] = [places.get(edge.owner), places.get(edge.target)];
    if (Boolean(owner) === Boolean(target)) return false;
    const from = owner ?? target;
    const place = { ...from };
    if (edge.type === UP) place.level += owner ? -1 : 1;
    else place.side += Math.sign(from.side) || (owner && edge.type === RIGHT ? 1 : -1);
    places.set(owner ? edge.target : edge.owner, place);
    return true;
  };
  // Reporting lines decide the level; other relationships are used only for users without one.
  const lines = drawn.filter((edge) => edge.type === UP);
  const others = drawn.filter((edge) => edge.type !== UP);
  do {
    while (lines.filter(spread).length > 0);
  } while (others.some(spread));
  return places;
}

/** The mean position of the related users that are already placed. */
function meanPosition(id, edges, positions) {
  const near = [];
  for (const edge of edges) {
    const other = edge.owner === id ? edge.target : edge.target === id ? edge.owner : null;
    if (positions.has(other)) near.push(positions.get(other));
  }
  return near.length > 0 ? near.reduce((sum, position) => sum + position, 0) / near.length : 0.5;
}

/** Splits a level into rows of about the same length. */
function chunks(ids, longest) {
  const count = Math.ceil(ids.length / longest);
  return Array.from({ length: count }, (_, row) => {
    const at = (row) => Math.round((row * ids.length) / count);
    return ids.slice(at(row), at(row + 1));
  });
}
