"""The renderer's compiled kernels: rays against the few shapes of a CLEVR scene, and light along them.

All of them are in one file because Numba's cache looks only at a kernel's own file for changes.
Everything is float32: constants are float32 too, or a single one would turn the sums into float64.
Points, directions and colours are tuples of three. Inner kernels take the stage's arrays one by one:
reading one from a tuple counts references, which costs more than the light it finds.

Objects are convex, so a ray that leaves an object never meets that object again: in place of an
epsilon, rays say which objects they may meet, as the bits of a number. The sweep, floor and wall in
one, is convex the other way round: seen from inside it hides nothing of itself, and never stands
between a surface and a lamp.

How light is found (the reasons are speed and little noise):
- Every surface asks all lamps directly, by one shadow ray to a point drawn on each.
- Light that the sweep gets from elsewhere is smooth. It is gathered once a scene in a *floor map* and
  looked up from then on; where a blurred ray ends on the floor, so is the direct light.
- Sharp reflections see the lamps themselves; blurred ones get them only by asking.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit

F = np.float32

# Columns of `forms`: centre on the ground, half height (also the centre's height), yaw, colour, squared
# radius of a ball around the centre that holds the object, kind, and whether it is metal.
X, Y, R, COS, SIN, RED, GREEN, BLUE, BALL, KIND, METAL = range(11)
FORM = 11
CUBE, SPHERE, CYLINDER = range(3)

# Columns of `lights`: the lamp's place, its normal (of the sun: the direction to it), half its sides,
# the irradiance it gives face-on at distance 1, half its width, 1 / its area.
PLACE, NORMAL, ACROSS, UPWARD, GLOW, HALF_WIDTH, DENSITY = 0, 3, 6, 9, 12, 15, 16
LIGHT = 17
SUN = 3  # the last of the four; stands at distance 1 in every direction's frame

# Columns of `strips`: inward normal (s, z) and offset of the plane, the larger and the smaller s.
NS, NZ, OFFSET, S_NEAR, S_FAR = range(5)


class Stage(NamedTuple):
    """All that light meets.

    `forms` (n, FORM), `lights` (4, LIGHT), `strips` (m, 5): see the columns above. `strip_at` (k,): the
    strip at each of evenly spaced s. `bare` (m, along, 6): irradiance of the sweep without objects,
    indirect in channels 0-2 and all in 3-5. `floor` (size, size, 6): the same with them, over
    |x|, |y| < `reach`, rows along y. `near` (size * size + n + 1, 4): bits of the objects that may
    stand before each lamp, for each cell of the floor, for each object, and for anywhere.
    """

    primitives: np.ndarray
    lights: np.ndarray
    strips: np.ndarray
    strip_at: np.ndarray
    bare: np.ndarray
    floor: np.ndarray
    near: np.ndarray
    reach: np.float32


class Camera(NamedTuple):
    """`axes` (3, 3): right, up, backward in rows. `focal`: length in pixels."""

    eye: tuple[np.float32, np.float32, np.float32]
    axes: np.ndarray
    focal: np.float32


# Shapes of half height 1, measured on CLEVR's meshes.
_EDGE = F(0.184)  # radius of a cube's rounded edges
_RIM = F(0.05)  # of a cylinder's rims
BALL_OF_KIND = (1.6**2, 1.0, 1.98)  # squared radius of the ball around each kind
_FLAT, _SIDE = F(1) - _EDGE, F(1) - _RIM

# The sweep: a profile z(s), s = p . TOWARD on the ground, drawn out sideways.
TOWARD_X, TOWARD_Y = F(0.90321), F(-0.42920)
SIDE_FROM, SIDE_TO = F(-26.6), F(29.9)
_GROUND = F(0.8 / math.pi)  # reflectance

# Materials.
_SHEEN = F(1 / 0.6**2)  # rubber's velvet: 1 / sigma squared
_COAT = F(0.35)  # rubber's gloss: width of the Beckmann lobe
_GLOSS_INDEX, _SHEEN_INDEX, _GLOSS_ALBEDO = F(1.2), F(1.4), F(0.8)
_SATIN, _MIRROR = F(0.2), F(0.01)  # metal's two GGX lobes: widths
_SATIN_SHARE = F(0.4)
_BRUSHED = F(0.75)  # both are narrower by this around the object's axis, and wider across
_BLURRED = F(0.4)  # width of metal once light has been scattered ("filter glossy")

_0, _1, _2, _4, _HALF = F(0), F(1), F(2), F(4), F(0.5)
_PI = F(math.pi)
_TINY, FAR = F(1e-9), F(1e30)  # FAR: no hit; fastmath does not know infinity
BLACK = (_0, _0, _0)
MOST_BOUNCES = 7
PAIRS = 1 + 3 * MOST_BOUNCES  # pairs of random numbers a path may take
PLAIN = 16  # of what a path saw: floor that no object can shade


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled once and kept on disk; frees the GIL, so that threads may run it side by side."""
    how: dict[str, Any] = {"nogil": True, "fastmath": True, "error_model": "numpy"}
    compiled: Callable[..., Any]
    try:
        compiled = njit(cache=True, **how)(function)
    except RuntimeError:  # neither the code's folder nor the user's can be written: compile in every process
        compiled = njit(**how)(function)
    return compiled


# --- vectors --------------------------------------------------------------------------------------


@kernel
def dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@kernel
def cross(a, b):
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@kernel
def minus(a, b):
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


@kernel
def scaled(a, k):
    return a[0] * k, a[1] * k, a[2] * k


@kernel
def times(a, b):
    return a[0] * b[0], a[1] * b[1], a[2] * b[2]


@kernel
def ahead(a, k, b):
    """a + k b."""
    return a[0] + k * b[0], a[1] + k * b[1], a[2] + k * b[2]


@kernel
def unit(a):
    return scaled(a, _1 / math.sqrt(dot(a, a) + F(1e-20)))


@kernel
def three(table, row, column):
    """Three neighbouring values of a row."""
    return table[row, column], table[row, column + 1], table[row, column + 2]


@kernel
def inward(v, t, b, n):
    """A vector in the axes t, b, n."""
    return dot(v, t), dot(v, b), dot(v, n)


@kernel
def outward(v, t, b, n):
    """The vector that has the coordinates v in the axes t, b, n."""
    return ahead(ahead(scaled(t, v[0]), v[1], b), v[2], n)


@kernel
def frame(n):
    """Two directions at right angles to a unit normal (Duff et al. 2017)."""
    sign = math.copysign(_1, n[2])
    a = -_1 / (sign + n[2])
    b = n[0] * n[1] * a
    return (_1 + sign * n[0] * n[0] * a, sign * b, -sign * n[0]), (b, sign + n[1] * n[1] * a, -n[1])


# --- rays and shapes ------------------------------------------------------------------------------


@kernel
def _cube_hit(o, d):
    """Distance along a unit ray to a cube of half edge 1 with rounded edges; FAR for a miss.

    A flat part is met where the sharp cube is. On the rounded parts the distance to the inner cube
    is convex along the ray, so Newton's steps from the sharp cube never overshoot.
    """
    ix = _1 / (d[0] if abs(d[0]) > _TINY else _TINY)
    iy = _1 / (d[1] if abs(d[1]) > _TINY else _TINY)
    iz = _1 / (d[2] if abs(d[2]) > _TINY else _TINY)
    enter = max(-o[0] * ix - abs(ix), max(-o[1] * iy - abs(iy), -o[2] * iz - abs(iz)))
    leave = min(-o[0] * ix + abs(ix), min(-o[1] * iy + abs(iy), -o[2] * iz + abs(iz)))
    if enter >= leave or leave <= _0:
        return FAR
    t = max(enter, _0)
    for _ in range(12):
        q = _beyond_inner_cube(ahead(o, t, d))
        distance = math.sqrt(dot(q, q))
        if distance - _EDGE < F(2e-4):
            return t
        slope = dot(q, d) / distance
        if slope >= F(-1e-6):
            return FAR
        t -= (distance - _EDGE) / slope
        if t > leave:
            return FAR
    return FAR


@kernel
def _beyond_inner_cube(p):
    """From the nearest point of the cube that the edges are rounded around."""
    return (
        math.copysign(max(abs(p[0]) - _FLAT, _0), p[0]),
        math.copysign(max(abs(p[1]) - _FLAT, _0), p[1]),
        math.copysign(max(abs(p[2]) - _FLAT, _0), p[2]),
    )


@kernel
def _cylinder_hit(o, d):
    """The same for an upright cylinder of radius 1 and half height 1 with rounded rims."""
    iz = _1 / (d[2] if abs(d[2]) > _TINY else _TINY)
    a = d[0] * d[0] + d[1] * d[1] + _TINY
    b = o[0] * d[0] + o[1] * d[1]
    root = b * b - a * (o[0] * o[0] + o[1] * o[1] - _1)
    if root <= _0:
        return FAR
    root = math.sqrt(root)
    enter = max(-o[2] * iz - abs(iz), (-b - root) / a)
    leave = min(-o[2] * iz + abs(iz), (-b + root) / a)
    if enter >= leave or leave <= _0:
        return FAR
    t = max(enter, _0)
    for _ in range(12):
        q = _beyond_inner_cylinder(ahead(o, t, d))
        distance = math.sqrt(dot(q, q))
        if distance - _RIM < F(2e-4):
            return t
        slope = dot(q, d) / distance
        if slope >= F(-1e-6):
            return FAR
        t -= (distance - _RIM) / slope
        if t > leave:
            return FAR
    return FAR


@kernel
def _beyond_inner_cylinder(p):
    wide = math.sqrt(p[0] * p[0] + p[1] * p[1])
    out = max(wide - _SIDE, _0) / (wide + _TINY)
    return p[0] * out, p[1] * out, math.copysign(max(abs(p[2]) - _SIDE, _0), p[2])


@kernel
def _into_primitive(primitives, i, v):
    """A vector in the world in object i's own axes."""
    return (
        primitives[i, COS] * v[0] + primitives[i, SIN] * v[1],
        primitives[i, COS] * v[1] - primitives[i, SIN] * v[0],
        v[2],
    )


@kernel
def _centre(primitives, i):
    return primitives[i, X], primitives[i, Y], primitives[i, R]


@kernel
def _primitive_hit(primitives, i, o, d):
    """Distance along a unit ray to object i, a cube or cylinder; FAR for a miss."""
    own = scaled(minus(o, _centre(primitives, i)), _1 / primitives[i, R])
    if int(primitives[i, KIND]) == CYLINDER:
        t = _cylinder_hit(own, d)
    else:
        t = _cube_hit(_into_primitive(primitives, i, own), _into_primitive(primitives, i, d))
    return t * primitives[i, R] if t < FAR else FAR


@kernel
def _nearest(primitives, among, o, d):
    """Distance and number of the first object that a ray meets; FAR and -1 for none."""
    best, which = FAR, -1
    if among == 0:
        return best, which
    for i in range(len(primitives)):
        if (among >> i) & 1:
            c = minus(_centre(primitives, i), o)
            middle, outside = dot(c, d), dot(c, c) - primitives[i, BALL]
            root = middle * middle - outside
            if root <= _0 or (middle <= _0 and outside >= _0):
                continue  # past the ball around it
            if primitives[i, KIND] == F(SPHERE):
                t = middle - math.sqrt(root) if middle > _0 else FAR
            else:
                t = _primitive_hit(primitives, i, o, d)
            if t < best:
                best, which = t, i
    return best, which


@kernel
def _blocked(primitives, among, o, d):
    """Whether any object is on a ray. Lamps hang above all objects, so the ray may as well be endless."""
    if among == 0:
        return False
    for i in range(len(primitives)):
        if (among >> i) & 1:
            c = minus(_centre(primitives, i), o)
            middle, outside = dot(c, d), dot(c, c) - primitives[i, BALL]
            if middle * middle - outside <= _0 or (middle <= _0 and outside >= _0):
                continue
            if primitives[i, KIND] == F(SPHERE):
                if middle > _0:
                    return True
            elif _primitive_hit(primitives, i, o, d) < FAR:
                return True
    return False


@kernel
def _normal(primitives, i, p):
    """The outward unit normal of object i at a point on it."""
    own = scaled(minus(p, _centre(primitives, i)), _1 / primitives[i, R])
    kind = int(primitives[i, KIND])
    if kind == CUBE:
        own = _beyond_inner_cube(_into_primitive(primitives, i, own))
        cos, sin = primitives[i, COS], primitives[i, SIN]
        own = cos * own[0] - sin * own[1], sin * own[0] + cos * own[1], own[2]
    elif kind == CYLINDER:
        own = _beyond_inner_cylinder(own)
    return unit(own)


@kernel
def _brushing(primitives, i, p, n):
    """The direction along the surface around an object's upright axis."""
    around = primitives[i, Y] - p[1], p[0] - primitives[i, X], _0
    t = ahead(around, -dot(around, n), n)
    if dot(t, t) < F(1e-10):
        return frame(n)[0]
    return unit(t)


@kernel
def _strip_at(strips, index, s):
    """The strip of the sweep over which s lies."""
    first, last = strips[0, S_NEAR], strips[len(strips) - 1, S_FAR]
    cell = int((first - s) / (first - last) * F(len(index)))
    k = index[min(max(cell, 0), len(index) - 1)]
    while k < len(strips) - 1 and s < strips[k, S_FAR]:
        k += 1
    return k


@kernel
def _s(v):
    """How far towards the camera's side."""
    return v[0] * TOWARD_X + v[1] * TOWARD_Y


@kernel
def _side(v):
    """How far along the sweep."""
    return v[1] * TOWARD_X - v[0] * TOWARD_Y


@kernel
def _sweep_normal(strips, k):
    return strips[k, NS] * TOWARD_X, strips[k, NS] * TOWARD_Y, strips[k, NZ]


@kernel
def _on_sweep_at(strips, index, x, y):
    """The point of the sweep above (x, y), and its strip."""
    s = x * TOWARD_X + y * TOWARD_Y
    k = _strip_at(strips, index, s)
    return (x, y, (strips[k, OFFSET] - strips[k, NS] * s) / strips[k, NZ]), k


@kernel
def _sweep_hit(strips, index, o, d):
    """Distance along a unit ray to the sweep, and its strip; FAR when the ray leaves the stage."""
    s, ds = _s(o), _s(d)
    last = len(strips) - 1
    if d[2] < F(-1e-4):
        k = _strip_at(strips, index, s - o[2] * ds / d[2])
    elif ds < _0:
        k = last
    else:
        return FAR, 0
    t = FAR
    for _ in range(len(strips)):  # Newton's method on a convex profile, from outside: it stops at the hit
        sinking = strips[k, NS] * ds + strips[k, NZ] * d[2]
        if sinking >= F(-1e-6):
            return FAR, 0
        t = (strips[k, OFFSET] - strips[k, NS] * s - strips[k, NZ] * o[2]) / sinking
        found = _strip_at(strips, index, s + t * ds)
        if found == k:
            break
        k = found
    t = max(t, _0)
    at, side = s + t * ds, _side(o) + t * _side(d)
    on_stage = strips[last, S_FAR] <= at <= strips[0, S_NEAR] and SIDE_FROM <= side <= SIDE_TO
    return (t, k) if on_stage else (FAR, 0)


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
def _scattered(n, u, v):
    """A direction around a normal with density cosine / pi."""
    t, b = frame(n)
    radius, turn = math.sqrt(u), _2 * _PI * v
    return outward((radius * math.cos(turn), radius * math.sin(turn), math.sqrt(max(_1 - u, _0))), t, b, n)


@kernel
def _reflected(n, t, d, wide_t, wide_b, u, v):
    """Where a ray goes from a rough mirror, how much of it, and the density of that direction.

    GGX normals as they are seen (Dupuy, Benyoub 2023); `wide_t`, `wide_b`: the lobe's widths along the
    tangent t and across.
    """
    b = cross(n, t)
    x, y, z = inward(d, t, b, n)
    o = (-x, -y, max(-z, F(1e-3)))
    s = unit((wide_t * o[0], wide_b * o[1], o[2]))
    turn = _2 * _PI * u
    hz = (_1 - v) * (_1 + s[2]) - s[2]
    ring = math.sqrt(max(_1 - hz * hz, _0))
    h = unit((wide_t * (ring * math.cos(turn) + s[0]), wide_b * (ring * math.sin(turn) + s[1]), hz + s[2]))
    i = ahead(scaled(o, -_1), _2 * dot(o, h), h)
    if i[2] <= F(1e-4):
        return n, _0, _1
    share, density = _ggx(wide_t, wide_b, h, i, o)
    return outward(i, t, b, n), share / density, density


# --- materials ------------------------------------------------------------------------------------


@kernel
def _fresnel(cos, index):
    """Reflectance of a smooth dielectric."""
    g = math.sqrt(index * index - _1 + cos * cos)
    a = (g - cos) / (g + cos)
    b = (cos * (g + cos) - _1) / (cos * (g - cos) + _1)
    return _HALF * a * a * (_1 + b * b)


@kernel
def _ggx(wide_t, wide_b, h, i, o):
    """GGX reflection from i to o by the half vector h, all in the surface's own axes (tangents, normal).

    Returns it times the cosine of i, and the density with which `_reflected` draws i.
    """
    ht, hb = h[0] / wide_t, h[1] / wide_b
    e = ht * ht + hb * hb + h[2] * h[2]
    t2, b2 = wide_t * wide_t, wide_b * wide_b
    shadow_in = _2 / (_1 + math.sqrt(_1 + (t2 * i[0] * i[0] + b2 * i[1] * i[1]) / (i[2] * i[2])))
    shadow_out = _2 / (_1 + math.sqrt(_1 + (t2 * o[0] * o[0] + b2 * o[1] * o[1]) / (o[2] * o[2])))
    density = shadow_out / (_4 * _PI * wide_t * wide_b * e * e * o[2])
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
    """Walter et al. 2007, equation 27's fit."""
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


# --- lamps ----------------------------------------------------------------------------------------


@kernel
def _toward(lights, l, p):
    """Direction to a lamp's middle, irradiance face-on, and sine of half the angle under which it is seen."""
    if l == SUN:
        return three(lights, l, NORMAL), _1, lights[l, HALF_WIDTH]
    w = minus(three(lights, l, PLACE), p)
    inverse = _1 / math.sqrt(dot(w, w))
    w = scaled(w, inverse)
    facing = max(-dot(w, three(lights, l, NORMAL)), _0)
    return w, facing * inverse * inverse, lights[l, HALF_WIDTH] * inverse


@kernel
def _point_on(lights, l, p, u, v):
    """Unit direction to a point drawn on a lamp."""
    if l == SUN:
        radius, turn = math.sqrt(u), _2 * _PI * v
        a, b, origin = radius * math.cos(turn), radius * math.sin(turn), BLACK
    else:
        a, b, origin = _2 * u - _1, _2 * v - _1, p
    on = ahead(ahead(three(lights, l, PLACE), a, three(lights, l, ACROSS)), b, three(lights, l, UPWARD))
    return unit(minus(on, origin))


@kernel
def _above(cos, sine):
    """Mean cosine over a lamp that may be half below the horizon; `sine`: of half its angle."""
    if cos >= sine:
        return cos
    if cos <= -sine:
        return _0
    return (cos + sine) * (cos + sine) / (_4 * sine)


GROUND_SURFACE, RUBBER_SURFACE, METAL_SURFACE, SATIN_SURFACE, BLURRED_SURFACE = range(5)


@kernel
def _lit(primitives, lights, near, place, surface, p, n, t, d, u, v):
    """Light that comes straight from the lamps and goes back along a ray, and which lamps are seen.

    `surface`: ground (the first colour is irradiance), rubber or metal (radiance: the first colour times
    the object's own, and the second), or satin or blurred metal, a single lobe. Metal's sharp lobe also
    meets lamps by itself; the two ways share the work by their densities. `t`: metal's tangent.
    `near[place]`: which objects may stand before each lamp. One shadow ray a lamp.
    """
    tinted, white, seen = BLACK, BLACK, 0
    cos_out = max(-dot(n, d), F(1e-3))
    gloss, sheen, o, b = _0, _0, d, n
    if surface == RUBBER_SURFACE:
        gloss, sheen = _fresnel(cos_out, _GLOSS_INDEX), _fresnel(cos_out, _SHEEN_INDEX)
    elif surface != GROUND_SURFACE:
        b = cross(n, t)
        o = -dot(d, t), -dot(d, b), cos_out
    for l in range(4):
        w, strength, sine = _toward(lights, l, p)
        cos = _above(dot(n, w), sine)
        if cos <= _0 or strength <= _0:
            continue
        cos_in = cos
        if near[place, l] != 0 or surface != GROUND_SURFACE:
            w = _point_on(lights, l, p, u, v)
            u, v = v, _1 - u  # another point on the next lamp
            cos_in = dot(n, w)
            if cos_in <= _0 or _blocked(primitives, near[place, l], p, w):
                continue
        seen |= 1 << l
        share, coat = cos, _0
        if surface == RUBBER_SURFACE:
            h = unit(minus(w, d))
            cos_half = dot(n, h)
            velvet = _velvet_share(cos_in, cos_out, cos_half, -dot(d, h))
            share = (_1 - gloss) * ((_1 - sheen) * cos / _PI + sheen * velvet)
            coat = _GLOSS_ALBEDO * gloss * _coat_share(cos_in, cos_out, cos_half)
        elif surface != GROUND_SURFACE:
            h, i = inward(unit(minus(w, d)), t, b, n), inward(w, t, b, n)
            if surface == BLURRED_SURFACE:
                share, _ = _ggx(_BLURRED, _BLURRED, h, i, o)
            else:
                share, _ = _ggx(_SATIN * _BRUSHED, _SATIN / _BRUSHED, h, i, o)
            if surface == METAL_SURFACE:
                sharp, density = _ggx(_MIRROR * _BRUSHED, _MIRROR / _BRUSHED, h, i, o)
                chance = lights[l, DENSITY] / strength  # density of the drawn point, by solid angle
                sharp *= chance / (chance + density)
                share = _SATIN_SHARE * share + (_1 - _SATIN_SHARE) * sharp
        glow = three(lights, l, GLOW)
        tinted = ahead(tinted, share * strength, glow)
        white = ahead(white, coat * strength, glow)
    return tinted, white, seen


@kernel
def _lamp_hit(lights, o, d, farthest):
    """The first lamp whose bright side a ray meets within a distance, the sun if that is FAR; -1 for none."""
    best, which = farthest, -1
    for l in range(SUN):
        normal = three(lights, l, NORMAL)
        facing = dot(d, normal)
        if facing >= F(-1e-6):
            continue
        w = minus(three(lights, l, PLACE), o)
        t = dot(w, normal) / facing
        if t <= _0 or t >= best:
            continue
        w = minus(scaled(d, t), w)
        edge = lights[l, HALF_WIDTH] * lights[l, HALF_WIDTH]
        if abs(dot(w, three(lights, l, ACROSS))) <= edge and abs(dot(w, three(lights, l, UPWARD))) <= edge:
            best, which = t, l
    sine = lights[SUN, HALF_WIDTH]
    if best >= FAR and dot(d, three(lights, SUN, NORMAL)) > math.sqrt(_1 - sine * sine):
        return SUN
    return which


# --- which objects may stand before which lamp ----------------------------------------------------


@kernel
def _may_shade(primitives, lights, l, p, radius):
    """Objects that may stand between a lamp and any point of a ball, as bits; a few too many."""
    found = 0
    w, _, sine = _toward(lights, l, p)
    for i in range(len(primitives)):
        c = minus(_centre(primitives, i), p)
        along = dot(c, w)
        reach = math.sqrt(primitives[i, BALL]) + radius
        if along < -reach:
            continue
        reach += max(along, _0) * sine * F(1.5)
        if dot(c, c) - along * along < reach * reach:
            found |= 1 << i
    return found


@kernel
def _cell_middle(cell, size, reach):
    """x and y of the middle of a cell of the floor map."""
    step = _2 * reach / F(size)
    return (F(cell % size) + _HALF) * step - reach, (F(cell // size) + _HALF) * step - reach


@kernel
def _cell_of(size, reach, count, p):
    """The row of `near` for a point of the sweep."""
    if abs(p[0]) >= reach or abs(p[1]) >= reach:
        return size * size + count
    scale = F(size) * _HALF / reach
    return min(int((p[1] + reach) * scale), size - 1) * size + min(int((p[0] + reach) * scale), size - 1)


@kernel
def find_shades(stage):
    """Fill `near`."""
    primitives, lights, strips, index, _, floor, near, reach = stage
    count, size = len(primitives), floor.shape[0]
    cells = size * size
    for cell in range(cells):
        x, y = _cell_middle(cell, size, reach)
        p, _ = _on_sweep_at(strips, index, x, y)
        for l in range(4):
            near[cell, l] = _may_shade(primitives, lights, l, p, F(1.5) * reach / F(size))
    for l in range(4):
        for i in range(count):
            ball = math.sqrt(primitives[i, BALL])
            near[cells + i, l] = _may_shade(primitives, lights, l, _centre(primitives, i), ball) & ~(1 << i)
        near[cells + count, l] = (1 << count) - 1


# --- light on the sweep, looked up ----------------------------------------------------------------


@kernel
def _texel(table, row, column, channel):
    return table[row, column, channel], table[row, column, channel + 1], table[row, column, channel + 2]


@kernel
def _between(table, row, column, channel):
    """Bilinear colour from table (rows, columns, channels), held at its borders."""
    row = min(max(row, _0), F(table.shape[0] - 1) - F(1e-3))
    column = min(max(column, _0), F(table.shape[1] - 1) - F(1e-3))
    i, j = int(row), int(column)
    a, b = row - F(i), column - F(j)
    value = scaled(_texel(table, i, j, channel), (_1 - a) * (_1 - b))
    value = ahead(value, (_1 - a) * b, _texel(table, i, j + 1, channel))
    value = ahead(value, a * (_1 - b), _texel(table, i + 1, j, channel))
    return ahead(value, a * b, _texel(table, i + 1, j + 1, channel))


@kernel
def _on_bare_sweep(strips, bare, k, p, channel):
    """Irradiance of the sweep without objects: channel 0 indirect, 3 all."""
    row = F(k) + (strips[k, S_NEAR] - _s(p)) / (strips[k, S_NEAR] - strips[k, S_FAR]) - _HALF
    column = (_side(p) - SIDE_FROM) / (SIDE_TO - SIDE_FROM) * F(bare.shape[1]) - _HALF
    return _between(bare, row, column, channel)


@kernel
def _on_sweep(strips, bare, floor, reach, k, p, channel):
    """Irradiance of the sweep: channel 0 indirect, 3 all."""
    if abs(p[0]) >= reach or abs(p[1]) >= reach:
        return _on_bare_sweep(strips, bare, k, p, channel)
    scale = F(floor.shape[0]) * _HALF / reach
    row, column = (p[1] + reach) * scale - _HALF, (p[0] + reach) * scale - _HALF
    return _between(floor, row, column, channel)


# --- paths ----------------------------------------------------------------------------------------


@kernel
def _path(
    primitives, lights, strips, index, bare, floor, near, reach, exact, points, i, salt, first, level,
    among, o, d
):  # fmt: skip
    """Radiance that comes back along a ray, and what it saw first.

    `exact`: follow light on the sweep, too, in place of looking it up. `i`, `salt`: of the random
    numbers. `first`: number of the bounce. `level`: how blurred the path is: 0 by nothing but sharp
    mirrors, 1 by satin, 2 by scattering. `among`: objects the ray may meet. What was seen: of objects
    -1 - number, of the sweep which lamps were visible as bits, and PLAIN besides where no object is
    near the way to any of them.
    """
    everything = (1 << len(primitives)) - 1
    size = floor.shape[0]
    light, left = BLACK, (_1, _1, _1)  # found, and what is left of light from further on
    first_seen = 0
    sharp, density = False, _0  # whether lamps are seen, and how likely this ray was
    for bounce in range(first, MOST_BOUNCES):
        distance, which = _nearest(primitives, among, o, d)
        k = 0
        if which < 0 or o[2] + distance * d[2] < F(0.2):  # further up, an object is before the sweep
            to_sweep, k = _sweep_hit(strips, index, o, d)
            if to_sweep < distance:
                distance, which = to_sweep, -1
        if sharp:
            l = _lamp_hit(lights, o, d, distance)
            if l >= 0:
                _, strength, _ = _toward(lights, l, o)
                chance = lights[l, DENSITY] / max(strength, _TINY)
                share = lights[l, DENSITY] * density / (density + chance)
                light = ahead(light, share, times(left, three(lights, l, GLOW)))
                break
        if distance >= FAR:
            break
        p = ahead(o, distance, d)
        u, v = _draw(points, 1 + 3 * bounce, i, salt)
        if which < 0:
            left = scaled(left, _GROUND)
            if level > 0 and not exact:
                light = ahead(light, _1, times(left, _on_sweep(strips, bare, floor, reach, k, p, 3)))
                break
            n = _sweep_normal(strips, k)
            place = _cell_of(size, reach, len(primitives), p)
            direct, _, seen = _lit(primitives, lights, near, place, GROUND_SURFACE, p, n, n, d, u, v)
            if bounce == first:
                first_seen = seen
                if near[place, 0] | near[place, 1] | near[place, 2] | near[place, 3] == 0:
                    first_seen |= PLAIN
            light = ahead(light, _1, times(left, direct))
            if not exact:
                light = ahead(light, _1, times(left, _on_sweep(strips, bare, floor, reach, k, p, 0)))
                break
            left = scaled(left, _PI)
            among, level, sharp = everything, 2, False
            u, v = _draw(points, 2 + 3 * bounce, i, salt)
            d = _scattered(n, u, v)
        else:
            if bounce == first:
                first_seen = -1 - which
            ru, rv = _draw(points, 2 + 3 * bounce, i, salt)
            choice, _ = _draw(points, 3 + 3 * bounce, i, salt)
            n = _normal(primitives, which, p)
            color = three(primitives, which, RED)
            among, place = everything & ~(1 << which), size * size + which
            if primitives[which, METAL] > _0:
                left = times(left, color)
                t = _brushing(primitives, which, p, n)
                direct, _, _ = _lit(primitives, lights, near, place, METAL_SURFACE + level, p, n, t, d, u, v)
                light = ahead(light, _1, times(left, direct))
                sharp = level == 0 and choice >= _SATIN_SHARE
                width = _MIRROR if sharp else _SATIN
                wide_t, wide_b = width * _BRUSHED, width / _BRUSHED
                if level == 2:
                    wide_t, wide_b = _BLURRED, _BLURRED
                elif not sharp:
                    level = 1
                d, share, density = _reflected(n, t, d, wide_t, wide_b, ru, rv)
                left = scaled(left, share)
            else:
                direct, coat, _ = _lit(primitives, lights, near, place, RUBBER_SURFACE, p, n, n, d, u, v)
                light = ahead(light, _1, times(left, ahead(coat, _1, times(color, direct))))
                sharp = False
                gloss = _fresnel(max(-dot(n, d), F(1e-3)), _GLOSS_INDEX)
                likely = gloss / (gloss + _HALF * (_1 - gloss))
                if choice < likely:
                    t, _ = frame(n)
                    d, share, _ = _reflected(n, t, d, _COAT, _COAT, ru, rv)
                    left = scaled(left, share * _GLOSS_ALBEDO * gloss / likely)
                    level = max(level, 1)
                else:
                    d = _scattered(n, ru, rv)
                    left = scaled(times(left, color), (_1 - gloss) / (_1 - likely))
                    level = 2
        most = max(left[0], max(left[1], left[2]))
        if bounce >= 2:  # Russian roulette
            alive = min(most, F(0.95))
            _, luck = _draw(points, 3 + 3 * bounce, i, salt)
            if luck >= alive:
                break
            left = scaled(left, _1 / alive)
        elif most <= _0:
            break
        o = p
    return light, first_seen


# --- the floor map --------------------------------------------------------------------------------


@kernel
def _under_object(primitives, x, y):
    for i in range(len(primitives)):
        own = scaled((x - primitives[i, X], y - primitives[i, Y], _0), _1 / primitives[i, R])
        kind = int(primitives[i, KIND])
        if kind == CUBE:
            own = _into_primitive(primitives, i, own)
            if max(abs(own[0]), abs(own[1])) < F(0.92):
                return True
        elif kind == CYLINDER and dot(own, own) < F(0.96):
            return True
    return False


@kernel
def _beside_object(primitives, x, y):
    for i in range(len(primitives)):
        across, along = x - primitives[i, X], y - primitives[i, Y]
        if across * across + along * along < F(5.0) * primitives[i, R] * primitives[i, R]:
            return True
    return False


@kernel
def light_floor(stage, points, hidden, salt, first, last):
    """Fill rows first..last of the floor map with light of the bare sweep and direct light, and mark
    in `hidden` (size, size) what is under an object.
    """
    primitives, lights, strips, index, bare, floor, near, reach = stage
    size = floor.shape[0]
    for cell in range(first * size, last * size):
        x, y = _cell_middle(cell, size, reach)
        p, k = _on_sweep_at(strips, index, x, y)
        n = _sweep_normal(strips, k)
        here = floor[cell // size, cell % size]
        around = _on_bare_sweep(strips, bare, k, p, 0)
        direct = BLACK
        hidden[cell // size, cell % size] = under = _under_object(primitives, x, y)
        if not under:
            plain = near[cell, 0] | near[cell, 1] | near[cell, 2] | near[cell, 3] == 0
            rays = 1 if plain else points.shape[1]
            for i in range(rays):
                u, v = _draw(points, 1, i, _hash(salt + np.uint32(cell)))
                found, _, _ = _lit(primitives, lights, near, cell, GROUND_SURFACE, p, n, n, n, u, v)
                direct = ahead(direct, _1 / F(rays), found)
        here[0], here[1], here[2] = around
        here[3], here[4], here[5] = ahead(around, _1, direct)


@kernel
def gather_floor(stage, points, hidden, gathered, salt, first, last):
    """What objects change in the indirect light of the floor: rows first..last of `gathered` (.., .., 3).

    Takes all of `points`' samples beside an object, a quarter of them elsewhere. Only rays that meet an
    object count, each with its light less that of the sweep behind it.
    """
    primitives, lights, strips, index, bare, floor, near, reach = stage
    size, everything = floor.shape[0], (1 << len(primitives)) - 1
    for cell in range(first * size, last * size):
        if hidden[cell // size, cell % size]:
            continue
        x, y = _cell_middle(cell, size, reach)
        p, k = _on_sweep_at(strips, index, x, y)
        n = _sweep_normal(strips, k)
        change, salted = BLACK, _hash(salt + np.uint32(cell))
        rays = points.shape[1] if _beside_object(primitives, x, y) else max(points.shape[1] // 4, 1)
        for i in range(rays):
            u, v = _draw(points, 2, i, salted)
            d = _scattered(n, u, v)
            if not _blocked(primitives, everything, p, d):
                continue
            light, _ = _path(
                primitives, lights, strips, index, bare, floor, near, reach, False, points, i, salted, 1, 2,
                everything, p, d,
            )  # fmt: skip
            change = ahead(change, _1, light)
            t, behind = _sweep_hit(strips, index, p, d)
            if t < FAR:
                light = _on_bare_sweep(strips, bare, behind, ahead(p, t, d), 3)
                change = ahead(change, -_GROUND, light)
        here = gathered[cell // size, cell % size]
        here[0], here[1], here[2] = scaled(change, _PI / F(rays))


@kernel
def _bare_cell(strips, cell, columns):
    """Middle and normal of a cell of the bare sweep: strip * columns + column."""
    k = cell // columns
    s = (strips[k, S_NEAR] + strips[k, S_FAR]) * _HALF
    side = SIDE_FROM + (F(cell % columns) + _HALF) * (SIDE_TO - SIDE_FROM) / F(columns)
    z = (strips[k, OFFSET] - strips[k, NS] * s) / strips[k, NZ]
    return (s * TOWARD_X - side * TOWARD_Y, s * TOWARD_Y + side * TOWARD_X, z), _sweep_normal(strips, k)


@kernel
def sweep_factors(strips, index, points, columns, factors):
    """Which share of the light that cell i of the bare sweep gets comes from cell j: `factors` (i, j)."""
    rays = points.shape[1]
    for cell in range(len(strips) * columns):
        p, n = _bare_cell(strips, cell, columns)
        for i in range(rays):
            u, v = _draw(points, 0, i, _hash(np.uint32(cell)))
            d = _scattered(n, u, v)
            t, k = _sweep_hit(strips, index, p, d)
            if t < FAR:
                side = (_side(p) + t * _side(d) - SIDE_FROM) / (SIDE_TO - SIDE_FROM)
                factors[cell, k * columns + min(max(int(side * F(columns)), 0), columns - 1)] += _1 / F(rays)


@kernel
def bare_direct(lights, strips, direct):
    """Direct irradiance of the cells of the sweep without objects: fill (strips, columns, 3)."""
    columns = direct.shape[1]
    for cell in range(len(strips) * columns):
        p, n = _bare_cell(strips, cell, columns)
        found = BLACK
        for l in range(4):
            w, strength, sine = _toward(lights, l, p)
            found = ahead(found, strength * _above(dot(n, w), sine), three(lights, l, GLOW))
        here = direct[cell // columns, cell % columns]
        here[0], here[1], here[2] = found


# --- pictures -------------------------------------------------------------------------------------


@kernel
def _through(axes, inverse, height, width, row, column):
    """Unit direction of the ray through a place in the picture; the upper left corner is (0, 0).

    `inverse`: 1 / focal length.
    """
    u = (column - F(width) * _HALF) * inverse
    v = (F(height) * _HALF - row) * inverse
    return unit(minus(ahead(scaled(three(axes, 0, 0), u), v, three(axes, 1, 0)), three(axes, 2, 0)))


@kernel
def paint(stage, camera, bounds, exact, points, fewest, spread, salt, light, first, last):
    """Fill rows first..last of `light` (h, w, 3) with the linear light of each pixel.

    All of `points`' samples are taken where the first `fewest` differ in what they see or show an
    object; where they see the same lamps from the floor, those few do, and a single one far from all
    objects. `spread`: offsets in the pixel, evenly over the pixel filter's area. `frames`: see
    `find_frames`.
    """
    primitives, lights, strips, index, bare, floor, near, reach = stage
    eye, axes, focal = camera
    height, width, inverse = light.shape[0], light.shape[1], _1 / focal
    samples, steps = points.shape[1], F(len(spread) - 1)
    for pixel in range(first * width, last * width):
        row, column = pixel // width, pixel % width
        salted = _hash(salt + np.uint32(pixel))
        among = 0
        for i in range(len(bounds)):
            if bounds[i, 0] - 1 <= column <= bounds[i, 1] and bounds[i, 2] - 1 <= row <= bounds[i, 3]:
                among |= 1 << i
        total, same, common, taken = BLACK, True, 0, 0
        for i in range(samples):
            if i == 1 and among == 0 and common > 0 and common & PLAIN and fewest < samples:
                break
            if i == fewest and same and common >= 0:
                break
            u, v = _draw(points, 0, i, salted)
            u, v = _offset(spread, u * steps), _offset(spread, v * steps)
            d = _through(axes, inverse, height, width, F(row) + _HALF + v, F(column) + _HALF + u)
            found, seen = _path(
                primitives, lights, strips, index, bare, floor, near, reach, exact, points, i, salted, 0, 0,
                among, eye, d,
            )  # fmt: skip
            if i == 0:
                common = seen
            same = same and seen == common
            total = ahead(total, _1, found)
            taken += 1
        here = light[row, column]
        here[0], here[1], here[2] = scaled(total, _1 / F(taken))


@kernel
def _offset(spread, place):
    i = int(place)
    return spread[i] + (place - F(i)) * (spread[i + 1] - spread[i])


@kernel
def cast(primitives, camera, bounds, depths, objects):
    """Fill `objects` (h, w) uint8 with object number + 1, and `depths` (h, w) with distances.

    Both hold 0 and FAR before.
    """
    eye, axes, focal = camera
    height, width = objects.shape
    inverse = _1 / focal
    for i in range(len(primitives)):
        for row in range(bounds[i, 2], bounds[i, 3]):
            for column in range(bounds[i, 0], bounds[i, 1]):
                d = _through(axes, inverse, height, width, F(row) + _HALF, F(column) + _HALF)
                t, _ = _nearest(primitives, 1 << i, eye, d)
                if t < depths[row, column]:
                    depths[row, column] = t
                    objects[row, column] = i + 1


@kernel
def find_screen_bounds(primitives, camera, height, width, bounds):
    """Fill `frames` (n, 4): first and end column, first and end row of where each object can be seen."""
    half_w, half_h = F(width) * _HALF, F(height) * _HALF
    for i in range(len(primitives)):
        c = minus(_centre(primitives, i), camera.eye)
        depth = -dot(c, three(camera.axes, 2, 0))
        ball = math.sqrt(primitives[i, BALL])
        left, right = _extent(dot(c, three(camera.axes, 0, 0)), depth, ball)
        low, top = _extent(dot(c, three(camera.axes, 1, 0)), depth, ball)
        bounds[i, 0] = max(int(half_w + camera.focal * left), 0)
        bounds[i, 1] = min(int(half_w + camera.focal * right) + 1, width)
        bounds[i, 2] = max(int(half_h - camera.focal * top), 0)
        bounds[i, 3] = min(int(half_h - camera.focal * low) + 1, height)


@kernel
def _extent(across, depth, ball):
    """Between which tangents a ball is seen along one picture axis."""
    middle = math.atan2(across, depth)
    around = math.asin(min(ball / math.sqrt(across * across + depth * depth), 1.0))
    return math.tan(max(middle - around, -1.5)), math.tan(min(middle + around, 1.5))
