import { expect, it } from 'vitest';
import { parseValuesFile } from './values-file.ts';

// What `helm template` makes of the same text, as toJson shows it.
it.each<[string, unknown]>([
  ['a: yes\nb: Off\nc: y', { a: true, b: false, c: true }],
  ['a: "yes"', { a: 'yes' }],
  ['a: 0644\nb: 0x1f\nc: 1_000\nd: 0b11', { a: 420, b: 31, c: 1000, d: 3 }],
  ['a: 1:30\nb: 2024-04-01\nc: 2024-04-01T10:00:00Z', { a: '1:30', b: '2024-04-01', c: '2024-04-01T10:00:00Z' }],
  ['a: ~\nb:', { a: null, b: null }],
  ['a: &x {k: 1}\nb:\n  <<: *x\n  l: 2', { a: { k: 1 }, b: { k: 1, l: 2 } }],
  ['', {}],
])('%j', (text, values) => expect(parseValuesFile(text)).toEqual(values));

it('says where it is broken', () => expect(() => parseValuesFile('a: [1,\nb: }')).toThrow(/line \d/));

it.each([
  ['a map that holds itself', 'a: &a [*a]'],
  ['a map within itself, further down', 'loki: &a {x: {y: *a}}'],
  ['nested without end', '['.repeat(5000)],
  ['nested too deeply', `a: ${'['.repeat(200)}${']'.repeat(200)}`],
  ['many by aliases', `a: &a [${'x, '.repeat(900)}x]\nb: &b [${'*a, '.repeat(90)}*a]\nc: [${'*b, '.repeat(9)}*b]`],
])('refuses what is %s', (_, text) => expect(() => parseValuesFile(text)).toThrow(/alias|nested|larger|flow|Excessive/i));

it('reads what prototypes have as keys like any other', () => {
  const values = parseValuesFile('constructor: 1\n__proto__: {a: 2}\nvalueOf: 3\ntoString: 4') as object;
  expect(Object.keys(values).sort()).toEqual(['__proto__', 'constructor', 'toString', 'valueOf']);
  expect(Object.getPrototypeOf(values)).toBe(Object.prototype);
});
