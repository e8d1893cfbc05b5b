"""The renderer's compiled kernels: rays against the few shapes of a CLEVR scene, and light along them.

All of them are in one file because Numba's cache looks only at a kernel's own file for changes.
Everything is float32: constants are float32 too, or a single one would turn the sums into float64.

Objects come as `forms` (n, FORM) float32 with the columns named below. They are convex, so a ray that
leaves an object never meets that object again: in place of an epsilon, rays say which objects they may
meet, as the bits of a number. The sweep, floor and wall in one, is convex the other way round: seen
from inside it hides nothing of itself, and never stands between a surface and a lamp.

How light is found (the reasons are speed and little noise):
- Every surface asks all lamps directly, by one shadow ray to a point drawn on each.
- Light that the sweep gets from elsewhere is smooth. It is gathered once a scene in a *floor map* and
  looked up from then on; where a blurred ray ends on the floor, so is the direct light.
- Sharp reflections see the lamps themselves; blurred ones get them only by asking.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

F = np.float32

# Columns of `forms`: centre on the ground, half height (also the centre's height), yaw, colour, squared
# radius of a ball around the centre that holds the object, kind, and whether it is metal.
X, Y, R, COS, SIN, RED, GREEN, BLUE, BALL, KIND, METAL = range(11)
FORM = 11
CUBE, SPHERE, CYLINDER = range(3)

# Columns of `lights`: the lamp's place, its normal (of the sun: the direction to it), half its sides,
# its colour times the irradiance it gives face-on at distance 1, half its width, its radiance factor.
PLACE, NORMAL, ACROSS, UPWARD, GLOW, HALF_WIDTH, RADIANCE = 0, 3, 6, 9, 12, 15, 16
LIGHT = 17
SUN = 3  # the last of the four

# Columns of `strips`: inward normal (s, z) and offset of the plane, the larger and the smaller s.
NS, NZ, OFFSET, S_NEAR, S_FAR = range(5)
STRIP = 5

# Shapes of half height 1, measured on CLEVR's meshes.
_EDGE = F(0.184)  # radius of a cube's rounded edges
_RIM = F(0.05)  # of a cylinder's rims
BALL_OF_KIND = (1.6**2, 1.0, 1.98)  # squared radius of the ball around each kind
_FLAT, _SIDE = F(1) - _EDGE, F(1) - _RIM

# The sweep: a profile z(s), s = p . TOWARD on the ground, drawn out along ALONG.
TOWARD_X, TOWARD_Y = F(0.90321), F(-0.42920)
ALONG_FROM, ALONG_TO = F(-26.6), F(29.9)
_GROUND = F(0.8)  # albedo

# Materials.
_SHEEN = F(1 / 0.6**2)  # rubber's velvet: 1 / sigma squared
_COAT = F(0.35)  # rubber's gloss: width of the Beckmann lobe
_SATIN, _MIRROR = F(0.2), F(0.01)  # metal's two GGX lobes: widths
_BRUSHED = F(0.75)  # both are narrower by this around the object's axis, and wider across
_SATIN_SHARE = F(0.4)
_BLURRED = F(0.4)  # width of metal once light has been scattered ("filter glossy")

_0, _1, _2, _4, _HALF = F(0), F(1), F(2), F(4), F(0.5)
_PI = F(math.pi)
_TINY, FAR = F(1e-9), F(1e30)  # FAR: no hit; fastmath does not know infinity
MOST_BOUNCES = 7
PLAIN = 16  # of what a path saw: floor that no object can shade
PAIRS = 1 + 3 * MOST_BOUNCES  # pairs of random numbers a path may take


def kernel(function):  # type: ignore[no-untyped-def]
    """Compiled once and kept on disk; frees the GIL, so that threads may run it side by side."""
    return njit(nogil=True, fastmath=True, cache=True, error_model="numpy")(function)


# --- rays and shapes ------------------------------------------------------------------------------


@kernel
def _cube_hit(ox, oy, oz, dx, dy, dz):
    """Distance along a unit ray to a cube of half edge 1 with rounded edges; FAR for a miss.

    A flat part is met where the sharp cube is. On the rounded parts the distance to the inner cube
    is convex along the ray, so Newton's steps from the sharp cube never overshoot.
    """
    ix = _1 / (dx if abs(dx) > _TINY else _TINY)
    iy = _1 / (dy if abs(dy) > _TINY else _TINY)
    iz = _1 / (dz if abs(dz) > _TINY else _TINY)
    ax, ay, az = abs(ix), abs(iy), abs(iz)
    sx, sy, sz = -ox * ix, -oy * iy, -oz * iz
    enter = max(sx - ax, max(sy - ay, sz - az))
    leave = min(sx + ax, min(sy + ay, sz + az))
    if enter >= leave or leave <= _0:
        return FAR
    t = max(enter, _0)
    for _ in range(12):
        px, py, pz = ox + t * dx, oy + t * dy, oz + t * dz
        qx, qy, qz = max(abs(px) - _FLAT, _0), max(abs(py) - _FLAT, _0), max(abs(pz) - _FLAT, _0)
        q = math.sqrt(qx * qx + qy * qy + qz * qz)
        gap = q - _EDGE
        if gap < F(2e-4):
            return t
        slope = (math.copysign(qx, px) * dx + math.copysign(qy, py) * dy + math.copysign(qz, pz) * dz) / q
        if slope >= F(-1e-6):
            return FAR
        t -= gap / slope
        if t > leave:
            return FAR
    return FAR


@kernel
def _cylinder_hit(ox, oy, oz, dx, dy, dz):
    """The same for an upright cylinder of radius 1 and half height 1 with rounded rims."""
    iz = _1 / (dz if abs(dz) > _TINY else _TINY)
    az, sz = abs(iz), -oz * iz
    a = dx * dx + dy * dy + _TINY
    b = ox * dx + oy * dy
    root = b * b - a * (ox * ox + oy * oy - _1)
    if root <= _0:
        return FAR
    root = math.sqrt(root)
    enter = max(sz - az, (-b - root) / a)
    leave = min(sz + az, (-b + root) / a)
    if enter >= leave or leave <= _0:
        return FAR
    t = max(enter, _0)
    for _ in range(12):
        px, py, pz = ox + t * dx, oy + t * dy, oz + t * dz
        wide = math.sqrt(px * px + py * py)
        qw, qz = max(wide - _SIDE, _0), max(abs(pz) - _SIDE, _0)
        q = math.sqrt(qw * qw + qz * qz)
        gap = q - _RIM
        if gap < F(2e-4):
            return t
        slope = (qw * (px * dx + py * dy) / (wide + _TINY) + math.copysign(qz, pz) * dz) / q
        if slope >= F(-1e-6):
            return FAR
        t -= gap / slope
        if t > leave:
            return FAR
    return FAR


@kernel
def _form_hit(forms, i, ox, oy, oz, dx, dy, dz):
    """Distance along a unit ray in the world to object i; FAR for a miss."""
    r = forms[i, R]
    scale = _1 / r
    cx, cy, cz = (ox - forms[i, X]) * scale, (oy - forms[i, Y]) * scale, oz * scale - _1
    if int(forms[i, KIND]) == CYLINDER:
        t = _cylinder_hit(cx, cy, cz, dx, dy, dz)
    else:
        cos, sin = forms[i, COS], forms[i, SIN]  # into the cube's own axes
        cx, cy = cos * cx + sin * cy, cos * cy - sin * cx
        t = _cube_hit(cx, cy, cz, cos * dx + sin * dy, cos * dy - sin * dx, dz)
    return t * r if t < FAR else FAR


@kernel
def _nearest(forms, among, ox, oy, oz, dx, dy, dz):
    """Distance and number of the first object that a ray meets; FAR and -1 for none."""
    best, which = FAR, -1
    if among == 0:
        return best, which
    for i in range(len(forms)):
        if (among >> i) & 1:
            cx, cy, cz = forms[i, X] - ox, forms[i, Y] - oy, forms[i, R] - oz
            b = cx * dx + cy * dy + cz * dz
            c = cx * cx + cy * cy + cz * cz - forms[i, BALL]
            root = b * b - c
            if root <= _0 or (b <= _0 and c >= _0):
                continue
            if forms[i, KIND] == F(SPHERE):
                t = b - math.sqrt(root) if b > _0 else FAR
            else:
                t = _form_hit(forms, i, ox, oy, oz, dx, dy, dz)
            if t < best:
                best, which = t, i
    return best, which


@kernel
def _blocked(forms, among, ox, oy, oz, dx, dy, dz):
    """Whether any object is on a ray. Lamps hang above all objects, so the ray may as well be endless."""
    if among == 0:
        return False
    for i in range(len(forms)):
        if (among >> i) & 1:
            cx, cy, cz = forms[i, X] - ox, forms[i, Y] - oy, forms[i, R] - oz
            b = cx * dx + cy * dy + cz * dz
            c = cx * cx + cy * cy + cz * cz - forms[i, BALL]
            root = b * b - c
            if root <= _0 or (b <= _0 and c >= _0):
                continue
            if forms[i, KIND] == F(SPHERE):
                if b > _0:
                    return True
            elif _form_hit(forms, i, ox, oy, oz, dx, dy, dz) < FAR:
                return True
    return False


@kernel
def _normal(forms, i, px, py, pz):
    """The outward unit normal of object i at a point on it."""
    scale = _1 / forms[i, R]
    cx, cy, cz = (px - forms[i, X]) * scale, (py - forms[i, Y]) * scale, pz * scale - _1
    kind = int(forms[i, KIND])
    if kind == CUBE:
        cos, sin = forms[i, COS], forms[i, SIN]
        lx, ly = cos * cx + sin * cy, cos * cy - sin * cx
        lx = math.copysign(max(abs(lx) - _FLAT, _0), lx)
        ly = math.copysign(max(abs(ly) - _FLAT, _0), ly)
        cz = math.copysign(max(abs(cz) - _FLAT, _0), cz)
        cx, cy = cos * lx - sin * ly, sin * lx + cos * ly
    elif kind == CYLINDER:
        wide = math.sqrt(cx * cx + cy * cy)
        out = max(wide - _SIDE, _0) / (wide + _TINY)
        cx, cy, cz = cx * out, cy * out, math.copysign(max(abs(cz) - _SIDE, _0), cz)
    scale = _1 / math.sqrt(cx * cx + cy * cy + cz * cz + _TINY)
    return cx * scale, cy * scale, cz * scale


@kernel
def _strip_at(strips, index, s):
    """The strip of the sweep over which s lies. `index`: strip at each of evenly spaced s."""
    first, last = strips[0, S_NEAR], strips[len(strips) - 1, S_FAR]
    cell = int((first - s) / (first - last) * F(len(index)))
    k = index[min(max(cell, 0), len(index) - 1)]
    while k < len(strips) - 1 and s < strips[k, S_FAR]:
        k += 1
    return k


@kernel
def _sweep_hit(strips, index, ox, oy, oz, dx, dy, dz):
    """Distance along a unit ray to the sweep, and its strip; FAR when the ray leaves the stage."""
    s, ds = ox * TOWARD_X + oy * TOWARD_Y, dx * TOWARD_X + dy * TOWARD_Y
    if dz < F(-1e-4):
        k = _strip_at(strips, index, s - oz * ds / dz)
    elif ds < _0:
        k = len(strips) - 1
    else:
        return FAR, 0
    t = FAR
    for _ in range(len(strips)):  # Newton's method on a convex profile, from outside: it stops at the hit
        sinking = strips[k, NS] * ds + strips[k, NZ] * dz
        if sinking >= F(-1e-6):
            return FAR, 0
        t = (strips[k, OFFSET] - strips[k, NS] * s - strips[k, NZ] * oz) / sinking
        found = _strip_at(strips, index, s + t * ds)
        if found == k:
            break
        k = found
    t = max(t, _0)
    at = s + t * ds
    along = (oy + t * dy) * TOWARD_X - (ox + t * dx) * TOWARD_Y
    inside = strips[len(strips) - 1, S_FAR] <= at <= strips[0, S_NEAR] and ALONG_FROM <= along <= ALONG_TO
    return (t, k) if inside else (FAR, 0)


# --- random numbers -------------------------------------------------------------------------------


@kernel
def _hash(number):
    """Scrambles 32 bits."""
    n = np.uint32(number)
    n = np.uint32(n ^ (n >> np.uint32(16)))
    n = np.uint32(n * np.uint32(0x7FEB352D))
    n = np.uint32(n ^ (n >> np.uint32(15)))
    n = np.uint32(n * np.uint32(0x846CA68B))
    return np.uint32(n ^ (n >> np.uint32(16)))


@kernel
def _draw(points, pair, i, salt):
    """The i-th of evenly spread points in the unit square, shifted as a whole by the salt."""
    shift = _hash(salt + np.uint32(pair) * np.uint32(0x9E3779B9))
    u = points[pair, i, 0] + F(shift & np.uint32(0xFFFF)) * F(2**-16)
    v = points[pair, i, 1] + F(shift >> np.uint32(16)) * F(2**-16)
    return (u - _1 if u >= _1 else u), (v - _1 if v >= _1 else v)


@kernel
def _frame(nx, ny, nz):
    """Two directions at right angles to a unit normal (Duff et al. 2017)."""
    sign = math.copysign(_1, nz)
    a = -_1 / (sign + nz)
    b = nx * ny * a
    return _1 + sign * nx * nx * a, sign * b, -sign * nx, b, sign + ny * ny * a, -ny


@kernel
def _scattered(nx, ny, nz, u, v):
    """A direction around a normal with density cosine / pi."""
    radius, turn = math.sqrt(u), _2 * _PI * v
    x, y, z = radius * math.cos(turn), radius * math.sin(turn), math.sqrt(max(_1 - u, _0))
    ax, ay, az, bx, by, bz = _frame(nx, ny, nz)
    return x * ax + y * bx + z * nx, x * ay + y * by + z * ny, x * az + y * bz + z * nz


@kernel
def _brushing(forms, i, px, py, nx, ny, nz):
    """The direction along the surface around an object's upright axis."""
    tx, ty = forms[i, Y] - py, px - forms[i, X]
    lean = tx * nx + ty * ny
    tx, ty, tz = tx - lean * nx, ty - lean * ny, -lean * nz
    length2 = tx * tx + ty * ty + tz * tz
    if length2 < F(1e-10):
        tx, ty, tz, _, _, _ = _frame(nx, ny, nz)
        return tx, ty, tz
    scale = _1 / math.sqrt(length2)
    return tx * scale, ty * scale, tz * scale


@kernel
def _reflected(nx, ny, nz, tx, ty, tz, dx, dy, dz, wide_t, wide_b, u, v):
    """Where a ray goes from a rough mirror, how much of it, and the density of that direction.

    GGX normals as they are seen (Dupuy, Benyoub 2023); `wide_t`, `wide_b`: the lobe's widths along the
    tangent t and across.
    """
    bx, by, bz = ny * tz - nz * ty, nz * tx - nx * tz, nx * ty - ny * tx
    x, y, z = -(dx * tx + dy * ty + dz * tz), -(dx * bx + dy * by + dz * bz), -(dx * nx + dy * ny + dz * nz)
    ox, oy, oz = x, y, max(z, F(1e-3))
    sx, sy, sz = wide_t * ox, wide_b * oy, oz
    scale = _1 / math.sqrt(sx * sx + sy * sy + sz * sz)
    sx, sy, sz = sx * scale, sy * scale, sz * scale
    turn = _2 * _PI * u
    hz = (_1 - v) * (_1 + sz) - sz
    ring = math.sqrt(max(_1 - hz * hz, _0))
    hx, hy, hz = wide_t * (ring * math.cos(turn) + sx), wide_b * (ring * math.sin(turn) + sy), hz + sz
    scale = _1 / math.sqrt(hx * hx + hy * hy + hz * hz)
    hx, hy, hz = hx * scale, hy * scale, hz * scale
    twice = _2 * (ox * hx + oy * hy + oz * hz)
    x, y, z = twice * hx - ox, twice * hy - oy, twice * hz - oz
    if z <= F(1e-4):
        return nx, ny, nz, _0, _1
    share, density = _ggx(wide_t, wide_b, hx, hy, hz, x, y, z, ox, oy, oz)
    return (
        x * tx + y * bx + z * nx,
        x * ty + y * by + z * ny,
        x * tz + y * bz + z * nz,
        share / density,
        density,
    )


# --- materials ------------------------------------------------------------------------------------


@kernel
def _fresnel(cos, index):
    """Reflectance of a smooth dielectric."""
    g = math.sqrt(index * index - _1 + cos * cos)
    a = (g - cos) / (g + cos)
    b = (cos * (g + cos) - _1) / (cos * (g - cos) + _1)
    return _HALF * a * a * (_1 + b * b)


@kernel
def _ggx(wide_t, wide_b, hx, hy, hz, ix, iy, iz, ox, oy, oz):
    """GGX reflection from i to o by the half vector h, all in the surface's own axes (tangents, normal).

    Returns it times the cosine of i, and the density with which `_reflected` draws i.
    """
    ht, hb = hx / wide_t, hy / wide_b
    e = ht * ht + hb * hb + hz * hz
    t2, b2 = wide_t * wide_t, wide_b * wide_b
    shadow_in = _2 / (_1 + math.sqrt(_1 + (t2 * ix * ix + b2 * iy * iy) / (iz * iz)))
    shadow_out = _2 / (_1 + math.sqrt(_1 + (t2 * ox * ox + b2 * oy * oy) / (oz * oz)))
    density = shadow_out / (_4 * _PI * wide_t * wide_b * e * e * oz)
    return density * shadow_in, density


@kernel
def _coat_share(cos_in, cos_out, cos_half):
    """Beckmann reflection of rubber's coat, times the cosine of the incoming light."""
    c2 = cos_half * cos_half
    w2 = _COAT * _COAT
    d = math.exp((c2 - _1) / (c2 * w2)) / (_PI * w2 * c2 * c2)
    return d * _beckmann_shadow(cos_in) * _beckmann_shadow(cos_out) / (_4 * cos_out)


@kernel
def _beckmann_shadow(cos):
    a = cos / (_COAT * math.sqrt(max(_1 - cos * cos, F(1e-6))))
    if a >= F(1.6):
        return _1
    return (F(3.535) * a + F(2.181) * a * a) / (_1 + F(2.276) * a + F(2.577) * a * a)


@kernel
def _velvet_share(cos_in, cos_out, cos_half, cos_between):
    """Ashikhmin's velvet, times the cosine of the incoming light; `cos_between`: half vector and view."""
    sin2 = max(_1 - cos_half * cos_half, F(1e-6))
    d = math.exp(-cos_half * cos_half / sin2 * _SHEEN) * _SHEEN / (_PI * sin2 * sin2)
    g = min(_1, _2 * cos_half * min(cos_out, cos_in) / max(cos_between, F(1e-4)))
    return F(0.25) * d * g / cos_out


GROUND_SURFACE, RUBBER_SURFACE, METAL_SURFACE, SATIN_SURFACE, BLURRED_SURFACE = range(5)


@kernel
def _toward(lights, l, px, py, pz):
    """Direction to a lamp's middle, irradiance face-on, and sine of half the angle under which it is seen."""
    if l == SUN:
        return lights[l, NORMAL], lights[l, NORMAL + 1], lights[l, NORMAL + 2], _1, lights[l, HALF_WIDTH]
    wx, wy, wz = lights[l, PLACE] - px, lights[l, PLACE + 1] - py, lights[l, PLACE + 2] - pz
    inverse = _1 / math.sqrt(wx * wx + wy * wy + wz * wz)
    wx, wy, wz = wx * inverse, wy * inverse, wz * inverse
    facing = -(wx * lights[l, NORMAL] + wy * lights[l, NORMAL + 1] + wz * lights[l, NORMAL + 2])
    return wx, wy, wz, max(facing, _0) * inverse * inverse, lights[l, HALF_WIDTH] * inverse


@kernel
def _point_on(lights, l, px, py, pz, u, v):
    """Unit direction to a point drawn on a lamp."""
    if l == SUN:
        radius, turn = math.sqrt(u), _2 * _PI * v
        a, b = radius * math.cos(turn), radius * math.sin(turn)
        px, py, pz = _0, _0, _0
    else:
        a, b = _2 * u - _1, _2 * v - _1
    wx = lights[l, PLACE] + a * lights[l, ACROSS] + b * lights[l, UPWARD] - px
    wy = lights[l, PLACE + 1] + a * lights[l, ACROSS + 1] + b * lights[l, UPWARD + 1] - py
    wz = lights[l, PLACE + 2] + a * lights[l, ACROSS + 2] + b * lights[l, UPWARD + 2] - pz
    inverse = _1 / math.sqrt(wx * wx + wy * wy + wz * wz)
    return wx * inverse, wy * inverse, wz * inverse


@kernel
def _above(cos, sine):
    """Mean cosine over a lamp that may be half below the horizon; `sine`: of half its angle."""
    if cos >= sine:
        return cos
    if cos <= -sine:
        return _0
    return (cos + sine) * (cos + sine) / (_4 * sine)


@kernel
def _lit(forms, lights, near, place, surface, px, py, pz, nx, ny, nz, tx, ty, tz, dx, dy, dz, u, v):
    """Light that comes straight from the lamps and goes back along a ray, and which lamps are seen.

    `surface`: ground (the result is irradiance), rubber or metal (radiance, to be multiplied by the
    colour; the second triple is not), or satin or blurred metal, a single lobe. One shadow ray a lamp. t: a
    metal's tangent. `near[place]`: which objects may stand before each lamp. Metal's sharp lobe also meets lamps by itself; the two ways share the work by their densities.
    """
    r, g, b = _0, _0, _0
    cr, cg, cb = _0, _0, _0
    seen = 0
    cos_out = max(-(nx * dx + ny * dy + nz * dz), F(1e-3))
    if surface == RUBBER_SURFACE:
        gloss, sheen = _fresnel(cos_out, F(1.2)), _fresnel(cos_out, F(1.4))
    else:
        gloss, sheen = _0, _0
    for l in range(4):
        mx, my, mz, strength, sine = _toward(lights, l, px, py, pz)
        cos = _above(nx * mx + ny * my + nz * mz, sine)
        if cos <= _0 or strength <= _0:
            continue
        among = near[place, l]
        wx, wy, wz, cos_in = mx, my, mz, cos
        if among != 0 or surface != GROUND_SURFACE:
            wx, wy, wz = _point_on(lights, l, px, py, pz, u, v)
            u, v = v, _1 - u  # another point on the next lamp
            cos_in = nx * wx + ny * wy + nz * wz
            if cos_in <= _0 or _blocked(forms, among, px, py, pz, wx, wy, wz):
                continue
        seen |= 1 << l
        share, white = cos, _0
        if surface != GROUND_SURFACE:
            hx, hy, hz = wx - dx, wy - dy, wz - dz
            inverse = _1 / math.sqrt(hx * hx + hy * hy + hz * hz + _TINY)
            hx, hy, hz = hx * inverse, hy * inverse, hz * inverse
            cos_half = nx * hx + ny * hy + nz * hz
            if surface != RUBBER_SURFACE:
                bx, by, bz = ny * tz - nz * ty, nz * tx - nx * tz, nx * ty - ny * tx
                ht, hb = hx * tx + hy * ty + hz * tz, hx * bx + hy * by + hz * bz
                it, ib = wx * tx + wy * ty + wz * tz, wx * bx + wy * by + wz * bz
                ot, ob = -(dx * tx + dy * ty + dz * tz), -(dx * bx + dy * by + dz * bz)
                wide_t, wide_b = _SATIN * _BRUSHED, _SATIN / _BRUSHED
                if surface == BLURRED_SURFACE:
                    wide_t, wide_b = _BLURRED, _BLURRED
                share, _ = _ggx(wide_t, wide_b, ht, hb, cos_half, it, ib, cos_in, ot, ob, cos_out)
                if surface == METAL_SURFACE:
                    wide_t, wide_b = _MIRROR * _BRUSHED, _MIRROR / _BRUSHED
                    sharp, density = _ggx(wide_t, wide_b, ht, hb, cos_half, it, ib, cos_in, ot, ob, cos_out)
                    chance = lights[l, RADIANCE] / strength  # density of the drawn point, by solid angle
                    sharp *= chance / (chance + density)
                    share = _SATIN_SHARE * share + (_1 - _SATIN_SHARE) * sharp
            else:
                between = -(dx * hx + dy * hy + dz * hz)
                velvet = _velvet_share(cos_in, cos_out, cos_half, between)
                share = (_1 - gloss) * ((_1 - sheen) * cos / _PI + sheen * velvet)
                white = F(0.8) * gloss * _coat_share(cos_in, cos_out, cos_half)
        share *= strength
        white *= strength
        r += share * lights[l, GLOW]
        g += share * lights[l, GLOW + 1]
        b += share * lights[l, GLOW + 2]
        cr += white * lights[l, GLOW]
        cg += white * lights[l, GLOW + 1]
        cb += white * lights[l, GLOW + 2]
    return r, g, b, cr, cg, cb, seen


@kernel
def _lamp_hit(lights, ox, oy, oz, dx, dy, dz):
    """Distance to the first lamp whose bright side a ray meets, and the lamp; FAR and -1 for none."""
    best, which = FAR, -1
    for l in range(SUN):
        facing = dx * lights[l, NORMAL] + dy * lights[l, NORMAL + 1] + dz * lights[l, NORMAL + 2]
        if facing >= F(-1e-6):
            continue
        wx, wy, wz = lights[l, PLACE] - ox, lights[l, PLACE + 1] - oy, lights[l, PLACE + 2] - oz
        t = (wx * lights[l, NORMAL] + wy * lights[l, NORMAL + 1] + wz * lights[l, NORMAL + 2]) / facing
        if t <= _0 or t >= best:
            continue
        wx, wy, wz = t * dx - wx, t * dy - wy, t * dz - wz
        half2 = lights[l, HALF_WIDTH] * lights[l, HALF_WIDTH]
        a = wx * lights[l, ACROSS] + wy * lights[l, ACROSS + 1] + wz * lights[l, ACROSS + 2]
        b = wx * lights[l, UPWARD] + wy * lights[l, UPWARD + 1] + wz * lights[l, UPWARD + 2]
        if abs(a) <= half2 and abs(b) <= half2:
            best, which = t, l
    return best, which


# --- which objects may stand before which lamp ----------------------------------------------------


@kernel
def _may_shade(forms, lights, l, px, py, pz, radius):
    """Objects that may stand between a lamp and any point of a ball, as bits; a few too many."""
    found = 0
    mx, my, mz, _, sine = _toward(lights, l, px, py, pz)
    for i in range(len(forms)):
        cx, cy, cz = forms[i, X] - px, forms[i, Y] - py, forms[i, R] - pz
        ahead = cx * mx + cy * my + cz * mz
        reach = math.sqrt(forms[i, BALL]) + radius
        if ahead < -reach:
            continue
        reach += max(ahead, _0) * sine * F(1.5)
        if cx * cx + cy * cy + cz * cz - ahead * ahead < reach * reach:
            found |= 1 << i
    return found


@kernel
def find_shades(forms, lights, strips, index, reach, near):
    """Fill `near` (size * size + n + 1, 4): for each cell of the floor map, each object, and anywhere."""
    count = len(forms)
    cells = len(near) - count - 1
    size = int(math.sqrt(F(cells)) + _HALF)
    step = _2 * reach / F(size)
    for cell in range(cells):
        px, py = (F(cell % size) + _HALF) * step - reach, (F(cell // size) + _HALF) * step - reach
        s = px * TOWARD_X + py * TOWARD_Y
        k = _strip_at(strips, index, s)
        pz = (strips[k, OFFSET] - strips[k, NS] * s) / strips[k, NZ]
        for l in range(4):
            near[cell, l] = _may_shade(forms, lights, l, px, py, pz, step * F(0.75))
    for l in range(4):
        for i in range(count):
            ball = math.sqrt(forms[i, BALL])
            found = _may_shade(forms, lights, l, forms[i, X], forms[i, Y], forms[i, R], ball)
            near[cells + i, l] = found & ~(1 << i)
        near[cells + count, l] = (1 << count) - 1


@kernel
def _cell_of(floor, reach, count, px, py):
    """The row of `near` for a point on the sweep."""
    size = floor.shape[0]
    if abs(px) >= reach or abs(py) >= reach:
        return size * size + count
    scale = F(size) * _HALF / reach
    return min(int((py + reach) * scale), size - 1) * size + min(int((px + reach) * scale), size - 1)


# --- light on the sweep, looked up ----------------------------------------------------------------


@kernel
def _between(table, row, column, channel):
    """Bilinear value of table (rows, columns, channels) for three channels, held at its borders."""
    row = min(max(row, _0), F(table.shape[0] - 1) - F(1e-3))
    column = min(max(column, _0), F(table.shape[1] - 1) - F(1e-3))
    i, j = int(row), int(column)
    a, b = row - F(i), column - F(j)
    w00, w01, w10, w11 = (_1 - a) * (_1 - b), (_1 - a) * b, a * (_1 - b), a * b
    r = w00 * table[i, j, channel] + w01 * table[i, j + 1, channel]
    r += w10 * table[i + 1, j, channel] + w11 * table[i + 1, j + 1, channel]
    channel += 1
    g = w00 * table[i, j, channel] + w01 * table[i, j + 1, channel]
    g += w10 * table[i + 1, j, channel] + w11 * table[i + 1, j + 1, channel]
    channel += 1
    b_ = w00 * table[i, j, channel] + w01 * table[i, j + 1, channel]
    b_ += w10 * table[i + 1, j, channel] + w11 * table[i + 1, j + 1, channel]
    return r, g, b_


@kernel
def _on_bare_sweep(strips, bare, k, px, py, channel):
    """Irradiance of the sweep without objects: channel 0 indirect, 3 all. `bare`: (strips, along, 6)."""
    s = px * TOWARD_X + py * TOWARD_Y
    along = py * TOWARD_X - px * TOWARD_Y
    row = F(k) + (strips[k, S_NEAR] - s) / (strips[k, S_NEAR] - strips[k, S_FAR]) - _HALF
    column = (along - ALONG_FROM) / (ALONG_TO - ALONG_FROM) * F(bare.shape[1]) - _HALF
    return _between(bare, row, column, channel)


@kernel
def _on_sweep(strips, bare, floor, reach, k, px, py, channel):
    """Irradiance of the sweep: channel 0 indirect, 3 all. `floor`: (rows, columns, 6) over |x|, |y| < reach."""
    if abs(px) >= reach or abs(py) >= reach:
        return _on_bare_sweep(strips, bare, k, px, py, channel)
    scale = F(floor.shape[0]) * _HALF / reach
    return _between(floor, (py + reach) * scale - _HALF, (px + reach) * scale - _HALF, channel)


# --- paths ----------------------------------------------------------------------------------------


@kernel
def _path(
    forms, lights, strips, index, bare, near, floor, reach, exact, points, i, salt, first, level, among,
    ox, oy, oz, dx, dy, dz,
):  # fmt: skip
    """Radiance that comes back along a ray, and what it saw first.

    `level`: how blurred the path is: 0 by nothing but sharp mirrors, 1 by satin, 2 by scattering.
    `exact`: follow light on the sweep, too, in place of looking it up. `first`: number of the bounce.
    `among`: objects the ray may meet. What was seen: of objects -1 - number, of the sweep which lamps
    were visible as bits, and PLAIN besides where no object is near the way to any of them.
    """
    count = len(forms)
    everything = (1 << count) - 1
    r, g, b = _0, _0, _0
    tr, tg, tb = _1, _1, _1  # what is left of the light
    first_seen = 0
    sharp, density = False, _0  # whether lamps are seen, and how likely this ray was
    for bounce in range(first, MOST_BOUNCES):
        t, which = _nearest(forms, among, ox, oy, oz, dx, dy, dz)
        k = 0
        if which < 0 or oz + t * dz < F(0.2):  # further up, an object is always before the sweep
            ts, k = _sweep_hit(strips, index, ox, oy, oz, dx, dy, dz)
            if ts < t:
                t, which = ts, -1
        if sharp:
            tl, l = _lamp_hit(lights, ox, oy, oz, dx, dy, dz)
            if tl >= t and t >= FAR:
                facing = (
                    dx * lights[SUN, NORMAL] + dy * lights[SUN, NORMAL + 1] + dz * lights[SUN, NORMAL + 2]
                )
                if facing > math.sqrt(_1 - lights[SUN, HALF_WIDTH] * lights[SUN, HALF_WIDTH]):
                    tl, l = _0, SUN
            if tl < t:
                _, _, _, strength, _ = _toward(lights, l, ox, oy, oz)
                chance = lights[l, RADIANCE] / max(strength, _TINY)
                share = lights[l, RADIANCE] * density / (density + chance)
                r += tr * share * lights[l, GLOW]
                g += tg * share * lights[l, GLOW + 1]
                b += tb * share * lights[l, GLOW + 2]
                break
        if t >= FAR:
            break
        px, py, pz = ox + t * dx, oy + t * dy, oz + t * dz
        u, v = _draw(points, 1 + 3 * bounce, i, salt)
        if which < 0:
            scale = _GROUND / _PI
            tr, tg, tb = tr * scale, tg * scale, tb * scale
            if level > 0 and not exact:
                er, eg, eb = _on_sweep(strips, bare, floor, reach, k, px, py, 3)
                r, g, b = r + tr * er, g + tg * eg, b + tb * eb
                break
            nx, ny, nz = strips[k, NS] * TOWARD_X, strips[k, NS] * TOWARD_Y, strips[k, NZ]
            place = _cell_of(floor, reach, count, px, py)
            er, eg, eb, _, _, _, seen = _lit(
                forms,
                lights,
                near,
                place,
                GROUND_SURFACE,
                px,
                py,
                pz,
                nx,
                ny,
                nz,
                _0,
                _0,
                _0,
                dx,
                dy,
                dz,
                u,
                v,
            )
            if bounce == first:
                first_seen = seen
                if near[place, 0] | near[place, 1] | near[place, 2] | near[place, 3] == 0:
                    first_seen |= PLAIN
            r, g, b = r + tr * er, g + tg * eg, b + tb * eb
            if not exact:
                er, eg, eb = _on_sweep(strips, bare, floor, reach, k, px, py, 0)
                r, g, b = r + tr * er, g + tg * eg, b + tb * eb
                break
            tr, tg, tb = tr * _PI, tg * _PI, tb * _PI
            u, v = _draw(points, 2 + 3 * bounce, i, salt)
            dx, dy, dz = _scattered(nx, ny, nz, u, v)
            among, level, sharp = everything, 2, False
        else:
            if bounce == first:
                first_seen = -1 - which
            nx, ny, nz = _normal(forms, which, px, py, pz)
            among, place = everything & ~(1 << which), floor.shape[0] * floor.shape[0] + which
            choice, luck = _draw(points, 3 + 3 * bounce, i, salt)
            cr, cg, cb = forms[which, RED], forms[which, GREEN], forms[which, BLUE]
            if forms[which, METAL] > _0:
                tr, tg, tb = tr * cr, tg * cg, tb * cb
                tx, ty, tz = _brushing(forms, which, px, py, nx, ny, nz)
                surface = METAL_SURFACE + level
                er, eg, eb, _, _, _, _ = _lit(
                    forms, lights, near, place, surface, px, py, pz, nx, ny, nz, tx, ty, tz, dx, dy, dz, u, v
                )
                r, g, b = r + tr * er, g + tg * eg, b + tb * eb
                sharp = level == 0 and choice >= _SATIN_SHARE
                width = _MIRROR if sharp else _SATIN
                wide_t, wide_b = width * _BRUSHED, width / _BRUSHED
                if level == 2:
                    wide_t, wide_b = _BLURRED, _BLURRED
                elif not sharp:
                    level = 1
                u, v = _draw(points, 2 + 3 * bounce, i, salt)
                dx, dy, dz, share, density = _reflected(
                    nx, ny, nz, tx, ty, tz, dx, dy, dz, wide_t, wide_b, u, v
                )
                tr, tg, tb = tr * share, tg * share, tb * share
            else:
                er, eg, eb, wr, wg, wb, _ = _lit(
                    forms,
                    lights,
                    near,
                    place,
                    RUBBER_SURFACE,
                    px,
                    py,
                    pz,
                    nx,
                    ny,
                    nz,
                    _0,
                    _0,
                    _0,
                    dx,
                    dy,
                    dz,
                    u,
                    v,
                )
                r, g, b = r + tr * (cr * er + wr), g + tg * (cg * eg + wg), b + tb * (cb * eb + wb)
                sharp = False
                u, v = _draw(points, 2 + 3 * bounce, i, salt)
                gloss = _fresnel(max(-(nx * dx + ny * dy + nz * dz), F(1e-3)), F(1.2))
                likely = gloss / (gloss + _HALF * (_1 - gloss))
                if choice < likely:
                    tx, ty, tz, _, _, _ = _frame(nx, ny, nz)
                    dx, dy, dz, share, _ = _reflected(nx, ny, nz, tx, ty, tz, dx, dy, dz, _COAT, _COAT, u, v)
                    share *= F(0.8) * gloss / likely
                    tr, tg, tb = tr * share, tg * share, tb * share
                    level = max(level, 1)
                else:
                    dx, dy, dz = _scattered(nx, ny, nz, u, v)
                    share = (_1 - gloss) / (_1 - likely)
                    tr, tg, tb = tr * cr * share, tg * cg * share, tb * cb * share
                    level = 2
            if bounce >= 2:  # Russian roulette
                alive = min(max(tr, max(tg, tb)), F(0.95))
                if luck >= alive:
                    break
                scale = _1 / alive
                tr, tg, tb = tr * scale, tg * scale, tb * scale
            if max(tr, max(tg, tb)) <= _0:
                break
        ox, oy, oz = px, py, pz
    return r, g, b, first_seen


@kernel
def _under_object(forms, px, py):
    for i in range(len(forms)):
        cx, cy = (px - forms[i, X]) / forms[i, R], (py - forms[i, Y]) / forms[i, R]
        kind = int(forms[i, KIND])
        if kind == CUBE:
            cos, sin = forms[i, COS], forms[i, SIN]
            if max(abs(cos * cx + sin * cy), abs(cos * cy - sin * cx)) < F(0.92):
                return True
        elif kind == CYLINDER and cx * cx + cy * cy < F(0.96):
            return True
    return False


@kernel
def light_floor(forms, lights, strips, index, bare, near, points, reach, floor, hidden, salt, first, last):
    """Fill rows first..last of the floor map with direct light (channels 3-5) and mark what is hidden."""
    size = floor.shape[0]
    step = _2 * reach / F(size)
    for row in range(first, last):
        py = (F(row) + _HALF) * step - reach
        for column in range(size):
            px = (F(column) + _HALF) * step - reach
            hidden[row, column] = _under_object(forms, px, py)
            k = _strip_at(strips, index, px * TOWARD_X + py * TOWARD_Y)
            nx, ny, nz = strips[k, NS] * TOWARD_X, strips[k, NS] * TOWARD_Y, strips[k, NZ]
            pz = (strips[k, OFFSET] - strips[k, NS] * (px * TOWARD_X + py * TOWARD_Y)) / nz
            r, g, b = _0, _0, _0
            if not hidden[row, column]:
                here = _hash(salt + np.uint32(row * size + column))
                place = row * size + column
                rays = points.shape[1]
                if near[place, 0] | near[place, 1] | near[place, 2] | near[place, 3] == 0:
                    rays = 1
                for i in range(rays):
                    u, v = _draw(points, 1, i, here)
                    er, eg, eb, _, _, _, _ = _lit(
                        forms,
                        lights,
                        near,
                        place,
                        GROUND_SURFACE,
                        px,
                        py,
                        pz,
                        nx,
                        ny,
                        nz,
                        _0,
                        _0,
                        _0,
                        _0,
                        _0,
                        -_1,
                        u,
                        v,
                    )
                    r, g, b = r + er / F(rays), g + eg / F(rays), b + eb / F(rays)
            floor[row, column, 3], floor[row, column, 4], floor[row, column, 5] = r, g, b
            r, g, b = _on_bare_sweep(strips, bare, k, px, py, 0)
            floor[row, column, 0], floor[row, column, 1], floor[row, column, 2] = r, g, b


@kernel
def gather_floor(
    forms, lights, strips, index, bare, near, points, reach, total, hidden, gathered, salt, first, last
):
    """What objects change in the indirect light of the floor: rows first..last of `gathered` (.., .., 3).

    Only rays that meet an object count, each with its light less that of the sweep behind it.
    `total`: the floor map with what is known so far.
    """
    size, everything = gathered.shape[0], (1 << len(forms)) - 1
    step = _2 * reach / F(size)
    for row in range(first, last):
        py = (F(row) + _HALF) * step - reach
        for column in range(size):
            px = (F(column) + _HALF) * step - reach
            if hidden[row, column]:
                continue
            k = _strip_at(strips, index, px * TOWARD_X + py * TOWARD_Y)
            nx, ny, nz = strips[k, NS] * TOWARD_X, strips[k, NS] * TOWARD_Y, strips[k, NZ]
            pz = (strips[k, OFFSET] - strips[k, NS] * (px * TOWARD_X + py * TOWARD_Y)) / nz
            here = _hash(salt + np.uint32(row * size + column))
            r, g, b = _0, _0, _0
            for i in range(points.shape[1]):
                u, v = _draw(points, 2, i, here)
                dx, dy, dz = _scattered(nx, ny, nz, u, v)
                if not _blocked(forms, everything, px, py, pz, dx, dy, dz):
                    continue
                er, eg, eb, _ = _path(
                    forms, lights, strips, index, bare, near, total, reach, False, points, i, here, 1, 2, everything,
                    px, py, pz, dx, dy, dz,
                )  # fmt: skip
                r, g, b = r + er, g + eg, b + eb
                t, behind = _sweep_hit(strips, index, px, py, pz, dx, dy, dz)
                if t < FAR:
                    er, eg, eb = _on_bare_sweep(strips, bare, behind, px + t * dx, py + t * dy, 3)
                    scale = _GROUND / _PI
                    r, g, b = r - scale * er, g - scale * eg, b - scale * eb
            share = _PI / F(points.shape[1])
            gathered[row, column, 0], gathered[row, column, 1] = r * share, g * share
            gathered[row, column, 2] = b * share


@kernel
def sweep_factors(strips, index, points, columns, factors):
    """Which share of the light that cell i of the sweep gets comes from cell j: fill `factors` (i, j).

    Cells: strip * columns + column. Points: (1, rays, 2).
    """
    rays = points.shape[1]
    wide = (ALONG_TO - ALONG_FROM) / F(columns)
    for cell in range(len(strips) * columns):
        k = cell // columns
        s = (strips[k, S_NEAR] + strips[k, S_FAR]) * _HALF
        along = ALONG_FROM + (F(cell % columns) + _HALF) * wide
        px, py = s * TOWARD_X - along * TOWARD_Y, s * TOWARD_Y + along * TOWARD_X
        nx, ny, nz = strips[k, NS] * TOWARD_X, strips[k, NS] * TOWARD_Y, strips[k, NZ]
        pz = (strips[k, OFFSET] - strips[k, NS] * s) / nz
        for i in range(rays):
            u, v = _draw(points, 0, i, _hash(np.uint32(cell)))
            dx, dy, dz = _scattered(nx, ny, nz, u, v)
            t, hit = _sweep_hit(strips, index, px, py, pz, dx, dy, dz)
            if t < FAR:
                end = (py + t * dy) * TOWARD_X - (px + t * dx) * TOWARD_Y
                column = min(max(int((end - ALONG_FROM) / wide), 0), columns - 1)
                factors[cell, hit * columns + column] += _1 / F(rays)


@kernel
def bare_direct(lights, strips, direct):
    """Direct irradiance of the cells of the sweep without objects: fill (strips, columns, 3)."""
    columns = direct.shape[1]
    wide = (ALONG_TO - ALONG_FROM) / F(columns)
    for k in range(len(strips)):
        s = (strips[k, S_NEAR] + strips[k, S_FAR]) * _HALF
        nx, ny, nz = strips[k, NS] * TOWARD_X, strips[k, NS] * TOWARD_Y, strips[k, NZ]
        pz = (strips[k, OFFSET] - strips[k, NS] * s) / nz
        for column in range(columns):
            along = ALONG_FROM + (F(column) + _HALF) * wide
            px, py = s * TOWARD_X - along * TOWARD_Y, s * TOWARD_Y + along * TOWARD_X
            for l in range(4):
                mx, my, mz, strength, sine = _toward(lights, l, px, py, pz)
                strength *= _above(nx * mx + ny * my + nz * mz, sine)
                direct[k, column, 0] += strength * lights[l, GLOW]
                direct[k, column, 1] += strength * lights[l, GLOW + 1]
                direct[k, column, 2] += strength * lights[l, GLOW + 2]


# --- pictures -------------------------------------------------------------------------------------


@kernel
def paint(
    forms, lights, strips, index, bare, near, floor, reach, exact, points, fewest, spread, eye, axes, focal,
    salt, frames, light, first, last,
):  # fmt: skip
    """Fill rows first..last of `light` (h, w, 3) with the linear light of each pixel.

    All of `points`' samples are taken where the first `fewest` differ in what they see or show an
    object; where they see the same lamps from the floor, those few do, and a single one far from all
    objects. `spread`: offsets in the pixel, evenly over the pixel filter's area. `frames` (n, 4): first
    and end column, first and end row of the rectangle in which each object can be.
    """
    height, width = light.shape[0], light.shape[1]
    half_w, half_h, inverse = F(width) * _HALF, F(height) * _HALF, _1 / focal
    samples = points.shape[1]
    last_offset = F(len(spread) - 1)
    for row in range(first, last):
        for column in range(width):
            here = _hash(salt + np.uint32(row * width + column))
            r, g, b = _0, _0, _0
            same, common, taken, among = True, 0, 0, 0
            for i in range(len(forms)):
                if frames[i, 0] - 1 <= column <= frames[i, 1] and frames[i, 2] - 1 <= row <= frames[i, 3]:
                    among |= 1 << i
            for i in range(samples):
                if i == 1 and common & PLAIN and common > 0 and among == 0 and fewest < samples:
                    break
                if i == fewest and same and common >= 0:
                    break
                u, v = _draw(points, 0, i, here)
                u, v = u * last_offset, v * last_offset
                iu, iv = int(u), int(v)
                u = spread[iu] + (u - F(iu)) * (spread[iu + 1] - spread[iu])
                v = spread[iv] + (v - F(iv)) * (spread[iv + 1] - spread[iv])
                u = (F(column) + _HALF + u - half_w) * inverse
                v = (half_h - F(row) - _HALF - v) * inverse
                dx = axes[0, 0] * u + axes[1, 0] * v - axes[2, 0]
                dy = axes[0, 1] * u + axes[1, 1] * v - axes[2, 1]
                dz = axes[0, 2] * u + axes[1, 2] * v - axes[2, 2]
                scale = _1 / math.sqrt(dx * dx + dy * dy + dz * dz)
                er, eg, eb, seen = _path(
                    forms, lights, strips, index, bare, near, floor, reach, exact, points, i, here, 0, 0, among,
                    eye[0], eye[1], eye[2], dx * scale, dy * scale, dz * scale,
                )  # fmt: skip
                if i == 0:
                    common = seen
                elif seen != common:
                    same = False
                r, g, b = r + er, g + eg, b + eb
                taken += 1
            scale = _1 / F(taken)
            light[row, column, 0], light[row, column, 1], light[row, column, 2] = (
                r * scale,
                g * scale,
                b * scale,
            )


@kernel
def find_frames(forms, eye, axes, focal, height, width, frames):
    """Fill `frames` (n, 4): first and end column, first and end row of where each object can be seen.

    `axes`: the camera's right, up, backward.
    """
    half_w, half_h = F(width) * _HALF, F(height) * _HALF
    for i in range(len(forms)):
        cx, cy, cz = forms[i, X] - eye[0], forms[i, Y] - eye[1], forms[i, R] - eye[2]
        right = cx * axes[0, 0] + cy * axes[0, 1] + cz * axes[0, 2]
        up = cx * axes[1, 0] + cy * axes[1, 1] + cz * axes[1, 2]
        ahead = -(cx * axes[2, 0] + cy * axes[2, 1] + cz * axes[2, 2])
        ball = math.sqrt(forms[i, BALL])
        left, end = _extent(right, ahead, ball)
        low, top = _extent(up, ahead, ball)
        frames[i, 0] = max(int(half_w + focal * left), 0)
        frames[i, 1] = min(int(half_w + focal * end) + 1, width)
        frames[i, 2] = max(int(half_h - focal * top), 0)
        frames[i, 3] = min(int(half_h - focal * low) + 1, height)


@kernel
def cast(forms, eye, axes, focal, frames, depths, objects):
    """Fill `objects` (h, w) uint8 with object number + 1, and `depths` (h, w) with distances.

    Both hold 0 and FAR before.
    """
    height, width = objects.shape
    half_w, half_h = F(width) * _HALF, F(height) * _HALF
    inverse = _1 / focal
    for i in range(len(forms)):
        for row in range(frames[i, 2], frames[i, 3]):
            v = (half_h - F(row) - _HALF) * inverse
            for column in range(frames[i, 0], frames[i, 1]):
                u = (F(column) + _HALF - half_w) * inverse
                dx = axes[0, 0] * u + axes[1, 0] * v - axes[2, 0]
                dy = axes[0, 1] * u + axes[1, 1] * v - axes[2, 1]
                dz = axes[0, 2] * u + axes[1, 2] * v - axes[2, 2]
                scale = _1 / math.sqrt(dx * dx + dy * dy + dz * dz)
                t, _ = _nearest(forms, 1 << i, eye[0], eye[1], eye[2], dx * scale, dy * scale, dz * scale)
                if t < depths[row, column]:
                    depths[row, column] = t
                    objects[row, column] = i + 1


@kernel
def _extent(across, ahead, ball):
    """Between which tangents a ball is seen along one picture axis."""
    limit = F(1.5)
    middle = math.atan2(across, ahead)
    around = math.asin(min(ball / math.sqrt(across * across + ahead * ahead), _1))
    return F(math.tan(max(middle - around, -limit))), F(math.tan(min(middle + around, limit)))
