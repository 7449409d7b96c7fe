/** Relabeling with Go's regular expressions. */
import { expect, it } from 'vitest';
import { type Labels, relabel, type RelabelRule, RULE_DEFAULTS } from './relabel.ts';

const run = (labels: Labels, rule: Partial<RelabelRule>) => relabel(labels, [{ ...RULE_DEFAULTS, ...rule }]);

it('joins sources and leaves a missing group empty, as the guide found out', () => {
  const rule = { source_labels: ['ns', 'c'], separator: '/', target_label: 'job' };
  expect(run({ ns: 'a', c: 'b' }, { ...rule, replacement: '$1/$2' })?.['job']).toBe('a/b/');
  expect(run({ ns: 'a', c: 'b' }, rule)?.['job']).toBe('a/b');
});

it.each<[string, Labels, Partial<RelabelRule>, Labels | undefined]>([
  ['replace leaves labels alone without a match', { a: 'x' }, { source_labels: ['a'], regex: 'y', target_label: 'b' }, { a: 'x' }],
  ['the expression is anchored', { a: 'xyz' }, { source_labels: ['a'], regex: 'y', target_label: 'b' }, { a: 'xyz' }],
  ['an empty result removes the target', { a: '', b: 'old' }, { source_labels: ['a'], target_label: 'b' }, { a: '' }],
  [
    'named groups of Go',
    { a: 'k=v' },
    { source_labels: ['a'], regex: '(?P<key>\\w+)=(?P<val>\\w+)', target_label: 'b', replacement: '${val}-$key' },
    { a: 'k=v', b: 'v-k' },
  ],
  ['$1x is the group 1x, which is none', { a: 'v' }, { source_labels: ['a'], target_label: 'b', replacement: '-$1x-' }, { a: 'v', b: '--' }],
  ['flags', { a: 'ABC' }, { source_labels: ['a'], regex: '(?i)abc', target_label: 'b', replacement: 'yes' }, { a: 'ABC', b: 'yes' }],
  ['keep', { a: 'x' }, { source_labels: ['a'], regex: 'y|z', action: 'keep' }, undefined],
  ['drop', { a: 'x' }, { source_labels: ['a'], regex: 'x.*', action: 'drop' }, undefined],
  ['labelmap', { __meta_app: 'x' }, { regex: '__meta_(.+)', action: 'labelmap' }, { __meta_app: 'x', app: 'x' }],
  ['labeldrop', { a: '1', b: '2' }, { regex: 'a', action: 'labeldrop' }, { b: '2' }],
  ['labelkeep', { a: '1', b: '2' }, { regex: 'a', action: 'labelkeep' }, { a: '1' }],
  ['hashmod of one is nought', { a: 'x' }, { source_labels: ['a'], modulus: 1, target_label: 'h', action: 'hashmod' }, { a: 'x', h: '0' }],
])('%s', (_, labels, rule, wanted) => {
  expect(run(labels, rule)).toEqual(wanted);
});
