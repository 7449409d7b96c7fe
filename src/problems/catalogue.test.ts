import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { catalogue } from './catalogue.ts';
import { currentCode, formerCodes } from './former-codes.ts';

const folder = new URL('catalogue/', import.meta.url);

it('has each code in one area only, and every area', async () => {
  const areas = await Promise.all(readdirSync(fileURLToPath(folder)).map((name) => import(new URL(name, folder).href)));
  const codes = areas.flatMap((area) => Object.values(area as Readonly<Record<string, object>>).flatMap((rows) => Object.keys(rows)));
  expect(codes.toSorted()).toEqual(Object.keys(catalogue).toSorted());
});

it('gives each former code one name of today, and never one again', () => {
  for (const [former, code] of Object.entries(formerCodes)) {
    expect(Object.keys(catalogue)).toContain(code);
    expect(Object.keys(catalogue)).not.toContain(former);
    expect(currentCode(former)).toBe(code);
  }
  expect(currentCode('LINE_NOT_FOUND')).toBe('LINE_NOT_FOUND');
  expect(currentCode('toString')).toBe('toString');
});
