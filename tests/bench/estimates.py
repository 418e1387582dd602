"""How near the estimates of tokens are, after 20 calls, to what services count."""

from __future__ import annotations

import time

from llmrepl.accounting.calibration import Calibration
from llmrepl.accounting.tokens import Tokens
from tests.accounting.samples import SAMPLES
from tests.accounting.talks import MIXTURES, judged, percentile, services

SEEDS = range(4)


def report() -> str:
    """Return a table of errors, and what a report costs."""
    meter = Tokens()
    meter.load()
    lines = [
        "estimates: error before a call, after 20 calls (first: of a session's first request)",
        "  service      content          n     p50     p95 first p95     max",
    ]
    for service, counting in services().items():
        for name, mixture in MIXTURES.items():
            found = [one for seed in SEEDS for one in judged(counting, mixture, meter, seed)]
            off = [one.off for one in found]
            first = [one.off for one in found if one.first]
            shares = (percentile(off, 0.5), percentile(off, 0.95), percentile(first, 0.95))
            p50, p95, first_p95, most = (f"{share:.2%}" for share in (*shares, max(off)))
            lines.append(
                f"  {service:12} {name:12} {len(off):5} {p50:>7} {p95:>7} {first_p95:>9} {most:>7}"
            )
    return "\n".join([*lines, *costs(meter)])


def costs(meter: Tokens) -> list[str]:
    """Return what learning, estimating and telling kinds apart take."""
    content, text = meter.content(SAMPLES["code"]), SAMPLES["code"]
    calibration = Calibration()
    learn = timed(lambda: calibration.learn(content, content.tokens), 200)
    estimate = timed(lambda: calibration.estimate(content), 200)
    count = timed(lambda: meter.count(text), 5)
    kinds = timed(lambda: meter.content(text), 5)
    return [
        f"  a report {learn * 1e6:.0f} µs, an estimate {estimate * 1e6:.0f} µs",
        f"  {len(text):,} characters: counted {count * 1e3:.1f} ms, by kind {kinds * 1e3:.1f} ms",
    ]


def timed(work, times):
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times
