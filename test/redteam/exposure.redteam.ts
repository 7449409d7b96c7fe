/** Ranges that let the internet in, however they are cut up and written. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSettings } from '../../src/design/settings.ts';
import { everyRow, tally } from './tally.ts';

const certificate = 'arn:aws:acm:us-east-1:123456789012:certificate/0';
const read = (allowCidr: readonly string[]) => readSettings({ file: { cluster: 'training-on-eks', expose: 'public', certificate, allowCidr }, fileName: 'f' });

function refused(allowCidr: readonly string[]): void {
  const result = read(allowCidr);
  if (result.is !== 'invalid') throw new Error(`${allowCidr.join(' ')} was taken`);
  expect(result.problems.map(({ message }) => message)).toEqual([expect.stringContaining('opens the gateway to the internet')]);
}

const eights = (except: readonly number[]) =>
  Array.from({ length: 224 }, (_, first) => first).flatMap((first) => (except.includes(first) ? [] : [`${first}.0.0.0/8`]));

describe('ranges that cover the internet', () => {
  const open: Readonly<Record<string, readonly string[]>> = {
    'all of IPv4': ['0.0.0.0/0'],
    'all of IPv6': ['::/0'],
    'all, beside a range that is fine': ['203.0.113.0/24', '0.0.0.0/0'],
    'all, with another address before the length': ['203.0.113.7/0'],
    halves: ['0.0.0.0/1', '128.0.0.0/1'],
    'halves of IPv6': ['::/1', '8000::/1'],
    'one half': ['128.0.0.0/1'],
    quarters: ['0.0.0.0/2', '64.0.0.0/2', '128.0.0.0/2', '192.0.0.0/2'],
    'every /8 but the private ones': eights([0, 10, 127]),
    'overlapping ones': ['0.0.0.0/1', '64.0.0.0/2', '96.0.0.0/3', '128.0.0.0/1'],
    'what is routed of IPv6': ['2000::/3'],
    'the same in two halves': ['2000::/4', '3000::/4'],
    'one of both families': ['203.0.113.0/24', '::/1'],
  };
  it('are refused', (context) => everyRow(context, Object.entries(open), refused));

  const narrow: Readonly<Record<string, readonly string[]>> = {
    'an office': ['203.0.113.0/24'],
    'two offices and IPv6': ['203.0.113.0/24', '198.51.100.0/24', '2001:db8::/32', '2001:db8:1::5/128'],
    'private networks': ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fd00::/8'],
    'the same range many times': Array.from({ length: 300 }, () => '10.0.0.0/8'),
  };
  it('do not bar others', (context) => everyRow(context, Object.entries(narrow), (ranges) => expect(read(ranges).is).toBe('read')));

  it('are refused in any partition and order', async (context) => {
    const one = tally(context);
    /** Cuts a block in two where the bits say so, to a depth of six. */
    const cut = (from: number, bits: number, coins: readonly boolean[], at = 1): readonly string[] =>
      bits < 6 && coins[at] === true
        ? [...cut(from, bits + 1, coins, 2 * at), ...cut(from + 2 ** (31 - bits), bits + 1, coins, 2 * at + 1)]
        : [`${dotted(from)}/${bits}`];
    const partition = fc
      .array(fc.boolean(), { minLength: 64, maxLength: 64 })
      .chain((coins) => fc.shuffledSubarray([...cut(0, 0, coins)], { minLength: cut(0, 0, coins).length }));
    await fc.assert(
      fc.asyncProperty(partition, (ranges) => one(() => refused(ranges))),
      { numRuns: 200, seed: 20_261 },
    );
  });
});

const dotted = (address: number) => [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
