import { expect, test } from 'vitest';
import type { KubeObject } from '../../ports/kubernetes.ts';
import { fieldTest, labelTest, selectorText } from './selectors.ts';

test.each([
  ['', true],
  ['app=loki', true],
  ['app==loki', true],
  ['app!=loki', false],
  ['app=loki,tier=x', false],
  ['tier', false],
  ['!tier', true],
  ['app in (loki, alloy)', true],
  ['app notin (loki)', false],
  ['tier notin (x)', true],
  ['app in (loki),tier!=x', true],
  ['example.com/role=a.b-c', true],
])('%s on app=loki is %s', (selector, expected) => {
  expect(labelTest(selector)({ app: 'loki', 'example.com/role': 'a.b-c' })).toBe(expected);
});

test('what cannot be parsed is refused', () => {
  expect(() => labelTest('a b c')).toThrow(/unable to parse requirement/);
  expect(() => fieldTest('nonsense')).toThrow(/invalid selector/);
});

test('fields are compared as text, absent ones as empty or by their default', () => {
  const pod: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { nodeName: 'n' }, status: { phase: 'Running' } };
  const holds = (selector: string): boolean => fieldTest(selector)(pod);
  expect(['metadata.name=p', 'spec.nodeName=n,status.phase!=Failed', 'status.podIP=', 'spec.unschedulable=false'].map(holds)).toEqual([true, true, true, true]);
  expect(['metadata.name!=p', 'spec.nodeName=m'].map(holds)).toEqual([false, false]);
});

test('a selector document and its text choose the same', () => {
  const text = selectorText({
    matchLabels: { a: 'b' },
    matchExpressions: [
      { key: 'c', operator: 'In', values: ['d', 'e'] },
      { key: 'f', operator: 'DoesNotExist' },
    ],
  });
  expect(text).toBe('a=b,c in (d,e),!f');
  expect([labelTest(text)({ a: 'b', c: 'e' }), labelTest(text)({ a: 'b', c: 'e', f: '' })]).toEqual([true, false]);
});
