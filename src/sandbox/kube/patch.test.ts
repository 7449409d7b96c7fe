import { describe, expect, test } from 'vitest';
import { jsonPatch, mergePatch } from './patch.ts';
import { strategicPatch } from './strategic-patch.ts';

test('a merge patch sets, removes with null, and replaces lists', () => {
  expect(mergePatch({ a: { x: 1, y: 2 }, list: [1, 2] }, { a: { y: null, z: 3 }, list: [3] })).toEqual({ a: { x: 1, z: 3 }, list: [3] });
});

describe('a JSON patch', () => {
  test('adds, replaces, moves, copies and removes', () => {
    const target = { list: ['a', 'c'], map: { 'x/y': 1 } };
    const operations = [
      { op: 'test', path: '/list/0', value: 'a' },
      { op: 'add', path: '/list/1', value: 'b' },
      { op: 'add', path: '/list/-', value: 'd' },
      { op: 'replace', path: '/map/x~1y', value: 2 },
      { op: 'copy', from: '/map/x~1y', path: '/map/z' },
      { op: 'move', from: '/list/0', path: '/first' },
    ];
    expect(jsonPatch(target, operations)).toEqual({ list: ['b', 'c', 'd'], map: { 'x/y': 2, z: 2 }, first: 'a' });
    expect(target).toEqual({ list: ['a', 'c'], map: { 'x/y': 1 } });
  });

  test.each([
    ['remove', { op: 'remove', path: '/nope' }],
    ['replace', { op: 'replace', path: '/nope', value: 1 }],
    ['test', { op: 'test', path: '/a', value: 2 }],
    ['add below nothing', { op: 'add', path: '/no/where', value: 1 }],
  ])('is refused when it does not apply: %s', (_name, operation) => {
    expect(() => jsonPatch({ a: 1 }, [operation])).toThrow(/error in our request/);
  });
});

describe('a strategic merge patch', () => {
  const spec = {
    containers: [
      { name: 'a', image: 'i', env: [{ name: 'X', value: '1' }] },
      { name: 'b', image: 'j' },
    ],
    args: ['x'],
  };

  test('merges lists by their key and replaces the others', () => {
    const patch = { containers: [{ name: 'a', image: 'k', env: [{ name: 'Y', value: '2' }] }], args: ['y'] };
    expect(strategicPatch(spec, patch)).toEqual({
      containers: [
        {
          name: 'a',
          image: 'k',
          env: [
            { name: 'X', value: '1' },
            { name: 'Y', value: '2' },
          ],
        },
        { name: 'b', image: 'j' },
      ],
      args: ['y'],
    });
  });

  test('follows the directives', () => {
    expect(strategicPatch(spec, { containers: [{ name: 'a', $patch: 'delete' }] }).containers).toEqual([{ name: 'b', image: 'j' }]);
    expect(
      strategicPatch(spec, { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] }).containers.map((item: { name: string }) => item.name),
    ).toEqual(['b', 'a']);
    expect(strategicPatch({ strategy: { type: 'RollingUpdate', rollingUpdate: {} } }, { strategy: { $retainKeys: ['type'], type: 'Recreate' } })).toEqual({
      strategy: { type: 'Recreate' },
    });
    expect(strategicPatch({ metadata: { finalizers: ['a', 'b'] } }, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } })).toEqual({
      metadata: { finalizers: ['b'] },
    });
    expect(strategicPatch({ a: { x: 1 } }, { a: { $patch: 'replace', y: 2 } })).toEqual({ a: { y: 2 } });
  });
});
