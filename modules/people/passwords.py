"""Passwords as salted scrypt hashes (RFC 7914): slow and hungry for memory, so that a stolen list is of little use."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

from modules.core.errors import BadSetting

SHORTEST, LONGEST = 8, 256  # letters
COST, BLOCK, LANES = 2**15, 8, 1  # 32 MB and about 0.1 s of a processor each
ROOM = 64 * 1024 * 1024  # bytes OpenSSL may use
NOBODY = "scrypt$32768$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def hashed(password: str) -> str:
    """ "scrypt$n$r$p$salt$hash". Raises BadSetting for a password that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadSetting(f"a password has {SHORTEST} to {LONGEST} letters, got {len(password)}")
    salt = secrets.token_bytes(16)
    found = _scrypt(password, salt, COST, BLOCK, LANES)
    return f"scrypt${COST}${BLOCK}${LANES}${b64encode(salt).decode()}${b64encode(found).decode()}"


def is_right(password: str, kept: str) -> bool:
    """Whether a password is the one that was hashed; takes the same time either way."""
    _, cost, block, lanes, salt, known = kept.split("$")
    found = _scrypt(password[: LONGEST + 1], b64decode(salt), int(cost), int(block), int(lanes))
    return hmac.compare_digest(found, b64decode(known))


def _scrypt(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    raw = password.encode(errors="surrogatepass")
    return hashlib.scrypt(raw, salt=salt, n=cost, r=block, p=lanes, maxmem=ROOM, dklen=32)
