"""The renderer's compiled kernels: rays against the few shapes of a CLEVR scene, and light along them.

All of them are in one file because Numba's cache looks only at a kernel's own file for changes.
Everything is float32: constants are float32 too, or a single one would turn the sums into float64.

A scene comes as three arrays, `forms` (n, FORM) float32 with the columns named below, `kinds` (n,)
and `metals` (n,). Shapes are convex, so a ray that leaves an object never meets that object again:
rays carry the number of the object they leave in place of an epsilon.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

F = np.float32

# Columns of `forms`: centre on the ground, half height (also the centre's height), yaw, colour, and
# the squared radius of a ball around the centre that holds the object.
X, Y, R, COS, SIN, RED, GREEN, BLUE, BALL = range(9)
FORM = 9
CUBE, SPHERE, CYLINDER = range(3)

# Shapes of half height 1, measured on CLEVR's meshes.
_EDGE = F(0.184)  # radius of a cube's rounded edges
_RIM = F(0.05)  # of a cylinder's rims
BALL_OF_KIND = (1.6**2, 1.0, 1.98)  # squared radius of the ball around each kind
_FLAT, _SIDE = F(1) - _EDGE, F(1) - _RIM

_0, _1, _2, _4, _HALF = F(0), F(1), F(2), F(4), F(0.5)
_TINY, FAR = F(1e-9), F(1e30)  # FAR: no hit; fastmath does not know infinity

_fast = {"nogil": True, "fastmath": True, "cache": True, "error_model": "numpy"}
_inline = njit(**_fast, inline="never")
kernel = njit(**_fast)


# --- rays and shapes ------------------------------------------------------------------------------


@_inline
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
    if enter >= leave or enter <= _0:
        return FAR
    t = enter
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


@_inline
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
    if enter >= leave or enter <= _0:
        return FAR
    t = enter
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


@_inline
def _form_hit(form, kind, ox, oy, oz, dx, dy, dz):
    """Distance along a unit ray in the world to one object; FAR for a miss."""
    r = form[R]
    cx, cy, cz = ox - form[X], oy - form[Y], oz - r
    b = cx * dx + cy * dy + cz * dz
    c = cx * cx + cy * cy + cz * cz
    root = form[BALL] - c + b * b
    if b >= _0 or root <= _0:
        return FAR
    if kind == SPHERE:
        return -b - math.sqrt(root)
    scale = _1 / r
    cx, cy, cz = cx * scale, cy * scale, cz * scale
    if kind == CYLINDER:
        t = _cylinder_hit(cx, cy, cz, dx, dy, dz)
    else:
        cos, sin = form[COS], form[SIN]  # into the cube's own axes
        cx, cy = cos * cx + sin * cy, cos * cy - sin * cx
        t = _cube_hit(cx, cy, cz, cos * dx + sin * dy, cos * dy - sin * dx, dz)
    return t * r if t < FAR else FAR


@_inline
def nearest(forms, kinds, leaving, ox, oy, oz, dx, dy, dz):
    """Distance and number of the first object that a ray meets; FAR and -1 for none."""
    best, which = FAR, -1
    for i in range(len(kinds)):
        if i != leaving:
            t = _form_hit(forms[i], kinds[i], ox, oy, oz, dx, dy, dz)
            if t < best:
                best, which = t, i
    return best, which


@kernel
def cast(forms, kinds, eye, axes, focal, depths, objects):
    """Fill `objects` (h, w) uint8 with object number + 1, and `depths` (h, w) with distances.

    Both hold 0 and FAR before. Each object is looked for only in the rectangle that its ball covers.
    `axes`: the camera's right, up, backward.
    """
    height, width = objects.shape
    half_w, half_h = F(width) * _HALF, F(height) * _HALF
    inverse = _1 / focal
    for i in range(len(kinds)):
        cx, cy, cz = forms[i, X] - eye[0], forms[i, Y] - eye[1], forms[i, R] - eye[2]
        right = cx * axes[0, 0] + cy * axes[0, 1] + cz * axes[0, 2]
        up = cx * axes[1, 0] + cy * axes[1, 1] + cz * axes[1, 2]
        ahead = -(cx * axes[2, 0] + cy * axes[2, 1] + cz * axes[2, 2])
        ball = math.sqrt(forms[i, BALL])
        if ahead < -ball:
            continue
        left, end = _extent(right, ahead, ball)
        low, top = _extent(up, ahead, ball)
        first_column = int(max(half_w + focal * left, _0))
        last_column = int(min(half_w + focal * end + _1, F(width)))
        first = int(max(half_h - focal * top, _0))
        last = int(min(half_h - focal * low + _1, F(height)))
        for row in range(first, last):
            v = (half_h - F(row) - _HALF) * inverse
            for column in range(first_column, last_column):
                u = (F(column) + _HALF - half_w) * inverse
                dx = axes[0, 0] * u + axes[1, 0] * v - axes[2, 0]
                dy = axes[0, 1] * u + axes[1, 1] * v - axes[2, 1]
                dz = axes[0, 2] * u + axes[1, 2] * v - axes[2, 2]
                scale = _1 / math.sqrt(dx * dx + dy * dy + dz * dz)
                t = _form_hit(forms[i], kinds[i], eye[0], eye[1], eye[2], dx * scale, dy * scale, dz * scale)
                if t < depths[row, column]:
                    depths[row, column] = t
                    objects[row, column] = i + 1


@_inline
def _extent(across, ahead, ball):
    """Between which tangents a ball is seen along one picture axis."""
    limit = F(1.5)
    middle = math.atan2(across, ahead)
    around = math.asin(min(ball / math.sqrt(across * across + ahead * ahead), _1))
    return F(math.tan(max(middle - around, -limit))), F(math.tan(min(middle + around, limit)))
