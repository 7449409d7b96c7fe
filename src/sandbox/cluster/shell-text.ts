/** What the shell's small commands compute: texts, dates, tests, sums. */

export function seconds(text: string): number {
  const unit = { s: 1, m: 60, h: 3600, d: 86400 }[text.at(-1) ?? ''] ?? 1;
  return (Number.parseFloat(text) || 0) * unit;
}

export function check(args: readonly string[]): boolean {
  if (args[0] === '!') return !check(args.slice(1));
  const [a = '', operator, b = ''] = args;
  if (args.length < 2) return a !== '';
  if (args.length === 2) return a === '-n' ? operator !== '' : a === '-z' && operator === '';
  const numbers: Readonly<Record<string, (x: number, y: number) => boolean>> = {
    '-eq': (x, y) => x === y,
    '-ne': (x, y) => x !== y,
    '-lt': (x, y) => x < y,
    '-le': (x, y) => x <= y,
    '-gt': (x, y) => x > y,
    '-ge': (x, y) => x >= y,
  };
  const compare = numbers[operator ?? ''];
  if (compare !== undefined) return compare(Number(a), Number(b));
  return operator === '!=' ? a !== b : a === b;
}

export function unescape(text: string): string {
  const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"' };
  return text.replace(/\\([ntr\\"])/g, (_, letter: string) => escapes[letter] ?? letter);
}

export function format(template: string, values: readonly string[]): string {
  const slots = (template.match(/%[^%]/g) ?? []).length;
  const rounds = slots === 0 ? 1 : Math.max(1, Math.ceil(values.length / slots));
  let next = 0;
  let out = '';
  for (let round = 0; round < rounds; round += 1)
    out += unescape(template).replace(/%(-?0?[0-9]*)(\.[0-9]+)?([sdif%])/g, (_, width: string, precision: string | undefined, kind: string) => {
      if (kind === '%') return '%';
      const value = values[next++] ?? (kind === 's' ? '' : '0');
      const text =
        kind === 's'
          ? value
          : kind === 'f'
            ? Number(value).toFixed(precision === undefined ? 6 : Number(precision.slice(1)))
            : String(Math.trunc(Number(value)));
      const length = Math.abs(Number.parseInt(width.replace(/^-?0/, (zero) => zero.replace('0', '')) || '0', 10));
      return width.startsWith('-') ? text.padEnd(length) : text.padStart(length, width.startsWith('0') ? '0' : ' ');
    });
  return out;
}

export function date(now: Date, wanted: string | undefined): string {
  if (wanted === undefined) return now.toUTCString();
  const iso = now.toISOString();
  const parts: Readonly<Record<string, string>> = {
    s: String(Math.floor(now.getTime() / 1000)),
    N: `${String(now.getTime() % 1000).padStart(3, '0')}000000`,
    Y: iso.slice(0, 4),
    m: iso.slice(5, 7),
    d: iso.slice(8, 10),
    H: iso.slice(11, 13),
    M: iso.slice(14, 16),
    S: iso.slice(17, 19),
    F: iso.slice(0, 10),
    T: iso.slice(11, 19),
    Z: 'UTC',
  };
  return wanted.slice(1).replace(/%([a-zA-Z])/g, (whole, letter: string) => parts[letter] ?? whole);
}

/** Integers with + - * / % and parentheses. */
export function arithmetic(source: string, lookup: (name: string) => string): number {
  const tokens = source.match(/[0-9]+|[A-Za-z_$][A-Za-z0-9_]*|[-+*/%()]/g) ?? [];
  let at = 0;
  const value = (): number => {
    const token = tokens[at++];
    if (token === '(') {
      const inner = total();
      at += 1;
      return inner;
    }
    if (token === '-') return -value();
    if (token === undefined) return 0;
    return /^[0-9]/.test(token) ? Number(token) : Number(lookup(token.replace('$', ''))) || 0;
  };
  const product = (): number => {
    let left = value();
    while (['*', '/', '%'].includes(tokens[at] ?? '')) {
      const operator = tokens[at++];
      const right = value();
      left = operator === '*' ? left * right : operator === '/' ? Math.trunc(left / right) : left % right;
    }
    return left;
  };
  const total = (): number => {
    let left = product();
    while (tokens[at] === '+' || tokens[at] === '-') left = tokens[at++] === '+' ? left + product() : left - product();
    return left;
  };
  return total();
}
