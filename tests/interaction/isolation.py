"""Four tenants, four roles, every tool, and everything that changes meanwhile: what looks for leaks.

Each tenant's values carry its canary. Whatever a caller of one tenant is answered is searched for the
canaries and keys of all others; logs, figures and the audit log are searched for everybody's secrets.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mcp_arangodb_async.errors import ConflictError, NotFoundError, UnavailableError
from mcp_arangodb_async.gateway.roles import Identity
from mcp_arangodb_async.gateway.rotation import rotate_data_key
from mcp_arangodb_async.server.app import App
from mcp_arangodb_async.server.passage import Incoming
from mcp_arangodb_async.sessions import Principal
from mcp_arangodb_async.tools.call import Questions
from mcp_arangodb_async.tools.tenancy import Tenancy
from tests.upstreams.inside import TOOLS, Inside, InsideServer

Role = Literal["uber_admin", "tenant_admin", "project_admin", "end_user"]
ROLES: tuple[Role, ...] = ("uber_admin", "tenant_admin", "project_admin", "end_user")
TENANTS = ("north", "south", "east", "west")
NAMES = ("postgres", "minio", "ai_mcp_server", "extra", "other")
SERVICES: Mapping[str, Mapping[str, Any]] = {
    "postgres_query": {"sql": "SELECT 1"},
    "postgres_list_tables": {},
    "postgres_describe_table": {"table": "t"},
    "minio_list_buckets": {},
    "minio_create_bucket": {"bucket": "b"},
    "minio_list_objects": {"bucket": "b"},
    "minio_put_object": {"bucket": "b", "key": "k", "content": "c"},
    "minio_get_object": {"bucket": "b", "key": "k"},
    "minio_delete_object": {"bucket": "b", "key": "k"},
    "embeddings_generate": {"input": ["x"]},
    "ai_chat": {"messages": [{"role": "user", "content": "x"}]},
    "ai_list_models": {},
}
# Every mark names its owner, so that one search finds the marks of all, also of times before.
MARK = re.compile(r"canary-(\w+)-[0-9a-f]{16}")
SECRET = "secret-of-"


@dataclass(slots=True)
class Owned:
    """What belongs to one tenant, now and before: none of it may be seen by another."""

    name: str
    canary: str
    marks: set[str] = field(default_factory=set[str])
    servers: dict[str, str] = field(default_factory=dict[str, str])
    keys: dict[str, str] = field(default_factory=dict[str, str])


class Machine:
    """Does what it is told, at random, and keeps what it finds in `leaks`."""

    def __init__(
        self, app: App, *, seed: int, guards: Callable[[str, Role], Principal] | None = None
    ) -> None:
        tenancy = app.around.tenancy
        assert tenancy is not None
        self.app = app
        self.tenancy: Tenancy = tenancy
        self.random = random.Random(seed)
        self.inside = Inside()
        tenancy.gateway.connect = self.inside.connect
        self.owned = {name: Owned(name, self.new_mark(name)) for name in TENANTS}
        self.leaks: list[str] = []
        self.calls = 0
        self.answered: dict[str, int] = {}
        self.asked: set[tuple[Role, str]] = set()
        self.states: list[str] = []
        self._principal = guards or principal_of
        canaries = {name: one.canary for name, one in self.owned.items()}
        for era, shared in (("newer", True), ("older", False)):
            common = InsideServer("global-canary", None, shared=shared, takes_tenant=canaries)
            self.inside.servers[f"http://127.0.0.1:7/{era}"] = common

    def new_mark(self, tenant: str) -> str:
        """A text that nothing else holds."""
        return f"canary-{tenant}-{self.random.getrandbits(64):016x}"

    def secret(self, tenant: str) -> str:
        """A credential of the tenant."""
        return f"{SECRET}{self.new_mark(tenant)}"

    def check(self, tenant: str | None, what: str, answer: object, given: object = None) -> None:
        """Look for what belongs to others, and for anybody's secret; what the caller gave may be said."""
        text = json.dumps(answer, default=str, ensure_ascii=False)
        if SECRET in text:
            self.leaks.append(f"{tenant} {what}: a secret: {text[:300]}")
        foreign = {found[0] for found in MARK.finditer(text) if found[1] != tenant}
        if foreign and (foreign := {mark for mark in foreign if mark not in json.dumps(given)}):
            self.leaks.append(f"{tenant} {what}: {sorted(foreign)}: {text[:300]}")

    async def call(
        self,
        tenant: str,
        role: Role,
        name: str,
        arguments: Mapping[str, Any],
        *,
        questions: Questions | None = None,
        acts_for: str | None = None,
        session: str = "",
    ) -> dict[str, Any]:
        """One call, checked: what is answered to it may hold nothing of another tenant."""
        self.calls += 1
        self.asked.add((role, name))
        who = self._principal(tenant, role)
        answer = await self.app.dispatcher.answer(
            Incoming(
                name=name,
                arguments=arguments,
                transport="http",
                era="stateless",
                who=who,
                questions=questions or Questions(),
                transport_session=session or None,
            )
        )
        self.check(acts_for or owner_of(who), f"{role} {name}", answer, [name, arguments])
        outcome = "ok"
        if answer.get("isError"):
            found: dict[str, Any] = answer.get("structuredContent") or {}
            outcome = found.get("error", {}).get("code", "tool_error")
        self.answered[outcome] = self.answered.get(outcome, 0) + 1
        if state := answer.get("requestState"):
            self.states.append(state)
            del self.states[:-50]
        return answer

    async def list(self, tenant: str, role: Role) -> None:
        """One listing, checked."""
        self.calls += 1
        who = self._principal(tenant, role)
        listing = await self.tenancy.listing(who, f"s{tenant}")
        self.check(owner_of(who), f"{role} tools/list", [list(listing.tools), list(listing.notes)])

    async def some_calls(self, count: int) -> None:
        """So many calls at once, of anybody, of anything."""
        await asyncio.gather(*(self.one_call() for _ in range(count)))

    async def one_call(self) -> None:
        """A call at random; one in twenty is cancelled on its way."""
        chosen = self.random
        tenant = chosen.choice(TENANTS)
        role = chosen.choices(ROLES, (1, 4, 2, 4))[0]
        dice = chosen.random()
        if dice < 0.07:
            await self.list(tenant, role)
            return
        if dice < 0.2:
            name = chosen.choice(list(SERVICES))
            await self.call(tenant, role, name, SERVICES[name])
            return
        if dice < 0.28:
            await self.managing_call(tenant, role)
            return
        server = chosen.choice(NAMES)
        victim = chosen.choice(TENANTS)
        tool = chosen.choice([*TOOLS, f"only_{self.owned[victim].canary}"])
        arguments: dict[str, Any] = {"text": f"{chosen.random()}"}
        if dice < 0.5:
            spelling = chosen.choice(["tenant_id", "TENANT_ID", "tenant_id ", "ｔenant_id"])
            arguments[spelling] = victim
        questions = Questions(elicitation=chosen.random() < 0.3)
        if self.states and dice > 0.9:
            # Somebody's state, perhaps somebody else's, brought back.
            questions = Questions(
                elicitation=True, state=chosen.choice(self.states),
                responses={"q": {"action": "accept"}, "question": {"action": "accept"}},
            )  # fmt: skip
        session = chosen.choice(["", "a", "b"])
        call = self.call(tenant, role, f"{server}__{tool}", arguments, questions=questions, session=session)
        if tool == "hang" or chosen.random() < 0.05:
            await self.cancelled(call)
        else:
            await call

    async def cancelled(self, call: Awaitable[object]) -> None:
        """Begin a call and cancel it after a moment."""
        task = asyncio.ensure_future(call)
        for _ in range(self.random.randrange(8)):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    async def managing_call(self, tenant: str, role: Role) -> None:
        """A call of a tool that manages tenants, perhaps on behalf of another one."""
        victim = self.random.choice(TENANTS)
        acting = victim if self.random.random() < 0.5 else None
        more: dict[str, Any] = {} if acting is None else {"acting_for": acting}
        dry = {"dry_run": True}
        choices: list[tuple[str, dict[str, Any]]] = [
            ("rag_get_tenant_mcp_config", {"history": True, **more}),
            ("rag_explain_tenant_mcp_config", more),
            ("rag_test_tenant_mcp_config", more),
            ("rag_validate_tenant_mcp_config", {"server": self.random.choice(NAMES), **more}),
            ("rag_register_tenant_mcp_config", {"servers": {"new": {"mode": "inherit"}}, **dry, **more}),
            ("rag_update_tenant_mcp_config", {"server": "extra", "config": {"timeout": 9}, **dry, **more}),
            ("rag_rollback_tenant_mcp_config", {"version": 1, **dry, **more}),
            ("rag_delete_tenant_mcp_config", {"server": "extra", **dry, **more}),
            ("rag_list_tenant_mcp_config", {}),
        ]
        name, arguments = self.random.choice(choices)
        is_acting = self._principal(tenant, role).claims["role"] == "uber_admin" and "acting_for" in arguments
        await self.call(tenant, role, name, arguments, acts_for=acting if is_acting else None)

    # What changes meanwhile; each is done by the tenant's own admin.

    async def change(self, tenant: str, name: str, **arguments: Any) -> dict[str, Any]:
        """A change by the tenant's admin."""
        return await self.call(tenant, "tenant_admin", name, arguments)

    async def register(self, tenant: str, server: str) -> None:
        """A server of the tenant, at an address and with a key that carry its canary."""
        owned = self.owned[tenant]
        mark, key = self.new_mark(tenant), self.secret(tenant)
        owned.marks.add(mark)
        url = f"http://127.0.0.1:7/{mark}"
        self.inside.servers[url] = InsideServer(owned.canary, key, shared=self.random.random() < 0.5)
        section = {"url": url, "headers": {"Authorization": f"Bearer {key}"}}
        owned.keys[f"{server}:{mark}"] = key
        await self.change(tenant, "rag_register_tenant_mcp_config", servers={server: section})
        owned.servers[server] = url

    async def remove(self, tenant: str, server: str) -> None:
        """Take it away again."""
        await self.change(tenant, "rag_delete_tenant_mcp_config", server=server)
        self.owned[tenant].servers.pop(server, None)

    async def rename(self, tenant: str, server: str, to: str) -> None:
        """The same server under another name, which another tenant may use too."""
        await self.remove(tenant, server)
        await self.register(tenant, to)

    async def rotate(self, tenant: str, server: str) -> None:
        """Another key."""
        owned = self.owned[tenant]
        url = owned.servers.get(server)
        if url is None or url not in self.inside.servers:
            return
        key = self.secret(tenant)
        owned.keys[f"{server}:{key[-8:]}"] = key
        self.inside.servers[url].key = key
        config = {"headers": {"Authorization": f"Bearer {key}"}}
        await self.change(tenant, "rag_update_tenant_mcp_config", server=server, config=config)

    async def rotate_data_key(self, tenant: str) -> None:
        """Everything that is stored of the tenant is sealed anew; a store that is busy says so."""
        if self.owned[tenant].servers:
            who = Identity(principal=f"admin-of-{tenant}", role="tenant_admin", tenant=tenant)
            try:
                await rotate_data_key(self.tenancy.registry, who)
            except (UnavailableError, NotFoundError, ConflictError) as error:
                self.check(tenant, "rotation", f"{error.message} {error.hint}")

    async def switch(self, tenant: str, server: str) -> None:
        """Another mode, or the tenant's flag."""
        mode = self.random.choice(["tenant", "inherit", "disabled", "on", "off"])
        if mode in {"on", "off"}:
            await self.change(tenant, "rag_update_tenant_mcp_config", enabled=mode == "on")
            return
        config = {"mode": mode, "fallback": self.random.choice(["none", "global"])}
        await self.change(
            tenant, "rag_update_tenant_mcp_config", server=server, config=config, validate=False
        )

    async def erase(self, tenant: str) -> None:
        """Delete the tenant; the next registration begins anew."""
        await self.change(tenant, "rag_delete_tenant_mcp_config", confirm=tenant)
        self.owned[tenant].servers.clear()

    async def roll_back(self, tenant: str) -> None:
        """An earlier version, whatever was in it."""
        await self.change(tenant, "rag_rollback_tenant_mcp_config", version=self.random.randrange(1, 6))

    async def rug_pull(self, tenant: str, server: str) -> None:
        """The upstream changes its tools behind everybody's back, or dies."""
        url = self.owned[tenant].servers.get(server)
        if url is not None and url in self.inside.servers:
            self.inside.servers[url].edition += 1
            self.inside.servers[url].alive = self.random.random() < 0.8

    async def reload(self) -> None:
        """The operator's configuration is read again; everything kept in memory is read anew."""
        self.app.apply(self.app.settings)
        for tenant in TENANTS:
            self.tenancy.registry.cache.forget(tenant)
        self.tenancy.gateway.clients.sweep()

    def secrets(self) -> set[str]:
        """Every secret that was ever set."""
        return {key for owned in self.owned.values() for key in owned.keys.values()}


def principal_of(tenant: str, role: Role) -> Principal:
    """A verified caller."""
    claims: dict[str, Any] = {"tenant_id": tenant, "role": role}
    if role == "uber_admin":
        del claims["tenant_id"]
    return Principal(subject=f"{role}-of-{tenant}", issuer="https://idp.example", claims=claims)


def without_roles(tenant: str, role: Role) -> Principal:
    """The application's check of roles switched off: everybody may do everything that any role may."""
    claims = {"tenant_id": tenant, "role": "tenant_admin"}
    return Principal(subject=f"{role}-of-{tenant}", issuer="https://idp.example", claims=claims)


def owner_of(who: Principal) -> str | None:
    """The tenant whose canaries a caller may see; an Uber Admin who acts for nobody may see none."""
    return who.claims.get("tenant_id")


def searched(texts: Mapping[str, str], secrets: set[str]) -> list[str]:
    """What was written that holds a secret."""
    return [f"{where}: {secret}" for where, text in texts.items() for secret in secrets if secret in text]


def audit_text(directory: Path) -> str:
    """Everything in the audit log."""
    return "".join(path.read_text(errors="replace") for path in sorted(directory.glob("*.jsonl")))
