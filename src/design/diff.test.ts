import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffLines } from './diff.ts';

describe('diffLines', () => {
  it('says what changed, the old before the new, in the order of the paths', () => {
    expect(diffLines({ a: { b: 1, c: 'x' }, gone: true }, { a: { b: 2, c: 'x' }, list: ['p', 'q'] })).toEqual([
      '- a.b: 1',
      '+ a.b: 2',
      '- gone: true',
      '+ list[0]: p',
      '+ list[1]: q',
    ]);
  });

  it('list positions sort as numbers, keys with dots are quoted', () => {
    const list = Array.from({ length: 11 }, (_, index) => index);
    expect(diffLines({}, { list }).at(-1)).toBe('+ list[10]: 10');
    expect(diffLines({}, { a: { 'b.c/d': 'x' } })).toEqual(['+ a."b.c/d": x']);
  });

  it('types are told apart, and several lines are kept', () => {
    expect(diffLines({ a: '1' }, { a: 1 })).toEqual(['- a: "1"', '+ a: 1']);
    expect(diffLines({ a: 'true' }, { a: true })).toEqual(['- a: "true"', '+ a: true']);
    expect(diffLines({}, { a: 'one\ntwo\n' })).toEqual(['+ a: |', '+   one', '+   two']);
    expect(diffLines({ a: {} }, { a: null })).toEqual(['- a: {}', '+ a: null']);
  });

  it('nothing at all against something', () => {
    expect(diffLines(null, { a: 1 })).toEqual(['+ a: 1']);
    expect(diffLines({ a: 1 }, {})).toEqual(['- a: 1']);
    expect(diffLines(undefined, null)).toEqual([]);
  });

  it('secrets are hidden, where a secret lies is not', () => {
    expect(diffLines({ basicAuth: { password: 'old' } }, { basicAuth: { password: 'new' } })).toEqual([
      '- basicAuth.password: (hidden)',
      '+ basicAuth.password: (hidden)',
    ]);
    expect(diffLines({}, { auth: { existingSecret: 'name' }, token: 't', secretAccessKey: 'k', basicAuthPassword: 'p', password_file: '/x' })).toEqual([
      '+ auth.existingSecret: name',
      '+ basicAuthPassword: (hidden)',
      '+ password_file: /x',
      '+ secretAccessKey: (hidden)',
      '+ token: (hidden)',
    ]);
    expect(diffLines({}, { passwords: ['a'] })).toEqual(['+ passwords[0]: (hidden)']);
  });

  it("a secret map hides everything below it, a volume's does not", () => {
    expect(diffLines({}, { credentials: { user: 'x', inner: ['y'] } })).toEqual(['+ credentials.inner[0]: (hidden)', '+ credentials.user: (hidden)']);
    expect(diffLines({}, { volumes: [{ secret: { secretName: 'x' } }] })).toEqual(['+ volumes[0].secret.secretName: x']);
  });

  it('equal documents give no line, different ones always do', () => {
    const json = fc.jsonValue();
    fc.assert(fc.property(json, (document) => diffLines(document, structuredClone(document)).length === 0));
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => diffLines({ a }, { a: b }).length > 0 || JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))),
    );
  });
});

const sorted = (value: any): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : value && typeof value === 'object'
      ? Object.fromEntries(
          Object.keys(value)
            .sort()
            .map((key) => [key, sorted(value[key])]),
        )
      : value;
