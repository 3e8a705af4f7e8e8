"""The list of a user's relationships, and a reporting line, as one would write them with FastAPI and asyncpg.

It looks up the token. It negotiates nothing and validates next to nothing, to its advantage.
"""

import hashlib
import os
from contextlib import asynccontextmanager
from email.utils import formatdate

import asyncpg
import orjson
from fastapi import FastAPI, Header, HTTPException, Query, Response

LIST = """SELECT r.id, r.user_id, r.target_id, t.name, r.created_at, r.updated_at
FROM user_relationships r JOIN relationship_types t ON t.id = r.type_id
WHERE r.user_id = $1 ORDER BY r.id LIMIT $2 OFFSET $3"""
COUNT = "SELECT COALESCE(SUM(n), 0)::bigint FROM counts_by_user WHERE user_id = $1"
CALLER = "SELECT u.id FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.digest = $1 AND u.is_enabled"
EDGES = "/api/v2/user-relationships"
USERS = "/api/v2/users"
BELOW = """WITH RECURSIVE below AS (
SELECT r.user_id AS id, 1 AS depth, ARRAY[r.id] AS path FROM user_relationships r WHERE r.target_id = $1 AND r.type_id = $2
UNION ALL SELECT r.user_id, b.depth + 1, b.path || r.id FROM below b
JOIN user_relationships r ON r.target_id = b.id AND r.type_id = $2)"""
PAGE_BELOW = BELOW + "SELECT u.*, b.depth FROM below b JOIN users u ON u.id = b.id ORDER BY b.path LIMIT $3"
COUNT_BELOW = BELOW + "SELECT COUNT(*) FROM below"
ABOVE = """WITH RECURSIVE above AS (
SELECT r.target_id AS id, 1 AS depth FROM user_relationships r WHERE r.user_id = $1 AND r.type_id = $2
UNION SELECT r.target_id, a.depth + 1 FROM above a JOIN user_relationships r ON r.user_id = a.id AND r.type_id = $2)
SELECT u.*, a.depth FROM above a JOIN users u ON u.id = a.id ORDER BY a.depth"""
TYPE = "SELECT id FROM relationship_types WHERE user_role = $1 OR target_role = $1"


@asynccontextmanager
async def lifespan(app):
    async with asyncpg.create_pool(os.environ["PEER_DATABASE"], min_size=8, max_size=8) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan, docs_url=None, openapi_url=None)


async def authenticate(conn, authorization):
    token = authorization.removeprefix("Token token=")
    if await conn.fetchval(CALLER, hashlib.sha256(token.encode()).digest()) is None:
        raise HTTPException(401)


def end(edge, name, user):
    links = {"self": f"{EDGES}/{edge}/relationships/{name}", "related": f"{EDGES}/{edge}/{name}"}
    return {"data": {"type": "users", "id": str(user)}, "links": links}


def resource(row):
    edge = row["id"]
    return {
        "type": "user-relationships",
        "id": str(edge),
        "attributes": {
            "relationship": row["name"],
            "created-at": formatdate(row["created_at"] / 1e6),
            "updated-at": formatdate(row["updated_at"] / 1e6),
        },
        "relationships": {"user": end(edge, "user", row["user_id"]), "target": end(edge, "target", row["target_id"])},
        "links": {"self": f"{EDGES}/{edge}"},
    }


@app.get(EDGES)
async def relationships(
    user: int = Query(alias="filter[user]"),
    limit: int = Query(20, le=50),
    offset: int = Query(0, ge=0),
    authorization: str = Header(""),
):
    async with app.state.pool.acquire() as conn:
        await authenticate(conn, authorization)
        rows = await conn.fetch(LIST, user, limit, offset)
        total = await conn.fetchval(COUNT, user)
    links = {"self": f"{EDGES}?filter[user]={user}"}
    if offset + limit < total:
        links["next"] = f"{EDGES}?filter[user]={user}&offset={offset + limit}"
    body = {"data": [resource(row) for row in rows], "links": links, "meta": {"total-count": total}}
    return Response(orjson.dumps(body), media_type="application/vnd.api+json")


def user(row):
    return {
        "type": "users",
        "id": str(row["id"]),
        "attributes": {
            "first-name": row["first_name"],
            "last-name": row["last_name"],
            "email": row["email"],
            "created-at": formatdate(row["created_at"] / 1e6),
            "updated-at": formatdate(row["updated_at"] / 1e6),
        },
        "links": {"self": f"{USERS}/{row['id']}"},
        "meta": {"depth": row["depth"]},
    }


@app.get(USERS + "/{start}/{role}")
async def everybody(
    start: int, role: str, size: int = Query(20, alias="page[size]", le=50), authorization: str = Header("")
):
    async with app.state.pool.acquire() as conn:
        await authenticate(conn, authorization)
        kind = await conn.fetchval(TYPE, role)
        if role == "reports":
            rows = await conn.fetch(PAGE_BELOW, start, kind, size)
            total = await conn.fetchval(COUNT_BELOW, start, kind)
        else:
            rows = await conn.fetch(ABOVE, start, kind)
            total = len(rows)
    body = {"data": [user(row) for row in rows], "links": {"self": f"{USERS}/{start}/{role}"}, "meta": {"total-count": total}}
    return Response(orjson.dumps(body), media_type="application/vnd.api+json")
