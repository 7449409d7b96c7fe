/** Frames of a terminal as one SVG that plays by CSS alone: no script, no font of its own, dark on any page. */

const CELL = { width: 8.4, height: 20 };
const EDGE = { side: 18, top: 44, bottom: 16 };

const STYLE = `text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#e6edf3;white-space:pre}
.good{fill:#3fb950}.bad{fill:#ff7b72}.careful{fill:#d29922}.active{fill:#39c5cf}.faint{fill:#9aa4af}.strong{font-weight:700}.past{visibility:hidden}
@media(prefers-reduced-motion:reduce){*{animation:none!important}}`;

/** The last frame is what stands where nothing moves. */
export function animated({ film, seconds }, { columns, rows, title }) {
  const [width, height] = [columns * CELL.width, rows * CELL.height];
  const spans = new Map();
  const texts = versions(film).flatMap(({ row, line, from, to }) =>
    line.trim() === '' ? [] : [text({ row, line, kind: spanClass(spans, { from, to, seconds }) })],
  );
  const outer = { width: round(width + 2 * EDGE.side), height: height + EDGE.top + EDGE.bottom };
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${outer.width} ${outer.height}" width="${outer.width}" height="${outer.height}" role="img" aria-label="Recording of ${title} in a terminal">
<title>Recording of ${title} in a terminal</title>
<style>${STYLE}
${[...spans.values()].map(({ css }) => css).join('\n')}
${scrolling(film, { rows, seconds })}</style>
<rect width="100%" height="100%" rx="10" fill="#0d1117" stroke="#30363d"/>
<circle cx="22" cy="20" r="6" fill="#ff5f57"/><circle cx="42" cy="20" r="6" fill="#febc2e"/><circle cx="62" cy="20" r="6" fill="#28c840"/>
<svg x="${EDGE.side}" y="${EDGE.top}" width="${round(width)}" height="${height}"><g class="page">
${texts.join('\n')}
</g></svg>
</svg>
`;
}

/** Each line with the time it was seen: from its first frame to the one that has another in its place. */
function versions(film) {
  const [done, seen] = [[], new Map()];
  const end = (row, to) => {
    done.push({ row, ...seen.get(row), to });
    seen.delete(row);
  };
  for (const { at, rows } of film) {
    for (const [row, { line }] of seen) if (rows[row] !== line) end(row, at);
    rows.forEach((line, row) => seen.has(row) || seen.set(row, { line, from: at }));
  }
  for (const row of seen.keys()) done.push({ row, ...seen.get(row) });
  return done.filter(({ from, to }) => from !== to).toSorted((a, b) => a.row - b.row || a.from - b.from);
}

const round = (number) => Number(number.toFixed(2));
const percent = (at, seconds) => `${round((at / seconds) * 100)}%`;

/** One animation for all lines that come and go at the same time. */
function spanClass(spans, { from, to, seconds }) {
  if (from === 0 && to === undefined) return '';
  const key = `${from} ${to}`;
  const name = spans.get(key)?.name ?? `s${spans.size}`;
  const [hidden, shown] = ['{visibility:hidden}', '{visibility:visible}'];
  const frames = `${from > 0 ? `0%${hidden}` : ''}${percent(from, seconds)}${shown}${to === undefined ? '' : percent(to, seconds) + hidden}`;
  spans.set(key, { name, css: `.${name}{animation:${name} ${round(seconds)}s step-end infinite}@keyframes ${name}{${frames}}` });
  return to === undefined ? name : `${name} past`;
}

function scrolling(film, { rows, seconds }) {
  const top = (frame) => Math.max(0, frame.rows.length - rows) * -CELL.height;
  const moves = film.filter((frame, index) => index === 0 || top(frame) !== top(film[index - 1]));
  const steps = moves.map((frame) => `${percent(frame.at, seconds)}{transform:translateY(${top(frame)}px)}`);
  return `.page{transform:translateY(${top(film.at(-1))}px);animation:page ${round(seconds)}s step-end infinite}@keyframes page{${steps.join('')}}`;
}

function text({ row, line, kind }) {
  const parts = segments(line).map(({ column, words, classes }) => {
    const length = words.length > 12 ? ` textLength="${round(words.length * CELL.width)}" lengthAdjust="spacingAndGlyphs"` : '';
    return `<tspan x="${round(column * CELL.width)}"${classes ? ` class="${classes}"` : ''}${length}>${escaped(words)}</tspan>`;
  });
  return `<text y="${row * CELL.height + 15}"${kind ? ` class="${kind}"` : ''}>${parts.join('')}</text>`;
}

const NAMES = { 1: 'strong', 2: 'faint', 31: 'bad', 32: 'good', 33: 'careful', 36: 'active' };
const ENDS = { 22: ['strong', 'faint'], 39: ['bad', 'good', 'careful', 'active'] };

/** Words with their column and colours; a run of blanks divides them, so that what is aligned stays so in any font. */
function segments(line) {
  const found = [];
  const on = new Set();
  let column = 0;
  // eslint-disable-next-line no-control-regex
  for (const [whole, code] of line.matchAll(/\u001b\[(\d+)m| {2,}|(?:(?! {2})[^\u001b])+/g)) {
    if (code !== undefined) {
      if (NAMES[code]) on.add(NAMES[code]);
      for (const name of ENDS[code] ?? []) on.delete(name);
      continue;
    }
    const words = whole.trim();
    if (words !== '') found.push({ column: column + whole.indexOf(words), words, classes: [...on].join(' ') });
    column += [...whole].length;
  }
  return found;
}

const escaped = (words) => words.replace(/[&<>]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[char]);
