"""Trains the two small networks of the forge and writes their weights as TypeScript.

    python tools/train-forge-networks.py autoencoder|diffusion DATA/MANIFEST.csv OUT.ts VECTOR.json

Reads the chest pictures of 512 samples that the manifest lists, and of those only the patients of the part "network": the first
byte of SHA-256(patient) is a multiple of 5 (packages/core/src/domain/forge/networks/network-patients.ts). Of these, patients whose
second byte is a multiple of 5 are kept back to tell the loss. One thread and a fixed seed: one machine trains the same weights twice.
Needs torch, numpy and Pillow. How the networks are built is said in docs/reference/forge-networks.md.
"""
import base64
import csv
import hashlib
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

SEED = 20261128
PATCH = 128
SIGMA = (0.02, 0.8)
SIGMA_DATA = 0.5
STEPS = {"autoencoder": 7000, "diffusion": 7000}
BATCH = {"autoencoder": 12, "diffusion": 24}
LINE = 116


def digest(patient):
    return hashlib.sha256(patient.encode()).digest()


def read_pictures(manifest):
    """Pictures to learn from, pictures kept back, and a digest of all their checksums in order."""
    rows = [row for row in csv.DictReader(open(manifest)) if "/nih-chestxray14-512/" in row["path"]]
    rows = sorted((row for row in rows if digest(row["patient_or_group"])[0] % 5 == 0), key=lambda row: row["path"])
    learn, keep, sums = [], [], hashlib.sha256()
    for row in rows:
        data = (Path(manifest).parent / row["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"], row["path"]
        sums.update(row["sha256"].encode())
        image = np.asarray(Image.open(Path(manifest).parent / row["path"]).convert("L"), np.float32)
        # As the techniques do: black and white are the 0.5th and 99.5th percentile.
        low, high = np.percentile(image, [0.5, 99.5])
        shown = np.clip((image - low) / max(1, high - low), 0, 1)
        picture = torch.from_numpy((shown * 2 - 1).astype(np.float32))
        (keep if digest(row["patient_or_group"])[1] % 5 == 0 else learn).append(picture)
    patients = len({row["patient_or_group"] for row in rows})
    return learn, keep, sums.hexdigest(), patients


def draw(pictures, count, rng):
    patches = []
    for _ in range(count):
        picture = pictures[rng.integers(len(pictures))]
        y, x = rng.integers(0, picture.shape[0] - PATCH + 1), rng.integers(0, picture.shape[1] - PATCH + 1)
        patch = picture[y : y + PATCH, x : x + PATCH]
        patches.append(patch.flip(1) if rng.integers(2) else patch)
    return torch.stack(patches)[:, None]


def leak(x):
    return F.leaky_relu(x, 0.125)


def conv(inputs, outputs, stride=1):
    return nn.Conv2d(inputs, outputs, 3, stride, 1)


class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            [conv(1, 16, 2), conv(16, 24, 2), conv(24, 32, 2), conv(32, 8)]
            + [conv(8, 32), conv(32, 24), conv(24, 16), conv(16, 4)]
        )

    def forward(self, x):
        a, b, c, code, d, e, f, g = self.layers
        x = code(leak(c(leak(b(leak(a(x)))))))
        x = F.interpolate(leak(d(x)), scale_factor=2)
        x = F.interpolate(leak(e(x)), scale_factor=2)
        return F.pixel_shuffle(g(leak(f(x))), 2)

    def loss(self, x, _):
        return (self(x) - x).abs().mean()


class Denoiser(nn.Module):
    """The clean picture from one with noise of deviation sigma (Karras et al. 2022, table 1, for the factors)."""

    WIDTHS = [32, 48, 48, 48, 32]

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            [conv(16, 32), conv(32, 48, 2), conv(48, 48), conv(48, 48), conv(48, 32), conv(32, 16)]
        )
        self.level = nn.Linear(1, 16)
        self.shifts = nn.Linear(16, sum(self.WIDTHS))

    def forward(self, x, sigma):
        total = (sigma**2 + SIGMA_DATA**2).sqrt()
        shifts = self.shifts(leak(self.level(sigma.log().reshape(-1, 1) / 4)))[:, :, None, None]
        s = torch.split(shifts, self.WIDTHS, 1)
        a, b, c, d, e, f = self.layers
        top = leak(a(F.pixel_unshuffle(x / total, 4)) + s[0])
        low = leak(b(top) + s[1])
        low = low + leak(d(leak(c(low) + s[2])) + s[3])
        top = top + F.interpolate(leak(e(low) + s[4]), scale_factor=2)
        guess = F.pixel_shuffle(f(top), 4)
        return x * SIGMA_DATA**2 / total**2 + guess * sigma * SIGMA_DATA / total

    def loss(self, x, rng):
        low, high = map(math.log, SIGMA)
        sigma = torch.from_numpy(np.exp(rng.uniform(low, high, (len(x), 1, 1, 1))).astype(np.float32))
        noise = torch.from_numpy(rng.standard_normal(x.shape, np.float32))
        weight = (sigma**2 + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2
        return (weight * (self(x + sigma * noise, sigma) - x) ** 2).mean()


def train(kind, learn, keep):
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    model = AutoEncoder() if kind == "autoencoder" else Denoiser()
    steps, started = STEPS[kind], time.time()
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    for step in range(steps):
        loss = model.loss(draw(learn, BATCH[kind], rng), rng)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimiser.step()
        schedule.step()
        if step % 100 == 99:
            print(step + 1, f"{loss.item():.5f}", f"{time.time() - started:.0f} s", flush=True)
    # What is shipped are halves: losses and vectors are those of the halves.
    for value in model.parameters():
        value.data = value.data.half().float()
    model.eval()
    rng = np.random.default_rng(SEED + 1)
    with torch.no_grad():
        losses = [model.loss(draw(keep, 32, rng), rng).item() for _ in range(16)]
    return model, float(np.mean(losses))


def write(kind, model, path):
    data = b"".join(value.detach().numpy().astype("<f2").tobytes() for value in model.parameters())
    text = base64.b64encode(data).decode()
    lines = "".join(f"  '{text[i : i + LINE]}',\n" for i in range(0, len(text), LINE))
    sha = hashlib.sha256(data).hexdigest()
    name = f"{kind.upper()}_WEIGHTS"
    Path(path).write_text(
        f"/**\n * Weights of the {kind} network: written by tools/train-forge-networks.py, not by hand.\n"
        f" * Halves in little endian, layer after layer, kernels before shifts; SHA-256 {sha}.\n */\n"
        f"export const {name} = [\n{lines}].join('')\n"
    )
    return sha, sum(value.numel() for value in model.parameters())


def vector(kind, model):
    """A small picture, and what torch makes of it."""
    y, x = np.mgrid[0:32, 0:48].astype(np.float32)
    patch = (0.6 * np.sin(x / 5) * np.cos(y / 7) + 0.3 * np.sin(x * y / 40)).astype(np.float32).round(4)
    image = torch.from_numpy(patch)[None, None]
    sigma = 0.25
    with torch.no_grad():
        made = model(image) if kind == "autoencoder" else model(image, torch.full((1, 1, 1, 1), sigma))
    flat = lambda values: [round(float(value), 5) for value in values.flatten()]
    return {"width": 48, "height": 32, "sigma": sigma, "input": flat(patch), "output": flat(made[0, 0].numpy())}


def main(kind, manifest, out, vector_out):
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    learn, keep, data, patients = read_pictures(manifest)
    model, loss = train(kind, learn, keep)
    sha, parameters = write(kind, model, out)
    Path(vector_out).write_text(json.dumps(vector(kind, model)) + "\n")
    script = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    print(json.dumps({"kind": kind, "pictures": len(learn), "kept_back": len(keep), "patients": patients, "data": data}))
    print(json.dumps({"script": script, "seed": SEED, "weights": sha, "parameters": parameters, "loss": loss}))


if __name__ == "__main__":
    main(*sys.argv[1:])
