"""The same features as those of the watchdog, written anew with NumPy and SciPy, to check and to time against.

Reads lines from standard input, each `WIDTH HEIGHT PLANE USABLE`: two files with the float32 samples of a normal plane and its bytes of usable
samples. Answers each with one line of JSON: {"families": {FAMILY: {NAME: VALUE}}, "ms": {FAMILY: TIME}}. Layers and places of patches are timed as
the family `study`.
"""
import json
import sys
import time

import numpy as np
from scipy.ndimage import convolve1d

PATCH, SIDE = 32, 64


def places(usable, side, least):
    height, width = usable.shape
    left, top = (width % side) >> 1, (height % side) >> 1
    rows, columns = (height - top) // side, (width - left) // side
    inside = usable[top : top + rows * side, left : left + columns * side]
    counts = inside.reshape(rows, side, columns, side).sum((1, 3))
    found = np.argwhere(counts >= least * side * side)
    if len(found) < 9 and len(found) != rows * columns:
        found = np.argwhere(counts >= 0)
    return found * side + (top, left)


def cut(layer, found, side):
    return np.stack([layer[y : y + side, x : x + side] for y, x in found]).astype(np.float64)


def study(samples, usable):
    kernel, layers, current = np.array([1, 2, 1]) / 4, [], samples.astype(np.float64)
    for hole in (1, 2, 4, 8):
        taps = np.zeros(2 * hole + 1)
        taps[[0, hole, 2 * hole]] = kernel
        blurred = convolve1d(convolve1d(current, taps, axis=0, mode="nearest"), taps, axis=1, mode="nearest")
        layers.append(current - blurred)
        current = blurred
    found = places(usable, PATCH, 0.97)
    black = found[(found // PATCH).sum(1) % 2 == 0] if len(found) > 128 else found
    return {"samples": samples.astype(np.float64), "usable": usable, "layers": layers, "smooth": current, "patches": found, "black": black}


def spread(values):
    low, high = np.quantile(values, [0.25, 0.75])
    return (high - low) / 1.349


def line(x, y):
    slope, offset = np.polyfit(x, y, 1)
    return slope, offset, np.corrcoef(x, y)[0, 1]


BANDS = [2, 3, 4, 6, 8, 11, 15, 19, 23, 27, 32]
K = np.fft.fftfreq(SIDE, 1 / SIDE)
RING = np.floor(np.hypot(K[:, None], K[None, :]) + 0.5).astype(int)
HANN = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(SIDE) + 0.5) / SIDE)
WINDOW = np.outer(HANN, HANN) / np.mean(HANN**2)
LOGS = np.log(np.maximum(1, np.arange(33)))


def spectrum(s):
    patches = cut(s["samples"], places(s["usable"], SIDE, 0.95), SIDE)
    patches = (patches - patches.mean((1, 2), keepdims=True)) * WINDOW
    power = np.abs(np.fft.fft2(patches)) ** 2 / SIDE**2
    sizes = np.bincount(RING.ravel(), minlength=64)
    sums = np.stack([np.bincount(RING.ravel(), one.ravel(), minlength=64) for one in power])
    rings = sums / np.maximum(1, sizes) + 1e-3
    mean = ((power + 1e-3) / rings[:, RING]).mean(0)
    own = np.log(rings[:, :33])
    middle = np.median(own, axis=0)
    band = lambda values, low, high: values[..., low:high].mean(-1)
    slope = lambda values, low, high: np.polyfit(LOGS[low:high], values[low:high], 1)[0]
    low = band(middle, 6, 13)
    a, b = np.polyfit(LOGS[2:27], middle[2:27], 1)
    rest = [np.mean(middle[f:t] - b - a * LOGS[f:t]) for f, t in zip(BANDS, BANDS[1:])]
    values = {
        "slope": a,
        "high-ratio": band(middle, 16, 24) - low,
        "top-ratio": band(middle, 25, 33) - low,
        "bend": slope(middle, 11, 27) - slope(middle, 2, 9),
        "misfit": np.sqrt(np.mean(np.square(rest))),
        "slope-spread": spread([slope(one, 2, 27) for one in own]),
        "high-spread": spread(band(own, 16, 24) - band(own, 6, 13)),
        "top-spread": spread(band(own, 25, 33) - band(own, 6, 13)),
    }
    values |= {f"residual-{f}-{t}": value for f, t, value in zip(BANDS, BANDS[1:], rest)}

    def peak(*spots):
        total = 0
        for u, v in spots:
            frame = [(v + dv, u + du) for dv in range(-3, 4) for du in range(-3, 4) if max(abs(dv), abs(du)) >= 2]
            around = np.mean([mean[y % SIDE, x % SIDE] for y, x in frame])
            total += np.log(mean[v, u] + 1e-3) - np.log(around + 1e-3)
        return total / len(spots)

    u, v = np.broadcast_arrays(np.abs(K)[None, :], np.abs(K)[:, None])
    small, large = np.minimum(u, v), np.maximum(u, v)
    sector = lambda f, t, chosen: np.log(mean[(RING >= f) & (RING < t) & chosen].mean() + 1e-3)
    for name, f, t in (("middle", 8, 18), ("high", 20, 33)):
        values[f"axis-{name}"] = sector(f, t, 3 * small < large) - sector(f, t, 3 * small > 2 * large)
        values[f"across-{name}"] = sector(f, t, u > 2 * v) - sector(f, t, v > 2 * u)
    values["peak-half-axis"] = peak((32, 0), (0, 32))
    values["peak-quarter-axis"] = peak((16, 0), (0, 16))
    values["high-with-low"] = np.corrcoef(band(own, 4, 9), band(own, 20, 29))[0, 1]
    return values


def noise(s):
    values, levels = {}, {}
    for name, layer in zip(("fine", "middle", "coarse"), s["layers"]):
        patches = cut(layer, s["patches"], PATCH)
        squares = patches * patches
        variance = squares.mean((1, 2))
        blank = variance <= 1e-6
        variance[blank] = 0
        kurtosis = np.where(blank, 3, (squares * squares).mean((1, 2)) / np.where(blank, 1, variance) ** 2)
        level = levels[name] = np.log(variance + 1e-3)
        if name != "coarse":
            values |= {
                f"{name}-level": np.median(level),
                f"{name}-floor": np.quantile(level, 0.1) - np.median(level),
                f"{name}-kurtosis": np.log(max(1, kurtosis.mean()) / 3),
                f"{name}-patch-kurtosis": np.median(np.log(kurtosis / 3)),
                f"{name}-skew": np.where(blank, 0, (squares * patches).mean((1, 2)) / np.where(blank, 1, variance) ** 1.5).mean(),
                f"{name}-spread": spread(level),
            }
    light = cut(s["smooth"], s["patches"], PATCH).mean((1, 2))
    left = {}
    for name in ("fine", "middle"):
        slope, offset, correlation = line(levels["coarse"], levels[name])
        left[name] = levels[name] - offset - slope * levels["coarse"]
        by_light = line(light, levels[name])
        values |= {
            f"{name}-left": spread(left[name]),
            f"{name}-with-structure": correlation,
            f"{name}-by-structure": slope,
            f"{name}-with-light": by_light[2],
        }
        if name == "fine":
            values["fine-by-light"] = 100 * by_light[0]
    low, high = np.quantile(left["fine"], [0.05, 0.95])
    values |= {
        "fine-to-middle": np.median(levels["fine"] - levels["middle"]),
        "middle-to-coarse": np.median(levels["middle"]) - np.median(levels["coarse"]),
        "ratio-spread": spread(levels["fine"] - levels["middle"]),
        "lone-patches": (high - low) / spread(left["fine"]),
        "fine-with-middle": np.corrcoef(levels["fine"], levels["middle"])[0, 1],
        "left-with-light": np.corrcoef(light, left["fine"])[0, 1],
    }
    return values


def correlation(s):
    values = {}

    def lags(layer):
        patches = cut(layer, s["black"], PATCH)
        variance = (patches * patches).mean((1, 2))
        patches = patches[variance > 1e-6] / np.sqrt(variance[variance > 1e-6])[:, None, None]
        patches = np.clip(patches, -3, 3)
        power = (patches**2).mean((1, 2))

        def at(x, y):
            one = patches[:, : PATCH - y, max(0, -x) : PATCH - max(0, x)]
            other = patches[:, y:, max(0, x) : PATCH + min(0, x)]
            return (one * other).mean((1, 2)) / power

        return at

    fine, middle = lags(s["layers"][0]), lags(s["layers"][1])
    both = lambda at, one, other: (at(*one).mean() + at(*other).mean()) / 2
    beside = lambda at, d: both(at, (d, 0), (0, d))
    for d in (1, 2, 3, 4):
        values[f"fine-{d}"] = beside(fine, d)
    for d in (2, 4, 6):
        values[f"middle-{d}"] = beside(middle, d)
    values |= {
        "fine-diagonal": both(fine, (1, 1), (-1, 1)),
        "fine-knight": both(fine, (2, 1), (-1, 2)),
        "fine-block": beside(fine, 8) - (beside(fine, 7) + beside(fine, 9)) / 2,
        "fine-across-1": (fine(1, 0).mean() - fine(0, 1).mean()) / 2,
        "middle-diagonal": both(middle, (2, 2), (-2, 2)),
        "middle-across": (middle(2, 0).mean() - middle(0, 2).mean()) / 2,
        "fine-1-spread": spread(fine(1, 0)),
        "middle-2-spread": spread(middle(2, 0)),
    }
    return values


def patterns(s):
    values, near = {}, [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    changes = (bits != np.roll(bits, -1, axis=1)).sum(1)
    bins = np.where(changes <= 2, bits.sum(1), 9)
    # Compared in single precision, as ties decide.
    blurred = (s["samples"] - s["layers"][0]).astype(np.float32)
    for name, samples, reach in (("near", s["samples"].astype(np.float32), 1), ("far", blurred, 2)):
        height, width = samples.shape
        inner = lambda image, y, x: image[reach + y * reach : height - reach + y * reach : 2, reach + x * reach : width - reach + x * reach]
        own, code = inner(samples, 0, 0), 0
        for bit, (y, x) in enumerate(near):
            code = code | ((inner(samples, y, x) >= own).astype(int) << bit)
        counts = np.bincount(bins[code[inner(s["usable"], 0, 0) > 0]], minlength=10)
        for i, share in enumerate(np.sqrt(counts / counts.sum())):
            values[f"{name}-{'mixed' if i == 9 else i}"] = share
    return values


def haar(s):
    means, usable, scales = s["samples"], s["usable"] > 0, []
    for _ in range(4):
        height, width = means.shape[0] // 2 * 2, means.shape[1] // 2 * 2
        a, b, c, d = (means[y:height:2, x:width:2] for y in (0, 1) for x in (0, 1))
        usable = np.logical_and.reduce([usable[y:height:2, x:width:2] for y in (0, 1) for x in (0, 1)])
        across, down, diagonal = (a - b + c - d) / 4, (a + b - c - d) / 4, (a - b - c + d) / 4
        squares = [np.square(band[usable]) for band in (across, down, diagonal)]
        power = [(own.mean(), np.square(own).mean()) for own in squares]
        scales.append((power, np.abs(across) + np.abs(down), usable))
        means = (a + b + c + d) / 4
    logs = lambda value: np.log(value + 1e-3)
    tails = lambda moments: np.log(moments[1] / (3 * moments[0] ** 2))
    edges = [logs((power[0][0] + power[1][0]) / 2) for power, _, _ in scales]
    values = {f"fall-{i + 1}": edges[i] - edges[i + 1] for i in range(3)}
    values |= {f"diagonal-{i + 1}": logs(scales[i][0][2][0]) - edges[i] for i in range(4)}
    values["across"] = logs(scales[0][0][0][0]) - logs(scales[0][0][1][0])
    for i in range(2):
        power = scales[i][0]
        values[f"tails-{i + 1}"] = (tails(power[0]) + tails(power[1])) / 2
        values[f"diagonal-tails-{i + 1}"] = tails(power[2])
    for i in range(3):
        parent, chosen = scales[i + 1][1], scales[i + 1][2]
        height, width = parent.shape
        child = scales[i][1][: 2 * height, : 2 * width].reshape(height, 2, width, 2).sum((1, 3))
        values[f"scales-{i + 1}"] = np.corrcoef(np.sqrt(parent[chosen]), np.sqrt(child[chosen]))[0, 1]
    return values


def answer(width, height, plane, usable):
    samples = np.fromfile(plane, np.float32).reshape(height, width)
    mask = np.fromfile(usable, np.uint8).reshape(height, width)
    families, times = {}, {}
    start = time.perf_counter()
    layers = study(samples, mask)
    times["study"] = (time.perf_counter() - start) * 1000
    for family in (spectrum, noise, correlation, patterns, haar):
        start = time.perf_counter()
        values = family(layers)
        times[family.__name__] = (time.perf_counter() - start) * 1000
        families[family.__name__] = {name: float(value) for name, value in values.items()}
    return {"families": families, "ms": times}


for request in sys.stdin:
    width, height, plane, usable = request.rstrip("\n").split(" ")
    print(json.dumps(answer(int(width), int(height), plane, usable)), flush=True)
