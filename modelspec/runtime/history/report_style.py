"""The style sheet of a report: light and dark, from 320 pixels wide, and for print."""

from __future__ import annotations

from typing import Final

from .charts import STYLE as CHARTS

LIGHT: Final = {
    "ground": "#ffffff", "panel": "#f5f7f9", "ink": "#1b1f24", "quiet": "#57606a",
    "edge": "#d5dae0", "link": "#0b57c2", "good": "#1a7035", "bad": "#b3261e", "warn": "#8a5300",
}  # fmt: skip
DARK: Final = {
    "ground": "#14161a", "panel": "#1d2026", "ink": "#e6e8eb", "quiet": "#a3abb5",
    "edge": "#363c45", "link": "#82b1ff", "good": "#5fd081", "bad": "#ff8a80", "warn": "#f0b95a",
}  # fmt: skip
"""Text has a contrast of at least 4.5 on the background and on panels."""
HEAT: Final = 10
"""Steps of shading of a table, besides none."""


def _variables(colors: dict[str, str]) -> str:
    return ";".join(f"--{name}:{color}" for name, color in colors.items())


def _heat() -> str:
    """Blue for right, orange for wrong; weak enough that numbers stay readable."""
    return "\n".join(
        f".r{at}{{background:rgb(47 122 229/{0.055 * at:.3f})}}"
        f".w{at}{{background:rgb(217 95 14/{0.055 * at:.3f})}}"
        for at in range(1, HEAT + 1)
    )


_RULES: Final = """
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--ground);color:var(--ink);
  font:16px/1.55 ui-sans-serif,system-ui,'Segoe UI','Helvetica Neue',Arial,sans-serif}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-100vw;padding:.5rem 1rem;background:var(--ground)}
.skip:focus{left:0;top:0;z-index:3}
.page{max-width:76rem;margin:0 auto;padding:0 1rem 4rem}
header{padding:1.6rem 0 .4rem}
h1{margin:0;font-size:1.9rem;line-height:1.2;overflow-wrap:anywhere}
h2{margin:2.6rem 0 .8rem;padding-top:.6rem;border-top:1px solid var(--edge);font-size:1.35rem}
h3{margin:1.8rem 0 .5rem;font-size:1.05rem;overflow-wrap:anywhere}
p{margin:.5rem 0;max-width:70ch}
.state{display:inline-block;padding:.05rem .6rem;border:1px solid;border-radius:1rem;
  font-weight:600;font-size:.9rem;color:var(--quiet)}
.completed,.met{color:var(--good)}.failed,.killed,.unmet{color:var(--bad)}
.interrupted,.unsure{color:var(--warn)}
.met,.unmet,.unsure{font-weight:600}
.note,.quiet{color:var(--quiet);font-size:.92rem}
.fault{border-left:4px solid var(--bad);padding:.2rem 1rem;background:var(--panel);
  overflow-wrap:anywhere}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:.8rem 0 0;padding:0;list-style:none}
nav a{display:inline-block;padding:.2rem 0}
.cards{display:grid;gap:.8rem;margin:1.2rem 0 0;padding:0;list-style:none;
  grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr))}
.cards li{padding:.6rem .9rem;background:var(--panel);border-radius:.5rem;min-width:0}
.cards b{display:block;font-size:1.5rem;line-height:1.25;font-variant-numeric:tabular-nums}
.cards span{color:var(--quiet);font-size:.88rem;overflow-wrap:anywhere}
code{font-size:.92em}
.scroll{overflow:auto;max-width:100%;max-height:36rem;margin:.5rem 0}
table{border-collapse:collapse;font-size:.95rem}
th,td{padding:.28rem .7rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--edge)}
th{font-weight:600}
thead th,thead td{position:sticky;top:0;background:var(--ground);z-index:1;vertical-align:bottom}
tbody th{font-weight:500;min-width:7.5rem;max-width:22rem;overflow-wrap:break-word}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.matrix td,.matrix th{text-align:center;border:1px solid var(--edge);white-space:nowrap}
.matrix tbody th{min-width:0;position:sticky;left:0;background:var(--ground);text-align:right;
  max-width:9rem;overflow:hidden;text-overflow:ellipsis}
.matrix thead th{max-height:9rem;overflow:hidden;text-overflow:ellipsis}
.tall thead th{writing-mode:vertical-rl;transform:rotate(180deg);vertical-align:top}
.facts{display:grid;grid-template-columns:minmax(6rem,max-content) 1fr;gap:.2rem 1.2rem;margin:0}
.facts dt{color:var(--quiet)}.facts dd{margin:0;overflow-wrap:anywhere;min-width:0}
.events{margin:.3rem 0;padding-left:1.2rem}.events li{margin:.25rem 0;overflow-wrap:anywhere}
.events time{color:var(--quiet);font-variant-numeric:tabular-nums}
.examples{display:grid;gap:.8rem;margin:.5rem 0;padding:0;list-style:none;
  grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr))}
.examples>li{padding:.7rem .9rem;background:var(--panel);border-radius:.5rem;min-width:0;
  overflow-wrap:anywhere;font-size:.93rem}
.examples p{margin:.15rem 0}.examples dl{margin:.4rem 0 0;display:grid;gap:0 .8rem;
  grid-template-columns:minmax(0,max-content) minmax(0,1fr);font-size:.88rem}
.examples dt{color:var(--quiet)}.examples dd{margin:0}
.shots{display:flex;flex-wrap:wrap;gap:.6rem;margin:0 0 .4rem}
.shots figure{margin:0}.shots figcaption{font-size:.8rem;color:var(--quiet)}
.shots img{display:block;width:5.6rem;height:auto;image-rendering:pixelated}
pre{overflow:auto;max-height:40rem;margin:.5rem 0;padding:.8rem;background:var(--panel);
  border-radius:.5rem;font-size:.84rem;line-height:1.4}
details{margin:.6rem 0}summary{cursor:pointer;padding:.2rem 0;color:var(--link)}
.picture{background:#fff;border:1px solid var(--edge)}
@media (max-width:36rem){
  th,td{padding:.25rem .45rem}table{font-size:.9rem}tbody th{min-width:6rem}
  .cards b{font-size:1.3rem}h2{margin-top:2rem}
}
@media (min-width:1200px){
  .page{display:grid;grid-template-columns:12rem minmax(0,1fr);gap:0 3rem;max-width:92rem}
  header{grid-column:2}main{grid-column:2}
  nav{grid-row:1/3;grid-column:1}
  nav>div{position:sticky;top:1.8rem}
  nav ul{flex-direction:column;margin-top:1.9rem}
}
@media print{
  body{font-size:10.5pt}nav,.skip{display:none}.page{display:block;max-width:none;padding:0}
  .scroll,pre{max-height:none;overflow:visible}pre{white-space:pre-wrap}
  details::details-content{content-visibility:visible}
  figure,.examples>li,tr{break-inside:avoid}h2,h3{break-after:avoid}
  thead th,thead td,.matrix tbody th{position:static}
  *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
"""


def _style() -> str:
    return (
        f":root{{color-scheme:light dark;{_variables(LIGHT)}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}\n"
        "@media print{:root{color-scheme:light}}"
        f"{_RULES}{_heat()}{CHARTS}"
    )


STYLE: Final = _style()
