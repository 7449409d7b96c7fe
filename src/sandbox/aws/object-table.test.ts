/** The object table and the listings over it, compared with plain sorting and filtering. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObjectVersion } from './object-table.ts';
import { createObjectTable } from './object-table.ts';
import { entries } from './s3-listing.ts';
import type { Bucket } from './s3-state.ts';

const version: ObjectVersion = { versionId: 'null', marker: false, etag: '', size: 0, modified: 0, body: new Uint8Array() };
const key = fc.stringMatching(/^[ab/]{1,4}$/);

describe('object table', () => {
  it('lists what is there in order, whatever came and went', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.boolean(), fc.boolean())), key, (steps, from) => {
        const table = createObjectTable();
        const model = new Set<string>();
        for (const [name, put, look] of steps) {
          table.set(name, put ? [version] : []);
          if (put) model.add(name);
          else model.delete(name);
          // A read in between makes the table sort itself, which is where it could go wrong.
          if (look) expect([...table.keys('')]).toEqual([...model].sort());
        }
        expect([...table.keys(from)]).toEqual([...model].sort().filter((name) => name >= from));
        expect(table.size).toBe(model.size);
      }),
    );
  });

  it('rolls keys up and pages exactly as one long list would', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(key),
        fc.constantFrom('', 'a', 'a/', 'b'),
        fc.constantFrom('', '/'),
        fc.integer({ min: 1, max: 3 }),
        (keys, prefix, delimiter, max) => {
          const objects = createObjectTable();
          for (const name of keys) objects.set(name, [version]);
          const bucket = { objects } as unknown as Bucket;
          const expected = new Set(
            keys
              .filter((name) => name.startsWith(prefix))
              .sort()
              .map((name) => {
                const at = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length);
                return at < 0 ? name : name.slice(0, at + 1);
              }),
          );
          const paged: string[] = [];
          for (let after = '', more = true; more;) {
            const page: string[] = [];
            more = false;
            for (const entry of entries(bucket, { prefix, delimiter, after })) {
              if (page.length === max) {
                more = true;
                break;
              }
              page.push('key' in entry ? entry.key : entry.commonPrefix);
            }
            paged.push(...page);
            after = page.at(-1) ?? '';
          }
          expect(paged).toEqual([...expected]);
        },
      ),
    );
  });
});
