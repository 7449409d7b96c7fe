/** Text in the HTML report: data from a cluster is hostile until it is escaped here. */
import { clean } from './text.ts';

/** Safe in text and in double-quoted attributes; without characters that control terminals or reorder text. */
export const escaped = (text: string): string => clean(text).replace(/[&<>"'`]/g, (character) => `&#${character.codePointAt(0)};`);

/** An id that other parts of the page can link to, whatever the name contains. */
export const anchor = (prefix: string, name: string): string => `${prefix}-${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
