"""Draws the figures of the last run (`latest.json`) as a picture: plot.py --results FILE --out FILE

`measure.py --publish` calls it. Run it with the Python of `bench/peers/plot`, which has matplotlib; `run.sh --install` makes it.
"""

import argparse
import json
import statistics
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

HERE = Path(__file__).resolve().parent
# literal table: the figures shown, and what they are called there
SHOWN = {
    "CPU µs/request": "small request",
    "100 kB: CPU µs/request": "100 kB prompt",
    "translated: CPU µs/request": "translated",
    "CPU µs/event, flood": "relayed event",
    "translated: CPU µs/event, flood": "translated event",
}
COLOURS = {"nginx": "#7a7a7a", "omniroute": "#1f6feb", "omniroute-bare": "#8ab4f8", "litellm": "#d97706"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--results", type=Path, default=HERE / "results" / "latest.json")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "bench.png")
    options = parser.parse_args()
    results = json.loads(options.results.read_text())
    names = [name for name in results if name in COLOURS]
    figure, axes = pyplot.subplots(figsize=(9, 4), layout="constrained")
    for place, name in enumerate(names):
        for row, key in enumerate(SHOWN):
            got = [each[key] for each in results[name] if each.get(key) is not None]
            if not got:
                continue
            middle = statistics.median(got)
            at = row + (place - (len(names) - 1) / 2) * 0.8 / len(names)
            spread = [[middle - min(got)], [max(got) - middle]]
            axes.barh(at, middle, 0.8 / len(names), xerr=spread, color=COLOURS[name], label=name if row == 0 else None)
            axes.text(max(got) * 1.1, at, f"{middle:,.0f}", va="center", fontsize=8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(SHOWN)), list(SHOWN.values()))
    axes.invert_yaxis()
    axes.set_xlabel(
        "CPU µs of the gateway's process tree, one core; bars: median, lines: minimum to maximum of the rounds"
    )
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=120)


main()
