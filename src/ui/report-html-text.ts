/** Text in the HTML report: what a cluster says is hostile until it is escaped here. */
import { clean } from './text.ts';

/** Safe in text and in double-quoted attributes; without characters that steer terminals or reorder text. */
export const escaped = (text: string): string => clean(text).replace(/[&<>"'`]/g, (character) => `&#${character.codePointAt(0)};`);

/** An attribute that other parts of the page can point to, whatever the name holds. */
export const anchor = (prefix: string, name: string): string => `${prefix}-${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
