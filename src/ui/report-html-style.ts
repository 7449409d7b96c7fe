/** The style of the HTML report: system fonts, light and dark, from a phone to a wide screen, and on paper. */

export const style = `
:root { color-scheme: light dark;
  --ground: #f4f6f8; --card: #ffffff; --ink: #17202b; --soft: #53606f; --line: #dce2e9; --code: #f2f4f7; --focus: #2457c5;
  --good: #17714a; --good-soft: #e8f5ee; --careful: #8a5300; --careful-soft: #fdf3de; --bad: #b4231a; --bad-soft: #fdecea; --unknown: #5d6a79; --unknown-soft: #eef1f4; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #0e1319; --card: #161d25; --ink: #e7ecf2; --soft: #a3b0be; --line: #2b3642; --code: #10161d; --focus: #8ab4ff;
  --good: #5ccf96; --good-soft: #12281d; --careful: #e8b65a; --careful-soft: #2c220f; --bad: #ff8d80; --bad-soft: #341715; --unknown: #93a1b0; --unknown-soft: #1d2530; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main, header, footer { max-width: 1180px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 40px; }
h1 { font-size: clamp(1.5rem, 1.1rem + 1.6vw, 2.1rem); line-height: 1.2; letter-spacing: -0.015em; margin: 6px 0 10px; text-wrap: balance; }
h2 { font-size: 1.15rem; letter-spacing: -0.005em; margin: 44px 0 14px; }
h3 { font-size: 1.02rem; line-height: 1.4; margin: 0; overflow-wrap: anywhere; }
p { margin: 0 0 10px; overflow-wrap: anywhere; }
a { color: inherit; }
code, pre { font-family: ui-monospace, SFMono-Regular, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.845rem; line-height: 1.5; }
pre { margin: 0; padding: 12px 14px; background: var(--code); border: 1px solid var(--line); border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere; }
.eyebrow { color: var(--soft); font-size: 0.83rem; margin: 0; }
.lead { color: var(--soft); font-size: 1.06rem; max-width: 75ch; }
.banner { border-left: 5px solid; padding: 2px 0 2px 18px; }
.banner.good { border-color: var(--good); } .banner.bad { border-color: var(--bad); } .banner.careful { border-color: var(--careful); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 14px 28px; margin: 26px 0 0; padding: 18px 0 0; border-top: 1px solid var(--line); }
.facts dt { color: var(--soft); font-size: 0.8rem; } .facts dd { margin: 1px 0 0; font-size: 0.94rem; overflow-wrap: anywhere; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px 22px; margin: 0 0 14px; }
.card.root { border: 2px solid var(--bad); }
.card > :last-child { margin-bottom: 0; }
.card dl { display: grid; grid-template-columns: minmax(70px, max-content) minmax(0, 1fr); gap: 12px 20px; margin: 16px 0 0; }
.card dt { color: var(--soft); font-size: 0.86rem; padding-top: 1px; } .card dd { margin: 0; overflow-wrap: anywhere; }
.evidence { list-style: none; margin: 0; padding: 0; } .evidence li { padding: 7px 0; border-top: 1px solid var(--line); } .evidence li:first-child { border-top: 0; padding-top: 2px; }
.evidence code { overflow-wrap: anywhere; white-space: pre-wrap; }
.fix { user-select: all; -webkit-user-select: all; border-left: 3px solid var(--focus); }
.note { color: var(--soft); font-size: 0.86rem; margin: 6px 0 0; }
.meta { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 8px; margin: 0 0 8px; font-size: 0.8rem; }
.pill { border-radius: 99px; padding: 1px 10px; border: 1px solid var(--line); color: var(--soft); white-space: nowrap; }
.pill.bad { color: var(--bad); background: var(--bad-soft); border-color: transparent; font-weight: 600; }
.pill.careful { color: var(--careful); background: var(--careful-soft); border-color: transparent; font-weight: 600; }
.pill.good { color: var(--good); background: var(--good-soft); border-color: transparent; font-weight: 600; }
.pill.unknown { color: var(--unknown); background: var(--unknown-soft); border-color: transparent; font-weight: 600; }
.pill.code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: normal; overflow-wrap: anywhere; }
details > summary { cursor: pointer; color: var(--soft); font-size: 0.9rem; padding: 4px 0; }
details[open] > summary { margin-bottom: 6px; }
.drawing { padding: 18px 16px 12px; }
.way { display: block; width: 100%; height: auto; overflow: visible; }
.way text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; fill: var(--ink); }
.way .band { font-size: 12px; font-weight: 600; fill: var(--soft); letter-spacing: 0.01em; }
.words { height: 100%; overflow: hidden; line-height: 1.28; } .words b { display: block; font-size: 12.5px; font-weight: 650; min-height: 21px; padding: 2px 0 5px 26px; color: var(--ink); }
.words span { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; font-size: 11px; color: var(--soft); overflow-wrap: anywhere; }
.narrow .words b { font-size: 13.5px; padding-left: 30px; } .narrow .words span { -webkit-line-clamp: 2; font-size: 11.5px; padding-left: 30px; }
.way .arrow { fill: none; stroke: var(--soft); stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; opacity: 0.75; }
.way .stands { fill: none; stroke: var(--line); stroke-width: 1.6; stroke-dasharray: 3 4; } .way .cut { stroke: var(--bad); stroke-width: 3; stroke-linecap: round; }
.hop { text-decoration: none; outline: none; }
.hop .frame { stroke-width: 1.5; } .hop .sign { fill: none; stroke: var(--card); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.hop.good .frame { fill: var(--good-soft); stroke: var(--good); } .hop.good .dot { fill: var(--good); }
.hop.careful .frame { fill: var(--careful-soft); stroke: var(--careful); } .hop.careful .dot { fill: var(--careful); }
.hop.bad .frame { fill: var(--bad-soft); stroke: var(--bad); } .hop.bad .dot { fill: var(--bad); }
.hop.unknown .frame { fill: var(--unknown-soft); stroke: var(--unknown); stroke-dasharray: 5 4; } .hop.unknown .dot { fill: var(--unknown); }
.hop.root .frame { stroke-width: 3.5; } .hop.consequence .frame { stroke-dasharray: 6 4; }
.hop .tag { fill: var(--bad); } .way .hop .tagged { fill: var(--card); font-size: 10px; font-weight: 700; letter-spacing: 0.05em; text-anchor: middle; }
.hop:hover .frame { filter: brightness(0.97); } .hop:focus-visible .frame { stroke: var(--focus); stroke-width: 4; stroke-dasharray: none; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 3px; border-radius: 4px; } .hop:focus-visible { outline: none; }
.narrow { display: none; max-width: 560px; margin: 0 auto; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 10px; margin: 14px 4px 2px; font-size: 0.8rem; }
.hops { width: 100%; border-collapse: collapse; font-size: 0.93rem; } .hops th { text-align: left; font-weight: 600; }
.hops td, .hops th { padding: 10px 14px 10px 0; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; } .hops tr:first-child > * { border-top: 0; }
.hops th { width: 13rem; } .hops td:nth-child(2) { width: 9rem; } .hops code { color: var(--soft); }
.hops tr:target > * { background: var(--unknown-soft); }
.plain { margin: 0; padding-left: 1.2em; } .plain li { padding: 3px 0; overflow-wrap: anywhere; }
.skip { position: absolute; left: -999px; } .skip:focus { left: 16px; top: 12px; background: var(--card); padding: 6px 12px; z-index: 1; }
footer { color: var(--soft); font-size: 0.83rem; padding-top: 34px; padding-bottom: 48px; }
@media (max-width: 1000px) { .wide { display: none; } .narrow { display: block; } }
@media (max-width: 620px) { main, header, footer { padding-left: 14px; padding-right: 14px; } header { padding-top: 24px; } .card { padding: 16px; } .drawing { padding: 12px 4px; }
  .card dl { grid-template-columns: minmax(0, 1fr); gap: 3px; } .card dd + dt { margin-top: 12px; }
  .hops, .hops tbody, .hops tr, .hops th, .hops td { display: block; width: auto; } .hops td, .hops th { border: 0; padding: 2px 0; } .hops tr { border-top: 1px solid var(--line); padding: 10px 0; } .hops tr:first-child { border-top: 0; }
  .hops td:nth-child(2) { width: auto; } }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
@media print { body { background: #fff; } .card { break-inside: avoid; } .skip { display: none; } }
`;
