"""The group ristretto255 (RFC 9496). Not in constant time: for trying, not for keeping secrets."""

from dataclasses import dataclass

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, P) % P
_SQRT_M1 = pow(2, (P - 1) // 4, P)
_SQRT_AD_MINUS_ONE = 25063068953384623474111414158702152701244531502492656460079210482610430750235
_INVSQRT_A_MINUS_D = 54469307008909316920995813868745141605393597292927456921205312896311721017578
_ONE_MINUS_D_SQ = (1 - _D * _D) % P
_D_MINUS_ONE_SQ = (_D - 1) ** 2 % P


@dataclass(frozen=True)
class Point:
    """An element in extended coordinates; equal elements may have several of these."""

    x: int
    y: int
    z: int
    t: int


NEUTRAL = Point(0, 1, 1, 0)


def add(p: Point, q: Point) -> Point:
    """The sum of two elements (RFC 8032, section 5.1.4)."""
    a = (p.y - p.x) * (q.y - q.x) % P
    b = (p.y + p.x) * (q.y + q.x) % P
    c = 2 * p.t * q.t * _D % P
    d = 2 * p.z * q.z % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return Point(e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar: int, point: Point) -> Point:
    """The element `scalar` times."""
    result = NEUTRAL
    for bit in bin(scalar)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, point)
    return result


def decode(data: bytes) -> Point | None:
    """Section 4.3.1; None for what is no canonical element."""
    s = int.from_bytes(data, "little")
    if len(data) != 32 or s >= P or _negative(s):
        return None
    ss = s * s % P
    u1, u2 = (1 - ss) % P, (1 + ss) % P
    v = (-_D * u1 * u1 - u2 * u2) % P
    square, inverse = _sqrt_ratio(1, v * u2 * u2 % P)
    x_part = inverse * u2 % P
    x = _absolute(2 * s * x_part % P)
    y = u1 * inverse * x_part * v % P
    t = x * y % P
    return Point(x, y, 1, t) if square and not _negative(t) and y != 0 else None


def encode(p: Point) -> bytes:
    """Section 4.3.2."""
    u1 = (p.z + p.y) * (p.z - p.y) % P
    u2 = p.x * p.y % P
    _, inverse = _sqrt_ratio(1, u1 * u2 * u2 % P)
    d1, d2 = inverse * u1 % P, inverse * u2 % P
    z_inverse = d1 * d2 * p.t % P
    x, y, d = p.x, p.y, d2
    if _negative(p.t * z_inverse % P):
        x, y, d = p.y * _SQRT_M1 % P, p.x * _SQRT_M1 % P, d1 * _INVSQRT_A_MINUS_D % P
    if _negative(x * z_inverse % P):
        y = -y % P
    return _absolute(d * (p.z - y) % P).to_bytes(32, "little")


def from_hash(data: bytes) -> Point:
    """Section 4.3.4: the element that 64 uniform bytes stand for."""
    return add(_map(data[:32]), _map(data[32:]))


def _map(data: bytes) -> Point:
    t = (int.from_bytes(data, "little") & (1 << 255) - 1) % P
    r = _SQRT_M1 * t * t % P
    u = (r + 1) * _ONE_MINUS_D_SQ % P
    v = (-1 - r * _D) * (r + _D) % P
    square, s = _sqrt_ratio(u, v)
    c = P - 1
    if not square:
        s, c = -_absolute(s * t % P) % P, r
    n = (c * (r - 1) * _D_MINUS_ONE_SQ - v) % P
    w0, w1 = 2 * s * v % P, n * _SQRT_AD_MINUS_ONE % P
    w2, w3 = (1 - s * s) % P, (1 + s * s) % P
    return Point(w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P)


def _sqrt_ratio(u: int, v: int) -> tuple[bool, int]:
    """Section 4.2, SQRT_RATIO_M1."""
    r = u * v**3 * pow(u * v**7 % P, (P - 5) // 8, P) % P
    check = v * r * r % P
    flipped = check == -u % P
    if flipped or check == -u * _SQRT_M1 % P:
        r = r * _SQRT_M1 % P
    return check == u % P or flipped, _absolute(r)


def _negative(x: int) -> bool:
    return x % 2 == 1


def _absolute(x: int) -> int:
    return P - x if _negative(x) else x
