"""Watermarks of others on the same pictures: 96 bits in, 96 bits out.

Reads commands from standard input, one a line, and answers each with one line:

    embed SCHEME IN.pgm OUT.pgm      -> ok, or the reason why not
    read SCHEME IN.pgm               -> 1 if all 96 bits are right, else 0

Schemes: dwtDct and dwtDctSvd of invisible-watermark, here in the luma, since what they mark by default, the chroma, is not in grey
pictures; blind of blind-watermark. No reader is told what was done to a picture. Needs numpy, opencv-python and PyWavelets.
"""
import sys
import types

import cv2
import numpy as np

# The neural method of invisible-watermark wants PyTorch, which the two methods used here do not.
sys.modules.setdefault("torch", types.ModuleType("torch"))
BITS = np.random.default_rng(96).integers(0, 2, 96).tolist()


def classical(scheme):
    from imwatermark.maxDct import EmbedMaxDct
    from imwatermark.dwtDctSvd import EmbedDwtDctSvd

    return {"dwtDct": EmbedMaxDct, "dwtDctSvd": EmbedDwtDctSvd}[scheme](
        BITS, wmLen=96, scales=[36, 0, 0]
    )


def blind():
    from blind_watermark import WaterMark

    return WaterMark(password_img=1, password_wm=1)


def embed(scheme, source, target):
    grey = cv2.imread(source, cv2.IMREAD_GRAYSCALE)
    colour = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    if scheme == "blind":
        mark = blind()
        mark.read_img(img=colour)
        mark.read_wm([bool(bit) for bit in BITS], mode="bit")
        marked = mark.embed()
    else:
        marked = classical(scheme).encode(colour)
    marked = np.clip(np.round(marked), 0, 255).astype(np.uint8)
    cv2.imwrite(target, cv2.cvtColor(marked, cv2.COLOR_BGR2GRAY))
    return "ok"


def read(scheme, source):
    colour = cv2.cvtColor(cv2.imread(source, cv2.IMREAD_GRAYSCALE), cv2.COLOR_GRAY2BGR)
    if scheme == "blind":
        bits = blind().extract(embed_img=colour, wm_shape=96, mode="bit") > 0.5
    else:
        bits = classical(scheme).decode(colour)
    return str(int([int(bit) for bit in bits] == BITS))


for line in sys.stdin:
    command, scheme, *paths = line.split()
    try:
        answer = (embed if command == "embed" else read)(scheme, *paths)
    except Exception as error:  # A peer that gives up has not read the mark.
        answer = "0" if command == "read" else f"failed: {error}".replace("\n", " ")
    print(answer, flush=True)
