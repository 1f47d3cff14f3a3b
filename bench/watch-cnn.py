"""Whether a small convolutional network sees pictures made by techniques that it has not met, beside boosting and a one-class model.

    python bench/watch-cnn.py FOLDER

FOLDER is what bench/watch-cnn-images.ts wrote. Patients lie in two folds; for each family of fakes, every model learns from true pictures and from
the fakes of all other families of one fold, and is asked about true pictures and fakes of that family of the other fold. The network sees nine
patches of 128 × 128 samples of the residual (the plane less its Gaussian of 1.2 samples); the mean of its answers counts. The one-class model
is a Gaussian of the 20 first components of the measures. Shown is the area under the curve over both folds, with a bootstrap over patients.
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from torch import nn

SIDE, PATCH, EPOCHS, SEED = 384, 128, 4, 1
# Nothing is made anew by turning a picture round.
LEFT_OUT = {"laterality-flip"}


def read(folder):
    planes, rows = [], []
    for path in sorted(Path(folder).glob("measures-*.jsonl")):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        data = np.fromfile(path.with_name(path.name.replace("measures", "planes").replace("jsonl", "bin")), np.uint8)
        planes.append(data[: len(lines) * SIDE * SIDE].reshape(-1, SIDE, SIDE))
        rows += lines
    planes = np.concatenate(planes)
    keep = [i for i, row in enumerate(rows) if row["id"] not in LEFT_OUT]
    rows = [rows[i] for i in keep]
    residuals = np.stack([plane - gaussian_filter(plane, 1.2) for plane in planes[keep].astype(np.float32)])
    values = np.array([[np.nan if v is None else v for v in row["values"]] for row in rows], np.float32)
    # Cues that are for other parts of the body are measured nowhere.
    values = values[:, np.isfinite(values).mean(0) > 0.5]
    return residuals, values, np.array([row["id"] for row in rows]), np.array([row["patient"] for row in rows])


def network():
    layers, inputs = [], 1
    for outputs in (16, 24, 32, 48):
        layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs), nn.ReLU()]
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(inputs, 1))


def by_network(residuals, learn, fakes, ask):
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    model, images = network(), torch.from_numpy(np.clip(residuals / 4, -8, 8))[:, None]
    truth = torch.from_numpy(fakes.astype(np.float32))
    optimiser = torch.optim.Adam(model.parameters(), 3e-3, weight_decay=1e-4)
    # True pictures are few: each is drawn as often as all fakes together.
    weights = np.where(fakes[learn], 0.5 / fakes[learn].sum(), 0.5 / (~fakes[learn]).sum())
    steps = EPOCHS * len(learn) // 16
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    for _ in range(steps):
        batch, cuts = rng.choice(learn, 32, p=weights), []
        for i in batch:
            y, x = rng.integers(0, SIDE - PATCH + 1, 2)
            cut = images[i, :, y : y + PATCH, x : x + PATCH]
            cuts.append(cut.flip(2) if rng.integers(2) else cut)
        loss = F.binary_cross_entropy_with_logits(model(torch.stack(cuts))[:, 0], truth[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    model.eval()
    with torch.no_grad():
        tiles = F.unfold(images[ask], PATCH, stride=PATCH).transpose(1, 2).reshape(-1, 1, PATCH, PATCH)
        return torch.cat([model(piece) for piece in tiles.split(256)]).reshape(len(ask), -1).mean(1).numpy()


def by_boosting(values, learn, fakes, ask):
    model = HistGradientBoostingClassifier(max_iter=150, learning_rate=0.06, random_state=SEED, class_weight="balanced")
    return model.fit(values[learn], fakes[learn]).decision_function(values[ask])


def by_one_class(values, learn, fakes, ask):
    true = values[learn[~fakes[learn]]].astype(np.float64)
    middle = np.nanmedian(true, 0)
    fill = lambda part: np.where(np.isnan(part), np.nan_to_num(middle), part)
    mean, spread = fill(true).mean(0), fill(true).std(0) + 1e-9
    scale = lambda part: np.clip((fill(part.astype(np.float64)) - mean) / spread, -8, 8)
    _, lengths, axes = np.linalg.svd(scale(true), full_matrices=False)
    kept = min(20, len(true) // 2)
    return (((scale(values[ask]) @ axes[:kept].T) / (lengths[:kept] / np.sqrt(len(true)))) ** 2).sum(1)


def area(scores, fakes, patients):
    """With a 95 % interval over patients. Scores of each fold were brought to ranks: thresholds do not transfer."""
    rng, names = np.random.default_rng(SEED), np.unique(patients)
    at = {name: np.flatnonzero(patients == name) for name in names}
    drawn = [np.concatenate([at[name] for name in rng.choice(names, len(names))]) for _ in range(400)]
    areas = [roc_auc_score(fakes[i], scores[i]) for i in drawn if 0 < fakes[i].sum() < len(i)]
    return roc_auc_score(fakes, scores), *np.percentile(areas, [2.5, 97.5])


def main(folder):
    torch.set_num_threads(1)
    residuals, values, ids, patients = read(folder)
    fakes, fold = ids != "true", np.array([int(name[:8], 16) % 2 for name in patients])
    models = {"network": (by_network, residuals), "boosting": (by_boosting, values), "one-class": (by_one_class, values)}
    print(len(np.unique(patients)), "patients,", (~fakes).sum(), "true,", fakes.sum(), "fakes;", values.shape[1], "measures")
    print("| family not met | " + " | ".join(models) + " |\n|---|" + "---|" * len(models), flush=True)
    means = []
    for family in sorted(set(ids[fakes])):
        cells = []
        for name, (judge, data) in models.items():
            scores, truth, who = [], [], []
            for side in (0, 1):
                learn = np.flatnonzero((fold != side) & (ids != family))
                ask = np.flatnonzero((fold == side) & (~fakes | (ids == family)))
                given = judge(data, learn, fakes, ask)
                scores.append(given.argsort().argsort() / len(given))
                truth.append(fakes[ask])
                who.append(patients[ask])
            cells.append(area(np.concatenate(scores), np.concatenate(truth), np.concatenate(who)))
        means.append([cell[0] for cell in cells])
        print(f"| {family} | " + " | ".join(f"{a:.3f} ({l:.2f}–{h:.2f})" for a, l, h in cells) + " |", flush=True)
    print("| mean | " + " | ".join(f"{mean:.3f}" for mean in np.mean(means, 0)) + " |")


if __name__ == "__main__":
    main(sys.argv[1])
