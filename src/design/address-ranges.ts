/** CIDR blocks, and how much of the internet they cover together. */
import { isIP } from 'node:net';

interface Span {
  readonly from: bigint;
  /** The last address. */
  readonly to: bigint;
}

/** The routable space: all of IPv4, and the global unicast addresses of IPv6. */
const INTERNET = { 4: { from: 0n, to: (1n << 32n) - 1n }, 6: { from: 0x2n << 124n, to: (0x4n << 124n) - 1n } } as const;

/** A list of ranges that covers half of it keeps no one out. */
const OPEN = 0.5;

/** The families, 4 and 6, whose ranges cover so much that the internet is let in, with those ranges. */
export function openRanges(cidrs: readonly string[]): readonly (readonly string[])[] {
  return ([4, 6] as const).flatMap((family) => {
    const some = cidrs.filter((cidr) => isIP(cidr.split('/')[0] ?? '') === family);
    return share(some.map(spanOf), INTERNET[family]) >= OPEN ? [some] : [];
  });
}

function share(spans: readonly Span[], { from, to }: Span): number {
  let covered = 0n;
  let next = from;
  for (const span of spans.toSorted((a, b) => (a.from < b.from ? -1 : 1))) {
    const first = span.from > next ? span.from : next;
    const last = span.to < to ? span.to : to;
    if (last < first) continue;
    covered += last - first + 1n;
    next = last + 1n;
  }
  return Number((covered * 1000n) / (to - from + 1n)) / 1000;
}

/** For a block that `cidr` of setting-rules.ts has accepted. */
function spanOf(cidr: string): Span {
  const [address = '', bits = ''] = cidr.split('/');
  const width = isIP(address) === 4 ? 32 : 128;
  const size = 1n << BigInt(width - Number(bits));
  const from = (numberOf(address) / size) * size;
  return { from, to: from + size - 1n };
}

function numberOf(address: string): bigint {
  if (isIP(address) === 4) return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  // A URL's host is the address in hexadecimal groups, in whatever form it was written.
  const [left = '', right] = new URL(`http://[${address.split('%')[0]}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(left), groups(right ?? '')];
  const zeros = Array.from({ length: right === undefined ? 0 : 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].reduce((sum, part) => sum * 65_536n + BigInt(`0x${part}`), 0n);
}
