"""The way to a PostgreSQL server: addresses, connections, tables, and what goes wrong.

The password comes from the environment (PGPASSWORD), from the file that PGPASSFILE names, or ~/.pgpass: libpq reads
all of them. An address that holds one is refused, for addresses are written to files.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from optimizer.errors import ConfigError, RunDirError

SCHEMA = 1
SALT = 0x70726F6D7074706F  # keeps our locks apart from those of others on the same database
_SCHEMES = ("postgresql", "postgres")
_TABLES = (
    "CREATE TABLE IF NOT EXISTS promptport_calls (key text PRIMARY KEY, model text NOT NULL, response text NOT NULL, "
    "created double precision NOT NULL)",
    "CREATE TABLE IF NOT EXISTS promptport_schema (schema integer PRIMARY KEY)",
)


def is_address(text: str) -> bool:
    """Of a PostgreSQL server; all else is a file's name. Raises ConfigError for one with a password in it."""
    found = urlsplit(text)
    if found.scheme not in _SCHEMES:
        return False
    if found.password is not None or {"password", "sslpassword", "passfile"} & set(parse_qs(found.query)):
        raise ConfigError(
            "an address must not hold a password; take it out, and set PGPASSWORD or write it to ~/.pgpass"
        )
    return True


def for_optuna(url: str) -> str:
    """The same address as SQLAlchemy writes it, with the driver that we have."""
    return "postgresql+psycopg" + url[url.index(":") :]


def connected(url: str) -> Any:
    """Commits each statement by itself. Raises ConfigError without the client, RunDirError without the server."""
    try:
        import psycopg
    except ImportError as error:
        raise ConfigError(
            f"store: {url} needs the PostgreSQL client; install it with `pip install 'promptport[postgres]'`"
        ) from error
    with told(url):
        alive = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
        return psycopg.connect(url, autocommit=True, connect_timeout=10, application_name="promptport", **alive)


def again(url: str) -> Any:
    """Another connection in place of a lost one; None as long as the server is away."""
    try:
        return connected(url)
    except RunDirError:
        return None


def prepare(db: Any, url: str) -> None:
    """The tables, made where they are not there. Raises RunDirError for those of a newer version."""
    with db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(%s)", [SALT % 2**63])  # another driver may be creating the same
        for statement in _TABLES:
            db.execute(statement)
        found = db.execute("SELECT max(schema) FROM promptport_schema").fetchone()[0]
        if found is None:
            db.execute("INSERT INTO promptport_schema VALUES (%s)", [SCHEMA])
        elif found > SCHEMA:
            raise RunDirError(f"{url}: written by a newer version (schema {found}, this one reads {SCHEMA}); update")


@contextmanager
def told(url: str) -> Iterator[None]:
    """Errors of the server become ours. libpq's texts name host, database and user, never the password."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        raise unusable(url, error) from error


def unusable(url: str, error: BaseException) -> RunDirError:
    said = " ".join(str(error).split())
    return RunDirError(
        f"{url}: the call store cannot be used ({said}); start the server, or correct `store`; a password comes from "
        "PGPASSWORD or ~/.pgpass"
    )
