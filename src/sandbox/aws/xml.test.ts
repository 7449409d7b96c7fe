/** Reading and writing XML. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { childrenOf, markup, readXml, textOf, writeXml } from './xml.ts';

describe('xml', () => {
  it('reads back any text it wrote', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(textOf(readXml(writeXml('a', { b: text })), 'b')).toBe(text);
      }),
    );
  });
  it('writes lists flat, or by member', () => {
    expect(writeXml('a', { b: ['1', '2'], c: undefined })).toBe('<a><b>1</b><b>2</b></a>');
    expect(writeXml('a', { b: ['1'], c: [] }, 'member')).toBe('<a><b><member>1</member></b><c></c></a>');
    expect(writeXml('a', { b: markup('<x/>') })).toBe('<a><b><x/></b></a>');
  });
  it('reads namespaces, attributes, comments, and empty elements', () => {
    const node = readXml('<?xml version="1.0"?>\n<s:a xmlns:s="u"><!-- no --><b x="1"/> <b>t &amp; &#x41;</b></s:a>');
    expect([node?.name, childrenOf(node, 'b').map((child) => child.text)]).toEqual(['a', ['', 't & A']]);
  });
  it.each(['', '<a>', '<a></b>', '<a></a><b></b>', 'text', '<a'])('refuses %j', (text) => {
    expect(readXml(text)).toBeUndefined();
  });
});
