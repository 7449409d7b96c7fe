import { expect, it } from 'vitest';
import { readPage } from './bucket-page.ts';

const listing = (key: string, encoding = '<EncodingType>url</EncodingType>') =>
  `<ListVersionsResult>${encoding}<Version><Key>${key}</Key><VersionId>null</VersionId></Version></ListVersionsResult>`;

it.each([
  ['half an escape', listing('a%')],
  ['an escape of no character', listing('a%ff')],
  ['a number beyond all characters', listing('&#99999999999;')],
  ['a number beyond them in hex', listing('&#xffffffff;')],
  ['no listing', '<html/>'],
  ['half a listing', '<ListVersionsResult><Version>'],
])('%s is no page, and no defect', (_, xml) => expect(readPage(xml)).toBeUndefined());

it('reads keys as S3 escapes them', () => {
  expect(readPage(listing('a%2Fb+c&amp;d'))?.entries.map(({ key }) => key)).toEqual(['a/b c&d']);
  expect(readPage(listing('a&#x26;b', ''))?.entries.map(({ key }) => key)).toEqual(['a&b']);
});

it('takes time in proportion to the answer', () => {
  const began = performance.now();
  for (const pump of ['<ListVersionsResult/>', '<ListVersionsResult', '<Version>', '/>  ', '&#x', '%', ' '])
    readPage(`<ListVersionsResult>${pump.repeat(300_000 / pump.length)}`);
  expect(performance.now() - began).toBeLessThan(2000);
});
