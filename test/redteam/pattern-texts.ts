/** Texts that make a pattern work hard: whatever it may repeat, repeated, after whatever leads there, and nothing that ends it. */

/** `before`, then `pump` as often as the length asks for, then `after`. */
export interface HardText {
  readonly before: string;
  readonly pump: string;
  readonly after: string;
}

type Node =
  | { readonly is: 'text'; readonly samples: readonly string[] }
  | { readonly is: 'all'; readonly parts: readonly Node[] }
  | { readonly is: 'any'; readonly parts: readonly Node[] }
  | { readonly is: 'some'; readonly of: Node; readonly least: number; readonly open: boolean };

const NOTHING: Node = { is: 'all', parts: [] };
/** What most patterns tell apart. */
const COMMON = ['a', '0', ' ', '\t', '\n', '"', '\\', '/', '.', '-', ':', '=', '{', ',', 'A'];
const CANDIDATES = [...COMMON, ...Array.from({ length: 94 }, (_, at) => String.fromCodePoint(33 + at)), '\u0007', '\u001b', '\u200e', 'é'];
const MOST = 160;

export function hardTexts({ source, flags }: Pick<RegExp, 'source' | 'flags'>): readonly HardText[] {
  const repeats = repeatsIn(parse(source, flags), '');
  const own = [...new Set(repeats.flatMap(({ pumps, before }) => [...pumps, ...pumps.map((pump) => before + pump), before]))].filter((text) => text !== '');
  const words = own.filter((text) => text.length < 60);
  const pairs = words.slice(0, 16).flatMap((one) => words.slice(0, 16).flatMap((other) => (one === other ? [] : [one + other])));
  const texts: HardText[] = [];
  for (const { before, pumps } of repeats) for (const pump of pumps) for (const after of ['', '\u0001', '\n']) texts.push({ before, pump, after });
  for (const { before } of repeats) for (const pump of COMMON) texts.push({ before, pump, after: '\u0001' });
  for (const pump of [...own, ...COMMON, ...pairs]) texts.push({ before: '', pump, after: '\u0001' });
  const unique = [...new Map(texts.map((text) => [JSON.stringify(text), text])).values()];
  return unique.length <= MOST ? unique : unique.filter((_, at) => Math.floor((at * MOST) / unique.length) !== Math.floor(((at - 1) * MOST) / unique.length));
}

interface Repeat {
  /** A text that leads to the repetition. */
  readonly before: string;
  readonly pumps: readonly string[];
}

function repeatsIn(node: Node, before: string): readonly Repeat[] {
  switch (node.is) {
    case 'text':
      return [];
    case 'any':
      return node.parts.flatMap((part) => repeatsIn(part, before));
    case 'all': {
      let lead = before;
      return node.parts.flatMap((part) => {
        const found = repeatsIn(part, lead);
        lead += shortest(part);
        return found;
      });
    }
    case 'some':
      return [...(node.open ? [{ before, pumps: samplesOf(node.of) }] : []), ...repeatsIn(node.of, before)];
  }
}

function shortest(node: Node): string {
  switch (node.is) {
    case 'text':
      return node.samples[0] ?? '';
    case 'all':
      return node.parts.map(shortest).join('');
    case 'any':
      return node.parts.map(shortest).reduce((a, b) => (b.length < a.length ? b : a), shortest(node.parts[0] ?? NOTHING));
    case 'some':
      return shortest(node.of).repeat(node.least);
  }
}

function samplesOf(node: Node): readonly string[] {
  switch (node.is) {
    case 'text':
      return node.samples;
    case 'any':
      return node.parts.flatMap(samplesOf).slice(0, 8);
    case 'all': {
      const whole = node.parts.map((part) => shortest(part) || (samplesOf(part)[0] ?? '')).join('');
      return [...new Set([shortest(node), whole])].filter((text) => text !== '');
    }
    case 'some':
      return samplesOf(node.of);
  }
}

/** As much of the grammar as decides what is repeated; what only looks around stands for what it looks for. */
function parse(source: string, flags: string): Node {
  let at = 0;
  const unicode = flags.includes('u') || flags.includes('v');
  const matching = (one: string): Node => {
    const set = new RegExp(`^(?:${one})$`, `${flags.includes('i') ? 'i' : ''}${unicode ? 'u' : ''}`);
    return { is: 'text', samples: CANDIDATES.filter((character) => set.test(character)).slice(0, 4) };
  };
  const alternatives = (): Node => {
    const parts = [sequence()];
    while (source[at] === '|') {
      at += 1;
      parts.push(sequence());
    }
    return parts.length === 1 ? parts[0]! : { is: 'any', parts };
  };
  const sequence = (): Node => {
    const parts: Node[] = [];
    while (at < source.length && source[at] !== '|' && source[at] !== ')') {
      const one = atom();
      const many = /^(?:([*+?])|\{(\d+)(,(\d*))?\})\??/.exec(source.slice(at));
      if (!many) parts.push(one);
      else {
        at += many[0].length;
        const least = many[1] === '+' ? 1 : many[1] !== undefined ? 0 : Number(many[2]);
        // From so many on it is as good as open.
        const most =
          many[1] === '?' ? 1 : many[1] !== undefined ? Infinity : many[3] === undefined ? Number(many[2]) : many[4] === '' ? Infinity : Number(many[4]);
        parts.push({ is: 'some', of: one, least, open: most > 50 });
      }
    }
    return { is: 'all', parts };
  };
  const atom = (): Node => {
    const character = source[at]!;
    if (character === '(') {
      const [opening, kind = ''] = /^\((\?(?:<?[=!]|:|<[A-Za-z]\w*>))?/.exec(source.slice(at))!;
      at += opening.length;
      const inner = alternatives();
      at += 1;
      return kind.endsWith('!') ? { is: 'some', of: inner, least: 0, open: false } : inner;
    }
    if (character === '[') {
      const start = at;
      for (at += 1; source[at] !== ']'; at += 1) if (source[at] === '\\') at += 1;
      at += 1;
      return matching(source.slice(start, at));
    }
    if (character === '\\') {
      const escape = /^\\(?:u\{[^}]*\}|u[\dA-Fa-f]{4}|x[\dA-Fa-f]{2}|[pP]\{[^}]*\}|k<\w+>|\d+|c[A-Z]|[\s\S])/.exec(source.slice(at))![0];
      at += escape.length;
      if (/^\\(?:[bB]|k<|[1-9])/.test(escape)) return NOTHING;
      return /^\\[dDwWsSpP]/.test(escape) ? matching(escape) : { is: 'text', samples: [literal(escape)] };
    }
    at += 1;
    if (character === '^' || character === '$') return NOTHING;
    if (character === '.') return matching('.');
    return { is: 'text', samples: [character] };
  };
  return alternatives();
}

function literal(escape: string): string {
  const named: Readonly<Record<string, string>> = { '\\n': '\n', '\\r': '\r', '\\t': '\t', '\\0': '\0', '\\f': '\f', '\\v': '\v' };
  const code = /^\\(?:u\{([^}]*)\}|u([\dA-Fa-f]{4})|x([\dA-Fa-f]{2}))$/.exec(escape);
  return code ? String.fromCodePoint(Number.parseInt(code[1] ?? code[2] ?? code[3] ?? '0', 16)) : (named[escape] ?? escape.slice(1));
}
