import { expect, test } from 'vitest';
import { readDocument } from './documents.ts';

const document = { Version: '2012-10-17', Statement: [{ Resource: 'arn:aws:s3:::a/100%25 full/*' }] };

test.each([
  ['raw', JSON.stringify(document)],
  ['URL-encoded', encodeURIComponent(JSON.stringify(document))],
])('a %s document', (_, text) => {
  expect(readDocument(text)).toEqual(document);
});

test('what is no document stays the text it is', () => {
  expect(readDocument('{not json')).toBe('{not json');
  expect(readDocument('%E0%A4%A')).toBe('%E0%A4%A');
});
