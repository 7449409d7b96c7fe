/** The Alloy language: what it accepts, and where it reports errors. */
import { expect, it } from 'vitest';
import { type AlloyValue, evaluate } from './evaluate.ts';
import { parseAlloy } from './parser.ts';

const scope = {
  env: { HOSTNAME: 'node-a' },
  hostname: 'alloy-x',
  exports: (id: string) => (id === 'discovery.kubernetes.pods' ? { targets: [{ a: 'b' }] } : undefined),
};
const value = (source: string): AlloyValue => {
  const [statement] = parseAlloy(`x = ${source}`);
  if (statement?.is !== 'attribute') throw new Error('no attribute');
  return evaluate(statement.value, scope);
};

it.each<[string, AlloyValue]>([
  ['"a" + "b"', 'ab'],
  ['"spec.nodeName=" + coalesce(sys.env("HOSTNAME"), constants.hostname)', 'spec.nodeName=node-a'],
  ['coalesce(sys.env("NONE"), constants.hostname)', 'alloy-x'],
  ['1 + 2 * 3 ^ 2', 19],
  ['(1 + 2) * 3', 9],
  ['!true || 2 >= 2', true],
  ['"tab\\tquote\\" \\u00e9"', 'tab\tquote" é'],
  ['`raw \\n`', 'raw \\n'],
  ['["a", "b",]', ['a', 'b']],
  ['{ "X-Scope-OrgId" = "foo", b = 1 }', { 'X-Scope-OrgId': 'foo', b: 1 }],
  ['{a = [1, 2]}["a"][1]', 2],
  ['discovery.kubernetes.pods.targets', [{ a: 'b' }]],
  ['discovery.kubernetes.pods.targets[0].a', 'b'],
  ['string.format("%s-%d", "a", 2)', 'a-2'],
  ['null', null],
])('%s', (source, wanted) => {
  expect(value(source)).toEqual(wanted);
});

it('keeps blocks, labels and both kinds of comments apart', () => {
  const [block] = parseAlloy('// one\nloki.process "x" { /* two\n lines */ stage.cri { }\n  a = 1 // three\n}\n');
  expect(block).toMatchObject({
    is: 'block',
    name: 'loki.process',
    label: 'x',
    body: [
      { is: 'block', name: 'stage.cri', body: [] },
      { is: 'attribute', name: 'a' },
    ],
  });
});

it.each([
  ['# no', "1:1: illegal character U+0023 '#'"],
  ['a = "x', '1:5: string literal not terminated'],
  ['a = [1\n]', "2:1: missing ',' in expression list"],
  ['a = 1 b = 2', '1:7: expected TERMINATOR, got b'],
  ['loki.write "x" {', '1:17: expected }, got EOF'],
  ['loki.write "a-b" { }', 'expected block label to be a valid identifier'],
  ['a.b = 1', 'attribute names may only consist of a single identifier'],
  ['a = "\\q"', 'unknown escape sequence'],
  ['/* open', 'block comment not terminated'],
])('refuses %j', (source, message) => {
  expect(() => parseAlloy(source)).toThrow(message);
});

it.each([
  ['1 + "a"', 'do not work with operator +'],
  ['nothing.here', 'does not exist or is out of scope'],
  ['discovery.kubernetes.pods.output', 'field "output" does not exist'],
  ['unknown("x")', 'identifier "unknown" does not exist'],
])('refuses to evaluate %s', (source, message) => {
  expect(() => value(source)).toThrow(message);
});
