/** The drawing of the log path: every hop with its state and its evidence, wide for screens and narrow for phones. */
import { anchor, escaped } from './report-html-text.ts';

export type HopState = 'good' | 'careful' | 'bad' | 'unknown';

export interface DrawnHop {
  readonly hop: string;
  readonly label: string;
  readonly state: HopState;
  /** `root`: the first broken hop. `consequence`: a failure here may be a symptom of the root. */
  readonly mark?: 'root' | 'consequence';
  readonly detail: string;
}

export const stateWords: Readonly<Record<HopState, string>> = { good: 'OK', careful: 'warning', bad: 'broken', unknown: 'not checked' };

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const COLUMN = 141;
const BOX = { width: 126, height: 106 };
const ROWS = { read: 40, write: 214, ground: 388 };
const column = (index: number, y: number, span = 1): Box => ({ x: 8 + index * COLUMN, y, width: BOX.width + (span - 1) * COLUMN, height: BOX.height });

/** Reading at the top, writing in the middle, what both depend on at the bottom. */
const places: Readonly<Record<string, Box>> = {
  'grafana-datasource': column(1, ROWS.read, 2),
  'tenant-read': column(3, ROWS.read),
  query: column(4, ROWS.read, 3),
  'alloy-discovery': column(0, ROWS.write),
  'alloy-read': column(1, ROWS.write),
  'alloy-push': column(2, ROWS.write),
  gateway: column(3, ROWS.write),
  'tenant-write': column(4, ROWS.write),
  limits: column(5, ROWS.write),
  'loki-runtime': column(6, ROWS.write),
  s3: column(7, ROWS.write),
  scheduling: column(0, ROWS.ground, 3),
  'loki-config': column(3, ROWS.ground, 4),
  'aws-identity': column(7, ROWS.ground),
};

const writing = ['alloy-discovery', 'alloy-read', 'alloy-push', 'gateway', 'tenant-write', 'limits', 'loki-runtime', 's3'];
const reading = ['grafana-datasource', 'tenant-read', 'query'];
const WIDE = { width: 8 * COLUMN, height: ROWS.ground + BOX.height + 14 };

export function wideDrawing(hops: readonly DrawnHop[]): string {
  const of = new Map(hops.map((one) => [one.hop, one]));
  const others = hops.filter(({ hop }) => !(hop in places));
  const height = WIDE.height + (others.length > 0 ? BOX.height + 46 : 0);
  const boxes = hops.map((one) => {
    const extra = others.indexOf(one);
    return box(one, places[one.hop] ?? column(extra, WIDE.height + 32));
  });
  const arrows = [...pairs(writing), ...pairs(reading)].map(([from, to]) => across(places[from]!, places[to]!, broken(of.get(to))));
  const query = places['query']!;
  const runtime = places['loki-runtime']!;
  const downs = [
    downward(runtime.x + runtime.width / 2, query.y + query.height, runtime.y, 'arrow'),
    ...['alloy-read', 'tenant-write', 's3'].map((hop) => {
      const { x, y, width, height: tall } = places[hop]!;
      return downward(x + width / 2, ROWS.ground, y + tall, 'stands');
    }),
  ];
  const bands = [
    ['Read path: Grafana queries Loki', ROWS.read],
    ['Write path: log lines on their way to S3', ROWS.write],
    ['Shared by both paths', ROWS.ground],
  ] as const;
  const headings = bands.map(([text, y]) => `<text class="band" x="8" y="${y - 20}">${escaped(text)}</text>`);
  return svg('wide', { width: WIDE.width, height }, [...headings, ...arrows, ...downs, ...boxes]);
}

const pairs = (chain: readonly string[]): readonly (readonly [string, string])[] => chain.slice(1).map((to, index) => [chain[index]!, to] as const);
const broken = (hop: DrawnHop | undefined): boolean => hop?.state === 'bad' && hop.mark !== 'consequence';

function across(from: Box, to: Box, cut: boolean): string {
  const y = from.y + from.height / 2;
  const [start, end] = [from.x + from.width + 1, to.x - 2];
  const cross = cut ? `<path class="cut" d="M${(start + end) / 2 - 5} ${y - 9}l10 18"/>` : '';
  return `<path class="arrow" d="M${start} ${y}H${end}M${end - 5} ${y - 4}l5 4l-5 4"/>${cross}`;
}

const downward = (x: number, from: number, to: number, name: 'arrow' | 'stands'): string =>
  name === 'arrow'
    ? `<path class="arrow" d="M${x} ${from + 1}V${to - 2}M${x - 4} ${to - 7}l4 5l4 -5"/>`
    : `<path class="stands" d="M${x} ${from - 1}V${to + 1}"/>`;

function box(one: DrawnHop, { x, y, width, height }: Box): string {
  const frame = `<rect class="frame" x="${x}" y="${y}" width="${width}" height="${height}" rx="10"/>`;
  return linked(one, [
    frame,
    icon(one.state, x + 20, y + 20),
    words(one, { x: x + 10, y: y + 10, width: width - 18, height: height - 16 }),
    ...tag(one, x + width, y),
  ]);
}

/** HTML inside the drawing: fonts differ, and only HTML wraps and truncates text by its actual width. */
const words = ({ label, detail }: DrawnHop, { x, y, width, height }: Box): string =>
  `<foreignObject x="${x}" y="${y}" width="${width}" height="${height}"><div class="words"><b>${escaped(label)}</b><span>${escaped(shortened(detail))}</span></div></foreignObject>`;

/** More than this never fits a box; the full text is in the title and in the table. */
const shortened = (text: string): string => (text.length > 240 ? `${text.slice(0, 239)}…` : text);

function tag({ mark }: DrawnHop, right: number, y: number): readonly string[] {
  if (!mark) return [];
  const words = mark === 'root' ? 'ROOT CAUSE' : 'FOLLOWS';
  const width = mark === 'root' ? 92 : 70;
  return [
    `<rect class="tag" x="${right - width - 10}" y="${y - 10}" width="${width}" height="20" rx="10"/>`,
    `<text class="tagged" x="${right - width / 2 - 10}" y="${y + 4}">${words}</text>`,
  ];
}

/** Distinguished by shape as well as by colour. */
function icon(state: HopState, x: number, y: number): string {
  const shapes: Readonly<Record<HopState, string>> = {
    good: `M${x - 4.5} ${y + 0.5}l3.2 3.2l6 -7`,
    careful: `M${x} ${y - 5}v6M${x} ${y + 4.6}v0.4`,
    bad: `M${x - 4} ${y - 4}l8 8M${x + 4} ${y - 4}l-8 8`,
    unknown: `M${x - 4} ${y}h8`,
  };
  return `<circle class="dot" cx="${x}" cy="${y}" r="9"/><path class="sign" d="${shapes[state]}"/>`;
}

const NARROW = { width: 360, row: 74, top: 18 };

/** In the order of the diagnosis: the first broken one is where to start. */
export function narrowDrawing(hops: readonly DrawnHop[]): string {
  const rail = `<path class="arrow" d="M21 ${NARROW.top}V${NARROW.top + hops.length * NARROW.row - 40}"/>`;
  const rows = hops.map((one, index) => {
    const y = NARROW.top + index * NARROW.row;
    const inside = { x: 4, y: y - 14, width: NARROW.width - 8, height: NARROW.row - 8 };
    const frame = `<rect class="frame" x="${inside.x}" y="${inside.y}" width="${inside.width}" height="${inside.height}" rx="10"/>`;
    const text = words(one, { x: 11, y: y - 7, width: inside.width - 16, height: inside.height - 10 });
    return linked(one, [frame, icon(one.state, 21, y + 3), text, ...tag(one, NARROW.width - 4, y - 12)]);
  });
  return svg('narrow', { width: NARROW.width, height: NARROW.top + hops.length * NARROW.row }, [rail, ...rows]);
}

function linked(one: DrawnHop, content: readonly string[]): string {
  const said = `${one.label}: ${stateWords[one.state]}${one.mark === 'root' ? ', the root cause' : one.mark ? ', a likely symptom of the root cause' : ''}${one.detail ? `. ${one.detail}` : ''}`;
  const name = escaped(said.replace(/\s+/g, ' '));
  return `<a class="hop ${one.state}${one.mark ? ` ${one.mark}` : ''}" href="#${anchor('hop', one.hop)}" aria-label="${name}"><title>${name}</title>${content.join('')}</a>`;
}

const svg = (name: string, { width, height }: { readonly width: number; readonly height: number }, content: readonly string[]): string =>
  `<svg class="way ${name}" viewBox="0 0 ${width} ${height}" role="group" aria-label="Log path, hop by hop">${content.join('\n')}</svg>`;
