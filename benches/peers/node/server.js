// The list of a user's relationships as one would write it with Fastify, ts-japi and pg, in two processes.
//
// It looks up the token and counts from the table of counts. It negotiates nothing, has no other filters, limits, entity
// tags, logs or metrics, and validates next to nothing, all to its advantage.

const cluster = require("node:cluster");
const { createHash } = require("node:crypto");
const fastify = require("fastify");
const { Pool } = require("pg");
const { Linker, Metaizer, Paginator, Relator, Serializer } = require("ts-japi");

const PROCESSES = 2;
const EDGES = "/api/v2/user-relationships";
// The links of ts-japi are complete URLs.
const BASE = `http://${process.env.PEER_ADDRESS}${EDGES}`;
// The names of statements let PostgreSQL prepare them once for each connection.
const CALLER = {
  name: "caller",
  text: "SELECT u.id FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.digest = $1 AND u.is_enabled",
};
const LIST = {
  name: "list",
  text: `SELECT r.id, r.user_id, r.target_id, t.name, r.created_at, r.updated_at
FROM user_relationships r JOIN relationship_types t ON t.id = r.type_id
WHERE r.user_id = $1 ORDER BY r.id LIMIT $2 OFFSET $3`,
};
const COUNT = { name: "count", text: "SELECT COALESCE(SUM(n), 0) AS total FROM counts_by_user WHERE user_id = $1" };

const users = new Serializer("users", { onlyIdentifier: true });

function end(name) {
  const self = new Linker((edge) => `${BASE}/${edge.id}/relationships/${name}`);
  const related = new Linker((edge) => `${BASE}/${edge.id}/${name}`);
  return new Relator((edge) => edge[name], users, { relatedName: name, linkers: { relationship: self, related } });
}

const edges = new Serializer("user-relationships", {
  projection: { relationship: 1, "created-at": 1, "updated-at": 1 },
  relators: { user: end("user"), target: end("target") },
  version: null,
});
const own = new Linker((edge) => `${BASE}/${edge.id}`);

const time = (micros) => new Date(Number(micros) / 1000).toUTCString();

function edge(row) {
  return {
    id: row.id,
    relationship: row.name,
    "created-at": time(row.created_at),
    "updated-at": time(row.updated_at),
    user: { id: row.user_id },
    target: { id: row.target_id },
  };
}

async function serve() {
  const pool = new Pool({ connectionString: process.env.PEER_DATABASE, max: 8 });
  const app = fastify();
  app.get(EDGES, async (request, reply) => {
    const token = (request.headers.authorization ?? "").replace(/^Token token=/, "");
    const digest = createHash("sha256").update(token).digest();
    const caller = await pool.query({ ...CALLER, values: [digest] });
    if (caller.rowCount === 0) return reply.code(401).send();
    const user = Number(request.query["filter[user]"]);
    const limit = Math.min(Number(request.query.limit ?? 20), 50);
    const offset = Number(request.query.offset ?? 0);
    const { rows } = await pool.query({ ...LIST, values: [user, limit, offset] });
    const total = Number((await pool.query({ ...COUNT, values: [user] })).rows[0].total);
    const self = `${BASE}?filter[user]=${user}`;
    const next = offset + limit < total ? `${self}&offset=${offset + limit}` : undefined;
    const document = await edges.serialize(rows.map(edge), {
      linkers: { document: new Linker(() => self), resource: own, paginator: new Paginator(() => next && { next }) },
      metaizers: { document: new Metaizer(() => ({ "total-count": total })) },
    });
    return reply.type("application/vnd.api+json").send(JSON.stringify(document));
  });
  const [host, port] = process.env.PEER_ADDRESS.split(":");
  await app.listen({ host, port: Number(port) });
}

if (cluster.isPrimary) {
  for (let number = 0; number < PROCESSES; number += 1) cluster.fork();
  // They stop when the channel to this process closes.
  process.once("SIGTERM", () => process.exit());
} else {
  serve();
}
